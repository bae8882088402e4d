// The one gate, `deno task ok` and `deno task test`: every static check and every test, in order.
//
// The last line says how many passed and failed, summed from what the test runners themselves report; a static check
// counts as one. A runner that ends badly without reporting a failure counts as one failure.

import { stripVTControlCharacters } from "node:util";
import config from "../deno.json" with { type: "json" };

/** How many tests passed and failed. */
export interface Tally {
  passed: number;
  failed: number;
}

interface Step {
  name: string;
  command: string[];
  env?: Record<string, string>;
  /** What the runner's summary lines look like. Without it, the step is one check. */
  summary?: RegExp;
  /** A command that fails where the tool is not installed; the step is then left out. */
  probe?: string[];
}

const ROOT = new URL("../", import.meta.url);
const DENO = Deno.execPath();
const EXPORTS = [...new Set(Object.values(config.exports))];
const DENO_SUMMARY = /^(?:ok|FAILED) \| (?<passed>\d+) passed.*? \| (?<failed>\d+) failed/gm;
const CARGO_SUMMARY = /^test result: .*? (?<passed>\d+) passed; (?<failed>\d+) failed;/gm;
/** What the runners write of the tests that failed: from the heading to the summary. */
const ACCOUNT = /^(?: ERRORS |failures:)$.*?(?=^(?:FAILED \||test result: FAILED))/gms;
/** How many lines of a runner's account are said again at the end. */
const ACCOUNT_LINES = 80;

/** No step may take longer: a runner that hangs is stopped, and counts as failed. */
const STEP_LIMIT_MS = 20 * 60_000;
/** How long the output of an ended runner may stay open: something it started has then been left running. */
const LEFTOVER_LIMIT_MS = 5_000;

function isThere(path: string): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)).isFile;
  } catch {
    return false;
  }
}

function steps(): Step[] {
  const cargoTest = ["cargo", "test", "--no-fail-fast"];
  const denoTest = [DENO, "test", "-A", "--no-check", "--sanitize-ops", "--sanitize-resources"];
  const core = [...cargoTest, "--package", "multiprocessing-core"];
  const list: (Step | false)[] = [
    { name: "deno fmt", command: [DENO, "fmt", "--check"] },
    { name: "deno lint", command: [DENO, "lint"] },
    { name: "deno check", command: [DENO, "check", "mod.ts", "src", "tests", "bench", "examples", "tools"] },
    { name: "deno doc --lint", command: [DENO, "doc", "--lint", ...EXPORTS] },
    { name: "cargo fmt", command: ["cargo", "fmt", "--all", "--check"], probe: ["cargo", "fmt", "--version"] },
    {
      name: "cargo clippy",
      command: ["cargo", "clippy", "--all-targets", "--", "-D", "warnings"],
      probe: ["cargo", "clippy", "--version"],
    },
    { name: "cargo test", command: cargoTest, summary: CARGO_SUMMARY },
    isThere("native/core/tests/crash.rs") && {
      name: "cargo test, killed at each failpoint",
      command: [...core, "--features", "failpoints", "--test", "crash"],
      summary: CARGO_SUMMARY,
    },
    isThere("native/core/tests/loom.rs") && {
      name: "cargo test, every interleaving (loom)",
      command: [...core, "--release", "--test", "loom"],
      env: { RUSTFLAGS: "--cfg loom", CARGO_TARGET_DIR: "target/loom" },
      summary: CARGO_SUMMARY,
    },
    // Without types, which are checked above: Deno would check them once more for each Worker, for seconds each.
    { name: "deno test", command: [...denoTest, "--ignore=tests/queues", "tests/"], summary: DENO_SUMMARY },
    // In a process of their own: a wait at a queue is given up where nothing else goes on, and a Worker of an earlier
    // module that Deno could not stop would go on.
    { name: "deno test, queues", command: [...denoTest, "tests/queues/"], summary: DENO_SUMMARY },
    { name: "deno test --doc", command: [DENO, "test", "--doc", "-A", "src", "mod.ts"], summary: DENO_SUMMARY },
  ];
  return list.filter((step) => step !== false);
}

/** The sum of all summary lines in `output`, or `null` if there is none. */
export function tallyOf(output: string, summary: RegExp): Tally | null {
  const matches = [...stripVTControlCharacters(output).matchAll(summary)];
  if (matches.length === 0) return null;
  const sum = (group: keyof Tally) => matches.reduce((all, match) => all + Number(match.groups![group]), 0);
  return { passed: sum("passed"), failed: sum("failed") };
}

/** What the runner wrote of the tests that failed, so that the end of a long log tells it; empty if nothing did. */
export function accountOf(output: string): string {
  const account = (stripVTControlCharacters(output).match(ACCOUNT) ?? []).join("\n").trim().split("\n");
  const dropped = account.length - ACCOUNT_LINES;
  if (dropped > 0) account.splice(ACCOUNT_LINES / 2, dropped, `[${dropped} lines more, above]`);
  return account.join("\n");
}

/** What a step counts for, given how its runner ended and what it wrote. */
export function judge(isSuccess: boolean, output: string, summary?: RegExp): Tally {
  if (summary === undefined) return { passed: Number(isSuccess), failed: Number(!isSuccess) };
  const tally = tallyOf(output, summary);
  if (tally === null) return { passed: 0, failed: 1 };
  return !isSuccess && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function writeAll(bytes: Uint8Array): void {
  while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
}

async function isInstalled([command, ...args]: string[]): Promise<boolean> {
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

async function main(): Promise<boolean> {
  const all: Tally = { passed: 0, failed: 0 };
  const troubled: string[] = [];
  for (const step of steps()) {
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
  }
  for (const trouble of troubled) console.log(`\n${trouble}`);
  console.log(`\n${all.passed} passed, ${all.failed} failed`);
  return all.failed === 0;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
