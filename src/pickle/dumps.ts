/**
 * Values to pickles.
 *
 * @module
 */
import { Encoder } from "./encoder.ts";
import { dumping, type DumpsOptions } from "./options.ts";
import type { Call } from "./reduction.ts";
import { Refusal } from "./refusal.ts";

/**
 * The pickle of a value: Python's `pickle.loads` makes of it what docs/python.md says. Everything that occurs twice is
 * there once, also by a circle.
 *
 * @throws {PickleError} If something in the value is nothing that Python has, such as a function, an instance of a class
 * that is not registered or a date of the year 10000, or is nested more than 1000 levels deep. It says where that stands.
 * @throws {TypeError} If an option is none, or not what it may be.
 *
 * @example What Python will read as `{"name": "Ada", "scores": [1, 2.5]}`
 * ```ts
 * import { dumps, loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * const pickle = dumps({ name: "Ada", scores: [1, 2.5] });
 * assertEquals(loads(pickle), { name: "Ada", scores: [1, 2.5] });
 * ```
 */
export function dumps(value: unknown, options?: DumpsOptions): Uint8Array<ArrayBuffer> {
  return dump(value, new Encoder(dumping(options)));
}

/**
 * As {@linkcode dumps}, with instances that `reduce` says something of: it is asked for each that is no plain object, array,
 * Map, Set or bytes.
 */
export function dumpWith(
  value: unknown,
  reduce: (instance: object) => Call | undefined,
  options?: DumpsOptions,
): Uint8Array<ArrayBuffer> {
  return dump(value, new Encoder(dumping(options), reduce));
}

function dump(value: unknown, encoder: Encoder): Uint8Array<ArrayBuffer> {
  try {
    return encoder.dump(value);
  } catch (error) {
    throw error instanceof Refusal ? error.explain() : error;
  }
}
