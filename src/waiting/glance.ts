// Decides when it pays to look for something briefly before one waits to be told of it. To be told in a promise costs about
// 60 µs; what will come sooner is had sooner by looking. When that is, is decided in native/core/src/wait/spin.rs, for
// promises as for threads; here is what a waiter remembers of one object.

import { native } from "../addon/load.ts";
import { Look } from "../addon/numbers.ts";

/** Whether the next wait for an object begins with a glance. */
export class Glances {
  /** A number of Rust's; 0 is that of a waiter that looks, and has seen something the last time. */
  #habit = 0;
  #hasLooked = false;

  /** For how many milliseconds to look now; 0: not at all. Then tell how it went by {@linkcode end}. */
  begin(): number {
    this.#hasLooked = this.#habit < Look.rests;
    return this.#hasLooked ? Look.time : 0;
  }

  /**
   * Notes whether something was seen; `null`: there was no look after all. If not, tell how long it took by
   * {@linkcode waited}.
   */
  end(seen: boolean | null): void {
    if (seen && this.#hasLooked) this.#habit = 0;
    if (seen !== false) this.#hasLooked = false;
  }

  /** Notes that it took so many milliseconds from the beginning of the wait until one was told. */
  waited(time: number): void {
    this.#habit = native().habitAfter(this.#habit, time, this.#hasLooked ? 1 : 0);
    this.#hasLooked = false;
  }
}
