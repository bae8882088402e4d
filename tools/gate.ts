// The one gate, `deno task ok` and `deno task test`: every static check and every test.
//
// usage: deno task test [-- WORD …]
//
// With words, only what they choose: steps by their names, test files by their paths, tests by their names
// (gate/choice.ts). Steps run side by side (gate/turns.ts); the output of each is shown in one piece (gate/screen.ts). The
// last line says how many passed and failed, summed from what the test runners themselves report; a static check counts
// as one. A runner that ends badly without reporting a failure counts as one failure. A few tests that failed are run again by
// themselves (gate/again.ts).

import { type Attempt, attemptsAt, passing, type Trouble } from "./gate/again.ts";
import { choose, offer } from "./gate/choice.ts";
import { resultOf } from "./gate/runner.ts";
import { Screen } from "./gate/screen.ts";
import { type Step, steps } from "./gate/steps.ts";
import type { Tally } from "./gate/tally.ts";
import { inTurns } from "./gate/turns.ts";
import { putTogether, TESTED_MAP } from "./tested.ts";

/** How many steps run side by side. Most tests wait for other processes most of their time. */
const WIDTH = Math.min(2, navigator.hardwareConcurrency);

function writeAll(bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** How many of those that failed the attempts stand for. */
function countOf(attempts: readonly Attempt[]): number {
  return attempts.reduce((sum, { count }) => sum + count, 0);
}

/** Tells what failed, and in the end, plainly, which tests passed only when they were run again. */
function tell(troubles: readonly Trouble[], unsteady: readonly Attempt[]): void {
  for (const trouble of troubles) {
    const { step, result } = trouble;
    const passed = countOf(unsteady.filter((attempt) => attempt.trouble === trouble));
    console.log(`\n== ${passed === result.failed ? "unsteady" : "failed"}: ${step.name}\n${result.account}`);
  }
  if (unsteady.length === 0) return;
  console.log("\n== unsteady: these passed only when they were run again by themselves, and are to be mended");
  for (const { trouble, name } of unsteady) console.log(`${trouble.step.name}: ${name}`);
}

/** Runs the steps; what all of them count for. The whole gate runs some tests again. */
async function runAll(chosen: readonly Step[], isWhole: boolean): Promise<Tally> {
  const all: Tally = { passed: 0, failed: 0 };
  const troubles: Trouble[] = [];
  const counts = new Map<string, number>();
  const screen = new Screen(writeAll);
  await inTurns(chosen, WIDTH, async (step) => {
    const page = screen.page();
    const result = await resultOf(step, page);
    const { passed, failed } = result;
    page.end();
    if (failed > 0) troubles.push({ step, result });
    all.passed += passed;
    all.failed += failed;
    if (step.word !== undefined) counts.set(step.word, (counts.get(step.word) ?? 0) + passed + failed);
  });
  const unsteady = isWhole ? await passing(attemptsAt(troubles), () => screen.page()) : [];
  all.passed += countOf(unsteady);
  all.failed -= countOf(unsteady);
  tell(troubles, unsteady);
  for (const [word, count] of counts) {
    if (count > 0) continue;
    console.log(`\nCannot find a step, a test file or a test named "${word}"`);
    all.failed++;
  }
  return all;
}

async function main(args: readonly string[]): Promise<boolean> {
  const words = args.filter((arg) => arg !== "--");
  const isWhole = words.length === 0;
  const chosen = isWhole ? steps() : choose(words, offer());
  if (chosen.some(({ command }) => command.some((word) => word.includes(TESTED_MAP.pathname)))) await putTogether();
  const all = await runAll(chosen, isWhole);
  console.log(`\n${all.passed} passed, ${all.failed} failed`);
  return all.failed === 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args) ? 0 : 1);
