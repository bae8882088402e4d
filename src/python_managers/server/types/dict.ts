// dict, as Python calls it.

import type { ServedDict } from "../../../managers/types/dict.ts";
import { contentsOf } from "../../../managers/local_line.ts";
import { PythonName, PythonObject } from "../../../pickle/python_object.ts";
import { tuple } from "../../../pickle/tuple.ts";
import { ABSENT, argumentsOf, type Call, type Given, type Method, or } from "../call.ts";
import { KeyRing } from "../keys.ts";
import { raised } from "../raised.ts";
import { typeNameOf } from "../words.ts";

const ITER = new PythonName("builtins", "iter");

function dictOf({ object }: Call): ServedDict {
  return object.value as ServedDict;
}

function find(dict: ServedDict, key: unknown): unknown {
  return KeyRing.of(dict.map).find(key);
}

/** The pairs that something consists of: a dict, or anything that gives pairs. */
function pairsOf(value: unknown): [unknown, unknown][] {
  const contents = contentsOf(value);
  if (contents instanceof Map) return [...contents];
  if (typeof contents !== "object" || contents === null || ArrayBuffer.isView(contents)) {
    throw raised("TypeError", `'${typeNameOf(contents)}' object is not iterable`);
  }
  if (!(Symbol.iterator in contents)) return Object.entries(contents);
  return [...contents as Iterable<unknown>].map((pair, i) => {
    if (Array.isArray(pair) && pair.length === 2) return [pair[0], pair[1]];
    throw raised("ValueError", `dictionary update sequence element #${i} is no pair`);
  });
}

/** Sets what `dict()` and `update()` are given. */
export function fillDict(dict: ServedDict, { method, args, named }: Given): void {
  if (args.length > 1) {
    throw raised("TypeError", `${method} expected at most 1 argument, got ${args.length}`);
  }
  const pairs = [...args.length > 0 ? pairsOf(args[0]) : [], ...named];
  for (const [key, value] of pairs) dict.set(find(dict, key), value);
}

/** A dict of pairs that is no object of the server's. */
function plainDict(pairs: Iterable<readonly [unknown, unknown]>): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>();
  const ring = new KeyRing(map);
  for (const [key, value] of pairs) map.set(ring.find(key), value);
  return map;
}

/** Takes what is under a key. */
function taken(dict: ServedDict, key: unknown): unknown {
  const found = find(dict, key);
  if (!dict.map.has(found)) throw raised("KeyError", key);
  return dict.pop(found);
}

/** By the names of Python's methods. */
export const DICT_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__contains__", (call) => {
    const [key] = argumentsOf(call, ["key"], 1);
    return dictOf(call).map.has(find(dictOf(call), key));
  }],
  ["__getitem__", (call) => {
    const [key] = argumentsOf(call, ["key"], 1);
    const { map } = dictOf(call);
    const found = KeyRing.of(map).find(key);
    const value = map.get(found);
    if (value === undefined && !map.has(found)) throw raised("KeyError", key);
    return value;
  }],
  ["__setitem__", (call) => {
    const [key, value] = argumentsOf(call, ["key", "value"], 2);
    dictOf(call).set(find(dictOf(call), key), value);
  }],
  ["__delitem__", (call) => {
    const [key] = argumentsOf(call, ["key"], 1);
    taken(dictOf(call), key);
  }],
  ["__len__", (call) => dictOf(call).map.size],
  ["__iter__", (call) => call.ask("keys")],
  ["__reversed__", (call) => new PythonObject(ITER, [[...dictOf(call).map.keys()].reverse()])],
  ["__or__", (call) => plainDict([...dictOf(call).map, ...pairsOf(argumentsOf(call, ["other"], 1)[0])])],
  ["__ror__", (call) => plainDict([...pairsOf(argumentsOf(call, ["other"], 1)[0]), ...dictOf(call).map])],
  ["__ior__", (call) => fillDict(dictOf(call), call)],
  ["clear", (call) => dictOf(call).clear()],
  ["copy", (call) => dictOf(call).map],
  ["fromkeys", (call) => {
    const [keys, value] = argumentsOf(call, ["iterable", "value"], 1);
    return plainDict(iterated(keys).map((key) => [key, or(value, null)]));
  }],
  ["get", (call) => {
    const [key, otherwise] = argumentsOf(call, ["key", "default"], 1);
    return dictOf(call).get(find(dictOf(call), key), or(otherwise, null));
  }],
  ["items", (call) => Array.from(dictOf(call).map, ([key, value]) => tuple(key, value))],
  ["keys", (call) => [...dictOf(call).map.keys()]],
  ["values", (call) => [...dictOf(call).map.values()]],
  ["pop", (call) => {
    const [key, otherwise] = argumentsOf(call, ["key", "default"], 1);
    const dict = dictOf(call);
    return otherwise === ABSENT ? taken(dict, key) : dict.pop(find(dict, key), otherwise);
  }],
  ["popitem", (call) => {
    const dict = dictOf(call);
    if (dict.map.size === 0) throw raised("KeyError", "popitem(): dictionary is empty");
    return tuple(...dict.popitem());
  }],
  ["setdefault", (call) => {
    const [key, value] = argumentsOf(call, ["key", "default"], 1);
    return dictOf(call).setdefault(find(dictOf(call), key), or(value, null));
  }],
  ["update", (call) => fillDict(dictOf(call), call)],
]);

/**
 * What Python's `iter()` would give.
 *
 * @throws A TypeError of Python's if it is nothing that can be iterated.
 */
export function iterated(value: unknown): readonly unknown[] {
  const contents = contentsOf(value);
  if (Array.isArray(contents)) return contents;
  if (typeof contents === "string") return [...contents];
  if (contents instanceof Map) return [...contents.keys()];
  if (typeof contents === "object" && contents !== null) {
    if (Symbol.iterator in contents) return [...contents as Iterable<unknown>];
    if (Object.getPrototypeOf(contents) === Object.prototype) return Object.keys(contents);
  }
  const items = rangeOf(contents) ?? leftOf(contents);
  if (items !== null) return items;
  throw raised("TypeError", `'${typeNameOf(contents)}' object is not iterable`);
}

/** The most items that a range is written out to. */
const LONGEST_RANGE = 10_000_000;

/** The items of Python's `range`; `null` if it is none. */
function rangeOf(value: unknown): number[] | null {
  if (!(value instanceof PythonObject) || `${value.type}` !== "builtins.range") return null;
  const [start, stop, step] = value.args;
  if (![start, stop, step].every(Number.isSafeInteger) || step === 0) return null;
  const [from, to, by] = [start as number, stop as number, step as number];
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (length > LONGEST_RANGE) throw raised("OverflowError", "the range has too many items");
  return Array.from({ length }, (_, i) => from + i * by);
}

/** What is left in Python's `iter()` of a list or tuple; `null` if it is none. */
function leftOf(value: unknown): readonly unknown[] | null {
  if (!(value instanceof PythonObject) || `${value.type}` !== "builtins.iter") return null;
  const [items] = value.args;
  if (!Array.isArray(items) && typeof items !== "string") return null;
  return [...items].slice(typeof value.state === "number" ? value.state : 0);
}
