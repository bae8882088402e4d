// A call whose results are asked for one by one: `imap` and `imapUnordered`.

import { TimeoutError } from "../../errors.ts";
import { Watch } from "../../waiting/limits.ts";
import type { WaitOptions } from "../../waiting/options.ts";
import { told } from "../../waiting/turns.ts";
import { patienceOf } from "../options.ts";
import { Call, type CallParts, Task } from "./call.ts";
import type { Input } from "../input.ts";
import type { Counts, Meter } from "../progress.ts";
import { register } from "../../reduction/registry.ts";
import { tellCaller } from "../where.ts";
import { fulfilled, rejected } from "./settled.ts";
import { showAsText } from "../../runtime/shown.ts";

/** What an item came to. */
type Outcome = { readonly value: unknown } | { readonly error: unknown };

/** Chunks for each worker that may be under way or waiting to be handed out, if the user does not say how many. */
const MIN_BUFFERED = 16;

/** So much of what one worker has ahead is handed out before more is put. */
const REFILL = 1 / 4;

interface Waiter {
  resolve(result: IteratorResult<unknown>): void;
  reject(error: unknown): void;
}

/** What an {@linkcode ImapCall} is made with besides what all calls are. */
export interface ImapParts {
  readonly input: Input;
  readonly chunksize: number;
  /** How many items may have been pulled and not been handed out; `null` for as many as keep the workers busy. */
  readonly buffersize: number | null;
  readonly ordered: boolean;
  readonly meter?: Meter;
  /** Whether what is handed out says which item it is of, and whether that has failed. */
  readonly settled?: boolean;
}

/** The call; the iterator that users have is {@linkcode ImapIterator}. */
export class ImapCall extends Call {
  readonly #options: ImapParts;
  /** Outcomes that nobody has asked for yet, by the place of their item, or by the order of their arrival. */
  readonly #ready = new Map<number, Outcome>();
  /** Those that have asked for outcomes that are not there yet. */
  readonly #waiters: Waiter[] = [];
  #taken = 0;
  #arrived = 0;
  /** How many of them have failed. */
  #failed = 0;
  #handedOut = 0;
  /** How many of them since the workers' tasks were last seen to. */
  #freed = 0;
  /** Why nothing comes after the items that were taken: the input has ended, or has thrown. */
  #last: { readonly error?: unknown; readonly isError: boolean } | null = null;
  /** How far it was when it was ended, or left. */
  #countsAtEnd: Counts | null = null;
  isDry = false;

  constructor(parts: CallParts, imap: ImapParts) {
    super(parts);
    this.#options = imap;
    this.isAwaited = () => this.#waiters.length > 0;
  }

  /** How many results have been handed out. */
  get handedOut(): number {
    return this.#handedOut;
  }

  take(): Task | null {
    const { input, chunksize } = this.#options;
    if (this.isDry) return null;
    const buffersize = this.#buffersize;
    const room = buffersize - (this.#taken - this.#handedOut);
    if (room < Math.min(chunksize, buffersize)) return null;
    let list: unknown[] | null;
    try {
      const n = Math.min(chunksize, room);
      // As a rule the next ones are taken from the input meanwhile; but no more than the user has said.
      list = input.pull(n, this.#options.buffersize === null ? n : room - n);
    } catch (error) {
      this.#stop({ error, isError: true });
      return null;
    }
    if (this.isOver) return null; // the input has ended its pool
    if (list === null) {
      this.#stop({ isError: false });
      return null;
    }
    if (list.length === 0) return null;
    const first = this.#taken;
    this.#taken += list.length;
    return new Task(this, first, list);
  }

  get #buffersize(): number {
    const { buffersize, chunksize } = this.#options;
    const { processes, ahead, isJoined } = this.events;
    if (buffersize !== null) return buffersize;
    // A program that waits for the end of the call does not take its results meanwhile, as a rule.
    return isJoined ? Infinity : chunksize * processes * Math.max(MIN_BUFFERED, 2 * ahead);
  }

  done(task: Task, results: readonly unknown[]): void {
    for (let i = 0; i < results.length; i++) this.#arrive(task.first + i, { value: results[i] });
    this.#tell();
  }

  failed(task: Task, error: unknown): void {
    for (let i = 0; i < task.list.length; i++) this.#arrive(task.first + i, { error });
    this.#tell();
  }

  override mixed(
    task: Task,
    results: readonly unknown[],
    places: readonly number[],
    errors: readonly unknown[],
  ): void {
    const failures = new Map(places.map((place, i) => [place, errors[i]]));
    for (let i = 0; i < results.length; i++) {
      this.#arrive(task.first + i, failures.has(i) ? { error: failures.get(i) } : { value: results[i] });
    }
    this.#tell();
  }

  end(error: unknown): void {
    if (this.isOver) return;
    this.#drop();
    this.#stop({ error, isError: true });
  }

  /** Ends the call without an error: nobody wants more, nor what is there. */
  leave(): void {
    this.#drop();
    this.#stop({ isError: false });
  }

  /** What there is, and what is to come, is not handed out. */
  #drop(): void {
    this.#countsAtEnd ??= this.#counts;
    this.#ready.clear();
    this.#handedOut = this.#taken;
    if (!this.isOver) this.#options.input.close();
  }

