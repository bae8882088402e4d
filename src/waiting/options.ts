// Options of everything that waits, read once: milliseconds, null for ever, negative is 0. What is no option is refused.

import { glance, quoted } from "../runtime/harmless.ts";
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
 * Refuses options that are no object.
 *
 * @param action What is to be done, for the message: "listen".
 * @throws {TypeError} If so.
 */
function requireOptions(options: unknown, action: string): void {
  if (typeof options === "object" && options !== null) return;
  throw new TypeError(`Cannot ${action}: the options are ${Deno.inspect(options)}, wanted an object`);
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
  throw new TypeError(`Cannot ${action}: it takes no options, ${glance(given)} was given`);
}

/** Names an option that there is not, unless it is one of `Object.prototype` that somebody has added to all objects. */
function refuseUnknown(action: string, options: object, name: string, known: readonly string[]): void {
  if (!Object.hasOwn(options, name) && Object.hasOwn(Object.prototype, name)) return;
  const meant = nearest(name, known);
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  throw new TypeError(`Cannot ${action}: ${quoted(name)} is no option, wanted ${known.join(", ")}${hint}`);
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
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `Cannot wait: the options are ${Deno.inspect(options)}, wanted an object such as { timeout: 1000 }`,
    );
  }
  for (const name in options) if (!known.includes(name)) refuseUnknown("wait", options, name, known);
  return timeoutIn(options);
}

/** As {@linkcode timeoutOf}, of options whose names are known to be right. */
export function timeoutIn({ timeout, block, signal }: AcquireOptions): number {
  if (block !== undefined && typeof block !== "boolean") {
    throw new TypeError(`Cannot wait: "block" is ${Deno.inspect(block)}, wanted true or false`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`Cannot wait: "signal" is ${Deno.inspect(signal)}, wanted an AbortSignal`);
  }
  if (block === false) return 0;
  if (timeout === undefined || timeout === null) return Infinity;
  if (typeof timeout !== "number") {
    throw new TypeError(`Cannot wait: "timeout" is ${Deno.inspect(timeout)}, wanted a number of milliseconds or null`);
  }
  if (Number.isNaN(timeout)) throw new RangeError(`Cannot wait: "timeout" is NaN, wanted milliseconds or null`);
  return Math.max(0, timeout);
}
