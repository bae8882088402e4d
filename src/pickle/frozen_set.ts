/**
 * Python's frozensets.
 *
 * @module
 */

/**
 * A Set that never changes, which Python gets as a frozenset.
 *
 * @example Send a frozenset
 * ```ts
 * import { dumps, FrozenSet, loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * const copy = loads(dumps(new FrozenSet(["a", "b"]))) as FrozenSet<string>;
 * assertEquals([...copy], ["a", "b"]);
 * assertThrows(() => copy.add("c"), TypeError, "it never changes");
 * ```
 */
export class FrozenSet<T = unknown> extends Set<T> {
  #isMade = false;

  /** A set of these items. */
  constructor(items: Iterable<T> = []) {
    super();
    for (const item of items) super.add(item);
    this.#isMade = true;
  }

  /** Refuses. @throws {TypeError} Always. */
  override add(value: T): this {
    if (!this.#isMade) return super.add(value);
    throw frozen("add to");
  }

  /** Refuses. @throws {TypeError} Always. */
  override delete(_value: T): boolean {
    throw frozen("delete from");
  }

  /** Refuses. @throws {TypeError} Always. */
  override clear(): void {
    throw frozen("clear");
  }
}

function frozen(action: string): TypeError {
  return new TypeError(`Cannot ${action} a FrozenSet: it never changes`);
}
