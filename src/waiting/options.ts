// Options of everything that waits, read once: milliseconds, null for ever, negative is 0. What is no option is refused.

import { glance, inOneLine, quoted } from "../runtime/harmless.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { nearest } from "./nearest.ts";

/** Options of what may wait in a promise. */
export interface WaitOptions {
  /** Milliseconds to wait at most. Absent or `null`: for ever. Negative: 0. */
  timeout?: number | null;
  /** Rejects the promise with `signal.reason` when aborted; nothing is then acquired or taken. */
  signal?: AbortSignal;
}

/** Options of what blocks the thread. */
export interface WaitSyncOptions {
  /** Milliseconds to wait at most. Absent or `null`: for ever. Negative: 0. */
  timeout?: number | null;
}

/** Options of what acquires, puts or gets. */
export interface AcquireOptions extends WaitOptions {
  /** `false`: do not wait at all, whatever `timeout` says. Default: `true`. */
  block?: boolean;
}

/** As {@linkcode AcquireOptions}, for what blocks the thread. */
export interface AcquireSyncOptions extends WaitSyncOptions {
  /** `false`: do not wait at all, whatever `timeout` says. Default: `true`. */
  block?: boolean;
}

/**
 * Whether something can be an object of options: `{ … }`, what inherits from such a one, or an instance of a class that has
 * properties of its own. An array, a `Map`, a boxed number or a signal has none, and would be taken for no options.
 */
export function isOptions(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  try {
    let prototype: object | null = Object.getPrototypeOf(value);
    while (prototype !== null && prototype !== Object.prototype) {
      const next: object | null = Object.getPrototypeOf(prototype);
      if (next === null) break; // that of objects, also in another realm
      if (Object.hasOwn(prototype, "constructor")) return !isList(value) && Object.keys(value).length > 0; // that of a class
      prototype = next;
    }
    return !isList(value);
  } catch {
    return false; // a proxy that was revoked, or whose traps throw
  }
}

function isList(value: object): boolean {
  return Array.isArray(value) || ArrayBuffer.isView(value);
}

/**
 * Refuses options that are no object of options.
 *
 * @param action What is to be done, for the message: "listen".
 * @throws {TypeError} If so.
 */
function requireOptions(options: unknown, action: string): void {
  if (isOptions(options)) return;
  throw withUsersFrames(
    new TypeError(`Cannot ${action}: the options are ${inOneLine(options)}, wanted an object of options`),
  );
}

/** Options with what they are if they do not say; what is no object of options stays so, and is refused where it is used. */
export function withDefaults<O extends object>(defaults: Partial<O>, options: O | undefined): O {
  return options === undefined || isOptions(options) ? { ...defaults, ...options as O } : options;
}

/**
 * Refuses an option that is neither a boolean nor absent.
 *
 * @param action What is to be done, for the message: "listen".
 * @throws {TypeError} If so.
 */
export function requireFlag(action: string, name: string, given: unknown): asserts given is boolean | undefined {
  if (given === undefined || typeof given === "boolean") return;
  throw withUsersFrames(new TypeError(`Cannot ${action}: "${name}" is ${inOneLine(given)}, wanted true or false`));
}

/** The names of {@linkcode WaitOptions}. */
export const WAIT: readonly string[] = ["timeout", "signal"];
/** The names of {@linkcode WaitSyncOptions}. */
export const WAIT_SYNC: readonly string[] = ["timeout"];
/** The names of {@linkcode AcquireOptions}. */
export const ACQUIRE: readonly string[] = ["block", "timeout", "signal"];
/** The names of {@linkcode AcquireSyncOptions}. */
export const ACQUIRE_SYNC: readonly string[] = ["block", "timeout"];

/**
 * Refuses options that there are not: a misspelt one would be taken for none.
 *
 * @throws {TypeError} If so, or if they are no object.
 */
export function requireKnown(action: string, options: unknown, known: readonly string[]): void {
  requireOptions(options, action);
  for (const name in options as object) {
    if (!known.includes(name)) refuseUnknown(action, options as object, name, known);
  }
}

/**
 * Refuses options, of what has none: a time limit that is taken for nothing lets its caller wait for ever. What else is
 * given beyond the parameters, such as the index by `forEach`, is nobody's.
 *
 * @throws {TypeError} If there are some.
 */
export function refuseOptions(action: string, given: unknown): void {
  if (typeof given !== "object" || given === null) return;
  throw withUsersFrames(new TypeError(`Cannot ${action}: it takes no options, ${glance(given)} was given`));
}

/** Names an option that there is not, unless it is one of `Object.prototype` that somebody has added to all objects. */
function refuseUnknown(action: string, options: object, name: string, known: readonly string[]): void {
  if (!Object.hasOwn(options, name) && Object.hasOwn(Object.prototype, name)) return;
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  throw withUsersFrames(
    new TypeError(`Cannot ${action}: ${quoted(name)} is no option, wanted ${known.join(", ")}${hint}`),
  );
}

/**
 * Milliseconds to wait; `Infinity` for ever.
 *
 * @param known The options that there are.
 * @throws {TypeError} If `timeout` is not a number, `block` not a boolean, `signal` not an AbortSignal, or another option
 * is none.
 * @throws {RangeError} If it is NaN.
 */
export function timeoutOf(options: AcquireOptions | undefined, known: readonly string[] = WAIT): number {
  if (options === undefined) return Infinity;
  if (!isOptions(options)) {
    throw withUsersFrames(
      new TypeError(`Cannot wait: the options are ${inOneLine(options)}, wanted an object such as { timeout: 1000 }`),
    );
  }
  for (const name in options) if (!known.includes(name)) refuseUnknown("wait", options, name, known);
  return timeoutIn(options);
}

/** As {@linkcode timeoutOf}, of options whose names are known to be right. */
export function timeoutIn({ timeout, block, signal }: AcquireOptions): number {
  requireFlag("wait", "block", block);
  if (signal !== undefined && !isSignal(signal)) {
    throw withUsersFrames(new TypeError(`Cannot wait: "signal" is ${inOneLine(signal)}, wanted an AbortSignal`));
  }
  if (block === false) return 0;
  if (timeout === undefined || timeout === null) return Infinity;
  if (typeof timeout !== "number") {
    throw withUsersFrames(
      new TypeError(`Cannot wait: "timeout" is ${inOneLine(timeout)}, wanted a number of milliseconds or null`),
    );
  }
  if (Number.isNaN(timeout)) {
    throw withUsersFrames(new RangeError(`Cannot wait: "timeout" is NaN, wanted milliseconds or null`));
  }
  return Math.max(0, timeout);
}

function isSignal(signal: unknown): signal is AbortSignal {
  try {
    return signal instanceof AbortSignal;
  } catch {
    return false; // a proxy that was revoked
  }
}
