// What calls of a manager cost, beside CPython's in the same run: free, and everything pinned to one CPU.
//
// usage: deno run -A bench/managers.ts [--rounds=3] [--calls=20000] [--row=NAME]…
//
// Each row is measured in fresh processes, ours and CPython's in turn; the median of the rounds counts, and the worst ratio
// stands beside it.

import * as mp from "@parallel/multiprocessing";
import { BaseManager } from "@parallel/multiprocessing/managers";
import type { Failed } from "./compare.ts";
import { type CaseResult, median } from "./results.ts";
import { denoRun, newestPython, toldBy } from "./sides.ts";
import { isSmoke, many } from "./smoke.ts";
import { table } from "./table.ts";

/** Calls per figure. */
const CALLS = Number(optionsOf("calls")[0] ?? many(20_000, 40));
const FEW = Math.max(2, CALLS / 20);
const CLIENTS = 8;
const IN_FLIGHT = 100;
const MIB = new Uint8Array(2 ** 20).fill(109);
const KEY = new TextEncoder().encode("bench");

/** Median and mean nanoseconds. */
type Figure = readonly [median: number, mean: number];

function figure(times: readonly number[]): Figure {
  return [median(times), times.reduce((sum, it) => sum + it, 0) / times.length];
}

function timed(act: () => unknown, calls = CALLS): Figure {
  act();
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const begin = performance.now();
    act();
    times.push((performance.now() - begin) * 1e6);
  }
  return figure(times);
}

async function timedLater(act: () => Promise<unknown>, calls = CALLS): Promise<Figure> {
  await act();
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const begin = performance.now();
    await act();
    times.push((performance.now() - begin) * 1e6);
  }
  return figure(times);
}

async function cold(act: () => unknown): Promise<Figure> {
  const times: number[] = [];
  for (let i = 0; i < FEW; i++) {
    await new Promise((resolve) => setTimeout(resolve, 4));
    const begin = performance.now();
    act();
    times.push((performance.now() - begin) * 1e6);
  }
  return figure(times);
}

/** Nanoseconds of each of many calls, so many of which are under way at once. */
async function flights(call: () => Promise<unknown>): Promise<Figure> {
  await call();
  const begin = performance.now();
  for (let i = 0; i < CALLS; i += IN_FLIGHT) await Promise.all(Array.from({ length: IN_FLIGHT }, call));
  const each = (performance.now() - begin) * 1e6 / CALLS;
  return [each, each];
}

type Table = Awaited<ReturnType<mp.SyncManager["dict"]>>;

export function hammer(table: Table, calls: number, go: mp.Event, done: mp.Semaphore): void {
  const { sync } = table;
  sync.set("key", -1);
  done.release();
  go.waitSync();
  for (let i = 0; i < calls; i++) sync.set("key", i);
  done.release();
}

async function clients(manager: mp.SyncManager): Promise<Figure> {
  const table = await manager.dict();
  const [go, done] = [new mp.Event(), new mp.Semaphore(0)];
  const calls = Math.max(1, CALLS / CLIENTS);
  const workers = Array.from(
    { length: CLIENTS },
    () => new mp.Process({ target: hammer, args: [table, calls, go, done] }),
  );
  for (const worker of workers) worker.start();
  for (const _ of workers) await done.acquire();
  const begin = performance.now();
  go.set();
  for (const _ of workers) await done.acquire();
  const each = (performance.now() - begin) * 1e6 / (calls * CLIENTS);
  for (const worker of workers) await worker.join();
  return [each, each];
}

async function created(manager: mp.SyncManager): Promise<Figure> {
  return await timedLater(async () => (await manager.dict()).close(), FEW);
}

export async function serveStrangers(address: string): Promise<void> {
  const shared = new Map([["key", 1]]);
  class Remote extends BaseManager {}
  Remote.register("shared", () => shared, { exposed: ["get"] });
  await new Remote({ address, authkey: KEY }).getServer().serveForever();
}

