/**
 * Queues between the processes of a tree, after Python's `multiprocessing.queues`.
 *
 * @module
 */

import { BlockHandle, type BlockReference, closedError } from "./blocks.ts";
import { Empty, Full, InvalidStateError } from "./errors.ts";
import { native, translated } from "./native.ts";
import {
  type AcquireOptions,
  type AcquireSyncOptions,
  timeoutOf,
  type WaitOptions,
  type WaitSyncOptions,
} from "./options.ts";
import { NOTHING, serialiseCopy, Transport } from "./queues/transport.ts";
import { attach, register } from "./reduction.ts";
import { Turnstile } from "./turnstile.ts";
import { retry } from "./waits.ts";

/** What a wait in the addon waits for (`queue_await` in native/addon/src/queues.rs). */
const Awaited = { filled: 0, drained: 1, done: 2 } as const;

/** The largest `maxsize`; also how many messages a queue without one may hold. */
const MAXSIZE_LIMIT = 2 ** 31 - 1;

/**
 * A first-in, first-out queue for any number of producers and consumers in any process of the tree.
 *
 * Values are serialised by {@linkcode Queue.put | put}, which throws if that is impossible, and are in shared memory
 * when it returns: no thread has to be flushed, and a process killed at any moment costs at most the message that it
 * was putting or had just taken. Each producer's messages keep their order.
 *
 * A queue is collected when no process has it any more; {@linkcode Queue.close | close} gives up this process's share
 * at once.
 *
 * @example Between two processes, or two parts of one
 * ```ts
 * import { Empty, Queue } from "@parallel/multiprocessing";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * using queue = new Queue<{ path: string }>();
 * queue.putSync({ path: "a.txt" });
 * assertEquals(queue.qsize(), 1);
 * assertEquals(await queue.get(), { path: "a.txt" });
 * assertThrows(() => queue.getNowait(), Empty);
 * ```
 */
export class Queue<T = unknown> implements Disposable, AsyncIterable<T> {
  static {
    register(Queue, {
      reduce: (queue) => queue.data(),
      restore: (data: BlockReference) => new Queue(BlockHandle.adopt(data)),
    });
  }

  readonly #handle: BlockHandle;
  readonly #transport = new Transport();
  readonly #putting = new Turnstile();
  readonly #getting = new Turnstile();

  /**
   * A new queue that holds at most `maxsize` values; 0 or less: any number that fits into memory.
   *
   * @throws {RangeError} If `maxsize` is not a whole number, or more than 2147483647.
   */
  constructor(maxsize?: number);
  /** @ignore The queue in a block that exists. */
  constructor(handle: BlockHandle);
  constructor(first: number | BlockHandle = 0) {
    if (first instanceof BlockHandle) {
      this.#handle = first;
      return;
    }
    if (!Number.isInteger(first) || first > MAXSIZE_LIMIT) {
      throw new RangeError(
        `Cannot create a queue: "maxsize" is ${Deno.inspect(first)}, wanted a whole number up to ${MAXSIZE_LIMIT}`,
      );
    }
    this.#handle = BlockHandle.of((addon) => addon.queueCreate(Math.max(0, first)));
  }

