// The calls of a pool: they make tasks of their input, and take the results. They know nothing of workers.

import type { Given } from "../../callable/reference.ts";
import type { Input } from "../input.ts";
import { ListInput } from "../input.ts";
import { Flag } from "../messages.ts";
import type { Progress } from "../progress.ts";

/** A function that workers run. */
export interface PoolFunction {
  /** The pool's number for it. */
  readonly id: number;
  readonly given: Given;
}

/** What one worker runs at a time. */
export interface Task {
  readonly call: Call;
  /** The place of its first item among those of the call. */
  readonly first: number;
  /** The arguments, or the items. */
  readonly list: readonly unknown[];
  /** How many workers have died of it. */
  deaths: number;
}

/** What a call needs of its pool. */
export interface CallHost {
  /** How many workers there are. */
  readonly processes: number;
  /** How many tasks a worker is given at a time: more of quick ones. */
  readonly ahead: number;
  /** Whether somebody waits for the end of all calls. */
  readonly isJoined: boolean;
  /** Looks for workers for tasks that have become available. */
  dispatch(): void;
  /** The call has its result; no more tasks come from it. */
  settled(call: Call): void;
  /** Keeps the event loop alive, and lets it go again. */
  hold(): void;
  release(): void;
}

/** What all calls are made with. */
export interface CallParts {
  readonly host: CallHost;
  readonly fn: PoolFunction;
  /** Of messages.ts. */
  readonly flags: number;
  /** How often a task whose worker died is begun anew. */
  readonly retries: number;
}

/** A call that is under way. */
export abstract class Call {
  readonly fn: PoolFunction;
  readonly flags: number;
  readonly retries: number;
  /** Its place among the calls of its pool, in the order in which they were begun. */
  order = 0;
  /** Whether somebody waits for it, and so is told of an error. */
  isAwaited: () => boolean = () => true;
  protected readonly host: CallHost;
  #isOver = false;
  #whenOver: (() => void) | null = null;

  constructor({ host, fn, flags, retries }: CallParts) {
    this.host = host;
    this.fn = fn;
    this.flags = flags;
    this.retries = retries;
  }

  /** Whether it has its result, or is not wanted any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Has `act` called when it is over. */
  whenOver(act: () => void): void {
    if (this.#isOver) act();
    else this.#whenOver = act;
  }

  /** It is over. */
  protected conclude(): void {
    this.#isOver = true;
    this.#whenOver?.();
    this.host.settled(this);
  }

  /** Whether there will be no more tasks, other than those that are under way. */
  abstract readonly isDry: boolean;
  /** The next task; `null` if there is none now. */
  abstract take(): Task | null;
  /** The results of a task, which are the call's own now. */
  abstract done(task: Task, results: unknown[]): void;
  /** A task has failed as a whole. */
  abstract failed(task: Task, error: unknown): void;
  /** Some items of a lenient task have failed; their places in the task, and the errors. */
  mixed(task: Task, _results: readonly unknown[], _places: readonly number[], errors: readonly unknown[]): void {
    this.failed(task, errors[0]);
  }
  /** Ends the call with an error, whatever its tasks are doing. */
  abstract end(error: unknown): void;
  /** As `end`; the user has brought this about, so a call that nobody has waited for is not reported. */
  abandon(error: unknown): void {
    this.end(error);
  }
}

/** A call whose one result is a promise. */
abstract class PromisedCall<T> extends Call {
  readonly promise: Promise<T>;
  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;

  constructor(parts: CallParts) {
    super(parts);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.host.hold();
  }

  override end(error: unknown): void {
    if (this.isOver) return;
    this.#close();
    this.#reject(error);
  }

  override abandon(error: unknown): void {
    this.promise.catch(() => {});
    this.end(error);
  }

  protected succeed(value: T): void {
    if (this.isOver) return;
    this.#close();
    this.#resolve(value);
  }

  #close(): void {
    this.host.release();
    this.conclude();
  }
}

/** One call of the function: `apply`. */
export class SingleCall extends PromisedCall<unknown> {
  #args: readonly unknown[] | null;

  constructor(parts: CallParts, args: readonly unknown[]) {
    super(parts);
    this.#args = args;
  }

  get isDry(): boolean {
    return this.#args === null;
  }

  take(): Task | null {
    const list = this.#args;
    this.#args = null;
    return list === null ? null : { call: this, first: 0, list, deaths: 0 };
  }

  done(_task: Task, results: readonly unknown[]): void {
    this.succeed(results[0]);
  }

