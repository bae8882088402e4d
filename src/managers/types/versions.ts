// Versions of what is stored in a container, so that a change that was made of a copy is only put back if nobody has
// changed the original meanwhile.

/**
 * The most keys without a value that one container remembers. A version that was forgotten counts as out of date. It is far
 * more than there are calls under way: else those that make others be forgotten would be forgotten themselves.
 */
const MOST_ABSENT = 65_536;

/** A copy, its version, and whether there is anything to be copied. */
export type Read = [value: unknown, version: number, isThere: boolean];

/**
 * The versions of what is stored under keys. A version is a number that is never used again; it is made when somebody
 * reads the value in order to change it, and ends with the next change, whoever makes it.
 */
export class Versions {
  readonly #known = new Map<unknown, { readonly version: number; readonly value: unknown }>();
  /** Of keys that have no value: whoever asks for them adds to this. */
  readonly #absent = new Map<unknown, number>();
  #last = 0;

  /** The value under a key, with its version. */
  read(key: unknown, value: unknown, isThere = true): Read {
    return [value, isThere ? this.#ofValue(key, value) : this.#ofNone(key), isThere];
  }

  #ofValue(key: unknown, value: unknown): number {
    const known = this.#known.get(key);
    if (known !== undefined && Object.is(known.value, value)) return known.version;
    const version = ++this.#last;
    this.#known.set(key, { version, value });
    return version;
  }

  #ofNone(key: unknown): number {
    const known = this.#absent.get(key);
    if (known !== undefined) return known;
    if (this.#absent.size >= MOST_ABSENT) this.#absent.delete(this.#absent.keys().next().value);
    this.#absent.set(key, ++this.#last);
    return this.#last;
  }

  /** Whether what is under a key has not been changed since it had that version. */
  isCurrent(key: unknown, version: unknown, value: unknown, isThere = true): boolean {
    if (!isThere) return this.#absent.get(key) === version;
    const known = this.#known.get(key);
    // The value itself is compared, too, for the sake of code in the server that has the bare contents.
    return known !== undefined && known.version === version && Object.is(known.value, value);
  }

  /** The value under a key is another one from now on. */
  changed(key: unknown): void {
    if (this.#known.size > 0) this.#known.delete(key);
    if (this.#absent.size > 0) this.#absent.delete(key);
  }

  /** All are. */
  allChanged(): void {
    if (this.#known.size > 0) this.#known.clear();
    if (this.#absent.size > 0) this.#absent.clear();
  }

  /** The keys of values that have a version. */
  keys(): MapIterator<unknown> {
    return this.#known.keys();
  }
}
