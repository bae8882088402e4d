// Queue in an engine: values from any process of the tree to any other, in order. Its states are in library/records.lua.

import { closedError } from "../addon/handles.ts";
import type { QueueLike } from "../contracts/queues.ts";
import { EngineUnavailableError, InvalidStateError } from "../errors.ts";
import { partly, requireMax } from "../queues/outcomes.ts";
import { register } from "../reduction/registry.ts";
import { nameField } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import {
  ACQUIRE,
  ACQUIRE_SYNC,
  type AcquireOptions,
  type AcquireSyncOptions,
  requireFlag,
  requireKnown,
  timeoutOf,
} from "../waiting/options.ts";
import { Arrivals } from "./arrivals.ts";
import { Batches } from "./batches.ts";
import { Gets } from "./gets.ts";
import { Mode, threadMode } from "./company.ts";
import type { ObjectHandle } from "./handles.ts";
import { LostOf } from "./lost_values.ts";
import { type ObjectWait, waitToEnd } from "./object_waits.ts";
import { Puts, writeRecords } from "./put_many.ts";
import {
  create,
  type Existing,
  existing,
  inside,
  type OnConsumerDeath,
  PLAIN,
  type QueueData,
  type QueueInside,
  type QueueKind,
  type RemoteQueueOptions,
} from "./queue_kinds.ts";
import { MOST_AHEAD, valuesOf } from "./queue_iteration.ts";
import { QueueRefusals } from "./queue_refusals.ts";
import { refusalOfMemory } from "./refusals.ts";
import { layDown, layDownSync, type Outgoing, TakenRecord, takeUp, writeRecord } from "./records.ts";
import type { Answer, Session, StepArgument } from "./session.ts";
import { Takes } from "./takes.ts";

/** A queue in an engine; see the local `Queue` for what it does. */
export class RemoteQueue<T = unknown> implements QueueLike<T> {
  static {
    showAsText(RemoteQueue);
    register(RemoteQueue, {
      name: "engine.Queue",
      reduce: (queue) => queue.#reference(),
      restore: (data) => new RemoteQueue(existing(data, PLAIN)),
    });
  }

  readonly #handle: ObjectHandle;
  readonly #session: Session;
  readonly #maxsize: number;
  readonly #policy: OnConsumerDeath;
  /**
   * How many values an iteration takes at most: several only where nobody misses what one has ahead, since neither a bound
   * nor who has dealt with what is looked at.
   */
  readonly #most: number;
  readonly #arrivals: Arrivals;
  readonly #lost: LostOf<T>;
  readonly #batches: Batches;
  readonly #takes: Takes;
  readonly #gets: Gets;
  readonly #refusals: QueueRefusals;
  /** What was put and is not in the queue yet. */
  #putting: Promise<unknown> = Promise.resolve();

  /**
   * A new queue that holds at most `maxsize` values; 0 or less: any number that fits into the engine's memory.
   *
   * @throws {TypeError} If `maxsize` is not a number, or an option of the wrong type or unknown.
   * @throws {RangeError} If it is not a whole one, or more than 2147483647.
   */
  constructor(session: Session, maxsize?: number, options?: RemoteQueueOptions);
  /** @ignore The queue that is there, or one of another kind. */
  constructor(first: Session | Existing, maxsize?: number, options?: object, kind?: QueueKind);
  constructor(first: Session | Existing, maxsize = 0, options: object = {}, kind: QueueKind = PLAIN) {
    const it = "handle" in first ? first : create(first, maxsize, options, kind);
    this.#handle = it.handle;
    this.#session = it.handle.session;
    this.#maxsize = it.maxsize;
    this.#policy = it.policy;
    const { id } = it.handle;
    const isKept = it.policy === "redeliver";
    this.#most = kind === PLAIN && it.maxsize === 0 && it.policy === "lose" ? MOST_AHEAD : 1;
    this.#arrivals = new Arrivals(this.#session, id, !isKept ? "here" : kind === PLAIN ? "next" : "done");
    this.#lost = new LostOf(this.#arrivals);
    this.#batches = new Batches(this.#session, id);
    this.#refusals = new QueueRefusals(it.handle.label);
    const closed = () => this.#closedError("wait for");
    this.#takes = new Takes({ handle: it.handle, arrivals: this.#arrivals, refusals: this.#refusals, closed });
    this.#gets = new Gets(this.#session, this.#takes);
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#handle.name || undefined;
  }

