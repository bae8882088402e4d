// Queue: values from any process of the tree to any other, in order.

import { BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import { nameField, type NameOptions, objectName } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { ARRIVAL_PATIENCE } from "../connection/arrival.ts";
import { type Empty, type Full, InvalidStateError, ShutDown } from "../errors.ts";
import type { Native } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import {
  ACQUIRE,
  ACQUIRE_SYNC,
  type AcquireOptions,
  type AcquireSyncOptions,
  requireFlag,
  requireKnown,
  timeoutOf,
} from "../waiting/options.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { discard, register } from "../reduction/registry.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import { retry } from "../addon/waits.ts";
import { granted, type Wish } from "./company.ts";
import { Batch } from "./batch.ts";
import {
  deserted,
  empty,
  full,
  notBytes,
  partly,
  requireMax,
  shutForGets,
  shutForPuts,
  type Vain,
} from "./outcomes.ts";
import { notePutDone, notePutting } from "./putting.ts";
import { Loan } from "./loan.ts";
import { Slots } from "./slots.ts";
import { type Message, NOTHING, ORPHANED, OTHER, serialiseCopy, SHUT_DOWN, Transport } from "./transport.ts";
import type { BytesView } from "./bytes_view.ts";
import { performance } from "../runtime/timing.ts";
import { requireCount } from "../waiting/count.ts";
import { Glances } from "../waiting/glance.ts";
import { keepsLoop, turnIfDue, yieldToLoop } from "../waiting/turns.ts";
import { Company, PutStatus, QueueState, QueueWatch } from "../addon/numbers.ts";

/** The largest `maxsize`; also how many messages a queue without one may hold. */
const MAXSIZE_LIMIT = 2 ** 31 - 1;

/** Bytes of the longest message. */
const LONGEST_MESSAGE = 2 ** 32 - 1;

/** What the classes that are made of a {@linkcode Queue} need of its inside. */
export interface QueueInside {
  /** The number of its block, to do `action` with it; throws if it is closed. */
  block(action: string): number;
  /** Ends a wait when the queue is closed, too. */
  orClosed(signal: AbortSignal | undefined): AbortSignal;
  /** What a wait at the queue until it is in a state needs. */
  wish(state: number, signal: AbortSignal): Omit<Wish<never>, "attempt">;
  /** How a message names it. */
  reference(): QueueData;
  /** Its name as it follows "the queue" in a sentence. */
  readonly label: string;
}

/** How a queue travels: its block and its name. */
type QueueData = readonly [...BlockReference, name?: string];

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
      reduce: (queue) => queue.#reference(),
      restore: (data) => new Queue(adopted(data), {}, false),
    });
  }

  readonly #handle: BlockHandle;
  readonly #transport = new Transport((action) => this.#block(action));
  readonly #putting = new Turnstile();
  readonly #getting = new Turnstile();
  /** What it has lent, once it has. */
  #slots: Slots | undefined;
  /** Ends the waits when the queue is closed. */
  #closing: AbortController | undefined;
  readonly #glances = new Glances();
  /** Whether it was ever taken from by this handle. */
  #isConsumer = false;

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
    if (first instanceof BlockHandle) {
      // Whoever names a manager's bell so could make the server's own process take from it, or shut it down.
      if (native().queueIsKept(first.block) === 1) {
        first.close();
        throw new RangeError("Cannot restore a queue: it is one that is kept by a manager's server");
      }
      this.#handle = first;
      return;
    }
    requireCount("create a queue", "maxsize", first, { least: -Infinity, most: MAXSIZE_LIMIT });
    requireKnown("create a queue", options, ["name"]);
    const make = (addon: Native) => addon.queueCreate(Math.max(0, first), joinable);
    this.#handle = BlockHandle.of(make, objectName("create a queue", options));
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /** How many values are in the queue, for all processes at once. */
  qsize(): number {
    return native().queueSize(this.#block("look at")) + (this.#transport.parcel === null ? 0 : 1);
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether the queue holds `maxsize` values. */
  full(): boolean {
    const maxsize = native().queueMaxsize(this.#block("look at"));
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
  async put(value: T, options?: AcquireOptions): Promise<void> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    let message: Message;
    if (timeout === 0 || !this.#putting.occupied) {
      const put = this.#transport.putOrKeep(value);
      if (typeof put === "number") {
        this.#done(put);
        return turnIfDue();
      }
      message = put;
    } else {
      this.#block("put into");
      message = serialiseCopy(value);
    }
    try {
      await this.#putInTurn(() => this.#transport.putMessage(message, 0), timeout, signal);
    } catch (error) {
      discard(message.attachments);
      throw error;
    }
  }

  /** Puts, behind those that wait for room, by what gives a {@linkcode PutStatus}. */
  async #putInTurn(put: () => number, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    if (timeout === 0) {
      const error = this.#full(timeout);
      if (keepsLoop()) await yieldToLoop();
      throw error;
    }
    const until = performance.now() + timeout;
    const ended = this.#orClosed(signal);
    if (!await this.#putting.enter(timeout, ended)) throw this.#full(timeout);
    const queue = this.#block("put into");
    notePutting(queue);
    try {
      const attempt = () => this.#done(put()) || undefined;
      const done = timeout === Infinity
        ? await granted({ ...this.#wish(QueueState.drained, ended), attempt })
        : await retry(attempt, this.#awaiting(QueueState.drained), until - performance.now(), { signal: ended });
      if (done === undefined) throw this.#full(timeout);
    } finally {
      notePutDone(queue);
      this.#putting.leave();
    }
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
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    if (!this.#done(this.#transport.put(value, timeout))) throw this.#full(timeout);
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
  async putMany(values: Iterable<T>, options?: AcquireOptions): Promise<number> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const batch = this.#batch(values);
    try {
      if (batch.size === 0) return 0;
      const put = () => batch.putBy(this.#transport, 0);
      const isInTurn = timeout === 0 || !this.#putting.occupied;
      if (!isInTurn || !this.#done(put())) await this.#putInTurn(put, timeout, signal);
      else if (keepsLoop()) await yieldToLoop();
      return batch.size;
    } catch (error) {
      throw partly(error, batch.put, this.#handle.label, signal);
    } finally {
      batch.end();
    }
  }

  /** As {@linkcode putMany}, blocking the thread until there is room for all. */
  putManySync(values: Iterable<T>, options?: AcquireSyncOptions): number {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    const batch = this.#batch(values);
    try {
      if (!this.#done(batch.putBy(this.#transport, timeout))) throw this.#full(timeout);
      return batch.size;
    } catch (error) {
      throw partly(error, batch.put, this.#handle.label);
    } finally {
      batch.end();
    }
  }

  #batch(values: Iterable<T>): Batch {
    this.#block("put into");
    return Batch.of(values);
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
  async get(options?: AcquireOptions): Promise<T> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    const isOverdue = keepsLoop();
    if (isOverdue && timeout === 0) await yieldToLoop();
    signal?.throwIfAborted();
    this.#transport.throwKept();
    if (timeout === 0 || !isOverdue && !this.#getting.occupied) {
      const value = this.#taken(this.#transport.get(Math.min(timeout, this.#glances.begin()), true));
      if (value !== NOTHING) {
        this.#glances.end(true);
        return value;
      }
    }
    return await this.#getInTurn(() => this.#taken(this.#transport.get(0, true)), { timeout, signal, isOverdue });
  }

  /** Does what {@linkcode get}, the quickest of these, does by itself: takes at once by `take`, or else in turn. */
  async #getBy<R>(take: (timeout: number) => R | typeof NOTHING, options: AcquireOptions | undefined): Promise<R> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    const isOverdue = keepsLoop();
    if (isOverdue && timeout === 0) await yieldToLoop();
    signal?.throwIfAborted();
    this.#transport.throwKept();
    if (timeout === 0 || !isOverdue && !this.#getting.occupied) {
      const taken = take(Math.min(timeout, this.#glances.begin()));
      if (taken !== NOTHING) {
        this.#glances.end(true);
        return taken;
      }
    }
    return await this.#getInTurn(() => take(0), { timeout, signal, isOverdue });
  }

  /**
   * Takes, behind those that wait for a value, by what gives {@linkcode NOTHING} if there is none; where the event loop's
   * turn `isOverdue`, after that.
   */
  async #getInTurn<R>(
    take: () => R | typeof NOTHING,
    { timeout, signal, isOverdue }: { timeout: number; signal: AbortSignal | undefined; isOverdue: boolean },
  ): Promise<R> {
    if (timeout === 0 && this.#transport.parcel === null) throw this.#empty(timeout);
    let begin = performance.now();
    const until = begin + (timeout === 0 ? ARRIVAL_PATIENCE : timeout);
    const ended = this.#orClosed(signal);
    if (!await this.#getting.enter(timeout, ended)) throw this.#empty(timeout);
    try {
      if (isOverdue && timeout > 0) {
        await yieldToLoop();
        ended.throwIfAborted();
        begin = performance.now();
      }
      // In a box: a value may be undefined.
      const attempt = () => {
        const value = take();
        return value === NOTHING ? undefined : { value };
      };
      const instead = (left: number) => this.#transport.parcel?.changed(left, ended);
      const got = timeout === Infinity
        ? await granted({ ...this.#wish(QueueState.filled, ended), attempt, instead })
        : await retry(attempt, this.#awaiting(QueueState.filled), until - performance.now(), {
          signal: ended,
          instead,
        });
      this.#glances.waited(performance.now() - begin);
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
   * @throws {ShutDown} If the queue is empty and shut down.
   * @throws {EOFError} If there is no timeout, it is empty, and nobody can put any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   */
  getSync(options?: AcquireSyncOptions): T {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#transport.throwKept();
    const value = this.#taken(this.#transport.get(timeout));
    if (value === NOTHING) throw this.#empty(timeout);
    return value;
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
  async getMany(max: number, options?: AcquireOptions): Promise<T[]> {
    requireMax(max);
    return await this.#getBy((timeout) => this.#manyTaken(this.#transport.getMany(max, timeout, true)), options);
  }

  /** As {@linkcode getMany}, blocking the thread until there is a value. */
  getManySync(max: number, options?: AcquireSyncOptions): T[] {
    requireMax(max);
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#transport.throwKept();
    const values = this.#manyTaken(this.#transport.getMany(max, timeout));
    if (values === NOTHING) throw this.#empty(timeout);
    return values;
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
    this.#block("borrow memory of");
    requireCount("borrow memory of the queue", "size", size, { least: 1, most: LONGEST_MESSAGE });
    const lender = {
      slots: this.#slots ??= new Slots(),
      label: this.#handle.label,
      put: (message: Message, options?: AcquireOptions) => this.#putLoan(message, options),
      putSync: (message: Message, options?: AcquireSyncOptions) => {
        const timeout = timeoutOf(options, ACQUIRE_SYNC);
        if (!this.#done(this.#transport.putMessage(message, timeout))) throw this.#full(timeout);
      },
    };
    return new Loan(lender, size);
  }

  async #putLoan(message: Message, options?: AcquireOptions): Promise<void> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const put = () => this.#transport.putMessage(message, 0);
    const isInTurn = timeout === 0 || !this.#putting.occupied;
    if (!isInTurn || !this.#done(put())) await this.#putInTurn(put, timeout, signal);
    else if (keepsLoop()) await yieldToLoop();
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
  async getView(options?: AcquireOptions): Promise<BytesView> {
    return await this.#getBy((timeout) => this.#viewTaken(this.#transport.getView(timeout)), options);
  }

  /** As {@linkcode getView}, blocking the thread until there is a value. */
  getViewSync(options?: AcquireSyncOptions): BytesView {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#transport.throwKept();
    const view = this.#viewTaken(this.#transport.getView(timeout));
    if (view === NOTHING) throw this.#empty(timeout);
    return view;
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
    const queue = this.#block("shut down");
    translated(() => native().queueShutDown(queue, immediate));
  }

  /**
   * Forbids further use in this process, and gives up its share: waits for the queue here throw
   * {@linkcode InvalidStateError}. Messages that were put stay; errors that {@linkcode Queue.getMany | getMany} has kept are
   * lost. Again: nothing happens.
   */
  close(): void {
    if (this.#handle.closed) return;
    this.#transport.close();
    this.#slots?.close();
    this.#closing?.abort(closedError(`wait for the ${this.#described}`, this.constructor.name));
    this.#handle.close();
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
    if (!this.#handle.closed) {
      throw new InvalidStateError(`Cannot join the thread of the ${this.#described}: the queue is not closed`);
    }
  }

  /** Does nothing: there is no thread whose data could be lost. Here for Python's sake. */
  cancelJoinThread(): void {}

  /** For messages: `<Queue 7 (3 of 10 values)>`, with a number that is the same in all processes of the tree. */
  toString(): string {
    const { block, closed, name } = this.#handle;
    if (closed) return `<${this.constructor.name} (closed${nameField(name)})>`;
    return `<${this.constructor.name} ${block} (${fillOf(block, this.qsize())}${nameField(name)})>`;
  }

  /** @ignore For the classes made of it. */
  [inside](): QueueInside {
    return {
      block: (action) => this.#block(action),
      orClosed: (signal) => this.#orClosed(signal),
      wish: (state, signal) => this.#wish(state, signal),
      reference: () => this.#reference(),
      label: this.#handle.label,
    };
  }

  #reference(): QueueData {
    const queue = this.#block("send");
    attach(queue);
    native().queueMarkShared(queue);
    return this.#handle.named(this.#handle.reference());
  }

  get #described(): string {
    return `queue${this.#handle.label}`;
  }

  #block(action: string): number {
    if (this.#handle.closed) throw closedError(`${action} the ${this.#described}`, this.constructor.name);
    return this.#handle.block;
  }

  #orClosed(signal: AbortSignal | undefined): AbortSignal {
    const closing = (this.#closing ??= new AbortController()).signal;
    return signal === undefined ? closing : AbortSignal.any([signal, closing]);
  }

  #awaiting(state: number): (timeout: number) => number {
    const { nothing } = QueueWatch;
    return (timeout) => translated(() => native().queueAwait(this.#block("wait for"), state, timeout, nothing, false));
  }

  /** What {@linkcode granted} needs, but for the attempt. */
  #wish(state: number, signal: AbortSignal): Omit<Wish<never>, "attempt"> {
    return {
      state,
      signal,
      block: () => this.#block("wait for"),
      deserted: () => deserted(state, this.#handle.label),
      isOneSided: () => state !== QueueState.filled && !this.#isConsumer,
    };
  }

  /** Whether a value was put; throws if none can be any more. */
  #done(status: number): boolean {
    if (status === PutStatus.shutDown) throw shutForPuts(this.#handle.label);
    if (status === PutStatus.orphaned) throw deserted(QueueState.drained, this.#handle.label);
    return status === PutStatus.done;
  }

  /** What was taken; throws if nothing will come any more. */
  #taken(value: unknown): T | typeof NOTHING {
    if (value === SHUT_DOWN) throw shutForGets(this.#handle.label);
    if (value === ORPHANED) throw deserted(QueueState.filled, this.#handle.label);
    if (value !== NOTHING) this.#isConsumer = true;
    return value as T | typeof NOTHING;
  }

  /** As {@linkcode #taken}, of several values. */
  #manyTaken(values: unknown[] | symbol): T[] | typeof NOTHING {
    return this.#taken(values) as T[] | typeof NOTHING;
  }

  /** As {@linkcode #taken}, of a view. */
  #viewTaken(view: BytesView | symbol): BytesView | typeof NOTHING {
    if (view === OTHER) throw notBytes(this.#handle.label);
    return this.#taken(view) as BytesView | typeof NOTHING;
  }

  #full(timeout: number): Full {
    return full(this.#vain(timeout));
  }

  #empty(timeout: number): Empty {
    return empty(this.#vain(timeout), this.#transport.parcel);
  }

  #vain(timeout: number): Vain {
    const isAlone = () => native().queueCompany(this.#block("wait for")) === Company.nobody;
    return { timeout, label: this.#handle.label, isAlone };
  }
}

/** How full the queue in a block is, in words: `3 of 10 values`. */
function fillOf(block: number, size: number): string {
  const maxsize = native().queueMaxsize(block);
  return `${size}${maxsize === 0 ? "" : ` of ${maxsize}`} values`;
}

const NOT_WAITING: AcquireSyncOptions = { block: false };
