// Versions of what is stored in a container, so that a change that was made of a copy is only put back if nobody has
// changed the original meanwhile.

/** The most versions that one container remembers. One that was forgotten counts as out of date. */
const MOST = 4096;

/** A copy, its version, and whether there is anything to be copied. */
export type Read = [value: unknown, version: number, isThere: boolean];

/**
 * The versions of what is stored under keys. A version is a number that is never used again; it is made when somebody
 * reads the value in order to change it, and ends with the next change, whoever makes it.
 */
export class Versions {
  readonly #known = new Map<unknown, { readonly version: number; readonly value: unknown }>();
  #last = 0;

  /** The value under a key, with its version. */
  read(key: unknown, value: unknown, isThere = true): Read {
    const known = this.#known.get(key);
    if (known !== undefined && Object.is(known.value, value)) return [value, known.version, isThere];
    const version = ++this.#last;
    if (this.#known.size >= MOST) this.#known.delete(this.#known.keys().next().value);
    this.#known.set(key, { version, value });
    return [value, version, isThere];
  }

  /** Whether the value under a key has not been changed since it had that version. */
  isCurrent(key: unknown, version: unknown, value: unknown): boolean {
    const known = this.#known.get(key);
    // The value itself is compared, too, for the sake of code in the server that has the bare contents.
    return known !== undefined && known.version === version && Object.is(known.value, value);
  }

  /** The value under a key is another one from now on. */
  changed(key: unknown): void {
    if (this.#known.size > 0) this.#known.delete(key);
  }

  /** All are. */
  allChanged(): void {
    if (this.#known.size > 0) this.#known.clear();
  }

  /** The keys that have a version. */
  keys(): MapIterator<unknown> {
    return this.#known.keys();
  }
}
