// What becomes of a task that has failed: it is begun anew if its call wants that, perhaps after a while; otherwise it has
// failed for good.

import type { Call, Task } from "./calls/call.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { delayOf, type FailureKind, isToBeBegunAnew } from "./retries.ts";
import { clearTimeout, performance, queueMicrotask, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What the attempts need of their pool. */
export interface AttemptsOptions {
  readonly dispatcher: Pick<Dispatcher, "takeBack" | "handBack">;
  /** There are tasks to be given. */
  readonly dispatch: () => void;
}

/** The second and later attempts of the tasks of one pool. */
export class Attempts {
  readonly #options: AttemptsOptions;
  /** The timers of tasks that wait to be begun anew. */
  readonly #waiting = new Map<Call, Set<ReturnType<typeof setTimeout>>>();
  /** Whether tasks are to be given soon. */
  #isDue = false;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** How many tasks wait for their time. */
  get waiting(): number {
    let waiting = 0;
    for (const timers of this.#waiting.values()) waiting += timers.size;
    return waiting;
  }

  /** A task has failed: the error that it fails with, in a box; `null` if it is begun anew, or not wanted any more. */
  failed(task: Task, error: unknown, kind: FailureKind): { readonly error: unknown } | null {
    const { call, attempts } = task;
    const { retries } = call;
    if (attempts >= retries.count) return { error };
    let delay: number;
    try {
      if (!isToBeBegunAnew(retries, error, kind)) return { error };
      delay = delayOf(retries, attempts + 1);
    } catch (thrown) {
      const message = `Cannot begin "${call.fn.given.label}" anew: "retries" failed`;
      return { error: new SuppressedError(thrown, error, message) };
    }
    if (!call.isOver) this.#beginAnew(task.again(performance.now() + delay), delay, kind); // the user's function may have ended it
    return null;
  }

  #beginAnew(task: Task, delay: number, kind: FailureKind): void {
    if (delay > 0) return this.#wait(task, delay);
    if (kind === "lost") this.#options.dispatcher.takeBack(); // it comes before them
    this.#options.dispatcher.handBack([task]);
    if (this.#isDue) return;
    this.#isDue = true;
    // Not at once: an answer is just being read, as a rule.
    queueMicrotask(() => {
      this.#isDue = false;
      this.#options.dispatch();
    });
  }

  #wait(task: Task, delay: number): void {
    const { call } = task;
    const timers = this.#waiting.get(call) ?? new Set();
    this.#waiting.set(call, timers);
    const timer = setTimeout(() => {
      timers.delete(timer);
      if (timers.size === 0) this.#waiting.delete(call);
      this.#options.dispatcher.handBack([task]);
      this.#options.dispatch();
    }, delay);
    unrefTimer(timer); // who waits for the call keeps the program alive
    timers.add(timer);
  }

  /** Nobody wants more of a call. */
  callOver(call: Call): void {
    if (this.#waiting.size === 0) return;
    for (const timer of this.#waiting.get(call) ?? []) clearTimeout(timer);
    this.#waiting.delete(call);
  }
}
