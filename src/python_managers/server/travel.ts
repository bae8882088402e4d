// What becomes of Python's values on their way to clients of this package's.
//
// The server keeps values as Python has put them, so that Python gets them back so: tuples, and floats without a fraction.
// A client of this package gets arrays and numbers. What the server has itself it converts for each answer. A queue lies in
// memory that processes of the tree read without the server: what Python puts there is a pickle, which they read by
// themselves.

import { temporal } from "../../runtime/timing.ts";
import { register, registerValue } from "../../reduction/registry.ts";
import { BaseProxy } from "../../managers/proxy.ts";
import { dumps } from "../../pickle/dumps.ts";
import { loads } from "../../pickle/loads.ts";
import { NdArray } from "../../pickle/ndarray.ts";
import { Complex, Decimal, Float } from "../../pickle/numbers.ts";
import { PythonName, PythonObject, type PythonObjectParts } from "../../pickle/python_object.ts";
import { FrozenSet } from "../../pickle/frozen_set.ts";
import { Tuple } from "../../pickle/tuple.ts";
import { Uuid } from "../../pickle/uuid.ts";

/** As Python's values are kept. */
export const KEEP = { tuples: "tuple", floats: "keep", unknown: "object" } as const;

/** So many floats are remembered that this process has read as numbers. */
const MOST_FLOATS = 64;

/** The pickles of what was read here, where Python's clients are served. */
let pickles: WeakMap<object, Uint8Array> | null = null;
/** Floats that were read here as numbers; the oldest first. */
const floats: number[] = [];

/** This process serves Python's clients from now on, to whom values go back as they came. */
export function serveHere(): void {
  pickles ??= new WeakMap();
}

/** A value for a queue, as Python has put it: it is read as clients of this package get it. */
class FromPython {
  static {
    registerValue(FromPython, {
      name: "multiprocessing.pickle.Value",
      reduce: (value: FromPython) => value.#pickle,
      restore: (pickle: unknown) => {
        if (!(pickle instanceof Uint8Array)) throw malformed("a value");
        const value = loads(pickle, { unknown: "object" });
        if (pickles !== null) remember(pickles, value, pickle);
        return value;
      },
    });
  }

  readonly #pickle: Uint8Array;

  constructor(pickle: Uint8Array) {
    this.#pickle = pickle;
  }
}

function remember(pickles: WeakMap<object, Uint8Array>, value: unknown, pickle: Uint8Array): void {
  if (typeof value === "object" && value !== null) pickles.set(value, pickle);
  if (typeof value !== "number") return;
  floats.push(value);
  if (floats.length > MOST_FLOATS) floats.shift();
}

/** A value of Python's, for a queue. */
export function forQueue(value: unknown): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  try {
    return new FromPython(dumps(value));
  } catch {
    return forClients(value); // a proxy is in it, which is for this tree's processes, too
  }
}

/** What Python gets of what was in a queue. */
export function fromQueue(value: unknown): unknown {
  if (typeof value === "number") return wasFloat(value) ? new Float(value) : value;
  const pickle = typeof value === "object" && value !== null ? pickles?.get(value) : undefined;
  return pickle === undefined ? value : loads(pickle, KEEP);
}

function wasFloat(value: number): boolean {
  const at = floats.findIndex((it) => Object.is(it, value));
  if (at >= 0) floats.splice(at, 1);
  return at >= 0;
}

/** A value that the server has, as clients of this package get it: the same one, unless something in it is Python's. */
export function forClients(value: unknown): unknown {
  return converted(value, new Map());
}

function converted(value: unknown, seen: Map<object, unknown>): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Float) return value.value;
  if (value instanceof BaseProxy) return value;
  if (seen.has(value)) return seen.get(value);
  if (Array.isArray(value)) return convertedItems(value, seen);
  if (value instanceof Map) return convertedMap(value, seen);
  if (value instanceof Set) return convertedSet(value, seen);
  if (Object.getPrototypeOf(value) === Object.prototype) return convertedObject(value, seen);
  return value;
}

