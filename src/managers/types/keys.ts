// What can be a key of a dict, or a member of a set: what is equal to its copy.

/** A key of a dict, or a member of a set. */
export type Key = string | number | bigint | boolean | null | undefined;

/** Objects that somebody else finds again by what is in them: tuples of Python's, say. */
const admitted = new WeakSet<object>();

/** Lets an object be a key: whoever does that sees to it that an equal one is the same one. */
export function admitKey(key: object): void {
  admitted.add(key);
}

/**
 * Refuses what arrives as a copy, which no other copy is equal to.
 *
 * @throws {TypeError} If it is an object.
 */
export function requireKey(value: unknown, role: "a key of a dict" | "a member of a set"): void {
  if (typeof value !== "object" || value === null || admitted.has(value)) return;
  const shown = Deno.inspect(value, { depth: 1, breakLength: Infinity, colors: false }).slice(0, 100);
  throw new TypeError(
    `Cannot use ${shown} as ${role}: it is an object, and its copies are equal to nothing, so it would never be found ` +
      "again; use a string, a number, a bigint, a boolean, null or undefined, such as JSON.stringify() of it",
  );
}

/**
 * The entries that something consists of: a Map, anything that gives pairs, or an object with its own properties.
 *
 * @throws {TypeError} If it is none of these.
 */
export function entriesOf(value: unknown, action: string): Map<unknown, unknown> {
  if (value instanceof Map) return value;
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `Cannot ${action}: ${Deno.inspect(value)} was given, wanted a Map, an iterable of entries, or an object`,
    );
  }
  if (!(Symbol.iterator in value)) return new Map(Object.entries(value));
  const entries = new Map<unknown, unknown>();
  for (const entry of value as Iterable<unknown>) {
    if (!Array.isArray(entry) || entry.length !== 2) {
      throw new TypeError(
        `Cannot ${action}: the iterable gives ${Deno.inspect(entry, { depth: 1 })}, wanted pairs of a key and a value`,
      );
    }
    entries.set(entry[0], entry[1]);
  }
  return entries;
}

/**
 * What an iterable gives.
 *
 * @throws {TypeError} If it is none.
 */
export function itemsOf(value: unknown, action: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  const isIterable = typeof value === "string" ||
    typeof value === "object" && value !== null && Symbol.iterator in value;
  if (isIterable) return [...value as Iterable<unknown>];
  throw new TypeError(`Cannot ${action}: ${Deno.inspect(value, { depth: 1 })} was given, wanted an iterable`);
}
