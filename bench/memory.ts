// What shared objects cost in memory: whether a million that come and go leave
// anything behind, and what a hundred thousand that stay take each.
//
// usage: deno run -A bench/memory.ts

import * as mp from "@parallel/multiprocessing";
import { native } from "../src/addon/load.ts";
import { isSmoke, many } from "./smoke.ts";
import { aligned } from "./table.ts";

const CYCLES = many(1_000_000, 4_000);
/** Cycles after which the footprint has to stay as it is. */
const WARM = many(200_000, 2_000);
/** Cycles between two turns of the event loop, in which Deno runs finalizers. */
const TURN = 1_000;
/** What the process may grow by from then on: V8 keeps no exact house. */
const SLACK = 8 * 2 ** 20;

const LIVE = many(100_000, 1_000);
const PAIRS = many(2_000_000, 2_000);

/** Creates one and lets go of it. */
const KINDS: Readonly<Record<string, () => void>> = {
  "Lock": () => new mp.Lock()[Symbol.dispose](),
  "RLock": () => new mp.RLock()[Symbol.dispose](),
  "Semaphore": () => new mp.Semaphore()[Symbol.dispose](),
  "BoundedSemaphore": () => new mp.BoundedSemaphore()[Symbol.dispose](),
  "Event": () => new mp.Event()[Symbol.dispose](),
  "Condition": () => new mp.Condition()[Symbol.dispose](),
  "Barrier": () => new mp.Barrier(4)[Symbol.dispose](),
  "Value": () => mp.Value("i32")[Symbol.dispose](),
  "RawValue": () => mp.RawValue("i32")[Symbol.dispose](),
  "Array": () => mp.Array("i32", 4)[Symbol.dispose](),
  // Has nothing to dispose of: the garbage collector returns it.
  "RawArray, collected": () => void mp.RawArray("i32", 4),
};

/** The memory of this process and of its tree, in bytes. */
interface Footprint {
  readonly rss: number;
  readonly arena: number;
  readonly blocks: number;
}

function footprint(): Footprint {
  const { resident, blocks } = native().memoryUsage();
  return { rss: Deno.memoryUsage().rss, arena: resident, blocks };
}

/** How one kind did. */
interface Cycled {
  readonly ns: number;
  readonly start: Footprint;
  /** The most during the cycles that are to warm up, and during the others. */
  readonly warm: Footprint;
  readonly end: Footprint;
}

async function cycle(once: () => void): Promise<Cycled> {
  once();
  const start = footprint();
  let [warm, end] = [start, start];
  let elapsed = 0;
  for (let done = 0; done < CYCLES; done += TURN) {
    const begin = performance.now();
    for (let i = 0; i < TURN; i++) once();
    elapsed += performance.now() - begin;
    await new Promise((resolve) => setImmediate(resolve));
    const now = footprint();
    if (done < WARM) warm = most(warm, now);
    else end = most(end, now);
  }
  return { ns: elapsed * 1e6 / CYCLES, start, warm, end };
}

function most(a: Footprint, b: Footprint): Footprint {
  return {
    rss: Math.max(a.rss, b.rss),
    arena: Math.max(a.arena, b.arena),
    blocks: Math.max(a.blocks, b.blocks),
  };
}

/** One process per kind: none inherits the garbage of another. */
async function cycles(): Promise<string[][]> {
  const rows = [];
  for (const kind of Object.keys(KINDS)) {
    const { ns, start, warm, end } = await inProcess<Cycled>(kind);
    const isFlat = end.rss <= warm.rss + SLACK && end.arena <= warm.arena + SLACK;
    rows.push([
      kind,
      `${(ns / 1e3).toFixed(2)} us`,
      ...[start, warm, end].map(({ rss }) => mebibytes(rss)),
      ...[start, warm, end].map(({ arena }) => `${arena / 1024} KiB`),
      `${end.blocks}`,
      isFlat ? "yes" : "NO",
    ]);
  }
  return rows;
}

/** What a hundred thousand locks cost. */
interface Lived {
  readonly arena: number;
  readonly rss: number;
  readonly createNs: number;
  readonly aloneNs: number;
  readonly amongNs: number;
  readonly eachNs: number;
}

function live(): Lived {
  const alone = new mp.Lock();
  pairs(alone, PAIRS / 10);
  const aloneNs = nsOf(PAIRS, () => pairs(alone, PAIRS));
  const before = footprint();
  const begin = performance.now();
  const locks = Array.from({ length: LIVE }, () => new mp.Lock());
  const createNs = (performance.now() - begin) * 1e6 / LIVE;
  const after = footprint();
  const among = locks[LIVE / 2];
  const amongNs = nsOf(PAIRS, () => pairs(among, PAIRS));
  const eachNs = nsOf(PAIRS, () => {
    for (let done = 0; done < PAIRS; done += LIVE) locks.forEach((lock) => pairs(lock, 1));
  });
  return {
    arena: (after.arena - before.arena) / LIVE,
    rss: (after.rss - before.rss) / LIVE,
    createNs,
    aloneNs,
    amongNs,
    eachNs,
  };
}

function pairs(lock: mp.Lock, n: number): void {
  for (let i = 0; i < n; i++) {
    lock.acquireSync();
    lock.release();
  }
}

function nsOf(n: number, body: () => void): number {
  const begin = performance.now();
  body();
  return (performance.now() - begin) * 1e6 / n;
}

/** Runs this module with an argument, in a process of its own; what that printed. */
async function inProcess<T>(what: string): Promise<T> {
  const args = ["run", "-A", `--config=${import.meta.dirname}/../deno.json`, import.meta.filename!, what, ...Deno.args];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`Cannot measure the memory of "${what}": its process failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

async function main(): Promise<boolean> {
  const head = ["create and dispose", "per cycle", "RSS", "at 200 k", "to 1 M", "arena", "at 200 k", "to 1 M"];
  const rows = await cycles();
  console.log(`${CYCLES} cycles each; the most of RSS and of the arena`);
  console.log(aligned([[...head, "blocks", "flat?"], ...rows]));

  const { arena, rss, createNs, aloneNs, amongNs, eachNs } = await inProcess<Lived>(`${LIVE}`);
  const ns = (time: number) => `${time.toFixed(1)} ns`;
  console.log(`\n${LIVE} live locks`);
  console.log(aligned([
    ["of each", ""],
    ["memory in the arena", `${arena.toFixed(0)} bytes`],
    ["memory in all, with its JavaScript object", `${rss.toFixed(0)} bytes`],
    ["creation", ns(createNs)],
    ["acquire and release, before there are others", ns(aloneNs)],
    ["acquire and release, one among them", ns(amongNs)],
    ["acquire and release, all in turn", ns(eachNs)],
  ]));
  return rows.every((row) => row.at(-1) === "yes");
}

if (import.meta.main) {
  const what = Deno.args.find((arg) => !arg.startsWith("--"));
  if (what === undefined) Deno.exit(await main() || isSmoke ? 0 : 1);
  console.log(JSON.stringify(what in KINDS ? await cycle(KINDS[what]) : live()));
}
