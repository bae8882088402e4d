// Queue and JoinableQueue of a manager.

import type { NameOptions } from "../../runtime/object_name.ts";
import { Empty, ShutDown } from "../../errors.ts";
import { JoinableQueue } from "../../queues/joinable_queue.ts";
import {
  ACQUIRE,
  ACQUIRE_SYNC,
  type AcquireOptions,
  type AcquireSyncOptions,
  requireFlag,
  requireKnown,
  timeoutOf,
  type WaitOptions,
  type WaitSyncOptions,
} from "../../waiting/options.ts";
import { requireMax } from "../../queues/outcomes.ts";
import type { Caller } from "../objects.ts";
import { type BaseProxy, SyncProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { passed } from "./contents.ts";
import {
  arrivedOptions,
  direct,
  DirectProxy,
  directType,
  given,
  givenSync,
  remote,
  remoteSync,
  sendable,
} from "./direct.ts";

const EXPOSED = [
  ...["put", "putNowait", "putMany", "get", "getNowait", "getMany"],
  ...["qsize", "empty", "full", "shutdown", "taskDone", "join"],
];

/** How a queue is shut down. */
export interface QueueShutdownOptions {
  /** Whether what is in the queue is thrown away. Default: `false`. */
  immediate?: boolean;
}

/**
 * Stands for a queue that a manager has, as {@linkcode JoinableQueue}: a manager's queues can all be joined, as Python's.
 * While the manager's server lives somebody may put, or take, for a client in another program: waits for the queue then
 * never end because nobody else has it.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const queue = await manager.Queue<string>(2);
 * await queue.put("a");
 * queue.sync.put("b");
 * assertEquals([await queue.full(), queue.sync.get(), await queue.get()], [true, "a", "b"]);
 * ```
 */
export class QueueProxy<T = unknown> extends DirectProxy<JoinableQueue<T>> implements AsyncIterable<T> {
  /** The same, blocking the thread. */
  override get sync(): SyncQueue<T> {
    return super.sync as SyncQueue<T>;
  }

  /**
   * Puts a value, waiting for room without blocking the thread.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is put.
   * @throws {Full} If there was no room in time.
   * @throws {ShutDown} If the queue is or is being shut down.
   * @throws {EOFError} If it is full, and nobody can take any more, the server among them.
   * @throws What the signal was aborted with; then nothing is put.
   */
  async put(value: T, options?: AcquireOptions): Promise<void> {
    const object = this[direct]();
    const all = this[given](options, ACQUIRE);
    if (object !== null) await object.put(value, all);
    else await this[remote]("put", [value, ...sendable(all)], all?.signal);
  }

  /**
   * Puts a value if there is room at once.
   *
   * @throws {Full} If there is none. Otherwise as {@linkcode put}.
   */
  async putNowait(value: T): Promise<void> {
    await this.put(value, { block: false });
  }

  /**
   * Takes the first value, waiting for one without blocking the thread.
   *
   * @throws {Empty} If none came in time.
   * @throws {ShutDown} If the queue is empty and shut down.
   * @throws {EOFError} If it is empty, and nobody can put any more, the server among them.
   * @throws What the signal was aborted with; then nothing is taken.
   */
  async get(options?: AcquireOptions): Promise<T> {
    const object = this[direct]();
    const all = this[given](options, ACQUIRE);
    if (object !== null) return await object.get(all);
    return await this[remote]("get", sendable(all), all?.signal) as T;
  }

  /**
   * Takes the first value if there is one at once.
   *
   * @throws {Empty} If there is none. Otherwise as {@linkcode get}.
   */
  async getNowait(): Promise<T> {
    return await this.get({ block: false });
  }

  /**
   * Puts values in their order, waiting for room: see {@linkcode Queue.putMany}. In a client that is in no process of the
   * tree, all are in one request; if that is given up, some may have been put, and a value that cannot be sent is not named
   * by its index.
   *
   * @returns How many there were.
   * @throws {Full} If there was no room for all in time. Its `put` says how many are in the queue.
   * @throws {ShutDown} If the queue is or is being shut down.
   */
  async putMany(values: Iterable<T>, options?: AcquireOptions): Promise<number> {
    const object = this[direct]();
    const all = this[given](options, ACQUIRE);
    if (object !== null) return await object.putMany(values, all);
    return await this[remote]("putMany", [[...values], ...sendable(all)], all?.signal) as number;
  }

  /**
   * Takes the values that are there, up to `max`, waiting for the first: see {@linkcode Queue.getMany}. For a client in
   * another program the server takes them: fewer if they have more than 1 MiB together, and none behind one that cannot be
   * read, or not be sent to that program. The error of that one is thrown if it is the first, else by the next call of such a
   * client that gets. Aborted, such a client loses what the server had taken by then.
   *
   * @throws {TypeError} If `max` is not a number.
   * @throws {RangeError} If `max` is not a whole number from 1 to `Number.MAX_SAFE_INTEGER`.
   * @throws {Empty} If none came in time.
   * @throws {ShutDown} If the queue is empty and shut down.
   */
  async getMany(max: number, options?: AcquireOptions): Promise<T[]> {
    const object = this[direct]();
    const all = this[given](options, ACQUIRE);
    if (object !== null) return await object.getMany(max, all);
    requireMax(max);
    return await this[remote]("getMany", [max, ...sendable(all)], all?.signal) as T[];
  }

  /** How many values are in the queue. */
  async qsize(): Promise<number> {
    const object = this[direct]();
    return object === null ? await this[remote]("qsize", []) as number : object.qsize();
  }

  /** Whether the queue holds nothing. */
  async empty(): Promise<boolean> {
    const object = this[direct]();
    return object === null ? await this[remote]("empty", []) as boolean : object.empty();
  }

  /** Whether the queue holds as many values as it may. */
  async full(): Promise<boolean> {
    const object = this[direct]();
    return object === null ? await this[remote]("full", []) as boolean : object.full();
  }

  /** Forbids putting, for all: see {@linkcode Queue.shutdown}. */
  async shutdown(options: QueueShutdownOptions = {}): Promise<void> {
    requireKnown("shut down the queue", options, ["immediate"]);
    requireFlag("shut down the queue", "immediate", options.immediate);
    const object = this[direct]();
    if (object !== null) object.shutdown(options);
    else await this[remote]("shutdown", [options]);
  }

  /**
   * Says that one value that was taken has been dealt with.
   *
   * @throws {InvalidStateError} If that has been said of every value already.
   */
  async taskDone(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.taskDone();
    else await this[remote]("taskDone", []);
  }

  /**
   * Waits until every value put has been dealt with; `false` if that did not happen in time.
   *
   * @throws {OwnerDiedError} If it never will: a process took values and ended without dealing with them.
   * @throws What the signal was aborted with.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const object = this[direct]();
    const all = this[given](options);
    if (object !== null) return await object.join(all);
    return await this[remote]("join", sendable(all), all?.signal) as boolean;
  }

  /** Takes value after value, until the queue is shut down and drained. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    const object = this[direct]();
    if (object !== null) return yield* object;
    for (;;) {
      let value: T;
      try {
        value = await this.get();
      } catch (error) {
        if (error instanceof ShutDown) return;
        throw error;
      }
      yield value;
    }
  }
}

/** The same, as {@linkcode JoinableQueue}. */
export class JoinableQueueProxy<T = unknown> extends QueueProxy<T> {}

/** As {@linkcode QueueProxy}, blocking the thread. */
export class SyncQueue<T = unknown> extends SyncProxy {
  readonly #proxy: QueueProxy<T>;

  /** @ignore Made by the proxy. */
  constructor(proxy: BaseProxy) {
    super(proxy);
    this.#proxy = proxy as QueueProxy<T>;
  }

  /** Puts a value: see {@linkcode QueueProxy.put}. */
  put(value: T, options?: AcquireSyncOptions): void {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options, ACQUIRE_SYNC);
    if (object !== null) object.putSync(value, all);
    else this.#proxy[remoteSync]("put", [value, ...sendable(all)]);
  }

  /** Puts a value if there is room at once. */
  putNowait(value: T): void {
    this.put(value, { block: false });
  }

  /** Takes the first value: see {@linkcode QueueProxy.get}. */
  get(options?: AcquireSyncOptions): T {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options, ACQUIRE_SYNC);
    return object === null ? this.#proxy[remoteSync]("get", sendable(all)) as T : object.getSync(all);
  }

  /** Takes the first value if there is one at once. */
  getNowait(): T {
    return this.get({ block: false });
  }

  /** Puts values in their order: see {@linkcode QueueProxy.putMany}. */
  putMany(values: Iterable<T>, options?: AcquireSyncOptions): number {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options, ACQUIRE_SYNC);
    if (object !== null) return object.putManySync(values, all);
    return this.#proxy[remoteSync]("putMany", [[...values], ...sendable(all)]) as number;
  }

  /** Takes the values that are there, up to `max`: see {@linkcode QueueProxy.getMany}. */
  getMany(max: number, options?: AcquireSyncOptions): T[] {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options, ACQUIRE_SYNC);
    if (object !== null) return object.getManySync(max, all);
    requireMax(max);
    return this.#proxy[remoteSync]("getMany", [max, ...sendable(all)]) as T[];
  }

  /** How many values are in the queue. */
  qsize(): number {
    const object = this.#proxy[direct]();
    return object === null ? this.#proxy[remoteSync]("qsize", []) as number : object.qsize();
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether the queue holds as many values as it may. */
  full(): boolean {
    const object = this.#proxy[direct]();
    return object === null ? this.#proxy[remoteSync]("full", []) as boolean : object.full();
  }

  /** Forbids putting, for all: see {@linkcode Queue.shutdown}. */
  shutdown(options: QueueShutdownOptions = {}): void {
    requireKnown("shut down the queue", options, ["immediate"]);
    requireFlag("shut down the queue", "immediate", options.immediate);
    const object = this.#proxy[direct]();
    if (object !== null) object.shutdown(options);
    else this.#proxy[remoteSync]("shutdown", [options]);
  }

  /** Says that one value that was taken has been dealt with. */
  taskDone(): void {
    const object = this.#proxy[direct]();
    if (object !== null) object.taskDone();
    else this.#proxy[remoteSync]("taskDone", []);
  }

  /** Waits until every value put has been dealt with: see {@linkcode QueueProxy.join}. */
  join(options?: WaitSyncOptions): boolean {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options);
    return object === null ? this.#proxy[remoteSync]("join", sendable(all)) as boolean : object.joinSync(all);
  }
}

