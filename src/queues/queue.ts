// Queue: values from any process of the tree to any other, in order.

import { BlockHandle } from "../addon/handles.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { InvalidStateError, ShutDown } from "../errors.ts";
import type { Native } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { type AcquireOptions, type AcquireSyncOptions, requireFlag, requireKnown } from "../waiting/options.ts";
import { adopted } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { requireCount } from "../waiting/count.ts";
import { told } from "../waiting/turns.ts";
import type { BytesView } from "./bytes_view.ts";
import { Gets } from "./gets.ts";
import { Loan } from "./loan.ts";
import { Puts } from "./puts.ts";
import { Share } from "./share.ts";
import { Slots } from "./slots.ts";
import type { Message } from "./transport.ts";

/** The largest `maxsize`; also how many messages a queue without one may hold. */
const MAXSIZE_LIMIT = 2 ** 31 - 1;

/** Bytes of the longest message. */
const LONGEST_MESSAGE = 2 ** 32 - 1;

/** Names the method by which the classes that are made of a queue look into it. */
export const inside: unique symbol = Symbol("inside");

/**
 * A first-in, first-out queue for any number of producers and consumers in any process of the tree.
 *
 * Values are serialised by {@linkcode Queue.put | put}, which throws if that is impossible, and are in shared memory
 * when it returns: no thread has to be flushed, and a process killed at any moment costs at most the message that it
 * was putting or had just taken, or those that {@linkcode Queue.getMany | getMany} had just taken. Each producer's messages keep their order.
 *
 * A wait without a timeout ends when it would be for ever. `get` throws {@linkcode ShutDown} once the queue is
 * {@linkcode Queue.shutdown | shut down} and drained. It throws {@linkcode EOFError} when the queue is empty and nobody
 * can put any more: every other process, and thread of this one, that had it has ended or closed it, or waits for the
 * queue as well. `put` throws it likewise, when the queue is full and nobody can take any more. A message that speaks of
 * the queue has it for who may take it, and so has a child that boots. A promise is told when this program has nothing
 * else to do: until then it might start another process. It keeps the program alive only while others have the queue.
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
    showAsText(Queue);
    register(Queue, {
      reduce: (queue) => queue.#share.reference(),
      restore: (data) => new Queue(adopted(data), {}, false),
    });
  }

  readonly #share: Share;
  readonly #puts: Puts;
  readonly #gets: Gets<T>;
  /** What it has lent, once it has. */
  #slots: Slots | undefined;

  /**
   * A new queue that holds at most `maxsize` values; 0 or less: any number that fits into memory.
   *
   * @throws {TypeError} If `maxsize` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole one, or more than 2147483647.
   */
  constructor(maxsize?: number, options?: NameOptions);
  /** @ignore The queue in a block that exists, or one that keeps a ledger of what each process has taken. */
  constructor(first: number | BlockHandle | undefined, options: NameOptions | undefined, joinable: boolean);
  constructor(first: number | BlockHandle = 0, options: NameOptions = {}, joinable = false) {
    this.#share = new Share(openQueue(first, options, joinable), new.target.name);
    this.#puts = new Puts(this.#share);
    this.#gets = new Gets(this.#share);
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#share.handle.name || undefined;
  }

  /** How many values are in the queue, for all processes at once. */
  qsize(): number {
    return native().queueSize(this.#share.block("look at")) + (this.#share.transport.parcel === null ? 0 : 1);
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether the queue holds `maxsize` values. */
  full(): boolean {
    const maxsize = native().queueMaxsize(this.#share.block("look at"));
    return maxsize !== 0 && this.qsize() >= maxsize;
  }

  /**
   * Puts a value, waiting for room without blocking the thread. The value is serialised at once: it may change as
   * soon as `put` has returned its promise. Puts that wait are done in the order of their calls.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is put.
   * @throws {Full} If there was no room in time.
   * @throws {ShutDown} If the queue is or is being shut down.
   * @throws {EOFError} If there is no timeout, it is full, and nobody can take any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   * @throws What `signal` was aborted with; then nothing is put.
   */
  put(value: T, options?: AcquireOptions): Promise<void> {
    return told(this.#puts.put(value, options));
  }

  /**
   * Puts a value, blocking the thread until there is room.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is put.
   * @throws {Full} If there was no room in time.
   * @throws {ShutDown} If the queue is or is being shut down.
   * @throws {EOFError} If there is no timeout, it is full, and nobody can take any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   */
  putSync(value: T, options?: AcquireSyncOptions): void {
    this.#puts.putSync(value, options);
  }

  /**
   * Puts a value if there is room at once.
   *
   * @throws {Full} If there is none. Otherwise as {@linkcode putSync}.
   */
  putNowait(value: T): void {
    this.putSync(value, NOT_WAITING);
  }

  /**
   * Puts values in their order, which costs less than a call for each, waiting for room without blocking the thread. All are
   * serialised before the first is put. Other processes may put in between; what is in the queue after an error, or if
   * this process is killed, are the first ones of them.
   *
   * @example Put and take many at once
   * ```ts
   * import { Full, Queue } from "@parallel/multiprocessing";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * using queue = new Queue<number>(3);
   * const error = await assertRejects(() => queue.putMany([1, 2, 3, 4, 5], { timeout: 10 }), Full);
   * assertEquals(error.put, 3);
   * assertEquals(await queue.getMany(100), [1, 2, 3]);
   * ```
   *
   * @returns How many there were.
   * @throws {TypeError} If one cannot be serialised, which the message names by its index; then nothing is put.
   * @throws What the iterable throws; then nothing is put.
   * @throws {InvalidStateError} If the queue is closed.
   * @throws {Full} If there was no room for all in time. Its `put` says how many are in the queue, as that of the following.
   * @throws {ShutDown} If the queue is or is being shut down.
   * @throws {EOFError} If there is no timeout, it is full, and nobody can take any more; see {@linkcode Queue}.
   * @throws What `signal` was aborted with, if nothing is put; else a {@linkcode Full} with that as its `cause`.
   */
  putMany(values: Iterable<T>, options?: AcquireOptions): Promise<number> {
    return told(this.#puts.putMany(values, options));
  }

  /** As {@linkcode putMany}, blocking the thread until there is room for all. */
  putManySync(values: Iterable<T>, options?: AcquireSyncOptions): number {
    return this.#puts.putManySync(values, options);
  }

  /**
   * Takes the first value, waiting for one without blocking the thread.
   *
   * @throws {Empty} If none came in time.
   * @throws {ShutDown} If the queue is empty and shut down.
   * @throws {EOFError} If there is no timeout, it is empty, and nobody can put any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   * @throws What `signal` was aborted with; then nothing is taken.
   */
  get(options?: AcquireOptions): Promise<T> {
    return told(this.#gets.get(options));
  }

  /**
   * Takes the first value, blocking the thread until there is one.
   *
   * @throws {Empty} If none came in time.
   * @throws {ShutDown} If the queue is empty and shut down.
   * @throws {EOFError} If there is no timeout, it is empty, and nobody can put any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   */
  getSync(options?: AcquireSyncOptions): T {
    return this.#gets.getSync(options);
  }

  /**
   * Takes the first value if there is one at once.
   *
   * @throws {Empty} If there is none. Otherwise as {@linkcode getSync}.
   */
  getNowait(): T {
    return this.getSync(NOT_WAITING);
  }

  /**
   * Takes the values that are there, up to `max`, in their order, which costs less than a call for each. If there are none,
   * waits for the first without blocking the thread, and takes what is there then.
   *
   * Of values that cannot be read the others are returned all the same. Each error is kept by this object, and thrown by
   * one later call of it that gets, be it of `get`; the first at once if no value can be read. Aborted, it has taken
   * nothing. A process that is killed may have taken up to `max` values.
   *
   * @throws {RangeError} If `max` is not a whole number from 1 to `Number.MAX_SAFE_INTEGER`.
   * @throws {TypeError} If it is not a number.
   * @throws What {@linkcode get} throws, if there is not one value.
   */
  getMany(max: number, options?: AcquireOptions): Promise<T[]> {
    return told(this.#gets.getMany(max, options));
  }

  /** As {@linkcode getMany}, blocking the thread until there is a value. */
  getManySync(max: number, options?: AcquireSyncOptions): T[] {
    return this.#gets.getManySync(max, options);
  }

  /**
   * Lends `size` bytes of shared memory, to be filled and then put as a `Uint8Array` without a copy; {@linkcode Loan} has an
   * example. A loan never waits: `maxsize` counts what was put. Receivers of any kind get the bytes, without a copy by
   * {@linkcode Queue.getView | getView}. The memory comes back to this object when nobody has the message or a view of it
   * any more, also where its receiver was killed, and is lent again, as it is: a process sees in it what itself and the
   * receivers have written. Closing the queue gives it up, together with loans that were not put.
   *
   * It pays from some 64 KiB on.
   *
   * @throws {TypeError} If `size` is not a number.
   * @throws {RangeError} If it is not a whole one from 1 to 4294967295, or there is not as much memory.
   * @throws {InvalidStateError} If the queue is closed.
   */
  loan(size: number): Loan {
    this.#share.block("borrow memory of");
    requireCount("borrow memory of the queue", "size", size, { least: 1, most: LONGEST_MESSAGE });
    const lender = {
      slots: this.#slots ??= new Slots(),
      label: this.#share.label,
      put: (message: Message, options?: AcquireOptions) => told(this.#puts.putMessage(message, options)),
      putSync: (message: Message, options?: AcquireSyncOptions) => this.#puts.putMessageSync(message, options),
    };
    return new Loan(lender, size);
  }

  /**
   * Takes the first value, which must be a `Uint8Array`, waiting for one without blocking the thread. Of one that was put by a
   * {@linkcode Loan} it gives the bytes where they lie, in shared memory, until the {@linkcode BytesView} is given back; any
   * other is copied once, as by {@linkcode Queue.get | get}, and so is one for which this process may have no more mappings. If
   * this process is killed, the message is gone, and its memory comes back.
   *
   * @example Whatever it was put by
   * ```ts
   * import { Queue } from "@parallel/multiprocessing";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * using queue = new Queue();
   * await queue.put(Uint8Array.of(1, 2, 3));
   * await queue.put("no bytes");
   * {
   *   using view = await queue.getView();
   *   assertEquals([...view.bytes], [1, 2, 3]);
   * }
   * await assertRejects(() => queue.getView(), TypeError);
   * assertEquals(await queue.get(), "no bytes");
   * ```
   *
   * @throws {TypeError} If the first value is none; it stays the first.
   * @throws What {@linkcode get} throws.
   */
  getView(options?: AcquireOptions): Promise<BytesView> {
    return told(this.#gets.getView(options));
  }

  /** As {@linkcode getView}, blocking the thread until there is a value. */
  getViewSync(options?: AcquireSyncOptions): BytesView {
    return this.#gets.getViewSync(options);
  }

  /** Takes value after value, until the queue is shut down and drained. Timers run meanwhile, also in a backlog. */
  async *[Symbol.asyncIterator](): AsyncIterator<T> {
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

  /**
   * Forbids putting, in all processes: puts throw {@linkcode ShutDown}, also those that are waiting. Messages in the
   * queue can still be taken; then gets throw it, too. As `shutdown` of Python's `queue.Queue`.
   *
   * @example End the consumers
   * ```ts
   * import { Queue } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * using queue = new Queue<number>();
   * queue.putSync(1);
   * queue.putSync(2);
   * queue.shutdown();
   * assertEquals(await Array.fromAsync(queue), [1, 2]);
   * ```
   *
   * @param options With `immediate: true`, what is in the queue is thrown away, and counts as dealt with.
   * @throws {TypeError} If `immediate` is no boolean, or an option is unknown.
   * @throws {InvalidStateError} If the queue is closed.
   */
  shutdown(options: { immediate?: boolean } = {}): void {
    requireKnown("shut down the queue", options, ["immediate"]);
    const { immediate = false } = options;
    requireFlag("shut down the queue", "immediate", immediate);
    const queue = this.#share.block("shut down");
    translated(() => native().queueShutDown(queue, immediate));
  }

  /**
   * Forbids further use in this process, and gives up its share: waits for the queue here throw
   * {@linkcode InvalidStateError}. Messages that were put stay; errors that {@linkcode Queue.getMany | getMany} has kept are
   * lost. Again: nothing happens.
   */
  close(): void {
    if (this.#share.handle.closed) return;
    this.#slots?.close();
    this.#share.close();
  }

  /** As {@linkcode close}. */
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
    if (!this.#share.handle.closed) {
      throw new InvalidStateError(`Cannot join the thread of the ${this.#share.described}: the queue is not closed`);
    }
  }

  /** Does nothing: there is no thread whose data could be lost. Here for Python's sake. */
  cancelJoinThread(): void {}

  /** For messages: `<Queue 7 (3 of 10 values)>`, with a number that is the same in all processes of the tree. */
  toString(): string {
    const { block, closed, name } = this.#share.handle;
    if (closed) return `<${this.constructor.name} (closed${nameField(name)})>`;
    return `<${this.constructor.name} ${block} (${fillOf(block, this.qsize())}${nameField(name)})>`;
  }

  /** @ignore For the classes made of it. */
  [inside](): Share {
    return this.#share;
  }
}

/** The queue in a block that exists, or a new one. */
function openQueue(first: number | BlockHandle, options: NameOptions, joinable: boolean): BlockHandle {
  if (first instanceof BlockHandle) {
    // Whoever names a manager's bell so could make the server's own process take from it, or shut it down.
    if (native().queueIsKept(first.block) === 0) return first;
    first.close();
    throw new RangeError("Cannot restore a queue: it is one that is kept by a manager's server");
  }
  requireCount("create a queue", "maxsize", first, { least: -Infinity, most: MAXSIZE_LIMIT });
  requireKnown("create a queue", options, ["name"]);
  const make = (addon: Native) => addon.queueCreate(Math.max(0, first), joinable);
  return BlockHandle.of(make, objectName("create a queue", options));
}

/** How full the queue in a block is, in words: `3 of 10 values`. */
function fillOf(block: number, size: number): string {
  const maxsize = native().queueMaxsize(block);
  return `${size}${maxsize === 0 ? "" : ` of ${maxsize}`} values`;
}

const NOT_WAITING: AcquireSyncOptions = { block: false };
