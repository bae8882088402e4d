// Measures cases with the package of this checkout and with that of another one, in turn, beside CPython and the floor: what
// a change has done, before and after in one run.
//
// usage: deno run -A bench/against.ts [--repeats=10] OTHER_CHECKOUT [word …]
//
// Both checkouts must be built (`deno task build`). The programs that measure are this checkout's: a case that the other's
// package cannot run has nothing before. Times are per operation.

import { CASES } from "./cases.ts";
import { compare } from "./compare.ts";
import { isMeant } from "./options.ts";
import { type CaseResult, median, ratiosTo } from "./results.ts";
import { commandOf, cpython, floors, ours, type Side } from "./sides.ts";
import { aligned, amount, targetText, verdict } from "./table.ts";

const USAGE = "usage: deno run -A bench/against.ts [--repeats=10] OTHER_CHECKOUT [word …]";

const HEAD = [
  ...["work", "before", "worst", "now", "worst", "now/before"],
  ...["CPython", "now/CPython", "worst", "floor", "now/floor", "worst", "target", "reached?"],
];

/** The side of another checkout. */
function before(folder: string): Side {
  return { name: "before", version: folder, plan: (work) => ({ command: commandOf(folder, work) }) };
}

function row(result: CaseResult): string[] {
  const { work, runs, bytes, unit, target } = result;
  const shown = (values: readonly number[] | undefined, one: (values: readonly number[]) => number) =>
    values === undefined || values.length === 0 ? "-" : amount(one(values), bytes, unit);
  const most = (values: readonly number[]) => Math.max(...values);
  const ratios = (side: string) => {
    const all = ratiosTo(side, result);
    return all.length === 0 ? ["-", "-"] : [median(all), most(all)].map((it) => it.toFixed(3));
  };
  return [
    work,
    ...[runs.before, runs.ours].flatMap((all) => [shown(all, median), shown(all, most)]),
    ratios("before")[0],
    ...["CPython", "floor"].flatMap((side) => [shown(runs[side], median), ...ratios(side)]),
    targetText(target, unit),
    verdict(result),
  ];
}

async function main(args: readonly string[]): Promise<number> {
  let repeats = 10;
  const words: string[] = [];
  for (const arg of args) {
    const given = arg.match(/^--repeats=([1-9]\d*)$/)?.[1];
    if (given !== undefined) repeats = Number(given);
    else words.push(arg);
  }
  const [other, ...filters] = words;
  if (other === undefined || other.startsWith("-")) {
    console.error(USAGE);
    return 2;
  }
  const sides = [before(Deno.realPathSync(other)), await ours(), await cpython(), await floors()];
  const wanted = filters.map((it) => it.toLowerCase());
  const rows = [HEAD];
  let isGood = true;
  for (const work of CASES.filter((it) => isMeant(wanted, it.work, it.script))) {
    const result = await compare(work, sides, repeats, (what) => {
      isGood = false;
      console.log(`failed: ${what}`);
    });
    rows.push(row(result));
  }
  console.log(`${repeats} runs of each side, in turn\n\n${aligned(rows)}`);
  return isGood ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
