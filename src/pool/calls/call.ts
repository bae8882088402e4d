// The calls of a pool: where their tasks come from, and what becomes of the results. They know nothing of workers. Each
// kind of call has a file of its own: single.ts, map.ts, imap.ts.

import type { Given } from "../../callable/reference.ts";
import type { CallSite } from "../../runtime/stack.ts";
import type { PoolEvents } from "../events.ts";
import type { ReportListener, TaskReport } from "../options.ts";
import { isThenable } from "../../runtime/thenable.ts";
import { Flag } from "../messages.ts";
import { NO_RETRIES, type RetryRule } from "../retries.ts";
import type { setTimeout } from "../../runtime/timing.ts";

/** A function that workers run. */
export interface PoolFunction {
  /** The pool's number for it. */
  readonly id: number;
  readonly given: Given;
  /** Milliseconds that an item of a list took, as tasks of several have told; `null` before the first. */
  itemTime: number | null;
}

/** The weight of the last task, where an item of it took longer than those before. */
const SMOOTHING = 0.1;

/** Notes that a function took so many milliseconds for so many items. A task that shared its CPU seems longer than it is. */
export function noteItems(fn: PoolFunction, count: number, duration: number): void {
  const time = duration / count;
  const last = fn.itemTime ?? time;
  fn.itemTime = time < last ? time : last + SMOOTHING * (time - last);
}

/** What one worker runs at a time. */
export class Task {
  readonly call: Call;
  /** The place of its first item among those of the call. */
  readonly first: number;
  /** The arguments, or the items. */
  readonly list: readonly unknown[];
  /** How often it was begun before. */
  attempts = 0;
  /** How many workers have died of it. */
  deaths = 0;
  /** Whether it has failed while its worker goes on: what that answers does not count. */
  isGivenUp = false;
  /** Ends its time; runs while a worker has it, if its call says how long that may be. */
  clock: ReturnType<typeof setTimeout> | undefined = undefined;
  /** Resolved when what it has reported has been told, if connections in that had yet to arrive. */
  arriving: Promise<unknown> | undefined = undefined;

  /** When it could first have been given to a worker; 0 for when it is. */
  since: number;

  constructor(call: Call, first: number, list: readonly unknown[], since = 0) {
    this.call = call;
    this.first = first;
    this.list = list;
    this.since = since;
  }

  /** A part of it, from the item at `begin` on. */
  part(begin: number, end: number): Task {
    const part = new Task(this.call, this.first + begin, this.list.slice(begin, end), this.since);
    part.attempts = this.attempts;
    part.deaths = this.deaths;
    return part;
  }

  /** The same, to be begun anew, which may be from then on. */
  again(since: number): Task {
    const next = this.part(0, this.list.length);
    next.since = since;
    next.attempts++;
    return next;
  }
}

/** Where the user has begun a call: what its errors say. */
export interface Begun {
  /** The pool's method, such as `map`. */
  readonly method: string;
  /** The line; `null` if it was not noted: whoever waits for the result is told a line of its own then. */
  readonly site: CallSite | null;
}

/** What all calls are made with. */
export interface CallParts {
  readonly events: PoolEvents;
  readonly fn: PoolFunction;
  /** Of messages.ts. */
  readonly flags: number;
  /** Which tasks that fail are begun anew. Default: none. */
  readonly retries?: RetryRule;
  /** Tasks of a higher one begin first. Default: 0. */
  readonly priority?: number;
  readonly begun?: Begun;
  /** Is told what the tasks report. */
  readonly onReport?: ReportListener;
  /** Milliseconds that one task may take. Default: any. */
  readonly taskTimeout?: number;
}

/** A call that is under way. */
export abstract class Call {
  readonly fn: PoolFunction;
  readonly flags: number;
  readonly retries: RetryRule;
  readonly priority: number;
  readonly begun: Begun | null;
  readonly taskTimeout: number;
  /** Its place among the calls of its pool, in the order in which they were begun. */
  order = 0;
  /** When it was begun. */
  since = 0;
  /** Whether somebody waits for it, and so is told of an error. */
  isAwaited: () => boolean = () => true;
  /** Whether it was ended before its tasks were: what fails of it after that, fails for that reason. */
  isWithdrawn = false;
  protected readonly events: PoolEvents;
  #isOver = false;
  readonly #onReport: ReportListener | undefined;
  #whenOver: (() => void) | null = null;

  constructor(parts: CallParts) {
    const { events, fn, flags, retries = NO_RETRIES, priority = 0, taskTimeout = Infinity, begun = null } = parts;
    this.events = events;
    this.fn = fn;
    this.flags = flags | (taskTimeout < Infinity ? Flag.timed : 0) | (parts.onReport === undefined ? 0 : Flag.heard);
    this.#onReport = parts.onReport;
    this.retries = retries;
    this.priority = priority;
    this.begun = begun;
    this.taskTimeout = taskTimeout;
  }

  /** Whether it has its result, or is not wanted any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** A task of it reports something. What the listener throws, also later, ends the call. */
  hear(value: unknown, report: TaskReport): void {
    const giveUp = (error: unknown) => {
      if (!this.isOver) this.events.cancel(this, () => this.end(error));
      else if (!this.isWithdrawn) reportError(error);
    };
    try {
      const result: unknown = this.#onReport?.(value, report);
      if (isThenable(result)) Promise.resolve(result).catch(giveUp);
    } catch (error) {
      giveUp(error);
    }
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
    this.events.callOver(this);
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
export abstract class PromisedCall<T> extends Call {
  readonly promise: Promise<T>;
  /** Makes of an error the promise that this one comes to, if it is not rejected with the error at once. */
  failing: ((error: unknown) => Promise<never>) | null = null;
  readonly #resolve: (value: T | Promise<never>) => void;
  readonly #reject: (error: unknown) => void;

  constructor(parts: CallParts) {
    super(parts);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.events.hold();
  }

  override end(error: unknown): void {
    if (this.isOver) return;
    this.#close();
    if (this.failing === null) this.#reject(error);
    else this.#resolve(this.failing(error));
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
    this.events.release();
    this.conclude();
  }
}

/** Flags of the calls, by the method that makes them. */
export const CALL_FLAGS = {
  apply: 0,
  map: Flag.each,
  starmap: Flag.each | Flag.star,
  imap: Flag.each | Flag.lenient,
} as const;
