// Measures every case on all its sides in one run, interleaved, and prints the
// table of medians; then what has no other side: memory, pending promises and
// fairness, a report each. With --smoke, a few operations of each, to show that
// all of them still run.
//
// usage: deno task bench [--repeats=5] [--smoke] [filter]

import { type Case, CASES, type Report, REPORTS } from "./cases.ts";
import { isSmoke, many } from "./smoke.ts";
import { cpython, measure, native, ours, type Side } from "./sides.ts";
import { median, type Medians, type Row, table } from "./table.ts";

interface Options {
  readonly repeats: number;
  readonly cases: readonly Case[];
  readonly reports: readonly Report[];
}

function parse(args: readonly string[]): Options {
  let repeats = 5;
  let filter = "";
  for (const arg of args) {
    const given = arg.match(/^--repeats=(\d+)$/)?.[1];
    if (given !== undefined) repeats = Number(given);
    else if (arg !== "--smoke" && arg.startsWith("-")) fail(`Cannot read option "${arg}"`);
    else if (arg !== "--smoke") filter = arg.toLowerCase();
  }
  if (repeats < 1) fail(`Cannot take ${repeats} repeats: wanted at least 1`);
  const cases = CASES.filter((work) => `${work.work} ${work.script}`.toLowerCase().includes(filter)).map((work) => (
    { ...work, iterations: many(work.iterations, Math.max(2, work.iterations / 1000)) }
  ));
  const reports = REPORTS.filter(({ title, script }) => `${title} ${script}`.toLowerCase().includes(filter));
  if (cases.length + reports.length === 0) {
    const known = [...new Set([...CASES, ...REPORTS].map((work) => work.script))].join(", ");
    fail(`Cannot find a case named "${filter}": wanted one of ${known}`);
  }
  return { repeats, cases, reports };
}

function fail(message: string): never {
  console.error(`${message}\nusage: deno task bench [--repeats=5] [--smoke] [filter]`);
  Deno.exit(2);
}

async function machine(): Promise<string> {
  const info = await Deno.readTextFile("/proc/cpuinfo");
  const model = info.match(/^model name\s*: (.*)$/m)?.[1] ?? "unknown CPU";
  const cores = navigator.hardwareConcurrency;
  const load = Deno.loadavg()[0].toFixed(2);
  return `${model}, ${cores} cores, Linux ${Deno.osRelease()}, load ${load}`;
}

/** One side of one case, and the times it has reported so far. */
interface Runner {
  readonly side: Side;
  readonly command: readonly string[];
  readonly times: number[];
  failed: boolean;
}

/** The sides that can run the case; a line for each that cannot. */
function runnersOf(work: Case, sides: readonly Side[]): Runner[] {
  return sides.flatMap((side) => {
    const plan = side.plan(work);
    if ("command" in plan) {
      return [{ side, command: plan.command, times: [], failed: false }];
    }
    if (plan.skip) {
      console.log(`skipped: ${work.work}, ${side.name}: ${plan.skip}`);
    }
    return [];
  });
}

/** Runs the sides in turn, `repeats` times; one that fails is not run again. */
async function run(
  work: Case,
  runners: readonly Runner[],
  repeats: number,
): Promise<void> {
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const runner of runners.filter((runner) => !runner.failed)) {
      try {
        runner.times.push(await measure(runner.command));
      } catch (error) {
        runner.failed = true;
        const { message } = error as Error;
        console.log(`failed: ${work.work}, ${runner.side.name}: ${message}`);
      }
    }
  }
}

function rowOf(work: Case, runners: readonly Runner[]): Row {
  const medians: Medians = {};
  for (const { side, times, failed } of runners) {
    if (!failed) medians[side.name] = median(times);
  }
  return { work, medians };
}

/** Measures the cases and prints their table; whether all sides ran. */
async function compare(cases: readonly Case[], sides: readonly Side[], repeats: number): Promise<boolean> {
  if (!isSmoke) {
    console.log(
      `median of ${repeats} interleaved runs; times and their ratios are per operation\n`,
    );
  }
  const rows: Row[] = [];
  let failed = false;
  for (const work of cases) {
    const runners = runnersOf(work, sides);
    await run(work, runners, repeats);
    failed ||= runners.some((runner) => runner.failed);
    rows.push(rowOf(work, runners));
    if (isSmoke) console.log(`runs: ${work.work}: ${runners.map(({ side }) => side.name).join(", ")}`);
  }
  if (!isSmoke) console.log(`\n${table(rows)}`);
  return !failed;
}

/** Prints a report under its heading; whether all that it says is as it should be. */
async function tell({ title, script }: Report): Promise<boolean> {
  console.log(isSmoke ? `runs: ${title}` : `\n## ${title}\n`);
  const args = ["run", "-A", `--config=${import.meta.dirname}/../deno.json`, `${import.meta.dirname}/${script}.ts`];
  if (isSmoke) args.push("--smoke");
  const stdout = isSmoke ? "null" : "inherit";
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout, stderr: "inherit" });
  const { success } = await child.output();
  if (!success) console.log(`\nfailed: ${title}`);
  return success;
}

/** Exit code: 1 if a side or a report failed; a figure not reached in the table is no failure. */
async function main(): Promise<number> {
  const { repeats, cases, reports } = parse(Deno.args);
  const sides = [await ours(), await cpython(), await native()];
  console.log(`machine: ${await machine()}`);
  for (const side of sides) console.log(`${side.name}: ${side.version}`);
  let isGood = cases.length === 0 || await compare(cases, sides, repeats);
  for (const report of reports) isGood = await tell(report) && isGood;
  return isGood ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