  /** How many values are in the queue, for all processes at once. */
  qsize(): number {
    return native().queueSize(this.block("look at"));
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether the queue holds `maxsize` values. */
  full(): boolean {
    const maxsize = native().queueMaxsize(this.block("look at"));
    return maxsize !== 0 && this.qsize() >= maxsize;
  }

  /**
   * Puts a value, waiting for room without blocking the thread. The value is serialised at once: it may change as
   * soon as `put` has returned its promise. Puts that wait are done in the order of their calls.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is put.
   * @throws {Full} If there was no room in time.
   * @throws {InvalidStateError} If the queue is closed.
   * @throws What `signal` was aborted with; then nothing is put.
   */
  async put(value: T, options?: AcquireOptions): Promise<void> {
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (!this.#putting.occupied && this.#transport.put(this.block("put into"), value, 0)) return;
    if (timeout === 0) throw this.#full(timeout);
    const message = serialiseCopy(value);
    const until = performance.now() + timeout;
    if (!await this.#putting.enter(timeout, signal)) throw this.#full(timeout);
    try {
      const attempt = () => this.#transport.putMessage(this.block("put into"), message, 0) || undefined;
      const done = await retry(attempt, this.#awaiting(Awaited.drained), until - performance.now(), { signal });
      if (done === undefined) throw this.#full(timeout);
    } finally {
      this.#putting.leave();
    }
  }

  /**
   * Puts a value, blocking the thread until there is room.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is put.
   * @throws {Full} If there was no room in time.
   * @throws {InvalidStateError} If the queue is closed.
   */
  putSync(value: T, options?: AcquireSyncOptions): void {
    const timeout = timeoutOf(options);
    if (!this.#transport.put(this.block("put into"), value, timeout)) throw this.#full(timeout);
  }

  /**
   * Puts a value if there is room at once.
   *
   * @throws {Full} If there is none. Otherwise as {@linkcode putSync}.
   */
  putNowait(value: T): void {
    if (!this.#transport.put(this.block("put into"), value, 0)) throw this.#full(0);
  }

  /**
   * Takes the first value, waiting for one without blocking the thread.
   *
   * @throws {Empty} If none came in time.
   * @throws {InvalidStateError} If the queue is closed.
   * @throws What `signal` was aborted with; then nothing is taken.
   */
  async get(options?: AcquireOptions): Promise<T> {
    const timeout = timeoutOf(options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    if (!this.#getting.occupied) {
      const value = this.#transport.get(this.block("get from"), 0);
      if (value !== NOTHING) return value as T;
    }
    if (timeout === 0) throw this.#empty(timeout);
    const until = performance.now() + timeout;
    if (!await this.#getting.enter(timeout, signal)) throw this.#empty(timeout);
    try {
      // In a box: a value may be undefined.
      const attempt = () => {
        const value = this.#transport.get(this.block("get from"), 0);
        return value === NOTHING ? undefined : { value: value as T };
      };
      const got = await retry(attempt, this.#awaiting(Awaited.filled), until - performance.now(), { signal });
      if (got === undefined) throw this.#empty(timeout);
      return got.value;
    } finally {
      this.#getting.leave();
    }
  }

  /**
   * Takes the first value, blocking the thread until there is one.
   *
   * @throws {Empty} If none came in time.
   * @throws {InvalidStateError} If the queue is closed.
   */
  getSync(options?: AcquireSyncOptions): T {
    const timeout = timeoutOf(options);
    const value = this.#transport.get(this.block("get from"), timeout);
    if (value === NOTHING) throw this.#empty(timeout);
    return value as T;
  }

  /**
   * Takes the first value if there is one at once.
   *
   * @throws {Empty} If there is none. Otherwise as {@linkcode getSync}.
   */
  getNowait(): T {
    return this.getSync({ block: false });
  }

  /** Takes value after value, for ever. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    for (;;) yield await this.get();
  }

  /** Forbids further use in this process, and gives up its share. What was put stays. Again: nothing happens. */
  close(): void {
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Waits until what this process put is in the queue; it is as soon as `put` returns. Here for Python's sake.
   *
   * @throws {InvalidStateError} If {@linkcode close} has not been called.
   */
  joinThread(): Promise<void> {
    return Promise.try(() => this.joinThreadSync());
  }

  /** As {@linkcode joinThread}. */
  joinThreadSync(): void {
    if (!this.#handle.closed) throw new InvalidStateError("Cannot join the queue's thread: the queue is not closed");
  }

  /** Does nothing: there is no thread whose data could be lost. Here for Python's sake. */
  cancelJoinThread(): void {}

  protected data(): BlockReference {
    attach(this.block("send"));
    return this.#handle.reference();
  }

  /** The number of the queue's block. */
  protected block(action: string): number {
    if (this.#handle.closed) throw closedError(`${action} the queue`, this.constructor.name);
    return this.#handle.block;
  }

  #awaiting(state: number): (timeout: number) => number {
    return (timeout) => translated(() => native().queueAwait(this.block("wait for"), state, timeout));
  }

  #full(timeout: number): Full {
    return new Full(`Cannot put into the queue: it is full${within(timeout)}`);
  }

  #empty(timeout: number): Empty {
    return new Empty(`Cannot get from the queue: it is empty${within(timeout)}`);
  }
}

/**
 * A queue that counts what has been put and not been dealt with: each `get` is followed by one
 * {@linkcode JoinableQueue.taskDone | taskDone}, and {@linkcode JoinableQueue.join | join} waits for the last.
 *
 * @example Wait until the work is done
 * ```ts
 * import { JoinableQueue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using jobs = new JoinableQueue<string>();
 * jobs.putSync("a.txt");
 * assertEquals(await jobs.join({ timeout: 0 }), false);
 * assertEquals(jobs.getSync(), "a.txt");
 * jobs.taskDone();
 * assertEquals(await jobs.join(), true);
 * ```
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  static {
    register(JoinableQueue, {
      reduce: (queue) => queue.data(),
      restore: (data: BlockReference) => new JoinableQueue(BlockHandle.adopt(data)),
    });
  }

  /**
   * Says that one value that was taken has been dealt with.
   *
   * @throws {InvalidStateError} If that has been said of every value already.
   */
  taskDone(): void {
    if (!native().queueTaskDone(this.block("acknowledge a task of"))) {
      throw new InvalidStateError("Cannot acknowledge a task: task_done() called too many times");
    }
  }

  /**
   * Waits, without blocking the thread, until every value put has been dealt with.
   *
   * @returns `true`, or `false` if that did not happen in time.
   * @throws What `signal` was aborted with.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    const isDone = () => native().queueUnfinished(this.block("join")) === 0 || undefined;
    const submit = (left: number) => translated(() => native().queueAwait(this.block("join"), Awaited.done, left));
    return await retry(isDone, submit, timeout, options ?? {}) ?? false;
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    return native().queueJoin(this.block("join"), timeoutOf(options));
  }
}

function within(timeout: number): string {
  return timeout === 0 ? "" : `, and was for ${timeout} ms`;
}
