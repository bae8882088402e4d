// A tree of a snapshot, to be asked: which process is that, what does it wait for, which object is meant, who waits there.

import type {
  LiveBarrier,
  LiveCondition,
  LiveEvent,
  LiveLock,
  LiveProcess,
  LiveQueue,
  LiveSemaphore,
  LiveThread,
  LiveWait,
  Tree,
} from "../live/snapshot.ts";

/** A wait, and who waits. */
export interface Waiter {
  readonly process: LiveProcess;
  /** The thread; of a promise that in which it was made, or `undefined`. */
  readonly thread: LiveThread | undefined;
  readonly isPromise: boolean;
  readonly wait: LiveWait;
}

/** A tree, with its parts by their names. */
export class TreeIndex {
  readonly tree: Tree;
  readonly locks: ReadonlyMap<string, LiveLock>;
  readonly semaphores: ReadonlyMap<string, LiveSemaphore>;
  readonly events: ReadonlyMap<string, LiveEvent>;
  readonly conditions: ReadonlyMap<string, LiveCondition>;
  readonly barriers: ReadonlyMap<string, LiveBarrier>;
  readonly queues: ReadonlyMap<string, LiveQueue>;
  /** All waits of blocked threads and of promises. */
  readonly waiters: readonly Waiter[];
  readonly #processes: ReadonlyMap<number, LiveProcess>;

  constructor(tree: Tree) {
    this.tree = tree;
    this.locks = byId(tree.locks);
    this.semaphores = byId(tree.semaphores);
    this.events = byId(tree.events);
    this.conditions = byId(tree.conditions);
    this.barriers = byId(tree.barriers);
    this.queues = byId(tree.queues);
    this.#processes = new Map(tree.processes.map((it) => [it.pid, it]));
    this.waiters = tree.processes.flatMap(waitersIn);
  }

  process(pid: number): LiveProcess | undefined {
    return this.#processes.get(pid);
  }

  /** What a process waits for, in its threads and promises. */
  waitersOf(process: LiveProcess): Waiter[] {
    return this.waiters.filter((it) => it.process === process);
  }

  /** What a thread waits for: blocked, or else in its promises. */
  waitersOfThread(pid: number, tid: number): Waiter[] {
    const own = this.waiters.filter((it) => it.process.pid === pid && it.thread?.tid === tid);
    const blocked = own.filter((it) => !it.isPromise);
    return blocked.length > 0 ? blocked : own;
  }

  /** The processes that wait at an object. */
  processesAt(object: string): LiveProcess[] {
    return [...new Set(this.waiters.filter((it) => it.wait.object === object).map((it) => it.process))];
  }

  /** The process's children that its tree has. */
  childrenOf(pid: number): LiveProcess[] {
    return this.tree.processes.filter((it) => it.parentPid === pid);
  }
}

function byId<T extends { readonly id: string }>(objects: readonly T[]): ReadonlyMap<string, T> {
  return new Map(objects.map((it) => [it.id, it]));
}

function waitersIn(process: LiveProcess): Waiter[] {
  const blocked = process.threads.flatMap((thread): Waiter[] =>
    thread.waitsFor === null ? [] : [{ process, thread, isPromise: false, wait: thread.waitsFor }]
  );
  const promised = process.promises.map((wait): Waiter => ({
    process,
    thread: process.threads.find(({ tid }) => tid === wait.tid),
    isPromise: true,
    wait,
  }));
  return [...blocked, ...promised];
}
