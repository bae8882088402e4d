// Decides when a promise for a message may look out for it for some microseconds. To be told of it costs more.

/** A wait shorter than this, in milliseconds, shows that the other end answers at once. */
const HOT = 0.2;
/** After so many glances in a row that have seen a message, the event loop has its turn. */
const MOST_IN_A_ROW = 64;
/** After a glance that has seen none, so many quick waits come before the next one. */
const WAITS_AFTER_A_MISS = 8;

/**
 * Of one connection: whether the next receive begins with a glance.
 *
 * | state | next receive | then |
 * | ----- | ------------ | ---- |
 * | hot   | glances      | seen → hot, but after {@linkcode MOST_IN_A_ROW} cold; missed → cold, waits to come |
 * | cold  | waits        | quick and no waits to come → hot; quick → one wait less to come; slow → cold |
 */
export class Glances {
  #isHot = false;
  #inARow = 0;
  #waitsToCome = 0;

  /** Whether to glance now; then tell how it went by {@linkcode end}. */
  begin(): boolean {
    return this.#isHot;
  }

  /** Notes whether a message was seen. */
  end(seen: boolean): void {
    if (!this.#isHot) return;
    if (!seen) this.#waitsToCome = WAITS_AFTER_A_MISS;
    else if (++this.#inARow < MOST_IN_A_ROW) return;
    this.#inARow = 0;
    this.#isHot = false;
  }

  /** Notes how many milliseconds it took to be told of a message. */
  waited(time: number): void {
    if (time >= HOT) return;
    if (this.#waitsToCome > 0) this.#waitsToCome--;
    else this.#isHot = true;
  }
}