  failed(_task: Task, error: unknown): void {
    this.end(error);
  }
}

/** Chunks per worker of an input whose length is known, as CPython cuts it. */
const CHUNKS_PER_WORKER = 4;
/** Towards the end chunks get smaller, so that no worker has much to do when the others are done. */
const LAST_CHUNKS_PER_WORKER = 2;
/** The largest chunk of an input whose length is not known. */
const LARGEST_GUESS = 1024;

/** How many arguments a call may safely have. */
const MOST_ARGUMENTS = 10_000;

/** A call of the function for each item, whose result is the list of results: `map` and `starmap`. */
export class MapCall extends PromisedCall<unknown[]> {
  readonly #input: Input;
  readonly #chunksize: number | null;
  /** The most items that one chunk has, if the length is known. */
  readonly #largest: number;
  readonly #progress: Progress | undefined;
  /** The results of the tasks that are done, by the places of their first items. */
  readonly #parts: { readonly first: number; readonly results: unknown[] }[] = [];
  #taken = 0;
  #finished = 0;
  /** Those of them that have not failed. */
  #done = 0;
  /** The first error to arrive. In a box, since anything may be thrown. */
  #failure: { readonly error: unknown } | null = null;
  isDry = false;

  constructor(
    parts: CallParts,
    { input, chunksize, progress }: { input: Input; chunksize: number | null; progress?: Progress },
  ) {
    super(parts);
    this.#input = input;
    this.#chunksize = chunksize;
    this.#progress = progress;
    const length = input instanceof ListInput ? input.left : 0;
    this.#largest = Math.ceil(length / (CHUNKS_PER_WORKER * this.host.processes));
  }

  take(): Task | null {
    if (this.isDry) return null;
    let list: unknown[] | null;
    try {
      list = this.#input.pull(this.#chunksize ?? this.#guess());
    } catch (error) {
      this.isDry = true;
      this.end(error);
      return null;
    }
    if (this.isOver) return null; // the input has ended its pool
    if (list === null) {
      this.isDry = true;
      this.#settle();
      return null;
    }
    if (list.length === 0) return null;
    const first = this.#taken;
    this.#taken += list.length;
    if (this.#input instanceof ListInput && this.#input.left === 0) this.isDry = true;
    return { call: this, first, list, deaths: 0 };
  }

  /** How many items the next chunk should have. */
  #guess(): number {
    const { processes } = this.host;
    if (this.#input instanceof ListInput) {
      return Math.min(this.#largest, Math.ceil(this.#input.left / (LAST_CHUNKS_PER_WORKER * processes)));
    }
    // As if the input had as many again as it has had until now.
    return Math.min(LARGEST_GUESS, Math.ceil((this.#taken + 1) / (CHUNKS_PER_WORKER * processes)));
  }

  done(task: Task, results: unknown[]): void {
    this.#parts.push({ first: task.first, results });
    this.#done += results.length;
    this.#progress?.show(this.#done, this.#total); // which is never full if some have failed
    this.#finish(task);
  }

  failed(task: Task, error: unknown): void {
    this.#failure ??= { error };
    this.#finish(task);
  }

  #finish(task: Task): void {
    this.#finished += task.list.length;
    this.#settle();
  }

  /** How many items there are, as far as that is known. */
  get #total(): number | null {
    if (this.#input instanceof ListInput) return this.#taken + this.#input.left;
    return this.isDry ? this.#taken : null;
  }

  protected override conclude(): void {
    this.#progress?.end();
    super.conclude();
  }

  #settle(): void {
    if (!this.isDry || this.#finished < this.#taken) return;
    if (this.#failure === null) this.succeed(this.#joined());
    else this.end(this.#failure.error);
  }

  /** All results, in the order of the items. */
  #joined(): unknown[] {
    const lists = this.#parts.sort((a, b) => a.first - b.first).map(({ results }) => results);
    let joined: unknown[] = [];
    // By `concat`, which copies memory; it takes only so many arguments.
    for (let i = 0; i < lists.length; i += MOST_ARGUMENTS) {
      joined = joined.concat(...lists.slice(i, i + MOST_ARGUMENTS));
    }
    return joined;
  }

  override end(error: unknown): void {
    this.isDry = true;
    this.#parts.length = 0;
    if (!this.isOver) this.#input.close();
    super.end(error);
  }
}

/** Flags of the calls, by the method that makes them. */
export const CALL_FLAGS = {
  apply: 0,
  map: Flag.each,
  starmap: Flag.each | Flag.star,
  imap: Flag.each | Flag.lenient,
} as const;
