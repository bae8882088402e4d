// Looks out for a result that will come soon. To be told of it in a promise costs about 60 µs. So when there is only
// one task, and the last result came soon, the thread itself looks for the next one for a moment.

import { performance, queueMicrotask } from "../runtime/timing.ts";

/** Milliseconds that the thread may look out for the result of the only task there is. */
const GLANCE = 0.06;
/** A result that comes sooner than this, in milliseconds, makes the next one be looked out for. */
const HOT = 0.25;
/** For so many milliseconds results may be looked out for before the event loop gets a turn. */
const LONGEST_STARE = 5;

/** Decides when it is worth looking. */
export class Glance {
  /** Looks for so many milliseconds; whether something came, `null` if there was nothing to look out for. */
  readonly #look: (timeout: number) => boolean | null;
  #isHot = false;
  #isDue = false;
  /** When the event loop has last had a turn, as far as is known. */
  #lastTurn = 0;

  /** Nothing came, or it was not the time to look. */
  readonly #inVain: () => void;

  constructor(look: (timeout: number) => boolean | null, inVain: () => void) {
    this.#look = look;
    this.#inVain = inVain;
  }

  /** The event loop has had a turn. */
  turned(now: number): void {
    this.#lastTurn = now;
  }

  /** The result of the only task came after so many milliseconds. */
  answered(time: number): void {
    this.#isHot = time < HOT;
  }

  /** There is only one task: its result is looked out for soon, if that promises something; whether it does. */
  soon(): boolean {
    if (!this.#isHot) return false;
    if (this.#isDue) return true;
    this.#isDue = true;
    // So that of many calls in a row only the last looks.
    queueMicrotask(() => {
      this.#isDue = false;
      const found = performance.now() - this.#lastTurn > LONGEST_STARE ? null : this.#look(GLANCE);
      if (found === false) this.#isHot = false;
      if (found !== true) this.#inVain();
    });
    return true;
  }
}
