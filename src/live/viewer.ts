// Looks at the live trees of this user from outside, again and again. What the addon tells of their memory is completed by
// what the system tells of their processes, and by how both have changed since the look before.

import { nativeAlone } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { Date, performance } from "../runtime/timing.ts";
import { type Figures, figuresOf, threadName } from "./figures.ts";
import type { LiveLock, LivePool, LiveProcess, LiveQueue, LiveThread, Snapshot, Tree } from "./snapshot.ts";

/** What the addon tells: a snapshot without what is added here. */
interface Look {
  readonly trees: readonly SeenTree[];
  readonly troubles: readonly string[];
}

interface SeenTree extends Omit<Tree, "processes" | "queues" | "pools"> {
  readonly processes: readonly SeenProcess[];
  readonly queues: readonly Omit<LiveQueue, "putPerSecond" | "takenPerSecond">[];
  readonly pools: readonly Omit<LivePool, "donePerSecond">[];
}

interface SeenProcess extends Omit<LiveProcess, "threads" | keyof Figures | "cpuPercent"> {
  readonly threads: readonly Omit<LiveThread, "name">[];
}

/** Whose lock it was, and since when this viewer has seen it so. */
interface Holding {
  readonly pid: number;
  readonly tid: number;
  readonly since: number;
}

/** What a look leaves to the next: of each process, object and lock, by tree and id. */
interface Memory {
  readonly at: number;
  readonly cpu: Map<string, number>;
  readonly counts: Map<string, readonly number[]>;
  readonly holdings: Map<string, Holding>;
}

/** Modulo which messages and tasks are counted. */
const COUNTS = 2 ** 32;

/**
 * Looks at the live trees of this user. It reads and does nothing else: no process of a tree notices it.
 *
 * A viewer remembers its last look: rates are those since then.
 */
export class Viewer {
  #before: Memory | null = null;

  /**
   * What there is now. The tree of the calling process is shown if other processes are in it.
   *
   * @throws {Deno.errors.NotSupported} If /proc cannot be read.
   */
  look(): Snapshot {
    const look: Look = JSON.parse(translated(() => nativeAlone().liveTrees()));
    const now = new Memorising(this.#before, performance.now());
    const trees = look.trees.map((tree): Tree => ({
      ...tree,
      processes: inOrder(tree.processes).map((it) => now.process(tree.id, it)),
      locks: tree.locks.map((it) => now.lock(tree.id, it)),
      queues: tree.queues.map((it) => now.queue(tree.id, it)),
      pools: tree.pools.map((it) => now.pool(tree.id, it)),
    }));
    this.#before = now.memory;
    return { at: new Date().toISOString(), trees, troubles: look.troubles };
  }
}

/** One look, beside the one before. */
class Memorising {
  readonly memory: Memory;
  readonly #before: Memory | null;

  constructor(before: Memory | null, at: number) {
    this.#before = before;
    this.memory = { at, cpu: new Map(), counts: new Map(), holdings: new Map() };
  }

  /** Milliseconds since the look before; `null` if there is none, or no time has passed. */
  get #elapsed(): number | null {
    const elapsed = this.#before === null ? 0 : this.memory.at - this.#before.at;
    return elapsed > 0 ? elapsed : null;
  }

  process(tree: string, seen: SeenProcess): LiveProcess {
    const figures = figuresOf(seen.pid);
    // A later process may have the number.
    const key = `${tree} ${seen.pid} ${figures.startedAt}`;
    const before = this.#before?.cpu.get(key);
    const { cpuMs } = figures;
    if (cpuMs !== null) this.memory.cpu.set(key, cpuMs);
    const isComparable = cpuMs !== null && before !== undefined && this.#elapsed !== null;
    const threads = seen.threads.map((it) => ({ ...it, name: threadName(seen.pid, it.tid) }));
    return {
      ...seen,
      ...figures,
      cpuPercent: isComparable ? Math.max(0, cpuMs - before) / this.#elapsed! * 100 : null,
      threads,
    };
  }

  lock(tree: string, seen: LiveLock): LiveLock {
    const { holder, heldForAtLeastMs: told } = seen;
    if (holder === null) return seen;
    const key = `${tree} ${seen.id}`;
    const { at } = this.memory;
    const before = this.#before?.holdings.get(key);
    const isSame = before?.pid === holder.pid && before.tid === holder.tid;
    // Nobody tells of a lock that nobody waits for; that it was let go meanwhile and taken again is not seen either.
    const since = told !== null ? at - told : isSame ? before.since : at;
    this.memory.holdings.set(key, { pid: holder.pid, tid: holder.tid, since });
    return told === null && isSame ? { ...seen, heldForAtLeastMs: Math.round(at - since) } : seen;
  }

  queue(tree: string, seen: SeenTree["queues"][number]): LiveQueue {
    const [putPerSecond, takenPerSecond] = this.#rates(`${tree} ${seen.id}`, [seen.put, seen.taken]);
    return { ...seen, putPerSecond, takenPerSecond };
  }

  pool(tree: string, seen: SeenTree["pools"][number]): LivePool {
    const [donePerSecond] = this.#rates(`${tree} ${seen.id}`, [seen.done]);
    return { ...seen, donePerSecond };
  }

  /** How many a second each count has grown by; `null` if that is not known. */
  #rates(key: string, counts: readonly number[]): (number | null)[] {
    const before = this.#before?.counts.get(key);
    this.memory.counts.set(key, counts);
    const elapsed = this.#elapsed;
    if (before === undefined || elapsed === null) return counts.map(() => null);
    return counts.map((count, i) => (count - before[i] + COUNTS) % COUNTS / elapsed * 1000);
  }
}

/** The processes, each behind its parent; those whose parents are not there come first. */
function inOrder(processes: readonly SeenProcess[]): SeenProcess[] {
  const children = Map.groupBy(processes, (it) => it.parentPid);
  const pids = new Set(processes.map((it) => it.pid));
  const ordered: SeenProcess[] = [];
  const placed = new Set<SeenProcess>();
  const place = (process: SeenProcess) => {
    // Damaged memory may make a process its own ancestor.
    if (placed.has(process)) return;
    placed.add(process);
    ordered.push(process);
    children.get(process.pid)?.forEach(place);
  };
  processes.filter((it) => it.parentPid === null || !pids.has(it.parentPid)).forEach(place);
  processes.forEach(place);
  return ordered;
}