  /** The next outcome; a {@linkcode TimeoutError} if none comes in time. */
  next(timeout: number, signal?: AbortSignal): Promise<IteratorResult<unknown>> {
    const outcome = this.#waiters.length === 0 ? this.#pop() : undefined;
    if (outcome !== undefined) {
      this.#refill();
      return "error" in outcome
        ? Promise.reject(outcome.error)
        : Promise.resolve({ value: outcome.value, done: false });
    }
    if (this.#isDrained()) return this.#lastWord();
    if (timeout === 0) return told(Promise.reject(this.#late(timeout)));
    return this.#wait(timeout, signal);
  }

  /** There is room for one more. Of quick tasks several are put at a time: there are enough for the workers meanwhile. */
  #refill(): void {
    if (this.isDry) return;
    const several = this.#options.buffersize === null ? this.events.ahead * REFILL : 1;
    if (++this.#freed < several) return;
    this.#freed = 0;
    this.events.tasksAvailable();
  }

  async #wait(timeout: number, signal?: AbortSignal): Promise<IteratorResult<unknown>> {
    const { promise, resolve, reject } = Promise.withResolvers<IteratorResult<unknown>>();
    const waiter: Waiter = { resolve, reject };
    const giveUp = (error: unknown) => {
      const place = this.#waiters.indexOf(waiter);
      if (place < 0) return; // its outcome has come already
      this.#waiters.splice(place, 1);
      reject(error);
    };
    using _ = new Watch({ timeout, signal }, { late: () => giveUp(this.#late(timeout)), aborted: giveUp });
    this.#waiters.push(waiter);
    this.events.hold();
    if (!this.isDry) this.events.tasksAvailable();
    try {
      return await promise;
    } finally {
      this.events.release();
    }
  }

  #late(timeout: number): TimeoutError {
    const error = new TimeoutError(`Cannot get the next result: it was not ready within ${timeout} ms`);
    return tellCaller(error, this.begun?.site ?? null);
  }

  protected override conclude(): void {
    super.conclude();
    this.#options.meter?.end(this.#countsAtEnd ?? this.#counts); // the user's function, as in map.ts
  }

  get #counts(): Counts {
    const total = this.isDry ? this.#taken : null;
    return { done: this.#arrived - this.#failed, failed: this.#failed, total };
  }

  #arrive(place: number, outcome: Outcome): void {
    if (this.isOver) return;
    const { ordered, settled } = this.#options;
    if ("error" in outcome) this.#failed++;
    this.#ready.set(ordered ? place : this.#arrived, settled ? settledOutcome(outcome, place) : outcome);
    this.#arrived++;
  }

  /** The outcome that is to be handed out next, if it is there. */
  #pop(): Outcome | undefined {
    const outcome = this.#ready.get(this.#handedOut);
    if (outcome === undefined) return undefined;
    this.#ready.delete(this.#handedOut);
    this.#handedOut++;
    if ("error" in outcome) this.#options.meter?.pause();
    return outcome;
  }

  /** Hands out what those who wait can have. */
  #tell(): void {
    this.#options.meter?.count(this.#counts);
    while (this.#waiters.length > 0) {
      const outcome = this.#pop();
      if (outcome === undefined) break;
      const waiter = this.#waiters.shift()!;
      if ("error" in outcome) waiter.reject(outcome.error);
      else waiter.resolve({ value: outcome.value, done: false });
    }
    this.#finish();
  }

  #stop(last: { error?: unknown; isError: boolean }): void {
    this.isDry = true;
    this.#last = last;
    this.#finish();
  }

