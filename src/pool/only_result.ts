// Looks out for the result of the only task. When it will come soon, that takes less than to be told of it in a promise: the
// thread itself looks for a moment, once it has begun all calls that it is about to begin.

import { type GlanceHabit, Glances } from "../waiting/glance.ts";
import { performance, queueMicrotask } from "../runtime/timing.ts";

/** Milliseconds that the thread may look out for the result. */
const GLANCE = 0.06;
/** A task that takes less than 0.25 ms, with all that is around it, makes the next result be looked out for. */
const GLANCE_HABIT: GlanceHabit = { hot: 0.25 };
/** Milliseconds for which results may be looked out for before the event loop gets a turn. */
const MAX_TURN = 5;

/** Decides when it is worth looking. */
export class OnlyResult {
  /** Looks for so many milliseconds; whether something came, `null` if there was nothing to look out for. */
  readonly #look: (timeout: number) => boolean | null;
  /** Nothing came, or it was not the time to look. */
  readonly #inVain: () => void;
  readonly #glances = new Glances(GLANCE_HABIT);
  #isDue = false;
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
    this.#glances.waited(time);
  }

  /** There is only one task: its result is looked out for soon, if that promises something; whether it does. */
  soon(): boolean {
    if (!this.#glances.begin()) return false;
    if (this.#isDue) return true;
    this.#isDue = true;
    // So that of many calls in a row only the last looks.
    queueMicrotask(() => {
      this.#isDue = false;
      const found = performance.now() - this.#lastTurn > MAX_TURN ? null : this.#look(GLANCE);
      if (found === false) this.#glances.end(false);
      if (found !== true) this.#inVain();
    });
    return true;
  }
}
