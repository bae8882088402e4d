// What values and arrays are made with besides their type: a lock. Whose locks these are is said by who asks: those of this
// machine (make.ts), or those of an engine.

import { objectName } from "../runtime/object_name.ts";
import { requireKnown } from "../waiting/options.ts";
import { badType, type ScalarType, scalarType } from "./types.ts";

const KNOWN = ["lock", "name"];

/** A lock that is given, or whether one is to be made; and the name of the one that is to be made. */
export interface LockChoice<L> {
  readonly lock: L | boolean;
  readonly name: string;
}

/**
 * The lock that the options ask for.
 *
 * @param isLock Whether something is a lock that may guard what is made.
 * @throws {TypeError} If it is none, or the options are of the wrong type, or there are unknown ones.
 */
export function lockChoice<L>(options: object, action: string, isLock: (lock: unknown) => lock is L): LockChoice<L> {
  requireKnown(action, options, KNOWN);
  const { lock = true } = options as { lock?: unknown };
  requireLock(lock, action, isLock);
  const name = objectName(action, options);
  if (name === "" || lock === true) return { lock, name };
  throw new TypeError(
    `Cannot ${action}: "name" names the lock that is made for it, and "lock" is ${lock}; name the lock that is given`,
  );
}

/**
 * Refuses what is neither a lock nor says whether there is to be one.
 *
 * @throws {TypeError} If so.
 */
export function requireLock<L>(
  lock: unknown,
  action: string,
  isLock: (lock: unknown) => lock is L,
): asserts lock is L | boolean {
  if (typeof lock === "boolean" || isLock(lock)) return;
  throw new TypeError(`Cannot ${action}: "lock" is ${Deno.inspect(lock)}, wanted a Lock, an RLock, true or false`);
}

/**
 * The type of that code.
 *
 * @throws {TypeError} If there is none.
 */
export function knownType(code: unknown, action: string): ScalarType {
  const type = scalarType(code);
  if (type === undefined) throw badType(action, code);
  return type;
}