  #isDrained(): boolean {
    return this.isDry && this.#handedOut === this.#taken;
  }

  /** Ends the call once all of its tasks have; those who still wait get the last word. */
  #finish(): void {
    if (this.isDry && !this.isOver && (this.#arrived >= this.#taken || this.#handedOut === this.#taken)) {
      this.conclude();
    }
    if (!this.#isDrained()) return;
    for (const waiter of this.#waiters.splice(0)) this.#lastWord().then(waiter.resolve, waiter.reject);
  }

  /** The error that ended it, once; then that there is nothing more. */
  #lastWord(): Promise<IteratorResult<unknown>> {
    const last = this.#last;
    this.#last = null;
    if (last?.isError) return Promise.reject(last.error);
    return Promise.resolve({ value: undefined, done: true });
  }
}

/** What an item came to, as the value that is handed out. */
function settledOutcome(outcome: Outcome, place: number): Outcome {
  return { value: "error" in outcome ? rejected(outcome.error, place) : fulfilled(outcome.value, place) };
}

/**
 * The results of {@linkcode Pool.imap} and {@linkcode Pool.imapUnordered}: a `for await` loop takes them one by one.
 * The error of an item is thrown in its place. It ends a `for await` loop, but not the iteration, which JavaScript does
 * not tell of that: items that were taken from the input are still worked on, and no more are taken. `return()`, or
 * `await using`, ends it. To go on with the other items, give the call `settled: true`, or call {@linkcode next} by hand
 * and catch the error.
 */
export class ImapIterator<R> implements AsyncIterableIterator<R, void, WaitOptions | undefined> {
  static {
    showAsText(ImapIterator);
    register(ImapIterator, {
      refuse: "an iterator belongs to the process that has the pool; send its items, one by one or in an array",
    });
  }

  readonly #call: ImapCall;
  readonly #leave: () => void;

  /** @ignore Made by the pool. */
  constructor(call: ImapCall, leave: () => void) {
    this.#call = call;
    this.#leave = leave;
  }

  /**
   * The next result.
   *
   * @throws {TimeoutError} If it is not there in `timeout` milliseconds. Nothing is lost: it can be asked for again.
   * @throws What the function threw for this item, or the input in its place.
   * @throws What `signal` was aborted with; nothing is lost.
   */
  next(options?: WaitOptions): Promise<IteratorResult<R, void>> {
    return Promise.try(() => {
      const timeout = patienceOf("get the next result", options);
      options?.signal?.throwIfAborted();
      return this.#call.next(timeout, options?.signal) as Promise<IteratorResult<R, void>>;
    });
  }

  /** Ends the iteration: tasks that have not begun are dropped. A `for await` loop that is left early calls this. */
  return(): Promise<IteratorResult<R, void>> {
    this.#leave();
    return Promise.resolve({ value: undefined, done: true });
  }

  /** As {@linkcode return}; the promise is rejected with `error`. */
  throw(error?: unknown): Promise<IteratorResult<R, void>> {
    this.#leave();
    return Promise.reject(error);
  }

  /** Itself. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** For messages: such as `<ImapIterator(results=3)>`, with how many results were handed out. */
  toString(): string {
    return `<ImapIterator(results=${this.#call.handedOut})>`;
  }

  /** As {@linkcode return}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
