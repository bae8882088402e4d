// Freezing copies, so that a change of one, which nobody else would see, throws where it is made.

import { Namespace } from "./namespace.ts";

/**
 * Freezes a value and what is in it. A Map, a Set, a Date, an ArrayBuffer and typed arrays themselves cannot be frozen; what
 * is in a Map or a Set is.
 */
export function deepFreeze(value: unknown): unknown {
  const left = [value];
  /** Those that cannot be frozen, which may contain themselves. */
  const seen = new Set<object>();
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null || Object.isFrozen(next) || ArrayBuffer.isView(next)) continue;
    if (next instanceof Map || next instanceof Set) {
      if (!seen.has(next)) { for (const item of next.values()) left.push(item); }
      seen.add(next);
    }
    const prototype = Object.getPrototypeOf(next);
    const isPlain = prototype === null || prototype === Object.prototype || Array.isArray(next);
    if (!isPlain && !(next instanceof Error || next instanceof Namespace)) continue; // shared objects and proxies are no copies
    Object.freeze(next);
    for (const key of Object.getOwnPropertyNames(next)) left.push(Reflect.get(next, key));
  }
  return value;
}