/**
 * Milliseconds that a wait on behalf of a stranger lasts which has no end. A wait without a time would be told that nobody
 * else has the queue, but another stranger may come.
 */
const LONG = 2 ** 40;

/** From so many bytes on, no more values are taken for one answer to a stranger. */
const ENOUGH_BYTES = 1024 * 1024;

/** What a server could not read, or send, of values that it took for one answer, until a stranger is told. */
const untold = new WeakMap<JoinableQueue, unknown[]>();

/** What a stranger uses in the place of a queue. Proxies in what it takes are let go once the answer is written. */
class StrangerQueue {
  readonly #queue: JoinableQueue;
  readonly #caller: Caller;

  constructor(queue: JoinableQueue, caller: Caller) {
    this.#queue = queue;
    this.#caller = caller;
  }

  #waiting(options: unknown): WaitOptions {
    return { timeout: Math.min(LONG, timeoutOf(arrivedOptions(options), ACQUIRE)), signal: this.#caller.cancelled };
  }

  async put(value: unknown, options?: unknown): Promise<void> {
    await this.#queue.put(value, this.#waiting(options));
  }

  putNowait(value: unknown): void {
    this.#queue.putNowait(value);
  }

  async get(options?: unknown): Promise<unknown> {
    this.#tell();
    const value = await this.#queue.get(this.#waiting(options));
    passed([value]);
    return value;
  }

