// The one gate, `deno task ok` and `deno task test`: every static check and every test, in order.
//
// usage: deno task test [-- WORD …]
//
// With words, only what they choose: steps by their names, test files by their paths, tests by their names
// (gate/choice.ts). The last line says how many passed and failed, summed from what the test runners themselves report; a
// static check counts as one. A runner that ends badly without reporting a failure counts as one failure.

import { choose, offer } from "./gate/choice.ts";
import { ROOT, type Step, steps } from "./gate/steps.ts";
import { accountOf, judge, type Tally } from "./gate/tally.ts";

/** No step may take longer: a runner that hangs is stopped, and counts as failed. */
const STEP_LIMIT_MS = 20 * 60_000;
/** How long the output of an ended runner may stay open: something it started has then been left running. */
const LEFTOVER_LIMIT_MS = 5_000;

function writeAll(bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

async function isInstalled([command, ...args]: readonly string[]): Promise<boolean> {
  try {
    return (await new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/** Runs the step's command, showing its output as it comes. */
async function run({ command: [command, ...args], env, summary }: Step): Promise<Tally & { account: string }> {
  const signal = AbortSignal.timeout(STEP_LIMIT_MS);
  const child = new Deno.Command(command, { args, env, cwd: ROOT, stdin: "null", stdout: "piped", signal }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  const shown = child.stdout.pipeTo(
    new WritableStream({
      write(bytes) {
        writeAll(bytes);
        output += decoder.decode(bytes, { stream: true });
      },
    }),
  );
  const { success, signal: killer } = await child.status;
  if (killer !== null) console.log(`"${command}" was killed by ${killer}`);

  const patience = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => patience.resolve(true), LEFTOVER_LIMIT_MS);
  const isLeftover = await Promise.race([shown.then(() => false), patience.promise]);
  clearTimeout(timer);
  if (isLeftover) console.log(`"${command}" has ended, but something it started still runs`);
  return { ...judge(success && !isLeftover, output, summary), account: accountOf(output) };
}

/** Runs the steps one after another; what all of them count for. */
async function runAll(chosen: readonly Step[]): Promise<Tally> {
  const all: Tally = { passed: 0, failed: 0 };
  const troubled: string[] = [];
  const counts = new Map<string, number>();
  for (const step of chosen) {
    if (step.probe !== undefined && !await isInstalled(step.probe)) {
      console.log(`\n== ${step.name}: not installed, left out`);
      continue;
    }
    console.log(`\n== ${step.name}`);
    const start = performance.now();
    const { passed, failed, account } = await run(step).catch((error: Error) => {
      console.log(error.message);
      return { passed: 0, failed: 1, account: error.message };
    });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`-- ${step.name}: ${passed} passed, ${failed} failed (${seconds} s)`);
    if (failed > 0) troubled.push(`== failed: ${step.name}\n${account}`);
    all.passed += passed;
    all.failed += failed;
    if (step.word !== undefined) counts.set(step.word, (counts.get(step.word) ?? 0) + passed + failed);
  }
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
