// What is measured: one row of the table each, and the figure it has to reach; and the reports that are told by name.

import type { Target, Unit } from "./results.ts";

/** The sections of the report. */
export type Group = "locks" | "queues" | "connections" | "pools" | "processes" | "memory";

/** One row. Every side runs the same `iterations` and prints ns, or bytes, per operation. */
export interface Case {
  /** What the first column says; filters match it and `script`. */
  readonly work: string;
  /** The section of the report that it belongs to. */
  readonly group: Group;
  /** Name of `deno/<script>.ts` and `python/<script>.py`. */
  readonly script: string;
  readonly iterations: number;
  /** Exports of mod.ts that our side uses. */
  readonly needs: readonly string[];
  /** Second argument of both scripts. */
  readonly variant?: string;
  /** Program of `native/`, or a script of `deno/` with its ending, and its arguments after the iterations. */
  readonly floor?: readonly [program: string, ...args: string[]];
  /** Whether all of its processes are on one processor, where nothing is gained by waiting awake. */
  readonly onOneCpu?: true;
  /** What ours is compared with besides: a name of `OTHERS`, and the arguments after the iterations. */
  readonly others?: Readonly<Record<string, readonly string[]>>;
  readonly reach: Target | null;
  /** Default: "ns". */
  readonly unit?: Unit;
  /** Bytes per operation, where the row is a throughput. */
  readonly bytes?: number;
}

/** What is told of our side alone, in tables of its own. */
export interface Report {
  readonly title: string;
  /** Name of `<script>.ts` here; filters match it and `title`. */
  readonly script: string;
}

const DENO = Deno.execPath();
const MIB = 2 ** 20;
const BARE = `${import.meta.dirname}/deno/bare.ts`;

const cpython = (ratio: number, worst?: number): Target => ({ ratio, to: "CPython", worst });
const floor = (ratio: number, worst?: number): Target => ({ ratio, to: "floor", worst });

/** What is wanted where no other figure is: better than CPython. */
const BETTER = cpython(1);

