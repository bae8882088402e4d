/**
 * Python's tuples.
 *
 * @module
 */

/**
 * An Array that Python gets as a tuple. `loads` makes them with `tuples: "tuple"`; otherwise a tuple is read as an
 * Array, and an Array is written as a list.
 *
 * @example Keep tuples apart from lists
 * ```ts
 * import { dumps, loads, Tuple } from "@parallel/multiprocessing/pickle";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const pickle = dumps([Tuple.of(1, 2), [3]]);
 * const [pair, list] = loads(pickle, { tuples: "tuple" }) as unknown[][];
 * assertInstanceOf(pair, Tuple);
 * assertEquals([...pair], [1, 2]);
 * assertEquals(list instanceof Tuple, false);
 * ```
 */
export class Tuple<T = unknown> extends Array<T> {
  /** What `map`, `slice` and their kin make of a tuple: an Array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }
}

/**
 * A tuple of these items.
 *
 * @example Call what wants a tuple
 * ```ts
 * import { dumps, loads, tuple } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(loads(dumps(tuple("a", 1))), ["a", 1]);
 * ```
 */
export function tuple<T extends unknown[]>(...items: T): Tuple<T[number]> {
  return tupleOf(items);
}

/** A tuple of the items of an array. */
export function tupleOf<T>(items: readonly T[]): Tuple<T> {
  return asTuple(items.slice());
}

/** An array that nobody else has, as a tuple: to construct one, and to fill it, takes four times as long. */
export function asTuple<T>(items: T[]): Tuple<T> {
  return Object.setPrototypeOf(items, Tuple.prototype);
}
