// How many workers of a pool are starting at a time. A start is the work of a processor: many at a time do not end sooner,
// but the first of them much later; and they push each other out of the caches.
//
// One that has taken long may wait for the others, as in an initializer that meets them at a barrier: then it counts no more,
// and others are started beside it. The timer runs only while somebody has found no room, and keeps no program alive.

import { clearTimeout, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** Milliseconds after which one that is still starting keeps nobody from being started. */
const PATIENCE = 250;

/** Those that are starting. */
export class Beginners {
  readonly #most: number;
  readonly #goOn: () => void;
  /** Those that have taken long. */
  readonly #slow = new WeakSet<object>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param goOn Called when there may be room again because nobody has been ready for long. */
  constructor(most: number, goOn: () => void) {
    this.#most = most;
    this.#goOn = goOn;
  }

  /** Whether one more of `workers` may be started now. */
  hasRoom(workers: Iterable<{ readonly state: string }>): boolean {
    if (this.#most === Infinity) return true;
    const starting: object[] = [];
    for (const worker of workers) if (worker.state === "starting" && !this.#slow.has(worker)) starting.push(worker);
    if (starting.length < this.#most) return true;
    this.#waitFor(starting);
    return false;
  }

  #waitFor(starting: readonly object[]): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      for (const worker of starting) this.#slow.add(worker);
      this.#goOn();
    }, PATIENCE);
    unrefTimer(this.#timer);
  }

  /** Nobody is to be started any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
