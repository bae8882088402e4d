// Runs cases on all their sides, in turn.

import type { Case } from "./cases.ts";
import type { CaseResult, Runs } from "./results.ts";
import { measure, type Side } from "./sides.ts";
import { isSmoke, many } from "./smoke.ts";

/** One side of one case, and what it has reported so far. */
interface Runner {
  readonly side: Side;
  readonly command: readonly string[];
  readonly values: number[];
  failed: boolean;
}

/** Told what could not be measured, and why. */
export type Failed = (what: string) => void;

/** The sides that can run the case; a line for each that cannot. */
function runnersOf(work: Case, sides: readonly Side[]): Runner[] {
  return sides.flatMap((side) => {
    const plan = side.plan(work);
    if ("command" in plan) return [{ side, command: plan.command, values: [], failed: false }];
    if (plan.skip) console.log(`skipped: ${work.work}, ${side.name}: ${plan.skip}`);
    return [];
  });
}

/**
 * Runs the sides in turn, `repeats` times; one that fails is not run again. Every other time the last is the first, so that a
 * machine that becomes slower meanwhile favours none.
 */
async function run(work: Case, runners: readonly Runner[], repeats: number, failed: Failed): Promise<void> {
  for (let repeat = 0; repeat < repeats; repeat++) {
    const inTurn = repeat % 2 === 0 ? runners : runners.toReversed();
    for (const runner of inTurn.filter(({ failed, side }) => !failed && repeat < (side.repeats ?? repeats))) {
      try {
        runner.values.push(await measure(runner.command));
      } catch (error) {
        runner.failed = true;
        failed(`${work.work}, ${runner.side.name}: ${(error as Error).message}`);
      }
    }
  }
}

/** Measures a case; a side that failed is not in the result. */
export async function compare(
  work: Case,
  sides: readonly Side[],
  repeats: number,
  failed: Failed,
): Promise<CaseResult> {
  // Few of what is counted in bytes are nothing beside what comes and goes meanwhile.
  const few = work.unit === "bytes" ? work.iterations : Math.max(2, work.iterations / 1000);
  const small = { ...work, iterations: many(work.iterations, few) };
  const runners = runnersOf(small, sides);
  await run(small, runners, repeats, failed);
  const good = runners.filter((runner) => !runner.failed);
  const runs: Runs = Object.fromEntries(good.map(({ side, values }) => [side.name, values]));
  if (isSmoke) console.log(`runs: ${work.work}: ${good.map(({ side }) => side.name).join(", ")}`);
  const { group, bytes, unit = "ns", reach } = work;
  return { work: work.work, group, unit, bytes, target: reach, runs };
}
