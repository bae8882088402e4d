// Value and Array, as Python calls them.

import type { Synchronized } from "../../../sharedctypes/synchronized_value.ts";
import type { SynchronizedArray } from "../../../sharedctypes/synchronized_array.ts";
import { Float } from "../../../pickle/numbers.ts";
import { PythonName } from "../../../pickle/python_object.ts";
import { argumentsOf, type Call, type Given, type Method, then, wholeNumber } from "../call.ts";
import { raised } from "../raised.ts";
import { iterated } from "./dict.ts";
import { placeOf, sliceOf } from "./slices.ts";

/** Of what kind the values of a type are in Python. */
type Sort = "float" | "whole" | "big" | "byte" | "text";

const SORTS: Readonly<Record<string, Sort>> = {
  ...{ f: "float", d: "float", f32: "float", f64: "float", c: "byte", u: "text" },
  ...{ l: "big", L: "big", q: "big", Q: "big", i64: "big", u64: "big" },
};

function sortOf(code: string): Sort {
  return Object.hasOwn(SORTS, code) ? SORTS[code] : "whole";
}

/** A value of Python's as such a type takes it. */
function stored(value: unknown, sort: Sort): unknown {
  if (sort === "byte" && value instanceof Uint8Array && value.length === 1) return value[0];
  if (sort === "big") return BigInt(wholeNumber(value, "the value"));
  if (value instanceof Float) return value.value;
  return sort === "float" && typeof value === "bigint" || typeof value === "boolean" ? Number(value) : value;
}

/** A value of such a type as Python gets it. */
function shown(value: unknown, sort: Sort): unknown {
  if (sort === "float") return new Float(value as number);
  return sort === "byte" ? Uint8Array.of(value as number) : value;
}

/** The types of `ctypes` by their names there, as typecodes. */
const OF_CTYPES: Readonly<Record<string, string>> = {
  ...{ c_char: "c", c_wchar: "u", c_byte: "b", c_ubyte: "B", c_short: "h", c_ushort: "H", c_int: "i", c_uint: "I" },
  ...{ c_long: "l", c_ulong: "L", c_longlong: "q", c_ulonglong: "Q", c_float: "f", c_double: "d" },
  ...{ c_bool: "B", c_int8: "b", c_uint8: "B", c_int16: "h", c_uint16: "H", c_int32: "i", c_uint32: "I" },
  ...{ c_int64: "q", c_uint64: "Q", c_size_t: "L", c_ssize_t: "l" },
};

/** The typecode that Python has given. */
function codeOf(given: unknown): string {
  if (typeof given === "string") return given;
  if (given instanceof PythonName && given.module === "ctypes" && Object.hasOwn(OF_CTYPES, given.name)) {
    return OF_CTYPES[given.name];
  }
  throw raised("TypeError", "the type must be a typecode or one of the types of ctypes");
}

/** What a Value is made with: a typecode, and what it begins as. A lock of its own comes anyway. */
export function valueArguments(call: Given): unknown[] {
  const [given, value] = argumentsOf(call, ["typecode", "value", "lock"], 2);
  const code = codeOf(given);
  return [code, stored(value, sortOf(code))];
}

/** What an Array is made with. */
export function arrayArguments(call: Given): unknown[] {
  const [given, items] = argumentsOf(call, ["typecode", "sequence", "lock"], 2);
  const code = codeOf(given);
  return [code, iterated(items).map((item) => stored(item, sortOf(code)))];
}

function sortOfValue({ object }: Call): Sort {
  return sortOf((object.value as Synchronized<unknown>).getObj().type.code);
}

/** By the names of Python's methods. */
export const VALUE_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["get", (call) => {
    argumentsOf(call, []);
    return then(call.ask("get"), (value) => shown(value, sortOfValue(call)));
  }],
  ["set", (call) => {
    const [value] = argumentsOf(call, ["value"], 1);
    return call.ask("set", stored(value, sortOfValue(call)));
  }],
]);

type AnyArray = SynchronizedArray<unknown, unknown, unknown>;

function sortOfArray({ object }: Call): Sort {
  const memory = (object.value as AnyArray).getObj();
  if (memory instanceof Float64Array || memory instanceof Float32Array) return "float";
  return memory instanceof BigInt64Array || memory instanceof BigUint64Array ? "big" : "whole";
}

function lengthOf({ object }: Call): number {
  return (object.value as AnyArray).length;
}

/** Where a slice begins and how many it has; `null` if the key is none. */
function partOf(call: Call, key: unknown): { start: number; count: number } | null {
  const slice = sliceOf(key, lengthOf(call));
  if (slice === null || slice.step === 1) return slice;
  throw raised("ValueError", "slices of an Array have a step of 1");
}

/** The same, of arrays. */
export const ARRAY_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__len__", lengthOf],
  ["__getitem__", (call) => {
    const [key] = argumentsOf(call, ["key"], 1);
    const part = partOf(call, key);
    if (part !== null) return call.ask("slice", part.start, part.start + part.count);
    return then(call.ask("get", placeOf(key, lengthOf(call), "array")), (value) => shown(value, sortOfArray(call)));
  }],
  ["__setitem__", (call) => {
    const [key, value] = argumentsOf(call, ["key", "value"], 2);
    const part = partOf(call, key);
    const sort = sortOfArray(call);
    if (part === null) return call.ask("set", placeOf(key, lengthOf(call), "array"), stored(value, sort));
    const items = iterated(value).map((item) => stored(item, sort));
    if (items.length !== part.count) throw raised("ValueError", "an Array keeps its length");
    return call.ask("setSlice", part.start, items);
  }],
]);
