// Numbers that a seed alone determines: what is decided by chance in a soak is decided by one of these.

/**
 * A generator with a name: the same names give the same numbers. Each part, seat and life of a process has its own, so
 * that what one of them draws does not depend on how far the others have come.
 */
export class Random {
  readonly #path: string;
  #state: number;

  constructor(path: string) {
    this.#path = path;
    this.#state = [...path].reduce((hash, c) => Math.imul(hash ^ c.charCodeAt(0), 16777619), 2166136261);
  }

  /** What it is called, which is all that another process needs in order to have the same. */
  get path(): string {
    return this.#path;
  }

  /** The generator of something within this. */
  of(...names: (string | number)[]): Random {
    return new Random([this.#path, ...names].join("/"));
  }

  /** At least 0 and less than 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 on, less than `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** A whole number, both ends included. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  coin(): boolean {
    return this.next() < 0.5;
  }

  /** Whether this is one of so many. */
  oneIn(many: number): boolean {
    return this.below(many) === 0;
  }

  pick<const T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }
}
