// Two thousand promises that wait for two thousand locks which another process
// holds: what they cost the rest of the program, and how fast they end.
//
// usage: deno run -A bench/pending.ts

import { Event, type Guard, Lock, Process } from "@parallel/multiprocessing";
import { isSmoke, many } from "./smoke.ts";
import { aligned } from "./table.ts";

const LOCKS = many(2_000, 50);
const READS = many(2_000, 50);
const TIMERS = many(400, 10);
/** Milliseconds that a timer is set to. */
const DELAY = 2;

/** Milliseconds of many; sorted. */
type Latencies = readonly number[];

/** How the program feels at one time. */
interface Feeling {
  readonly reads: Latencies;
  readonly timers: Latencies;
  readonly threads: number;
}

/** Has the locks when `held` is set, until `free` is. */
export function holder(locks: Lock[], held: Event, free: Event): void {
  for (const lock of locks) lock.acquireSync();
  held.set();
  free.waitSync();
  for (const lock of locks) lock.release();
}

async function latencies(n: number, once: () => Promise<unknown>): Promise<Latencies> {
  const times = [];
  for (let i = 0; i < n; i++) {
    const begin = performance.now();
    await once();
    times.push(performance.now() - begin);
  }
  return times.sort((a, b) => a - b);
}

async function feel(): Promise<Feeling> {
  const file = import.meta.filename!;
  const reads = await latencies(READS, () => Deno.readTextFile(file));
  const timers = await latencies(TIMERS, () => new Promise((resolve) => setTimeout(resolve, DELAY)));
  return { reads, timers, threads: [...Deno.readDirSync("/proc/self/task")].length };
}

function percentile(times: Latencies, percent: number): string {
  return `${times[Math.floor((times.length - 1) * percent / 100)].toFixed(3)} ms`;
}

function rowOf(when: string, { reads, timers, threads }: Feeling): string[] {
  return [
    when,
    ...[reads, timers].flatMap((times) => [percentile(times, 50), percentile(times, 99)]),
    `${threads}`,
  ];
}

/** Aborts all; how long until the last promise was rejected, and how many were so with the reason. */
async function abortAll(waiting: Promise<Guard | null>[], controller: AbortController): Promise<[number, number]> {
  const reason = new Error("enough");
  const begin = performance.now();
  controller.abort(reason);
  const settled = await Promise.allSettled(waiting);
  const elapsed = performance.now() - begin;
  return [elapsed, settled.filter((one) => one.status === "rejected" && one.reason === reason).length];
}

/** Has the holder release all; how long until the last promise had its lock. */
async function releaseAll(waiting: Promise<Guard>[], free: Event): Promise<number> {
  const begin = performance.now();
  free.set();
  const guards = await Promise.all(waiting);
  const elapsed = performance.now() - begin;
  for (const guard of guards) guard.release();
  return elapsed;
}

async function main(): Promise<boolean> {
  await feel(); // what is compiled and opened at first
  const idle = await feel();
  const locks = Array.from({ length: LOCKS }, () => new Lock());
  const [held, free] = [new Event(), new Event()];
  const process = new Process({ target: holder, args: [locks, held, free] });
  process.start();
  await held.wait();

  const controller = new AbortController();
  const { signal } = controller;
  const begin = performance.now();
  const aborted = locks.map((lock) => lock.acquire({ signal }));
  const submitted = performance.now() - begin;
  const pending = await feel();
  const [abortTime, abortCount] = await abortAll(aborted, controller);
  const after = await feel();
  const releaseTime = await releaseAll(locks.map((lock) => lock.acquire()), free);
  await process.join();
  const left = locks.filter((lock) => lock.locked()).length;

  console.log(`${LOCKS} promises that wait for a lock each; ${READS} reads of a file, ${TIMERS} timers of ${DELAY} ms`);
  console.log(aligned([
    ["", "read p50", "p99", "timer p50", "p99", "threads"],
    rowOf("idle", idle),
    rowOf("all waiting", pending),
    rowOf("all aborted", after),
  ]));
  console.log();
  console.log(aligned([
    ["all at once", "time", "how many"],
    ["acquire() called", `${submitted.toFixed(1)} ms`, `${LOCKS}`],
    ["aborted", `${abortTime.toFixed(1)} ms`, `${abortCount}`],
    ["released by the other process, acquired here", `${releaseTime.toFixed(1)} ms`, `${LOCKS}`],
    ["still locked at the end", "", `${left}`],
  ]));
  return abortCount === LOCKS && left === 0 && pending.threads < idle.threads + 12;
}

if (import.meta.main) Deno.exit(await main() || isSmoke ? 0 : 1);
