// Limits that end an operation early: the time, and the user's signal.

import { clearTimeout, queueMicrotask, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** Limits of a wait or a call. */
export interface Limits {
  /** Milliseconds; `Infinity` for none. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

/** What is done when one is reached. */
export interface LimitHooks {
  /** The time has passed. */
  late(): void;
  /** The signal was aborted; called with the reason, soon where that had happened before. */
  aborted(reason: unknown): void;
}

/** Milliseconds that a timer can wait; longer is for ever. */
export const LONGEST = 2 ** 31 - 1;

/** Looks out for limits until it is disposed of. A timer keeps the event loop alive while it runs. */
export class Watch implements Disposable {
  readonly #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #abort: () => void;
  #isOver = false;

  constructor({ timeout, signal }: Limits, { late, aborted }: LimitHooks) {
    this.#timer = timeout <= LONGEST ? setTimeout(late, timeout) : undefined;
    this.#signal = signal;
    this.#abort = () => aborted(signal?.reason);
    // A signal that was aborted tells nobody of it again. Whoever looks out is not ready yet to be told.
    if (signal?.aborted) queueMicrotask(() => this.#isOver || this.#abort());
    else signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Lets the event loop end before the time has passed. */
  unref(): this {
    if (this.#timer !== undefined) unrefTimer(this.#timer);
    return this;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }
}
