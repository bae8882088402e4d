// A call of an object's method by a client in Python, as the types get it.

import type { Caller, ManagedObject } from "../../managers/objects.ts";
import { Float } from "../../pickle/numbers.ts";
import { raised } from "./raised.ts";

/** A call. */
export interface Call {
  readonly object: ManagedObject;
  /** The method, as Python names it. */
  readonly method: string;
  readonly args: readonly unknown[];
  /** Arguments by name. */
  readonly named: ReadonlyMap<string, unknown>;
  readonly caller: Caller;
  /** Has the object do something that it exposes, as for any client of another program. */
  ask(asked: string, ...args: readonly unknown[]): unknown;
}

/** What a client has given. */
export type Given = Pick<Call, "method" | "args" | "named">;

/** Does what a call asks for: a value, a promise of one, or an object of the server's that becomes a proxy. */
export type Method = (call: Call) => unknown;

/** In the place of an argument that was not given. */
export const ABSENT = Symbol("absent");

/**
 * The arguments by the names of parameters, of which the first so many must be given.
 *
 * @throws A TypeError of Python's if there are too few, too many, or others.
 */
export function argumentsOf({ method, args, named }: Given, names: readonly string[], needed: number = 0): unknown[] {
  if (args.length > names.length) {
    throw raised("TypeError", `${method}() takes at most ${names.length} arguments (${args.length} given)`);
  }
  const values: unknown[] = names.map((_, i) => i < args.length ? args[i] : ABSENT);
  for (const [name, value] of named) {
    const at = names.indexOf(name);
    if (at < 0) throw raised("TypeError", `${method}() got an unexpected keyword argument '${name}'`);
    if (values[at] !== ABSENT) throw raised("TypeError", `${method}() got multiple values for argument '${name}'`);
    values[at] = value;
  }
  const missing = values.findIndex((value, i) => i < needed && value === ABSENT);
  if (missing < 0) return values;
  throw raised("TypeError", `${method}() missing a required argument: '${names[missing]}'`);
}

/** A value, or what it is if it was not given. */
export function or<T>(value: unknown, otherwise: T): unknown {
  return value === ABSENT ? otherwise : value;
}

/**
 * A whole number, as an index is.
 *
 * @throws A TypeError of Python's if it is none.
 */
export function wholeNumber(value: unknown, what: string): number {
  if (typeof value === "boolean" || typeof value === "bigint") return Number(value);
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw raised("TypeError", `${what} must be an integer`);
}

/**
 * Milliseconds, of seconds; `null`: for ever.
 *
 * @throws A TypeError of Python's if it is no number.
 */
export function milliseconds(seconds: unknown): number | null {
  if (seconds === null || seconds === undefined || seconds === ABSENT) return null;
  const number = seconds instanceof Float ? seconds.value : seconds;
  if (typeof number !== "number" && typeof number !== "bigint" && typeof number !== "boolean") {
    throw raised("TypeError", "a timeout must be a number of seconds or None");
  }
  if (Number.isNaN(Number(number))) throw raised("ValueError", "Invalid value NaN (not a number)");
  return Math.max(0, 1000 * Number(number));
}

/** A time as a number; `NaN` if it is none. */
export function secondsOf(time: unknown): number {
  if (time instanceof Float) return time.value;
  return typeof time === "number" || typeof time === "bigint" ? Number(time) : NaN;
}

/** Whether Python takes a value for true. */
export function isTrue(value: unknown): boolean {
  if (value instanceof Float) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  return Boolean(value);
}

/** What becomes of a result, now or later. */
export function then<T>(result: unknown, act: (value: unknown) => T): T | Promise<T> {
  return result instanceof Promise ? result.then(act) : act(result);
}

/** As a call is done, or what `otherwise` makes of its error, now or later. */
export function orElse(act: () => unknown, otherwise: (error: unknown) => unknown): unknown {
  try {
    const result = act();
    return result instanceof Promise ? result.catch(otherwise) : result;
  } catch (error) {
    return otherwise(error);
  }
}
