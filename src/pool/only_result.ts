// Looks out for the result of the only task. When it will come soon, that takes less than to be told of it in a promise: the
// thread itself looks for a moment, once it has begun all calls that it is about to begin.

import { Glances } from "../waiting/glance.ts";
import { performance, queueMicrotask } from "../runtime/timing.ts";

/** Milliseconds for which results may be looked out for before the event loop gets a turn. */
const MAX_TURN = 5;

/** Decides when it is worth looking. */
export class OnlyResult {
  /** Looks for so many milliseconds; whether something came, `null` if there was nothing to look out for. */
  readonly #look: (timeout: number) => boolean | null;
  /** Nothing came, or it was not the time to look. */
  readonly #inVain: () => void;
  readonly #glances = new Glances();
  #isDue = false;
  /** A result that comes now is one that was seen. */
  #isLooking = false;
  /** When the event loop has last had a turn, as far as is known. */
  #lastTurn = 0;

  constructor(look: (timeout: number) => boolean | null, inVain: () => void) {
    this.#look = look;
    this.#inVain = inVain;
  }

  /** The event loop has had a turn. */
  turned(now: number): void {
    this.#lastTurn = now;
  }

  /** It came after so many milliseconds. */
  answered(time: number): void {
    if (!this.#isLooking) this.#glances.waited(time);
  }

  /** There is only one task: its result is looked out for soon, if that promises something; whether it does. */
  soon(): boolean {
    if (this.#isDue) return true;
    const time = this.#glances.begin();
    if (time === 0) return false;
    this.#isDue = true;
    // So that of many calls in a row only the last looks.
    queueMicrotask(() => {
      this.#isDue = false;
      const found = performance.now() - this.#lastTurn > MAX_TURN ? null : this.#lookFor(time);
      this.#glances.end(found);
      if (found !== true) this.#inVain();
    });
    return true;
  }

  #lookFor(time: number): boolean | null {
    this.#isLooking = true;
    try {
      return this.#look(time);
    } finally {
      this.#isLooking = false;
    }
  }
}
