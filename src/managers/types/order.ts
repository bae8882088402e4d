// The order that `sort` of a list gives without a function: that of Python, where numbers come by their values.

import { Date } from "../../runtime/timing.ts";
import { requireKnown } from "../../waiting/options.ts";

/** What can be compared with its like. */
type Sort = "number" | "string" | "boolean" | "date";

function sortOf(value: unknown): Sort | null {
  if (typeof value === "number" || typeof value === "bigint") return "number";
  if (typeof value === "string" || typeof value === "boolean") return typeof value as "string" | "boolean";
  return value instanceof Date ? "date" : null;
}

/**
 * Refuses items that have no order among themselves.
 *
 * @throws {TypeError} If there are some.
 */
function requireOrdered(items: readonly unknown[]): void {
  let before: Sort | null = null;
  for (const item of items) {
    const sort = sortOf(item);
    if (sort !== null && (before === null || sort === before)) {
      before = sort;
      continue;
    }
    const what = sort === null ? Deno.inspect(item, { depth: 0 }) : `a ${sort} and a ${before}`;
    throw new TypeError(
      `Cannot sort the list: ${what} cannot be ordered, wanted numbers, strings, booleans or dates only; sort by a function`,
    );
  }
}

/**
 * The items in their order; equal ones as they were, also if the order is reversed.
 *
 * @throws {TypeError} If they are not all numbers, or all strings, and so on.
 */
export function inOrder(items: readonly unknown[], isReversed: boolean): unknown[] {
  requireOrdered(items);
  const sign = isReversed ? -1 : 1;
  // Items of one sort can be compared, NaN being less than nothing and more than nothing.
  return [...items].sort((one, other) => sign * (one! < other! ? -1 : one! > other! ? 1 : 0));
}

/** What `sort` may be told. */
export interface SortOptions<T = unknown> {
  /** As that of `Array.prototype.sort`. It runs in the calling process. Default: numbers by value, strings by code units. */
  compare?: Compare<T>;
  /** Whether the largest comes first. Default: `false`. */
  reverse?: boolean;
}

/** The items in the order of a function. */
export function inOrderOf<T>(items: readonly T[], compare: Compare<T>, isReversed: boolean): T[] {
  return [...items].sort(isReversed ? (one, other) => compare(other, one) : compare);
}

/** Which of two items comes first: a negative number if it is `one`, a positive one if it is `other`. */
export type Compare<T> = (one: T, other: T) => number;

/**
 * What `sort` was told, which may be a function alone.
 *
 * @throws {TypeError} If it is neither a function nor such options.
 */
export function sortOptionsOf<T>(options: SortOptions<T> | Compare<T>): SortOptions<T> {
  if (typeof options === "function") return { compare: options };
  requireKnown("sort the list", options, ["compare", "reverse"]);
  const { compare, reverse } = options;
  if (compare !== undefined && typeof compare !== "function") {
    throw new TypeError(`Cannot sort the list: "compare" is ${Deno.inspect(compare)}, wanted a function`);
  }
  if (reverse !== undefined && typeof reverse !== "boolean") {
    throw new TypeError(`Cannot sort the list: "reverse" is ${Deno.inspect(reverse)}, wanted a boolean`);
  }
  return options;
}
