/**
 * What is thrown of a pickle, in either direction.
 *
 * @module
 */

/**
 * Bytes are no pickle of plain data, or a value cannot be put into one. Whatever the bytes are, `loads` throws nothing
 * else of them.
 *
 * @example Read bytes of somebody who is not trusted
 * ```ts
 * import { loads, PickleError } from "@parallel/multiprocessing/pickle";
 * import { assertThrows } from "@std/assert";
 *
 * // It says: call os.system with "ls".
 * const hostile = Uint8Array.fromHex("800263 6f730a 73797374656d0a 5802000000 6c73 85522e".replaceAll(" ", ""));
 * assertThrows(() => loads(hostile), PickleError, '"os.system"');
 * ```
 */
export class PickleError extends RangeError {
  static {
    this.prototype.name = "PickleError";
  }
}

/** The error for bytes that cannot be read, with the reason. */
export function unreadable(why: string, options?: ErrorOptions): PickleError {
  return new PickleError(`Cannot read the pickle: ${why}`, options);
}