  /** How many values are in the queue, for all processes at once. */
  qsize(): number {
    return this.#found(this.#session.step("size", this.#id("look at"))).number(0);
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.qsize() === 0;
  }

  /** Whether the queue holds `maxsize` values. */
  full(): boolean {
    const size = this.qsize();
    return this.#maxsize !== 0 && size >= this.#maxsize;
  }

  /** As `put` of the local `Queue`. */
  async put(value: T, options?: AcquireOptions): Promise<void> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const message = this.#written(value);
    const done = this.#putting = this.#send(message, timeout, signal);
    done.catch(() => {}); // only its caller is told
    await done;
  }

  async #send(message: Outgoing, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    let queue: string | null = null;
    try {
      queue = this.#id("put into");
      const laid = message.blob === null ? null : layDown(this.#session, queue, message);
      const put = this.#maxsize === 0 && signal === undefined && timeout === Infinity
        ? this.#batches.put(message.record)
        : this.#step(queue, message, timeout, signal);
      const refusal = laid === null ? await put : (await Promise.all([put, laid]))[0];
      if (refusal === "late") throw this.#refusals.full(timeout);
      if (refusal !== null) throw this.#refusals.put(refusal);
    } catch (error) {
      // One that is given up may be done all the same.
      if (queue !== null && !(error instanceof EngineUnavailableError)) takeUp(this.#session, queue, message);
      throw error;
    } finally {
      message.letGo();
    }
  }

  /** Takes up what was laid down for a record, once it is refused after its put was given up. */
  #takingUp(queue: string, message: Outgoing): (answer: Answer) => void {
    return ({ refusal }) => {
      if (refusal !== null) takeUp(this.#session, queue, message);
    };
  }

  /** Why a record was not put; `null` if it was. */
  async #step(
    queue: string,
    message: Outgoing,
    timeout: number,
    signal: AbortSignal | undefined,
  ): Promise<string | null> {
    const { record } = message;
    if (timeout === 0) return (await this.#session.send("put", queue, Mode.now, record)).refusal;
    const args = [queue, Mode.waiting, record];
    return await this.#stepped("put", args, { timeout, signal, giveBack: this.#takingUp(queue, message) });
  }

  async #stepped(
    step: string,
    args: StepArgument[],
    { timeout, signal, giveBack }: Pick<ObjectWait, "timeout" | "signal" | "giveBack">,
  ): Promise<string | null> {
    const answer = await waitToEnd(this.#handle, step, args, { timeout, signal, giveBack, overdue: "unknown" });
    if (answer?.refusal === null) return null;
    signal?.throwIfAborted();
    if (this.#handle.closed) throw this.#closedError("wait for");
    return answer === null ? "late" : answer.refusal;
  }

  /** As `putSync` of the local `Queue`. */
  putSync(value: T, options?: AcquireSyncOptions): void {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#sendSync(this.#written(value), timeout);
  }

  #sendSync(message: Outgoing, timeout: number): void {
    let queue: string | null = null;
    try {
      queue = this.#id("put into");
      layDownSync(this.#session, queue, message);
      const args = [queue, threadMode(timeout), message.record];
      const giveBack = this.#takingUp(queue, message);
      const answer = this.#session.waitSync("put", args, { timeout, giveBack, overdue: "unknown" });
      if (answer === null) throw this.#refusals.full(timeout);
      if (answer.refusal !== null) throw this.#refusals.put(answer.refusal);
    } catch (error) {
      if (queue !== null && !(error instanceof EngineUnavailableError)) takeUp(this.#session, queue, message);
      throw error;
    } finally {
      message.letGo();
    }
  }

  /** As `putNowait` of the local `Queue`. */
  putNowait(value: T): void {
    this.putSync(value, NOT_WAITING);
  }

  /**
   * As `putMany` of the local `Queue`. Into a queue without a limit up to 256 values, of 256 KiB, go in one step of the
   * engine: all of a step or none. Into one with a limit each goes in a step of its own.
   */
  async putMany(values: Iterable<T>, options?: AcquireOptions): Promise<number> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    this.#id("put into");
    const done = this.#putting = this.#sendMany(writeRecords(this.#session, values), timeout, signal);
    done.catch(() => {}); // only its caller is told
    return await done;
  }

  async #sendMany(messages: Outgoing[], timeout: number, signal: AbortSignal | undefined): Promise<number> {
    const puts = new Puts(messages, this.#maxsize, timeout);
    try {
      for (const { some, left } of puts) {
        if (some.length === 1) await this.#send(some[0], left, signal);
        else await this.#sendStep(some, left, signal);
      }
      return puts.put;
    } catch (error) {
      throw partly(error, puts.put, this.#handle.label, signal);
    } finally {
      puts.letGo();
    }
  }

  async #sendStep(messages: Outgoing[], timeout: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      const args = [this.#id("put into"), ...messages.map(({ record }) => record)];
      const refusal = timeout === 0
        ? (await this.#session.send("putMany", ...args)).refusal
        : await this.#stepped("putMany", args, { timeout, signal });
      if (refusal === "late") throw this.#refusals.full(timeout);
      if (refusal !== null) throw this.#refusals.put(refusal);
    } finally {
      for (const message of messages) message.letGo();
    }
  }

  /** As {@linkcode putMany}, blocking the thread. */
  putManySync(values: Iterable<T>, options?: AcquireSyncOptions): number {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#id("put into");
    const puts = new Puts(writeRecords(this.#session, values), this.#maxsize, timeout);
    try {
      for (const { some, left } of puts) {
        if (some.length === 1) this.#sendSync(some[0], left);
        else this.#sendStepSync(some, left);
      }
      return puts.put;
    } catch (error) {
      throw partly(error, puts.put, this.#handle.label);
    } finally {
      puts.letGo();
    }
  }

  #sendStepSync(messages: Outgoing[], timeout: number): void {
    try {
      const args = [this.#id("put into"), ...messages.map(({ record }) => record)];
      const answer = this.#session.waitSync("putMany", args, { timeout, overdue: "unknown" });
      if (answer === null) throw this.#refusals.full(timeout);
      if (answer.refusal !== null) throw this.#refusals.put(answer.refusal);
    } finally {
      for (const message of messages) message.letGo();
    }
  }

  /** As `get` of the local `Queue`. */
  async get(options?: AcquireOptions): Promise<T> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    this.#id("get from");
    const waitsFreely = timeout === Infinity && signal === undefined;
    const taken = await (waitsFreely ? this.#gets.get() : this.#takes.take(1, timeout, signal));
    const record = taken instanceof TakenRecord ? taken : taken[0];
    return (record.isLong ? await this.#takes.open(record) : this.#takes.openSync(record)) as T;
  }

  /** As `getSync` of the local `Queue`. */
  getSync(options?: AcquireSyncOptions): T {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#id("get from");
    return this.#takes.openSync(this.#takes.takeSync(timeout, 1)[0]) as T;
  }

  /** As `getNowait` of the local `Queue`. */
  getNowait(): T {
    return this.getSync(NOT_WAITING);
  }

  /**
   * As `getMany` of the local `Queue`, but at most 256 values, and of 64 KiB, as one step of the engine gives. Those behind one
   * that cannot be read go back to the queue, and so does that, unless it is the first.
   */
  async getMany(max: number, options?: AcquireOptions): Promise<T[]> {
    requireMax(max);
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    this.#id("get from");
    return await this.#takes.openAll(await this.#takes.take(max, timeout, signal)) as T[];
  }

  /** As {@linkcode getMany}, blocking the thread until there is a value. */
  getManySync(max: number, options?: AcquireSyncOptions): T[] {
    requireMax(max);
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#id("get from");
    return this.#takes.openAllSync(this.#takes.takeSync(timeout, max)) as T[];
  }

  /**
   * A queue on an engine has no memory to lend.
   *
   * @throws {Deno.errors.NotSupported} Always.
   */
  loan(_size?: number): never {
    throw refusalOfMemory("borrow memory of a queue");
  }

  /** As {@linkcode loan}. */
  getView(_options?: AcquireOptions): Promise<never> {
    return Promise.reject(refusalOfMemory("view a value of a queue"));
  }

  /** As {@linkcode loan}. */
  getViewSync(_options?: AcquireSyncOptions): never {
    throw refusalOfMemory("view a value of a queue");
  }

  /**
   * Takes value after value, until the queue is shut down and drained. Of a queue without a limit and a policy, whose
   * values are many and dealt with fast, some are taken ahead; they go back when the iteration ends, or this process.
   */
  [Symbol.asyncIterator](): AsyncIterator<T> {
    return valuesOf({
      most: this.#most,
      take: (most) => this.#takes.take(most, Infinity),
      open: (taken) => this.#takes.open(taken) as Promise<T>,
      givingBack: () => this.#takes.givingBack(),
    });
  }

  /** As `shutdown` of the local `Queue`. */
  shutdown(options: { immediate?: boolean } = {}): void {
    requireKnown("shut down the queue", options, ["immediate"]);
    const { immediate = false } = options;
    requireFlag("shut down the queue", "immediate", immediate);
    this.#found(this.#session.step("shutdown", this.#id("shut down"), immediate ? 1 : 0));
  }

  /** The values that were given to consumers that died as often as they may be. They are in the queue no more. */
  async lost(): Promise<T[]> {
    return await this.#lost.all(async () => {
      const queue = this.#id("look at");
      const answer = this.#found(await this.#session.send("lost", queue));
      return TakenRecord.in(this.#session, queue, answer);
    });
  }

  /** As {@linkcode lost}, blocking the thread. */
  lostSync(): T[] {
    return this.#lost.allSync(() => {
      const queue = this.#id("look at");
      return TakenRecord.in(this.#session, queue, this.#found(this.#session.step("lost", queue)));
    });
  }

  /** As `close` of the local `Queue`. */
  close(): void {
    if (this.#handle.closed) return;
    this.#batches.leave();
    this.#arrivals.close();
    this.#handle.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * Waits until what this process put is in the queue.
   *
   * @throws {InvalidStateError} If {@linkcode close} has not been called.
   */
  async joinThread(): Promise<void> {
    this.#requireClosed();
    await this.#putting.catch(() => {});
  }

  /** As {@linkcode joinThread}, blocking the thread. */
  joinThreadSync(): void {
    this.#requireClosed();
    // Whoever blocks waits for the steps of this thread's promises first.
    if (!this.#session.closed) this.#session.step("close");
  }

  /** Does nothing: what was put is on its way. Here for Python's sake. */
  cancelJoinThread(): void {}

  /** For messages: `<Queue 7 (3 of 10 values)>`, with a number that is the same in all processes of the tree. */
  toString(): string {
    const { id, closed, name } = this.#handle;
    const kind = this.constructor.name.replace(/^Remote/, "");
    if (closed) return `<${kind} (closed${nameField(name)})>`;
    const of = this.#maxsize === 0 ? "" : ` of ${this.#maxsize}`;
    return `<${kind} ${id} (${this.qsize()}${of} values${nameField(name)})>`;
  }

  /** @ignore For the classes made of it. */
  [inside](): QueueInside {
    return {
      session: this.#session,
      id: (action) => this.#id(action),
      handle: this.#handle,
      closed: (action) => this.#closedError(action),
      reference: () => this.#reference(),
      label: this.#handle.label,
    };
  }

  #reference(): QueueData {
    return this.#handle.named([...this.#handle.reference("queue"), this.#maxsize, this.#policy] as const);
  }

  #written(value: T): Outgoing {
    this.#id("put into");
    return writeRecord(this.#session, value, "put");
  }

  #id(action: string): string {
    if (this.#handle.closed) throw this.#closedError(action);
    return this.#handle.id;
  }

  #closedError(action: string): InvalidStateError {
    return closedError(`${action} the queue${this.#handle.label}`, this.constructor.name.replace(/^Remote/, ""));
  }

  #requireClosed(): void {
    if (this.#handle.closed) return;
    throw new InvalidStateError(
      `Cannot join the thread of the queue${this.#handle.label}: the queue is not closed`,
    );
  }

  /** What a step has answered that is refused only where the queue is gone. */
  #found(answer: Answer): Answer {
    if (answer.refusal === null) return answer;
    throw this.#refusals.gone(answer.refusal);
  }
}

const NOT_WAITING: AcquireSyncOptions = { block: false };