export const CASES: readonly Case[] = [
  {
    work: "Lock pair, uncontended",
    group: "locks",
    script: "lock_uncontended",
    iterations: 2_000_000,
    needs: ["Lock"],
    floor: ["atomics_pair.ts"],
    reach: floor(1.15),
  },
  {
    work: "Lock pair, 2 processes",
    group: "locks",
    script: "lock_contended",
    iterations: 300_000,
    needs: ["Lock", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: floor(2),
  },
  {
    work: "Value += 1 under its lock, 2 processes",
    group: "locks",
    script: "value_increment",
    variant: "acquire",
    iterations: 200_000,
    needs: ["Value", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: floor(3),
  },
  {
    work: "Value += 1 by using / with, 2 processes",
    group: "locks",
    script: "value_increment",
    variant: "with",
    iterations: 200_000,
    needs: ["Value", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: BETTER,
  },
  {
    work: "Value += 1 by update / with, 2 processes",
    group: "locks",
    script: "value_increment",
    variant: "update",
    iterations: 200_000,
    needs: ["Value", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: cpython(0.15),
  },
  {
    work: "Semaphore pair, uncontended",
    group: "locks",
    script: "semaphore_uncontended",
    iterations: 2_000_000,
    needs: ["Semaphore"],
    reach: BETTER,
  },
  {
    work: "Event set -> wait, round trip",
    group: "locks",
    script: "event_ping_pong",
    iterations: 5_000,
    needs: ["Event", "Process", "RawArray"],
    floor: ["ping_pong", "futex"],
    reach: floor(1.5, 1.5),
  },
  {
    work: "Condition ping-pong, round trip",
    group: "locks",
    script: "condition_ping_pong",
    iterations: 5_000,
    needs: ["Condition", "Process", "RawArray"],
    floor: ["ping_pong", "futex"],
    reach: cpython(0.5, 0.5),
  },
  {
    work: "Barrier of 4, per round",
    group: "locks",
    script: "barrier",
    iterations: 3_000,
    needs: ["Barrier", "Process", "RawArray"],
    reach: BETTER,
  },
  {
    work: "Queue one way, small int",
    group: "queues",
    script: "queue_one_way",
    variant: "int",
    iterations: 100_000,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["int"], "node worker_threads": ["int"] },
    reach: cpython(0.03),
  },
  {
    work: "Queue one way, small int, by 100",
    group: "queues",
    script: "queue_by_100",
    iterations: 300_000,
    needs: ["Queue", "Process", "RawArray"],
    reach: cpython(0.008),
  },
  {
    work: "Queue one way, small object",
    group: "queues",
    script: "queue_one_way",
    variant: "object",
    iterations: 100_000,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["object"], "node worker_threads": ["object"] },
    reach: cpython(0.2),
  },
  {
    work: "Queue one way, 200 rows of 6 values",
    group: "queues",
    script: "queue_one_way",
    variant: "rows",
    iterations: 2_000,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["rows"], "node worker_threads": ["rows"] },
    reach: BETTER,
  },
  {
    work: "Queue one way, 1 KiB bytes",
    group: "queues",
    script: "queue_one_way",
    variant: "1KiB",
    iterations: 50_000,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["1KiB"], "node worker_threads": ["1KiB"] },
    reach: cpython(0.2),
  },
  {
    work: "Queue one way, 1 MiB bytes",
    group: "queues",
    script: "queue_one_way",
    variant: "1MiB",
    iterations: 500,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["1MiB"], "node worker_threads": ["1MiB"] },
    reach: cpython(1 / 6),
    bytes: 1024 * 1024,
  },
  {
    work: "Queue one way, 1 MiB, each page written and read in place",
    group: "queues",
    script: "queue_in_place",
    variant: "pages",
    iterations: 500,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["pages"], "node worker_threads": ["pages"] },
    reach: { ratio: 1 / 3, to: "node worker_threads" },
    bytes: 1024 * 1024,
  },
  {
    work: "Queue one way, 1 MiB, copied in and read in place",
    group: "queues",
    script: "queue_in_place",
    variant: "whole",
    iterations: 500,
    needs: ["Queue", "Process", "RawArray"],
    others: { "Deno Worker": ["whole"], "node worker_threads": ["whole"] },
    reach: null,
    bytes: 1024 * 1024,
  },
  {
    work: "JSON lines, reader -> 2 parsers -> sum, per MB",
    group: "queues",
    script: "pipeline",
    iterations: 300,
    needs: ["Queue", "Process", "Event"],
    others: { "Deno Workers": ["workers"], "one process": ["alone"] },
    reach: { ratio: 0.95, to: "Deno Workers" },
    bytes: 1_000_000,
  },
  {
    work: "Queue request-reply, hot",
    group: "queues",
    script: "queue_request_reply",
    iterations: 30_000,
    needs: ["Queue", "Process", "RawArray"],
    floor: ["ping_pong", "spin"],
    reach: cpython(0.03, 0.1),
  },
  {
    work: "Queue request-reply, all on one CPU",
    group: "queues",
    script: "queue_request_reply",
    iterations: 10_000,
    needs: ["Queue", "Process", "RawArray"],
    floor: ["ping_pong", "futex"],
    onOneCpu: true,
    reach: cpython(0.4),
  },
  {
    work: "Connection ping-pong, 64 bytes",
    group: "connections",
    script: "connection_ping_pong",
    variant: "64 bytes",
    iterations: 10_000,
    needs: ["Pipe", "Process", "RawArray"],
    floor: ["ping_pong", "socketpair"],
    reach: floor(1.1),
  },
  {
    work: "Connection ping-pong, small object",
    group: "connections",
    script: "connection_ping_pong",
    variant: "object",
    iterations: 10_000,
    needs: ["Pipe", "Process", "RawArray"],
    floor: ["ping_pong", "socketpair"],
    reach: cpython(0.85),
  },
  {
    work: "Connection one way, 1 MiB bytes",
    group: "connections",
    script: "connection_one_way",
    iterations: 500,
    needs: ["Pipe", "Process", "RawArray"],
    reach: cpython(0.4),
    bytes: 1024 * 1024,
  },
  {
    work: "Pickle of a small object, out",
    group: "connections",
    script: "pickles",
    variant: "small out",
    iterations: 200000,
    needs: [],
    others: { JSON: ["small out", "JSON"] },
    reach: cpython(2),
  },
  {
    work: "Pickle of a small object, in",
    group: "connections",
    script: "pickles",
    variant: "small in",
    iterations: 200000,
    needs: [],
    others: { JSON: ["small in", "JSON"] },
    reach: cpython(2),
  },
  {
    work: "Pickle of 1000 rows, out",
    group: "connections",
    script: "pickles",
    variant: "rows out",
    iterations: 200,
    needs: [],
    others: { JSON: ["rows out", "JSON"] },
    reach: cpython(2.5),
  },
  {
    work: "Pickle of 1000 rows, in",
    group: "connections",
    script: "pickles",
    variant: "rows in",
    iterations: 200,
    needs: [],
    others: { JSON: ["rows in", "JSON"] },
    reach: cpython(2.5),
  },
  {
    work: "Pickle of 1 MiB of float64, out",
    group: "connections",
    script: "pickles",
    variant: "floats out",
    iterations: 500,
    needs: [],
    others: { JSON: ["floats out", "JSON"] },
    reach: BETTER,
  },
  {
    work: "Pickle of 1 MiB of float64, in",
    group: "connections",
    script: "pickles",
    variant: "floats in",
    iterations: 500,
    needs: [],
    others: { JSON: ["floats in", "JSON"] },
    reach: BETTER,
  },
  {
    work: "Pool.map, trivial function, per item",
    group: "pools",
    script: "pool_calls",
    variant: "map",
    iterations: 500_000,
    needs: ["Pool"],
    reach: cpython(0.7),
  },
  {
    work: "Pool.map, trivial function, per item, 64 workers",
    group: "pools",
    script: "pool_calls",
    variant: "map by 64",
    iterations: 500_000,
    needs: ["Pool"],
    floor: ["pool_calls.ts", "map"],
    reach: floor(4),
  },
  {
    work: "Pool.imap, chunksize 1, per item",
    group: "pools",
    script: "pool_calls",
    variant: "imap",
    iterations: 20_000,
    needs: ["Pool"],
    reach: cpython(0.3),
  },
  {
    work: "Pool.imapUnordered, chunksize 1, per item",
    group: "pools",
    script: "pool_calls",
    variant: "imapUnordered",
    iterations: 20_000,
    needs: ["Pool"],
    reach: cpython(0.3),
  },
  {
    work: "Pool.apply, trivial function",
    group: "pools",
    script: "pool_calls",
    variant: "apply",
    iterations: 2_000,
    needs: ["Pool"],
    others: { piscina: ["one"], tinypool: ["one"], poolifier: ["one"], ProcessPoolExecutor: ["one"] },
    reach: cpython(0.3),
  },
  {
    work: "Pool.apply, 200 at a time, each",
    group: "pools",
    script: "pool_calls",
    variant: "many",
    iterations: 2_000,
    needs: ["Pool"],
    others: { piscina: ["many"], tinypool: ["many"], poolifier: ["many"], ProcessPoolExecutor: ["many"] },
    reach: cpython(0.3),
  },
  {
    work: "Pool.imap, 1 MiB bytes there and back",
    group: "pools",
    script: "pool_calls",
    variant: "1MiB",
    iterations: 200,
    needs: ["Pool"],
    reach: cpython(0.33),
    bytes: 2 * 1024 * 1024,
  },
  {
    work: "Process start + join, spawn",
    group: "processes",
    script: "process_start",
    variant: "spawn",
    iterations: 10,
    needs: ["Process", "getContext"],
    floor: ["spawn_wait", DENO, "run", BARE],
    reach: floor(1.35),
  },
  {
    work: "Process start + join, forkserver, one is warm",
    group: "processes",
    script: "process_start",
    variant: "forkserver",
    iterations: 6,
    needs: ["Process", "getContext"],
    reach: cpython(0.3),
  },
  {
    work: "Process start + join, forkserver, one after another",
    group: "processes",
    script: "process_start",
    variant: "forkserver at once",
    iterations: 10,
    needs: ["Process", "getContext"],
    reach: BETTER,
  },
  {
    work: "Pool of 64, start, each worker",
    group: "processes",
    script: "pool_start",
    variant: "all",
    iterations: 64,
    needs: ["Pool", "Semaphore"],
    floor: ["bare_starts.ts"],
    reach: floor(1.3),
  },
  {
    work: "Pool of 64, its first result",
    group: "processes",
    script: "pool_start",
    variant: "first",
    iterations: 64,
    needs: ["Pool", "Semaphore"],
    reach: cpython(0.1),
  },
  {
    work: "Import of the package",
    group: "processes",
    script: "import_time",
    iterations: 8,
    needs: ["Process"],
    reach: { most: 5e6 },
  },
  {
    work: "Idle child, its share of memory (PSS)",
    group: "memory",
    script: "memory_of",
    variant: "child",
    iterations: 1,
    needs: ["Process"],
    floor: ["idle_memory.ts"],
    unit: "bytes",
    reach: { over: 3 * MIB, to: "floor" },
  },
  {
    work: "Backlog of a queue, a small int",
    group: "memory",
    script: "memory_of",
    variant: "backlog",
    iterations: 200_000,
    needs: ["Queue"],
    unit: "bytes",
    reach: BETTER,
  },
  {
    work: "A Lock among many",
    group: "memory",
    script: "memory_of",
    variant: "lock",
    iterations: 10_000,
    needs: ["Lock"],
    unit: "bytes",
    reach: BETTER,
  },
  {
    work: "A byte of an array that 3 processes use",
    group: "memory",
    script: "memory_of",
    variant: "array",
    iterations: 64 * MIB,
    needs: ["RawArray", "Process"],
    unit: "bytes",
    reach: { most: 1.1 },
  },
];

export const REPORTS: readonly Report[] = [
  { title: "Memory", script: "memory" },
  { title: "Processes: import of the package, memory of a child", script: "processes" },
  { title: "Pending promises", script: "pending" },
  { title: "Fairness", script: "fairness" },
  { title: "Connection in promises", script: "connections" },
  { title: "Queue beside other channels", script: "channels" },
  { title: "Queue: scaling, latency, backlog, idle", script: "queues" },
  { title: "Pool beside others", script: "pools" },
  { title: "Managers beside CPython's", script: "managers" },
  { title: "Several machines: on a Redis server, beside PING, redis-py and Lithops", script: "several_machines" },
];
