// Measures every case of this checkout beside the same case of another one, in turn, and prints what became of it.
//
// usage: deno run -A bench/against.ts [--repeats=9] OTHER_CHECKOUT [filter]
//
// Both checkouts must be built (`deno task build`). A pair of runs is one of each, the order changing from pair to pair,
// so that a machine that becomes slower meanwhile does not favour one of them. A ratio above 1 means: slower than there.

import { type Case, CASES } from "./cases.ts";
import { commandOf, measure } from "./sides.ts";
import { median } from "./results.ts";
import { aligned, amount } from "./table.ts";

const USAGE = "usage: deno run -A bench/against.ts [--repeats=9] OTHER_CHECKOUT [filter]";

interface Pair {
  readonly here: number;
  readonly there: number;
}

async function pairs(work: Case, folders: readonly [here: string, there: string], repeats: number): Promise<Pair[]> {
  const [here, there] = folders.map((folder) => commandOf(folder, work));
  const found: Pair[] = [];
  for (let i = 0; i < repeats; i++) {
    if (i % 2 === 0) {
      found.push({ here: await measure(here), there: await measure(there) });
    } else {
      const first = await measure(there);
      found.push({ here: await measure(here), there: first });
    }
  }
  return found;
}

function row(work: Case, found: readonly Pair[]): string[] {
  const ratios = found.map(({ here, there }) => here / there).sort((a, b) => a - b);
  return [
    work.work,
    amount(median(found.map(({ here }) => here)), work.bytes),
    amount(median(found.map(({ there }) => there)), work.bytes),
    median(ratios).toFixed(2),
    `${ratios[0].toFixed(2)} to ${ratios.at(-1)!.toFixed(2)}`,
  ];
}

async function main(args: readonly string[]): Promise<number> {
  let repeats = 9;
  const words: string[] = [];
  for (const arg of args) {
    const given = arg.match(/^--repeats=([1-9]\d*)$/)?.[1];
    if (given !== undefined) repeats = Number(given);
    else words.push(arg);
  }
  const [there, filter = ""] = words;
  if (there === undefined || there.startsWith("-")) {
    console.error(USAGE);
    return 2;
  }
  const folders = [`${import.meta.dirname}/..`, Deno.realPathSync(there)] as const;
  const wanted = filter.toLowerCase();
  const rows = [["work", "here", "there", "here/there, median", "of single pairs"]];
  let isGood = true;
  for (const work of CASES.filter((it) => `${it.work} ${it.script}`.toLowerCase().includes(wanted))) {
    try {
      rows.push(row(work, await pairs(work, folders, repeats)));
    } catch (error) {
      isGood = false;
      console.log(`failed: ${work.work}: ${(error as Error).message}`);
    }
  }
  console.log(`${repeats} pairs of runs; times are per operation\n\n${aligned(rows)}`);
  return isGood ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
