// The values of a queue that nobody could deal with, as this process takes them: none of them is lost with another's error.

import type { Arrivals } from "./arrivals.ts";
import type { TakenRecord } from "./records.ts";

/** The lost values of one handle of a queue. */
export class LostOf<T> {
  readonly #arrivals: Arrivals;
  /** Those that were opened by a call that has thrown: the next call gives them. */
  #kept: T[] = [];

  constructor(arrivals: Arrivals) {
    this.#arrivals = arrivals;
  }

  /**
   * All of them, which `take` gives in portions.
   *
   * @throws The error of the first that cannot be opened. It stays with this process, and is lost again when that ends.
   */
  async all(take: () => Promise<TakenRecord[]>): Promise<T[]> {
    const portions = new Portions<T>(this.#take());
    try {
      for (let taken = await take(); taken.length > 0; taken = await take()) {
        for (const it of taken) await portions.open(it);
        this.#arrivals.settle(portions.settled());
      }
      return portions.whole();
    } catch (error) {
      this.#keep(portions);
      throw error;
    }
  }

  /** As {@linkcode all}, blocking the thread. */
  allSync(take: () => TakenRecord[]): T[] {
    const portions = new Portions<T>(this.#take());
    try {
      for (let taken = take(); taken.length > 0; taken = take()) {
        for (const it of taken) portions.openSync(it);
        this.#arrivals.settle(portions.settled());
      }
      return portions.whole();
    } catch (error) {
      this.#keep(portions);
      throw error;
    }
  }

  #take(): T[] {
    return this.#kept.splice(0);
  }

  #keep({ values }: Portions<T>): void {
    this.#kept.push(...values);
  }
}

/** What one call has opened so far. */
class Portions<T> {
  readonly values: T[];
  #opened: string[] = [];
  #errors: unknown[] = [];

  constructor(values: T[]) {
    this.values = values;
  }

  async open(taken: TakenRecord): Promise<void> {
    try {
      this.#note(taken, await taken.open());
    } catch (error) {
      this.#errors.push(error);
    }
  }

  openSync(taken: TakenRecord): void {
    try {
      this.#note(taken, taken.openSync());
    } catch (error) {
      this.#errors.push(error);
    }
  }

  #note({ take }: TakenRecord, value: unknown): void {
    this.values.push(value as T);
    this.#opened.push(take);
  }

  /** The takes that were opened since the last question. */
  settled(): string[] {
    return this.#opened.splice(0);
  }

  whole(): T[] {
    if (this.#errors.length > 0) throw this.#errors[0];
    return this.values;
  }
}
