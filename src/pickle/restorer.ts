/**
 * How an object of a class becomes a value: what a table of classes has for each.
 *
 * @module
 */
import type { Budget } from "./budget.ts";
import { Float } from "./numbers.ts";

/** In the place of a value: the class is known, but nothing here corresponds to this object of it. */
export const UNMAPPED = Symbol("nothing corresponds to this object");

/** What a pickle says of an object of some class. */
export interface Described {
  /** What the class is given. */
  readonly args: readonly unknown[];
  /** What it is given by name; a plain object or a Map. */
  readonly kwargs?: unknown;
  /** What its `__setstate__` is given, or its attributes; `undefined` if there is none. */
  readonly state?: unknown;
  /** What is appended to it; `undefined` if nothing is. */
  readonly items?: readonly unknown[];
  /** What is set in it; `undefined` if nothing is. */
  readonly entries?: readonly (readonly [key: unknown, value: unknown])[];
}

/** What restorers may need of the pickle that is being read. */
export interface Context {
  /** Pays for what is copied. */
  readonly budget: Budget;
  /** How many exceptions were made. */
  exceptions: number;
  /** An int, in the form that is wanted. */
  int(value: number | bigint): number | bigint;
  /** A float, in the form that is wanted. */
  float(value: number): number | Float;
  /** Whether these bytes were not asked for before: they may be used without a copy. */
  adopt(bytes: Uint8Array): boolean;
}

/** Makes values of objects of one class, or of what one function returns. Never calls anything of a pickle's choice. */
export interface Restorer {
  /** Makes the value of the arguments alone, so that what comes later may refer to it. */
  make?(args: readonly unknown[], context: Context): unknown;
  /** Instead of that: makes the value when all of it has come. */
  finish?(described: Described, context: Context): unknown;
  /** Whether the value holds what it was made of, so that it counts as a container of that. */
  readonly keeps?: boolean;
}

/** Restorers by the names of classes and functions: `module.name`. */
export type Restorers = ReadonlyMap<string, Restorer>;

/** A whole number that is no larger than may be; `null` if it is none. Restorers get numbers in either form. */
export function wholeOf(
  value: unknown,
  least = Number.MIN_SAFE_INTEGER,
  most = Number.MAX_SAFE_INTEGER,
): number | null {
  const number = typeof value === "bigint" ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= least && number <= most
    ? number
    : null;
}

/** A number, of a float or an int in any form; `null` if it is none. */
export function numberOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  return value instanceof Float ? value.value : null;
}
