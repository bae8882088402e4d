// A task that a worker runs: what its function is told by `currentTask`, also after it has awaited something, and in what
// it has begun: the worker finds the task by the asynchronous context (attribution.ts).

import type { Frame } from "../queues/frame.ts";
import { showAsText } from "../runtime/shown.ts";
import type { Owner } from "./attribution.ts";
import type { Outcome } from "./run.ts";
import type { WorkerSide } from "./desk.ts";
import { CancelReason, Flag, Kind } from "./messages.ts";
import { cancellation, type CurrentTask } from "./task.ts";

/** What the tasks of a worker have in common. */
export interface Surroundings {
  readonly side: WorkerSide;
  readonly watch: CancelWatch;
}

/** A task that is being run. */
export class RunningTask implements CurrentTask, Owner {
  static {
    showAsText(RunningTask);
  }

  /** The pool's number for it. */
  readonly number: number;
  readonly attempt: number;
  /** Where its words begin in the cells. */
  readonly slot: number;
  /** The name of its function, once that is known. */
  fn = "a function";
  readonly #isHeard: boolean;
  readonly #surroundings: Surroundings;
  /** The place of the item that it is at. */
  place = 0;
  #controller: AbortController | null = null;
  #isEnded = false;
  #answerNow: ((outcome: Outcome) => void) | null = null;
  /** Whether it was answered before its function has ended. */
  isLeft = false;

  constructor(frame: Frame, slot: number, surroundings: Surroundings) {
    this.number = frame.task;
    this.attempt = frame.begun;
    this.slot = slot;
    this.#isHeard = (frame.flags & Flag.heard) !== 0;
    this.#surroundings = surroundings;
  }

  get what(): string {
    return `"${this.fn}"`;
  }

  get cancelled(): boolean {
    return this.#reason !== null;
  }

  /** Why it is not wanted any more; `null` if it is. */
  get #reason(): number | null {
    return this.#surroundings.side.cancelled(this.slot, this.number);
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (!this.#isEnded) this.#surroundings.watch.add(this);
    }
    return this.#controller.signal;
  }

  /** Whether the function has ended, or was left to itself. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Tells its function if nobody wants the result any more; whether that is so. */
  tellIfCancelled(): boolean {
    const reason = this.#reason;
    if (reason === null) return false;
    this.#controller?.abort(cancellation(reason === CancelReason.timedOut));
    return true;
  }

  /** Such as `<CurrentTask("resize", attempt=0)>`. */
  toString(): string {
    return `<CurrentTask(${this.what}, attempt=${this.attempt}${this.cancelled ? ", cancelled" : ""})>`;
  }

  report(value: unknown): void {
    this.reportFor(0, value);
  }

  /** Reports something for the item in that place. */
  reportFor(place: number, value: unknown): void {
    if (!this.#isHeard || this.#isEnded || this.cancelled) return;
    const head = { kind: Kind.report, flags: 0, task: this.number, fn: place, duration: 0, begun: 0 };
    this.#surroundings.side.report(head, value);
  }

  /** From now on it is at the item in that place. */
  item(place: number): RunningItem {
    this.place = place;
    return new RunningItem(this, place);
  }

  /** What its function comes to, unless it is given up before. */
  unlessLeft(outcome: Promise<Outcome>): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#answerNow = resolve;
      outcome.then(resolve, reject);
    });
  }

  /** Answers it at once; what its function may still come to is nothing to anybody. */
  leave(outcome: Outcome): void {
    this.isLeft = true;
    this.#answerNow?.(outcome);
  }

  /** So many of its items have been begun. */
  note(items: number): void {
    if (this.#isEnded) return; // it was left, and the slot is another's
    this.#surroundings.side.noteItems(this.slot, items);
  }

  /** The function has ended, or was left to itself. */
  end(): void {
    this.#isEnded = true;
    if (this.#controller !== null) this.#surroundings.watch.delete(this);
  }
}

/** One item of a task, as its function may ask about it: it knows which one it is, where somebody listens. */
export class RunningItem implements CurrentTask, Owner {
  static {
    showAsText(RunningItem);
  }

  readonly task: RunningTask;
  readonly #place: number;

  constructor(task: RunningTask, place: number) {
    this.task = task;
    this.#place = place;
  }

  get what(): string {
    return this.task.what;
  }

  get attempt(): number {
    return this.task.attempt;
  }

  get cancelled(): boolean {
    return this.task.cancelled;
  }

  get signal(): AbortSignal {
    return this.task.signal;
  }

  /** Whether its function has ended, or that of a later item has begun. */
  get isEnded(): boolean {
    return this.task.isEnded || this.task.place !== this.#place;
  }

  report(value: unknown): void {
    if (!this.isEnded) this.task.reportFor(this.#place, value);
  }

  toString(): string {
    return this.task.toString();
  }
}

/** The task that runs, if it has begun what belongs to that owner. */
export function runningTaskOf(owner: Owner | undefined): RunningTask | null {
  const task = owner instanceof RunningItem ? owner.task : owner;
  return task instanceof RunningTask && !task.isEnded ? task : null;
}

/** Waits for the pool to say that tasks are not wanted any more, for those whose functions want to be told. */
export class CancelWatch {
  readonly #side: WorkerSide;
  readonly #tasks = new Set<RunningTask>();
  /** Ends the wait. */
  #waiting: AbortController | null = null;

  constructor(side: WorkerSide) {
    this.#side = side;
  }

  add(task: RunningTask): void {
    this.#tasks.add(task);
    if (this.#waiting !== null) return;
    this.#waiting = new AbortController();
    this.#watch(this.#waiting.signal).catch(() => {}); // none is left
  }

  delete(task: RunningTask): void {
    this.#tasks.delete(task);
    if (this.#tasks.size > 0) return;
    this.#waiting?.abort();
    this.#waiting = null;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    for (;;) {
      for (const task of this.#tasks) if (task.tellIfCancelled()) this.delete(task);
      signal.throwIfAborted();
      await this.#side.cancellation(signal);
    }
  }
}
