// Decides when it pays to look out for something briefly before one waits to be told of it. To be told in a promise costs
// about 60 µs; what will come sooner is had sooner by looking. Queues, connections and pools each have habits of their own.

/** When to glance. */
export interface GlanceHabit {
  /** A wait shorter than this, in milliseconds, shows that the other end answers at once. */
  readonly hot: number;
  /** After so many glances in a row that have seen something, the event loop has its turn. Absent: never. */
  readonly mostInARow?: number;
  /** After a glance that has seen nothing, so many quick waits come before the next one. Absent: none. */
  readonly waitsAfterAMiss?: number;
}

/**
 * Whether the next wait begins with a glance.
 *
 * | state | next wait | then |
 * | ----- | --------- | ---- |
 * | hot   | glances   | seen → hot, but after `mostInARow` cold; missed → cold, waits to come |
 * | cold  | waits     | quick and no waits to come → hot; quick → one wait less to come; slow → cold |
 */
export class Glances {
  readonly #habit: GlanceHabit;
  #isHot = false;
  #inARow = 0;
  #waitsToCome = 0;

  constructor(habit: GlanceHabit) {
    this.#habit = habit;
  }

  /** Whether to glance now; then tell how it went by {@linkcode end}. */
  begin(): boolean {
    return this.#isHot;
  }

  /** Notes whether something was seen. */
  end(seen: boolean): void {
    if (!this.#isHot) return;
    const { mostInARow = Infinity, waitsAfterAMiss = 0 } = this.#habit;
    if (!seen) this.#waitsToCome = waitsAfterAMiss;
    else if (++this.#inARow < mostInARow) return;
    this.#inARow = 0;
    this.#isHot = false;
  }

  /** Notes how many milliseconds it took to be told. */
  waited(time: number): void {
    if (time >= this.#habit.hot) this.#isHot = false;
    else if (this.#waitsToCome > 0) this.#waitsToCome--;
    else this.#isHot = true;
  }
}