  async getNowait(): Promise<unknown> {
    return await this.get({ block: false });
  }

  async putMany(values: unknown, options?: unknown): Promise<number> {
    if (!Array.isArray(values)) throw new TypeError("Cannot put into the queue: the values are no array");
    return await this.#queue.putMany(values, this.#waiting(options));
  }

  /**
   * Takes value after value, so that nothing leaves the queue behind one that the answer cannot have: that is the last. Its
   * error is for the next call if there are others.
   */
  async getMany(max: unknown, options?: unknown): Promise<unknown[]> {
    requireMax(max);
    const waiting = this.#waiting(options);
    this.#tell();
    const values: unknown[] = [];
    let bytes = this.#add(values, await this.#queue.get(waiting));
    try {
      // No more than there is now: others may go on putting.
      for (let left = Math.min(max as number - 1, this.#queue.qsize()); left > 0 && bytes < ENOUGH_BYTES; left--) {
        bytes += this.#add(values, await this.#queue.get({ block: false }));
      }
    } catch (error) {
      if (!(error instanceof Empty || error instanceof ShutDown)) this.#keep(error);
    }
    passed(values);
    return values;
  }

  /** Adds a value that can be sent; how many bytes it takes. */
  #add(values: unknown[], value: unknown): number {
    const bytes = this.#caller.sizeOf?.(value) ?? 0;
    values.push(value);
    return bytes;
  }

  #keep(error: unknown): void {
    const errors = untold.get(this.#queue);
    if (errors === undefined) untold.set(this.#queue, [error]);
    else errors.push(error);
  }

  #tell(): void {
    const errors = untold.get(this.#queue);
    if (errors === undefined) return;
    if (errors.length === 1) untold.delete(this.#queue);
    throw errors.shift();
  }

  qsize(): number {
    return this.#queue.qsize();
  }

  empty(): boolean {
    return this.#queue.empty();
  }

  full(): boolean {
    return this.#queue.full();
  }

  shutdown(options?: QueueShutdownOptions): void {
    this.#queue.shutdown({ immediate: options?.immediate === true });
  }

  taskDone(): void {
    this.#queue.taskDone();
  }

  async join(options?: unknown): Promise<boolean> {
    return await this.#queue.join(this.#waiting(options));
  }
}

const isQueue = (value: unknown) => value instanceof JoinableQueue;
defineBuiltIn("Queue", EXPOSED, QueueProxy, SyncQueue, isQueue);
defineBuiltIn("JoinableQueue", EXPOSED, JoinableQueueProxy, class SyncJoinableQueue extends SyncQueue {}, isQueue);

const make = (maxsize?: number, options?: NameOptions) => new JoinableQueue(maxsize, options);
const forStranger = (queue: JoinableQueue, caller: Caller) => new StrangerQueue(queue, caller);

/** A proxy that is put comes out as a proxy, whoever puts it. */
const STORING = { keepsProxies: true };

/** The type of queues. */
export const QUEUE = directType("Queue", EXPOSED, make, forStranger, STORING);

/** The type of joinable queues. */
export const JOINABLE_QUEUE = directType("JoinableQueue", EXPOSED, make, forStranger, STORING);
