// Snapshots that are made up, for what is told of them: only what a test is about is written down.

import type {
  LiveLock,
  LiveProcess,
  LiveQueue,
  LiveThread,
  LiveWait,
  PromiseWait,
  Snapshot,
  Tree,
} from "../../src/live/snapshot.ts";
import { linesOf } from "../../src/cli/frame.ts";
import { Standstill } from "../../src/cli/deadlock.ts";
import type { Activity } from "../../src/cli/proc.ts";
import { Storyteller } from "../../src/cli/story.ts";
import { TreeIndex } from "../../src/cli/tree_index.ts";

export function snapshot(...trees: Tree[]): Snapshot {
  return { at: "2026-01-02T03:04:05.678Z", trees, troubles: [] };
}

export function tree(parts: Partial<Tree>): Tree {
  const lists = { locks: [], semaphores: [], events: [], conditions: [], barriers: [], queues: [], pools: [] };
  return { id: "1", rootPid: 10, sharedBytes: 1 << 20, processes: [], troubles: [], ...lists, ...parts };
}

/** A process whose main thread waits for that, or does not wait. */
export function process(
  pid: number,
  name: string,
  waitsFor: LiveWait | null,
  parts: Partial<LiveProcess> = {},
): LiveProcess {
  return {
    pid,
    name,
    parentPid: pid === 10 ? null : 10,
    state: "running",
    isCaged: false,
    cpuMs: 1500,
    cpuPercent: null,
    memoryBytes: 80 * 2 ** 20,
    startedAt: null,
    isStopped: false,
    threads: [thread(pid, waitsFor)],
    promises: [],
    morePromises: 0,
    ...parts,
  };
}

export function thread(tid: number, waitsFor: LiveWait | null, name = "deno"): LiveThread {
  return { tid, name, waitsFor };
}

/** A wait of 2 s for an object, or for the process `pid`. */
export function wait(kind: LiveWait["kind"], object: string | null = null, pid: number | null = null): LiveWait {
  return { kind, object, pid, sinceMs: 2000 };
}

export function promise(tid: number, kind: LiveWait["kind"], object: string | null = null): PromiseWait {
  return { ...wait(kind, object), tid };
}

/** A lock that the main thread of that process holds; nobody does for `null`. */
export function lock(
  id: string,
  holder: { pid: number; name: string } | null,
  parts: Partial<LiveLock> = {},
): LiveLock {
  return {
    id,
    name: id,
    kind: "lock",
    holder: holder && { pid: holder.pid, tid: holder.pid, processName: holder.name, livesOn: true },
    heldForAtLeastMs: holder && 3000,
    depth: 0,
    waiters: 1,
    ...parts,
  };
}

export function queue(id: string, parts: Partial<LiveQueue> = {}): LiveQueue {
  const counts = { put: 0, taken: 0, putPerSecond: null, takenPerSecond: null, bytes: 0 };
  const state = { length: 0, capacity: 0, unfinished: null, isShutDown: false, users: null };
  return { id, name: id, ...counts, ...state, putters: [], takers: [], joiners: [], ...parts };
}

/** The story of everything that the process `pid` of the tree waits for; the system says of each thread that it sleeps. */
export function storyOf(of: Tree, pid: number, activities: Record<number, Activity> = {}): string[] {
  const index = new TreeIndex(of);
  const teller = new Storyteller(index, new Standstill(index), (pid) => activities[pid] ?? "sleeping");
  return index.waitersOf(index.process(pid)!).flatMap((waiter) => teller.tell(waiter))
    .map(({ depth, text }) => `${"  ".repeat(depth)}${text}`);
}

/** The lines of `top`. */
export function frameOf(of: Snapshot): string[] {
  return linesOf(of).map(({ text }) => text);
}
