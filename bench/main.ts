// Measures everything on all its sides in one run, interleaved; prints the tables, writes the results, and makes of them
// the report and the figures of the documents. With words, only what they choose, or a setting of the user's own. What
// there is to choose: options.ts.

import { CASES, type Report, REPORTS } from "./cases.ts";
import { compare } from "./compare.ts";
import { CURVES, measureCurve } from "./curves.ts";
import { DISTRIBUTIONS, measureDistribution } from "./distributions.ts";
import { commit, inOneLine, inWords, load, machineBefore, withoutPlaces } from "./machine.ts";
import { compareManagers } from "./managers.ts";
import { isMeant, parse, USAGE, type Wanted } from "./options.ts";
import { profile, tellProfile } from "./profile.ts";
import { publish } from "./report/publish.ts";
import type { CaseResult, Curve, Distribution, Results } from "./results.ts";
import { UsageError } from "./settings/options.ts";
import { measureSetting } from "./settings/run.ts";
import { SUBJECTS } from "./settings/subjects.ts";
import { cpython, floors, others, ours, type Side } from "./sides.ts";
import { isSmoke, withEach } from "./smoke.ts";
import { curveTable, distributionTable, othersTable, table } from "./table.ts";

/** How often and how long things are measured. */
interface Effort {
  readonly kind: Results["method"]["kind"];
  readonly repeats: number;
  readonly curves: { readonly repeats: number; readonly seconds: number };
  readonly managers: { readonly rounds: number; readonly calls: number };
}

const EFFORTS: Readonly<Record<Effort["kind"], Effort>> = {
  full: { kind: "full", repeats: 5, curves: { repeats: 2, seconds: 0.2 }, managers: { rounds: 3, calls: 4_000 } },
  quick: { kind: "quick", repeats: 1, curves: { repeats: 1, seconds: 0.1 }, managers: { rounds: 1, calls: 2_000 } },
  smoke: { kind: "smoke", repeats: 1, curves: { repeats: 1, seconds: 0.01 }, managers: { rounds: 1, calls: 40 } },
};

/** What was measured, as far as it has got. */
interface Measured {
  readonly cases: CaseResult[];
  readonly curves: Curve[];
  readonly distributions: Distribution[];
  /** What could not be measured, and why. */
  readonly missing: string[];
}

/** Measures what the words choose. */
async function measureAll({ words }: Wanted, effort: Effort, sides: readonly Side[]): Promise<Measured> {
  const found: Measured = { cases: [], curves: [], distributions: [], missing: [] };
  const failed = (what: string) => {
    found.missing.push(inOneLine(what));
    console.log(`failed: ${what}`);
  };
  const cases = CASES.filter((it) => isMeant(words, it.work, it.script));
  found.cases.push(...await withEach(cases, (work) => compare(work, sides, effort.repeats, failed)));
  // With words, and in a smoke run, the report of the managers has them.
  if (words.length === 0 && !isSmoke) {
    found.cases.push(...await compareManagers(effort.managers, failed));
  }
  const curves = CURVES.filter((it) => isMeant(words, it.title, it.id));
  found.curves.push(...await withEach(curves, (plan) => measureCurve(plan, effort.curves, failed)));
  const distributions = DISTRIBUTIONS.filter((it) => isMeant(words, it.title, it.id));
  const { repeats } = effort.curves;
  found.distributions.push(...await withEach(distributions, (plan) => measureDistribution(plan, repeats, failed)));
  if (isSmoke) { for (const { title } of [...curves, ...distributions]) console.log(`runs: ${title}`); }
  return found;
}

/** Measures a setting of each subject that no curve has; whether all ran. */
async function trySettings(): Promise<boolean> {
  let isGood = true;
  for (const subject of Object.keys(SUBJECTS).filter((it) => !CURVES.some((plan) => plan.subject === it))) {
    isGood = await measureSetting(subject, ["--seconds=0.01", "--repeats=1"]) && isGood;
  }
  return isGood;
}

function print({ cases, curves, distributions }: Measured): void {
  if (cases.length > 0) console.log(`\n${table(cases)}`);
  const others = othersTable(cases);
  if (others !== "") console.log(`\n${others}`);
  for (const curve of curves) console.log(`\n${curve.title}\n\n${curveTable(curve)}`);
  for (const one of distributions) console.log(`\n${one.title}\n\n${distributionTable(one)}`);
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

/** The versions of what was measured, by what they are of. */
function versionsOf(sides: readonly Side[]): Record<string, string> {
  const known = sides.filter(({ version }) => version !== "");
  return Object.fromEntries(known.map(({ name, version }) => [name, withoutPlaces(version)]));
}

/** Measures and tells what is wanted; whether all of it ran. A figure that is not reached is no failure. */
async function run(wanted: Wanted): Promise<boolean> {
  const preset = EFFORTS[wanted.isSmoke ? "smoke" : wanted.isQuick ? "quick" : "full"];
  const effort = { ...preset, repeats: wanted.repeats ?? preset.repeats };
  const main = [await ours(), await cpython(), await floors()];
  const { loadBefore, ...machine } = machineBefore();
  console.log(`machine: ${inWords(machine)}, load ${loadBefore.toFixed(2)}`);
  for (const { name, version } of main) console.log(`${name}: ${version}`);
  console.log(`${effort.repeats} interleaved runs of each side\n`);
  const begin = performance.now();
  // In a smoke run, the reports have the others.
  const measured = await measureAll(wanted, effort, isSmoke ? main : [...main, ...await others()]);
  if (!isSmoke) print(measured);
  if (wanted.words.length === 0) {
    const results: Results = {
      format: 1,
      date: new Date().toISOString(),
      commit: commit(),
      machine: { ...machine, load: [loadBefore, load()] },
      versions: versionsOf(main),
      method: { kind: effort.kind, repeats: effort.repeats, curveRepeats: effort.curves.repeats },
      seconds: Math.round((performance.now() - begin) / 1000),
      ...measured,
    };
    for (const path of publish(results)) console.log(`wrote: ${path}`);
  }
  let isGood = measured.missing.length === 0;
  if (isSmoke && wanted.words.length === 0) isGood = await trySettings() && isGood;
  const wantsReports = wanted.withReports || wanted.words.length > 0;
  const reports = REPORTS.filter(({ title, script }) => wantsReports && isMeant(wanted.words, title, script));
  return (await withEach(reports, tell)).every(Boolean) && isGood;
}

async function main(args: readonly string[]): Promise<number> {
  try {
    const choice = parse(args);
    if (choice.kind === "usage") console.log(choice.text);
    else if (choice.kind === "setting") return await measureSetting(choice.subject, choice.args) ? 0 : 1;
    else if (choice.kind === "profile") {
      for (const it of choice.cases) console.log(`${tellProfile(it, await profile(it))}\n`);
    } else return await run(choice) ? 0 : 1;
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${USAGE}`);
    return 2;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
