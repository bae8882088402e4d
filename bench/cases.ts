// What is measured: one row of the table each, and the figure it has to reach;
// and the reports that follow.

/** The side that a figure is relative to. */
export type Yardstick = "CPython" | "C";

/** One row. Every side runs the same `iterations` and prints ns per operation. */
export interface Case {
  /** What the first column says; filters match it and `script`. */
  readonly work: string;
  /** Name of `deno/<script>.ts` and `python/<script>.py`. */
  readonly script: string;
  readonly iterations: number;
  /** Exports of mod.ts that our side uses. */
  readonly needs: readonly string[];
  /** Second argument of both scripts. */
  readonly variant?: string;
  /** Program of `native/` and its arguments after the iterations. */
  readonly floor?: readonly [program: string, ...args: string[]];
  /** Our time must be at most `ratio` times that of `to`. */
  readonly reach: { readonly ratio: number; readonly to: Yardstick };
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
const BARE = `${import.meta.dirname}/deno/bare.ts`;

const cpython = (ratio: number) => ({ ratio, to: "CPython" } as const);

/** What is wanted where no other figure is: better than CPython. */
const BETTER = cpython(1);

export const CASES: readonly Case[] = [
  {
    work: "Lock pair, uncontended",
    script: "lock_uncontended",
    iterations: 2_000_000,
    needs: ["Lock"],
    floor: ["mutex", "uncontended"],
    reach: cpython(0.3),
  },
  {
    work: "Lock pair, 2 processes",
    script: "lock_contended",
    iterations: 300_000,
    needs: ["Lock", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: cpython(0.25),
  },
  {
    work: "Value += 1 under its lock, 2 processes",
    script: "value_increment",
    variant: "acquire",
    iterations: 200_000,
    needs: ["Value", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: cpython(0.15),
  },
  {
    work: "Value += 1 by using / with, 2 processes",
    script: "value_increment",
    variant: "with",
    iterations: 200_000,
    needs: ["Value", "Process", "RawArray"],
    floor: ["mutex", "contended"],
    reach: cpython(0.15),
  },
  {
    work: "Semaphore pair, uncontended",
    script: "semaphore_uncontended",
    iterations: 2_000_000,
    needs: ["Semaphore"],
    reach: BETTER,
  },
  {
    work: "Event set -> wait, round trip",
    script: "event_ping_pong",
    iterations: 5_000,
    needs: ["Event", "Process", "RawArray"],
    floor: ["ping_pong", "futex"],
    reach: BETTER,
  },
  {
    work: "Condition ping-pong, round trip",
    script: "condition_ping_pong",
    iterations: 5_000,
    needs: ["Condition", "Process", "RawArray"],
    floor: ["ping_pong", "futex"],
    reach: BETTER,
  },
  {
    work: "Barrier of 4, per round",
    script: "barrier",
    iterations: 3_000,
    needs: ["Barrier", "Process", "RawArray"],
    reach: BETTER,
  },
  {
    work: "Queue one way, small int",
    script: "queue_one_way",
    variant: "int",
    iterations: 300_000,
    needs: ["Queue", "Process", "RawArray"],
    reach: cpython(0.06),
  },
  {
    work: "Queue one way, small object",
    script: "queue_one_way",
    variant: "object",
    iterations: 100_000,
    needs: ["Queue", "Process", "RawArray"],
    reach: cpython(0.2),
  },
  {
    work: "Queue one way, 1 KiB bytes",
    script: "queue_one_way",
    variant: "1KiB",
    iterations: 50_000,
    needs: ["Queue", "Process", "RawArray"],
    reach: cpython(0.2),
  },
  {
    work: "Queue one way, 1 MiB bytes",
    script: "queue_one_way",
    variant: "1MiB",
    iterations: 500,
    needs: ["Queue", "Process", "RawArray"],
    reach: cpython(0.2),
    bytes: 1024 * 1024,
  },
  {
    work: "Queue request-reply, hot",
    script: "queue_request_reply",
    iterations: 30_000,
    needs: ["Queue", "Process", "RawArray"],
    floor: ["ping_pong", "spin"],
    reach: cpython(0.03),
  },
  {
    work: "Connection ping-pong, 64 bytes",
    script: "connection_ping_pong",
    variant: "64 bytes",
    iterations: 10_000,
    needs: ["Pipe", "Process", "RawArray"],
    floor: ["ping_pong", "socketpair"],
    reach: { ratio: 1.1, to: "C" },
  },
  {
    work: "Connection ping-pong, small object",
    script: "connection_ping_pong",
    variant: "object",
    iterations: 10_000,
    needs: ["Pipe", "Process", "RawArray"],
    floor: ["ping_pong", "socketpair"],
    reach: cpython(0.85),
  },
  {
    work: "Connection one way, 1 MiB bytes",
    script: "connection_one_way",
    iterations: 500,
    needs: ["Pipe", "Process", "RawArray"],
    reach: cpython(0.5),
    bytes: 1024 * 1024,
  },
  {
    work: "Pool.map, trivial function, per item",
    script: "pool_calls",
    variant: "map",
    iterations: 500_000,
    needs: ["Pool"],
    reach: cpython(0.7),
  },
  {
    work: "Pool.imap, chunksize 1, per item",
    script: "pool_calls",
    variant: "imap",
    iterations: 20_000,
    needs: ["Pool"],
    reach: cpython(0.3),
  },
  {
    work: "Pool.imapUnordered, chunksize 1, per item",
    script: "pool_calls",
    variant: "imapUnordered",
    iterations: 20_000,
    needs: ["Pool"],
    reach: cpython(0.3),
  },
  {
    work: "Pool.apply, trivial function",
    script: "pool_calls",
    variant: "apply",
    iterations: 3_000,
    needs: ["Pool"],
    reach: cpython(0.3),
  },
  {
    work: "Pool.imap, 1 MiB bytes there and back",
    script: "pool_calls",
    variant: "1MiB",
    iterations: 400,
    needs: ["Pool"],
    reach: cpython(0.33),
    bytes: 2 * 1024 * 1024,
  },
  {
    work: "Process start + join, spawn",
    script: "process_start",
    variant: "spawn",
    iterations: 10,
    needs: ["Process", "getContext"],
    floor: ["spawn_wait", DENO, "run", BARE],
    reach: cpython(0.6),
  },
  {
    work: "Process start + join, forkserver, one is warm",
    script: "process_start",
    variant: "forkserver",
    iterations: 10,
    needs: ["Process", "getContext"],
    reach: cpython(0.3),
  },
  {
    work: "Process start + join, forkserver, one after another",
    script: "process_start",
    variant: "forkserver at once",
    iterations: 10,
    needs: ["Process", "getContext"],
    reach: BETTER,
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
];
