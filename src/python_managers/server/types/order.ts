// The order that Python's `sort` gives.

import { Float } from "../../../pickle/numbers.ts";
import { isEqual } from "../keys.ts";
import { raised } from "../raised.ts";
import { typeNameOf } from "../words.ts";

/**
 * Which of two values comes first, a negative number if it is `one`.
 *
 * @throws A TypeError of Python's if they have no order.
 */
function compare(one: unknown, other: unknown): number {
  const numbers = [numeric(one), numeric(other)];
  if (numbers[0] !== null && numbers[1] !== null) return less(numbers[0], numbers[1]);
  if (typeof one === "string" && typeof other === "string") return compareTexts(one, other);
  if (Array.isArray(one) && Array.isArray(other) && typeNameOf(one) === typeNameOf(other)) {
    return compareItems(one, other);
  }
  if (one instanceof Uint8Array && other instanceof Uint8Array) return compareItems([...one], [...other]);
  throw raised(
    "TypeError",
    `'<' not supported between instances of '${typeNameOf(other)}' and '${typeNameOf(one)}'`,
  );
}

function numeric(value: unknown): number | bigint | null {
  if (typeof value === "number" || typeof value === "bigint") return value;
  if (typeof value === "boolean") return Number(value);
  return value instanceof Float ? value.value : null;
}

function less(one: number | bigint | string, other: number | bigint | string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** By code points, not by code units. */
function compareTexts(one: string, other: string): number {
  for (let i = 0; i < one.length && i < other.length; i++) {
    const [a, b] = [one.charCodeAt(i), other.charCodeAt(i)];
    if (a === b) continue;
    // Halves of pairs stand for what comes behind all other letters.
    const [isHigh, isOtherHigh] = [a >= 0xd800 && a <= 0xdfff, b >= 0xd800 && b <= 0xdfff];
    return isHigh === isOtherHigh ? a - b : isHigh ? 1 : -1;
  }
  return one.length - other.length;
}

function compareItems(one: readonly unknown[], other: readonly unknown[]): number {
  for (let i = 0; i < one.length && i < other.length; i++) {
    if (!isEqual(one[i], other[i])) return compare(one[i], other[i]);
  }
  return one.length - other.length;
}

/** The items in their order; equal ones as they were, also if the order is reversed. */
export function sorted(items: readonly unknown[], isReversed: boolean): unknown[] {
  const sign = isReversed ? -1 : 1;
  return [...items].sort((one, other) => sign * compare(one, other));
}
