// Lets a few of many tasks be under way at once. A server of Python's keeps 128 connections that it has not accepted yet, and
// each reference to an object is asked for by one of its own.

/** So many at once. */
const MOST = 8;

/** A line of tasks. */
export class Few {
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  /** Does a task when it is its turn. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#running >= MOST) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next(); // which has the place now
    }
  }
}
