// How many calls of a pool may wait: those of which no worker has begun a task. It is seen without asking the workers: all
// take from one channel, so of the tasks that are given the first ones are those that run, or that a free worker begins at
// once.

import type { Call } from "./calls/call.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** What the limit needs of its pool. */
export interface QueueLimitOptions {
  /** How many calls may wait. */
  readonly most: number;
  /** How many workers there are to be, at most. */
  readonly processes: number;
  /** How many tasks one runs at a time. */
  readonly concurrency: number;
  readonly workers: Iterable<WorkerHandle>;
  readonly dispatcher: Pick<Dispatcher, "due" | "firstCalls">;
}

/** The limit of one pool. */
export class QueueLimit {
  readonly #options: QueueLimitOptions;
  /** Those of which no worker has begun a task, as far as that has been seen. */
  readonly #waiting = new Set<Call>();

  constructor(options: QueueLimitOptions) {
    this.#options = options;
  }

  /** A call may be given to workers. */
  add(call: Call): void {
    this.#waiting.add(call);
  }

  /** A worker has begun a task of it, or it is over: it does not wait any more. */
  remove(call: Call): void {
    this.#waiting.delete(call);
  }

  /** Whether another call would have to wait, and as many do as may. */
  get isFull(): boolean {
    const { most, processes, concurrency, dispatcher } = this.#options;
    const { due } = dispatcher;
    if (due < this.#ready * concurrency) return false; // a worker is free: all that wait have nothing to give it
    const capacity = processes * concurrency;
    for (const call of dispatcher.firstCalls(capacity)) this.#waiting.delete(call);
    // Each worker that is yet to be ready takes one of them.
    return this.#waiting.size >= most + Math.max(0, capacity - due);
  }

  /** How many workers take tasks. */
  get #ready(): number {
    let ready = 0;
    for (const { state, isRetired } of this.#options.workers) if (state === "ready" && !isRetired) ready++;
    return ready;
  }
}
