// Freezing copies, so that a change of one, which nobody else would see, throws where it is made.

/** Freezes what is in a value, too. The contents of Map, Set, Date, ArrayBuffer and of typed arrays cannot be frozen. */
export function deepFreeze(value: unknown): unknown {
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null || Object.isFrozen(next) || ArrayBuffer.isView(next)) continue;
    const prototype = Object.getPrototypeOf(next);
    const isPlain = prototype === null || prototype === Object.prototype || Array.isArray(next);
    if (!isPlain && !(next instanceof Error)) continue; // shared objects and proxies are no copies
    Object.freeze(next);
    for (const key of Object.getOwnPropertyNames(next)) left.push(Reflect.get(next, key));
  }
  return value;
}