function convertedItems(items: readonly unknown[], seen: Map<object, unknown>): unknown {
  seen.set(items, items);
  const others = items.map((item) => converted(item, seen));
  if (!(items instanceof Tuple) && others.every((item, i) => Object.is(item, items[i]))) return items;
  seen.set(items, others);
  return Array.from(others);
}

function convertedMap(map: ReadonlyMap<unknown, unknown>, seen: Map<object, unknown>): unknown {
  seen.set(map, map);
  let isOther = false;
  const others = new Map<unknown, unknown>();
  for (const [key, value] of map) {
    const [otherKey, otherValue] = [converted(key, seen), converted(value, seen)];
    isOther ||= !Object.is(key, otherKey) || !Object.is(value, otherValue);
    others.set(otherKey, otherValue);
  }
  return isOther ? others : map;
}

function convertedSet(set: ReadonlySet<unknown>, seen: Map<object, unknown>): unknown {
  seen.set(set, set);
  const members = [...set];
  const others = members.map((member) => converted(member, seen));
  return set instanceof FrozenSet || others.some((it, i) => !Object.is(it, members[i])) ? new Set(others) : set;
}

function convertedObject(object: object, seen: Map<object, unknown>): unknown {
  seen.set(object, object);
  let isOther = false;
  const others: [string, unknown][] = Object.entries(object).map(([key, value]) => {
    const other = converted(value, seen);
    isOther ||= !Object.is(value, other);
    return [key, other];
  });
  return isOther ? Object.fromEntries(others) : object;
}

function malformed(what: string): RangeError {
  return new RangeError(`Cannot restore ${what} of Python's: its description is malformed`);
}

/** How a class of pickles travels by a text. */
function byText<T extends { toString(): string }>(
  type: (abstract new (...args: never[]) => T) | { prototype: T; name: string },
  name: string,
  restore: (text: string) => T,
): void {
  register(type as never, {
    name: `multiprocessing.pickle.${name}`,
    reduce: (value: T) => value.toString(),
    restore: (text: unknown) => {
      if (typeof text !== "string") throw malformed(name);
      return restore(text);
    },
  } as never);
}

byText(Decimal, "Decimal", (text) => new Decimal(text));
byText(Uuid, "Uuid", (text) => new Uuid(text));
const dates = temporal();
byText(dates.PlainDate as never, "date", (text) => dates.PlainDate.from(text));
byText(dates.PlainTime as never, "time", (text) => dates.PlainTime.from(text));
byText(dates.PlainDateTime as never, "datetime", (text) => dates.PlainDateTime.from(text));
byText(dates.ZonedDateTime as never, "aware", (text) => dates.ZonedDateTime.from(text));
byText(dates.Duration as never, "timedelta", (text) => dates.Duration.from(text));
register(Complex, {
  name: "multiprocessing.pickle.Complex",
  reduce: ({ re, im }) => [re, im],
  restore: (parts) => {
    const [re, im] = Array.isArray(parts) ? parts : [];
    return new Complex(re as number, im as number);
  },
});
register(PythonName, {
  name: "multiprocessing.pickle.Name",
  reduce: ({ module, name }) => [module, name],
  restore: (parts) => {
    const [module, name] = Array.isArray(parts) ? parts : [];
    return new PythonName(module as string, name as string);
  },
});
register(PythonObject, {
  name: "multiprocessing.pickle.Object",
  reduce: (
    { type, args, isCalled, kwargs, state, items, entries }: PythonObject,
  ) => [type, [...args], { isCalled, kwargs, state, items, entries }],
  restore: (data) => {
    const [type, args, parts] = Array.isArray(data) ? data : [];
    return new PythonObject(type as PythonName, args as unknown[], (parts ?? {}) as PythonObjectParts);
  },
});
register(NdArray, {
  name: "multiprocessing.pickle.NdArray",
  reduce: ({ dtype, shape, data, fortran }: NdArray) => [dtype, [...shape], data, fortran],
  restore: (parts) => {
    const [dtype, shape, data, fortran] = Array.isArray(parts) ? parts : [];
    return new NdArray(dtype as string, shape as number[], data as never, { fortran: fortran === true });
  },
});
