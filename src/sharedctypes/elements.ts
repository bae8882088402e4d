// The arguments from which arrays are made and set: sizes, strings, anything iterable.

import type { ScalarType, Stored } from "./types.ts";

/**
 * The elements that a value given by the user means for an array of `type`, checked.
 *
 * @throws {TypeError} If it is neither iterable nor, for characters, a string, or an element is not of the right kind.
 * @throws {RangeError} If the type cannot hold an element.
 */
export function elementsOf(type: ScalarType, given: unknown, action: string): ArrayLike<Stored> {
  if (given instanceof type.View && type.load === null) return given;
  return Array.from(itemsOf(type, given, action), type.store);
}

function itemsOf(type: ScalarType, given: unknown, action: string): Iterable<unknown> {
  if (typeof given === "string" && type.code === "c") return new TextEncoder().encode(given);
  return iterableOf(given, action, type.code === "u");
}

/**
 * What is given, if `for … of` takes it and it is no string, unless that is wanted.
 *
 * @throws {TypeError} If not.
 */
export function iterableOf(given: unknown, action: string, orString = false): Iterable<unknown> {
  const isIterable = typeof (given as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === "function";
  if (isIterable && (orString || typeof given !== "string")) return given as Iterable<unknown>;
  throw new TypeError(`Cannot ${action}: ${Deno.inspect(given)} was given, wanted something iterable`);
}

/**
 * The number of elements that a user asks for, if `given` is a number.
 *
 * @throws {RangeError} If it is negative, fractional, NaN or more than any memory.
 */
export function sizeOf(given: unknown, action: string): number | undefined {
  if (typeof given !== "number") return undefined;
  if (Number.isSafeInteger(given) && given >= 0) return given;
  throw new RangeError(`Cannot ${action}: the size is ${given}, wanted an integer >= 0`);
}

/**
 * An index that is within an array.
 *
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is not an integer from 0 to `length` - 1.
 */
export function checkIndex(index: number, length: number, action: string): void {
  if (index >= 0 && index < length && Number.isInteger(index)) return;
  const message = `Cannot ${action}: index out of range: ${Deno.inspect(index)} was given, the length is ${length}`;
  throw typeof index === "number" ? new RangeError(message) : new TypeError(message);
}

/**
 * Checks where a slice begins or ends.
 *
 * @throws {TypeError} If it is given and not a number.
 */
export function checkBound(bound: number | undefined, action: string): void {
  if (bound === undefined || typeof bound === "number") return;
  throw new TypeError(`Cannot ${action}: ${Deno.inspect(bound)} was given as an index, wanted a number`);
}

/** Checks that `count` elements from `start` on are within an array. */
export function checkRange(start: number, count: number, length: number, action: string): void {
  if (start >= 0 && start + count <= length && Number.isInteger(start)) return;
  throw new RangeError(
    `Cannot ${action}: ${count} elements from index ${Deno.inspect(start)} on were given, the length is ${length}`,
  );
}
