/**
 * Restorers of what Python's builtins and its module `collections` make.
 *
 * @module
 */
import { ITEM } from "../budget.ts";
import { addAll, setAll } from "../crowd.ts";
import { entriesOf, itemOf } from "../dicts.ts";
import { unreadable } from "../error.ts";
import { FrozenSet } from "../frozen_set.ts";
import { Complex, Decimal } from "../numbers.ts";
import { PythonName } from "../python_object.ts";
import { LONGEST_NAME } from "../reader.ts";
import { type Context, numberOf, type Restorer, UNMAPPED } from "../restorer.ts";
import { encodeLatin1 } from "../text.ts";
import { uuidOf } from "../uuid.ts";

/** The items of the list that a set or a deque is made of; none if there is no argument. */
function itemsOf(args: readonly unknown[], { budget }: Context): readonly unknown[] {
  if (args.length === 0) return [];
  const [items] = args;
  if (!Array.isArray(items)) throw unreadable("what is to be copied is no list");
  budget.spend(ITEM * items.length);
  return items;
}

/** Bytes that are made of other bytes, or of the text that protocol 2 has in their place. */
function bytesOf(args: readonly unknown[], { budget }: Context): Uint8Array {
  const [source = "", encoding] = args;
  if (source instanceof Uint8Array && args.length === 1) {
    budget.spend(source.length);
    return source.slice();
  }
  if (typeof source !== "string" || args.length > 0 && !(encoding === "latin1" || encoding === "latin-1")) {
    throw unreadable("bytes in it are made of what they are not");
  }
  budget.spend(source.length);
  const bytes = encodeLatin1(source);
  if (bytes === null) throw unreadable("bytes in it are made of a text that has none");
  return bytes;
}

/** A set of the items of a list. */
function setOf(args: readonly unknown[], context: Context): Set<unknown> {
  const set = new Set<unknown>();
  addAll(set, itemsOf(args, context));
  return set;
}

/** The Map of what a dict of `collections` is made of: nothing, a dict, or pairs. */
function mapOf(source: unknown, { budget }: Context): Map<unknown, unknown> {
  if (source === undefined) return new Map();
  const entries = Array.isArray(source) ? source : entriesOf(source);
  if (entries === null) throw unreadable("what is to be copied is no dict");
  budget.spend(2 * ITEM * entries.length);
  for (const entry of entries) {
    if (!Array.isArray(entry) || entry.length !== 2) throw unreadable("what is to be copied are no pairs");
  }
  const map = new Map<unknown, unknown>();
  setAll(map, entries.flat());
  return map;
}

const bytes: Restorer = { make: bytesOf };

/** By names of Python's builtins. */
export const BUILTINS: readonly (readonly [string, Restorer])[] = [
  ["builtins.bytes", bytes],
  ["builtins.bytearray", bytes],
  ["_codecs.encode", bytes],
  ["builtins.set", { make: (args, context) => setOf(args, context) }],
  ["builtins.frozenset", { make: (args, context) => new FrozenSet(setOf(args, context)) }],
  ["builtins.complex", {
    make: (args) => {
      const [re, im = 0] = args;
      const parts = [numberOf(re), numberOf(im)];
      if (parts[0] === null || parts[1] === null) throw unreadable("the parts of a complex number are no numbers");
      return new Complex(parts[0], parts[1]);
    },
  }],
  ["builtins.getattr", {
    make: (args) => {
      const [of, name] = args;
      if (!(of instanceof PythonName) || typeof name !== "string") return UNMAPPED;
      if (of.module.length + of.name.length + name.length >= LONGEST_NAME) {
        throw unreadable(`a name in it is longer than ${LONGEST_NAME} characters`);
      }
      return new PythonName(of.module, `${of.name}.${name}`);
    },
  }],
];

/** By names of `collections`, `decimal` and `uuid`. */
export const LIBRARY: readonly (readonly [string, Restorer])[] = [
  ["collections.OrderedDict", { make: ([source], context) => mapOf(source, context) }],
  ["collections.Counter", { make: ([source], context) => mapOf(source, context) }],
  // What makes the values that are missing is a function, which is nothing here.
  ["collections.defaultdict", { make: ([, source], context) => mapOf(source, context) }],
  ["collections.deque", { make: (args, context) => [...itemsOf(args.slice(0, 1), context)] }],
  ["decimal.Decimal", {
    make: ([text], { budget }) => {
      if (typeof text !== "string") throw unreadable("a decimal in it is made of no text");
      budget.spend(text.length);
      return new Decimal(text);
    },
  }],
  ["uuid.UUID", {
    finish: ({ state }) => {
      const int = itemOf(state, "int");
      const value = typeof int === "number" && Number.isInteger(int) ? BigInt(int) : int;
      if (typeof value !== "bigint" || BigInt.asUintN(128, value) !== value) {
        throw unreadable("a UUID in it is no number of 128 bits");
      }
      return uuidOf(value);
    },
  }],
];
