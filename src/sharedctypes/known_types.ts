// The types of structures that this process knows. Structures with the same fields have the same type.

import type { StructureSpec } from "./fields.ts";

/** So many that messages have brought are kept: anybody who sends may make up as many as he likes. */
const MOST_RECEIVED = 256;
/** Descriptions longer than this are not kept; with the number, they bound the memory. */
const LONGEST_RECEIVED = 16 * 1024;

/** Types by their descriptions. */
export class KnownTypes<T extends { readonly spec: StructureSpec }> {
  /** Those of this program, for ever. */
  readonly #defined = new Map<string, T>();
  /** Those of messages only, the one that was longest without use first. */
  readonly #received = new Map<string, T>();

  /** The type like this one that is known, which is this one if none is; it is so from now on. */
  define(type: T): T {
    const key = JSON.stringify(type.spec);
    const known = this.#defined.get(key) ?? this.#received.get(key) ?? type;
    this.#received.delete(key);
    this.#defined.set(key, known);
    return known;
  }

  /** The type like this one that is known, which is this one if none is; it may be forgotten for others. */
  receive(type: T): T {
    const key = JSON.stringify(type.spec);
    const defined = this.#defined.get(key);
    if (defined !== undefined) return defined;
    const known = this.#received.get(key) ?? type;
    this.#received.delete(key);
    if (key.length > LONGEST_RECEIVED) return known;
    this.#received.set(key, known);
    if (this.#received.size > MOST_RECEIVED) this.#received.delete(this.#received.keys().next().value!);
    return known;
  }
}