async function stranger(way: "sync" | "async" | "flights"): Promise<Figure> {
  const address = `${Deno.makeTempDirSync()}/socket`;
  const server = new mp.Process({ target: serveStrangers, args: [address], daemon: true });
  server.start();
  const Remote = class extends BaseManager {}.register("shared") as typeof BaseManager;
  const manager = new Remote({ address, authkey: KEY });
  for (;;) {
    try {
      await manager.connect();
      break;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const shared = await manager.create("shared");
  const call = () => shared.callmethod("get", ["key"]);
  const result = way === "sync"
    ? timed(() => shared.sync.callmethod("get", ["key"]))
    : way === "async"
    ? await timedLater(call)
    : await flights(call);
  server.kill();
  await server.join();
  return result;
}

const ROWS: Record<string, (manager: mp.SyncManager) => Promise<Figure> | Figure> = {
  getSync: async (manager) => {
    const { sync } = await manager.dict([["key", 1]]);
    return timed(() => sync.get("key"));
  },
  setSync: async (manager) => {
    const { sync } = await manager.dict();
    return timed(() => sync.set("key", 1));
  },
  get: async (manager) => {
    const table = await manager.dict([["key", 1]]);
    return await timedLater(() => table.get("key"));
  },
  cold: async (manager) => {
    const { sync } = await manager.dict([["key", 1]]);
    return await cold(() => sync.get("key"));
  },
  flights: async (manager) => {
    const table = await manager.dict([["key", 1]]);
    return await flights(() => table.get("key"));
  },
  lock: async (manager) => {
    const { sync } = await manager.Lock();
    return timed(() => (sync.acquire(), sync.release()));
  },
  queue: async (manager) => {
    const { sync } = await manager.Queue();
    return timed(() => (sync.put(1), sync.get()));
  },
  value: async (manager) => {
    const { sync } = await manager.Value("i32", 0);
    return timed(() => sync.value);
  },
  event: async (manager) => {
    const { sync } = await manager.Event();
    return timed(() => sync.isSet());
  },
  clients,
  create: created,
  setLarge: async (manager) => {
    const { sync } = await manager.dict();
    return timed(() => sync.set("large", MIB), FEW);
  },
  getLarge: async (manager) => {
    const { sync } = await manager.dict([["large", MIB]]);
    return timed(() => sync.get("large"), FEW);
  },
  setReference: async (manager) => {
    const { sync } = await manager.dict<string, Uint8Array>();
    const shared = mp.RawArray("u8", MIB.length);
    return timed(() => sync.set("large", shared), FEW);
  },
  stranger: () => stranger("sync"),
  strangerLater: () => stranger("async"),
  strangerFlights: () => stranger("flights"),
};

/** What a row is compared with in python/managers.py, and the ratio to reach: of medians, or of means. */
interface Wanted {
  readonly work: string;
  readonly row: keyof typeof ROWS;
  readonly python: string;
  readonly of: 0 | 1;
  readonly ratio: number;
  readonly isPinned?: boolean;
}

const WANTED: readonly Wanted[] = [
  { work: "dict get, sync: median", row: "getSync", python: "get", of: 0, ratio: 0.15 },
  { work: "dict get, sync: mean", row: "getSync", python: "get", of: 1, ratio: 0.4 },
  { work: "dict set, sync: median", row: "setSync", python: "set", of: 0, ratio: 0.15 },
  { work: "dict set, sync: mean", row: "setSync", python: "set", of: 1, ratio: 0.4 },
  { work: "dict get, async: median", row: "get", python: "get", of: 0, ratio: 0.15 },
  { work: "dict get, async: mean", row: "get", python: "get", of: 1, ratio: 0.4 },
  { work: "dict get, sync, all on one CPU: median", row: "getSync", python: "get", of: 0, ratio: 0.5, isPinned: true },
  { work: "dict get, 4 ms after the last, sync", row: "cold", python: "cold", of: 0, ratio: 1 },
  { work: "dict get, 100 in flight, each", row: "flights", python: "get", of: 0, ratio: 0.2 },
  { work: "Lock pair", row: "lock", python: "lock", of: 0, ratio: 0.03 },
  { work: "Queue put + get", row: "queue", python: "queue", of: 0, ratio: 0.03 },
  { work: "Value, read", row: "value", python: "value", of: 0, ratio: 0.03 },
  { work: "Event, isSet", row: "event", python: "event", of: 0, ratio: 0.03 },
  { work: "dict set, 8 clients at once, each", row: "clients", python: "clients", of: 0, ratio: 0.5 },
  { work: "create and drop a dict", row: "create", python: "create", of: 0, ratio: 0.05 },
  { work: "dict set, 1 MiB of bytes", row: "setLarge", python: "setLarge", of: 0, ratio: 1.2 },
  { work: "dict get, 1 MiB of bytes", row: "getLarge", python: "getLarge", of: 0, ratio: 1.2 },
  { work: "dict set, 1 MiB by reference", row: "setReference", python: "setLarge", of: 0, ratio: 0.2 },
  { work: "a stranger's get over a UNIX socket, sync", row: "stranger", python: "stranger", of: 0, ratio: 1.2 },
  { work: "a stranger's get, async", row: "strangerLater", python: "stranger", of: 0, ratio: 3 },
  { work: "a stranger's get, 100 in flight, each", row: "strangerFlights", python: "stranger", of: 0, ratio: 0.4 },
];

/** Measures one row of ours, in this process. */
async function measure(row: string): Promise<void> {
  const manager = await mp.Manager();
  const [middle, mean] = await ROWS[row](manager);
  await manager.shutdown();
  console.log(JSON.stringify({ [row]: [middle, mean] }));
}

/** Seconds that one measurement may take. */
const LIMIT_SECONDS = 120;

async function told(command: readonly string[], row: string): Promise<Figure> {
  return (await toldBy(command, LIMIT_SECONDS))[row] as Figure;
}

/** The values of an option of the command line. */
function optionsOf(name: string): string[] {
  return Deno.args.filter((arg) => arg.startsWith(`--${name}=`)).map((arg) => arg.slice(name.length + 3));
}

/** How often and how long the rows are measured. */
interface Effort {
  readonly rounds: number;
  readonly calls: number;
}

type Side = "ours" | "CPython";

/** What the rounds of one row gave, of each side that did not fail. */
type Rounds = Map<Side, Figure[]>;

/** The commands of both sides that measure a row in a fresh process; in a smoke run ours alone. */
function sidesOf(wanted: Wanted, calls: number, python: string | null): [Side, string[]][] {
  const pinned = wanted.isPinned ? ["taskset", "-c", "0"] : [];
  const smoke = isSmoke ? ["--smoke"] : [];
  const options = [...smoke, `--calls=${calls}`, `--measure=${wanted.row}`];
  const ours = [...pinned, ...denoRun(), import.meta.filename!, ...options];
  if (python === null || isSmoke) return [["ours", ours]];
  const script = `${import.meta.dirname}/python/managers.py`;
  return [["ours", ours], ["CPython", [...pinned, python, "-B", script, `${calls}`, wanted.python]]];
}

/** Measures one row, the sides in turn. One that fails is not run again, and gives nothing. */
async function roundsOf(wanted: Wanted, effort: Effort, python: string | null, failed: Failed): Promise<Rounds> {
  const sides = sidesOf(wanted, effort.calls, python);
  const found: Rounds = new Map(sides.map(([side]) => [side, []]));
  for (let round = 0; round < effort.rounds; round++) {
    for (const [side, command] of sides.filter(([side]) => found.has(side))) {
      try {
        found.get(side)!.push(await told(command, side === "ours" ? wanted.row : wanted.python));
      } catch (error) {
        found.delete(side);
        failed(`Manager: ${wanted.work}, ${side}: ${(error as Error).message}`);
      }
    }
  }
  return found;
}

/** Measures the rows, those of `chosen` if there are any; rows of one measurement share it. */
export async function compareManagers(
  effort: Effort,
  failed: Failed,
  chosen: readonly string[] = [],
): Promise<CaseResult[]> {
  const python = (await newestPython())?.path ?? null;
  const measured = new Map<string, Rounds>();
  const rows: CaseResult[] = [];
  for (const wanted of WANTED) {
    if (chosen.length > 0 && !chosen.includes(wanted.row)) continue;
    const key = `${wanted.row} ${wanted.python} ${wanted.isPinned}`;
    const found = measured.get(key) ?? await roundsOf(wanted, effort, python, failed);
    measured.set(key, found);
    const runs = Object.fromEntries(Array.from(found, ([side, figures]) => [side, figures.map((it) => it[wanted.of])]));
    const target = { ratio: wanted.ratio, to: "CPython" } as const;
    rows.push({ work: `Manager: ${wanted.work}`, group: "managers", unit: "ns", target, runs });
    if (isSmoke) console.log(`runs: ${wanted.work}`);
  }
  return rows;
}

if (import.meta.main) {
  const [row] = optionsOf("measure");
  if (row !== undefined) await measure(row);
  else {
    const rounds = isSmoke ? 1 : Number(optionsOf("rounds")[0] ?? 3);
    const failed = (what: string) => {
      console.error(`failed: ${what}`);
      Deno.exitCode = 1;
    };
    const rows = await compareManagers({ rounds, calls: CALLS }, failed, optionsOf("row"));
    if (!isSmoke) console.log(`median of ${rounds} rounds\n\n${table(rows)}`);
  }
}
