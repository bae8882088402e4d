// The one gate, `deno task ok` and `deno task test`: every static check and every test.
//
// usage: deno task test [-- WORD …]
//
// With words, only what they choose: steps by their names, test files by their paths, tests by their names
// (gate/choice.ts). Steps run side by side (gate/turns.ts); the output of each is shown in one piece (gate/screen.ts). The
// last line says how many passed and failed, summed from what the test runners themselves report; a static check counts
// as one. A runner that ends badly without reporting a failure counts as one failure.

import { choose, offer } from "./gate/choice.ts";
import { resultOf } from "./gate/runner.ts";
import { Screen } from "./gate/screen.ts";
import { type Step, steps } from "./gate/steps.ts";
import type { Tally } from "./gate/tally.ts";
import { inTurns } from "./gate/turns.ts";

/** How many steps run side by side. Most tests wait for other processes most of their time. */
const WIDTH = Math.min(2, navigator.hardwareConcurrency);

function writeAll(bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

/** Runs the steps; what all of them count for. */
async function runAll(chosen: readonly Step[]): Promise<Tally> {
  const all: Tally = { passed: 0, failed: 0 };
  const troubled: string[] = [];
  const counts = new Map<string, number>();
  const screen = new Screen(writeAll);
  await inTurns(chosen, WIDTH, async (step) => {
    const page = screen.page();
    const { passed, failed, account } = await resultOf(step, page);
    page.end();
    if (failed > 0) troubled.push(`== failed: ${step.name}\n${account}`);
    all.passed += passed;
    all.failed += failed;
    if (step.word !== undefined) counts.set(step.word, (counts.get(step.word) ?? 0) + passed + failed);
  });
  for (const [word, count] of counts) {
    if (count > 0) continue;
    troubled.push(`Cannot find a step, a test file or a test named "${word}"`);
    all.failed++;
  }
  for (const trouble of troubled) console.log(`\n${trouble}`);
  return all;
}

async function main(args: readonly string[]): Promise<boolean> {
  const words = args.filter((arg) => arg !== "--");
  const all = await runAll(words.length === 0 ? steps() : choose(words, offer()));
  console.log(`\n${all.passed} passed, ${all.failed} failed`);
  return all.failed === 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args) ? 0 : 1);
