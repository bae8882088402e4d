// The timers that kill a worker, each for a task that is not wanted any more, or for none.

import { clearTimeout, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** In the place of a task. */
const NO_TASK = 0;

/** The killers of one worker. None keeps the program alive. */
export class Killers {
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>();

  /** Whether one is armed whatever the worker does. */
  get areForAll(): boolean {
    return this.#timers.has(NO_TASK);
  }

  /** Whether one is armed for that task, or whatever the worker does. */
  has(task: number): boolean {
    return this.areForAll || this.#timers.has(task);
  }

  /** Arms one whatever the worker does, and no other any more. */
  armForAll(delay: number, act: () => void): void {
    this.disarmAll();
    this.#arm(NO_TASK, delay, act);
  }

  /** Arms one for a task, unless that is {@linkcode disarm | disarmed} in time: if only while `look` looks for that. */
  arm(task: number, delay: number, { look, act, after }: Record<"look" | "act" | "after", () => void>): void {
    this.#arm(task, delay, () => {
      look();
      if (this.#timers.delete(task)) act();
      after();
    });
  }

  #arm(task: number, delay: number, act: () => void): void {
    const timer = setTimeout(act, delay);
    this.#timers.set(task, timer);
    unrefTimer(timer);
  }

  /** The task has ended. */
  disarm(task: number): void {
    if (this.#timers.size === 0) return;
    clearTimeout(this.#timers.get(task));
    this.#timers.delete(task);
  }

  disarmAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
