// list, as Python calls it.

import { contentsOf } from "../../../managers/local_line.ts";
import type { ServedList } from "../../../managers/types/list.ts";
import { PythonName, PythonObject } from "../../../pickle/python_object.ts";
import { ABSENT, argumentsOf, type Call, isTrue, type Method, or, wholeNumber } from "../call.ts";
import { equalTo } from "../keys.ts";
import { raised } from "../raised.ts";
import { typeNameOf } from "../words.ts";
import { iterated } from "./dict.ts";
import { sorted } from "./order.ts";
import { indicesOf, placeOf, sliceOf } from "./slices.ts";

const ITER = new PythonName("builtins", "iter");

/** Items that are given to a method of JavaScript's at once: as arguments they stand on the stack. */
const AT_ONCE = 1000;

function listOf({ object }: Call): ServedList {
  return object.value as ServedList;
}

/** Has these items instead of `count` of its own from `at` on. */
function replace(list: ServedList, at: number, count: number, items: readonly unknown[]): void {
  list.splice(at, count, ...items.slice(0, AT_ONCE));
  for (let i = AT_ONCE; i < items.length; i += AT_ONCE) list.splice(at + i, 0, ...items.slice(i, i + AT_ONCE));
}

function assign(list: ServedList, key: unknown, value: unknown): void {
  const slice = sliceOf(key, list.array.length);
  if (slice === null) return list.set(placeOf(key, list.array.length, "list", "assignment "), value);
  const items = [...iterated(value)];
  if (slice.step === 1) return replace(list, slice.start, slice.count, items);
  if (items.length !== slice.count) {
    throw raised(
      "ValueError",
      `attempt to assign sequence of size ${items.length} to extended slice of size ${slice.count}`,
    );
  }
  indicesOf(slice).forEach((at, i) => list.set(at, items[i]));
}

function remove(list: ServedList, key: unknown): void {
  const slice = sliceOf(key, list.array.length);
  if (slice === null) return void list.splice(placeOf(key, list.array.length, "list", "assignment "), 1);
  if (slice.step === 1) return void list.splice(slice.start, slice.count);
  const gone = new Set(indicesOf(slice));
  reset(list, list.array.filter((_, i) => !gone.has(i)));
}

/** Has these items instead of all. */
function reset(list: ServedList, items: readonly unknown[]): void {
  list.clear();
  list.extend(items);
}

function placeIn({ array }: ServedList, item: unknown, from = 0, to = array.length): number {
  const { length } = array;
  const end = Math.min(length, to < 0 ? to + length : to);
  const isIt = equalTo(item);
  for (let i = Math.max(0, from < 0 ? from + length : from); i < end; i++) if (isIt(array[i])) return i;
  return -1;
}

/** A list again and again. */
function repeated(items: readonly unknown[], times: unknown): unknown[] {
  const count = wholeNumber(times, "the number of repetitions");
  if (items.length * count > MOST_ITEMS) throw raised("MemoryError");
  return items.length === 0 ? [] : Array.from({ length: Math.max(0, count) }, () => items).flat();
}

/** So many items a list may be repeated to. */
const MOST_ITEMS = 100_000_000;

/** By the names of Python's methods. */
export const LIST_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__len__", (call) => listOf(call).array.length],
  ["__getitem__", (call) => {
    const [key] = argumentsOf(call, ["key"], 1);
    const { array } = listOf(call);
    const slice = sliceOf(key, array.length);
    return slice === null ? array[placeOf(key, array.length, "list")] : indicesOf(slice).map((at) => array[at]);
  }],
  ["__setitem__", (call) => {
    const [key, value] = argumentsOf(call, ["key", "value"], 2);
    assign(listOf(call), key, value);
  }],
  ["__delitem__", (call) => remove(listOf(call), argumentsOf(call, ["key"], 1)[0])],
  ["__contains__", (call) => placeIn(listOf(call), argumentsOf(call, ["item"], 1)[0]) >= 0],
  ["__reversed__", (call) => new PythonObject(ITER, [listOf(call).array.toReversed()])],
  ["__add__", (call) => {
    const [other] = argumentsOf(call, ["other"], 1);
    const contents = contentsOf(other);
    if (typeNameOf(contents) === "list") return [...listOf(call).array, ...contents as unknown[]];
    throw raised("TypeError", `can only concatenate list (not "${typeNameOf(contents)}") to list`);
  }],
  ["__iadd__", (call) => listOf(call).extend([...iterated(argumentsOf(call, ["other"], 1)[0])])],
  ["__mul__", (call) => repeated(listOf(call).array, argumentsOf(call, ["times"], 1)[0])],
  ["__rmul__", (call) => repeated(listOf(call).array, argumentsOf(call, ["times"], 1)[0])],
  ["__imul__", (call) => reset(listOf(call), repeated(listOf(call).array, argumentsOf(call, ["times"], 1)[0]))],
  ["append", (call) => listOf(call).append(argumentsOf(call, ["item"], 1)[0])],
  ["clear", (call) => listOf(call).clear()],
  ["copy", (call) => listOf(call).array],
  ["count", (call) => {
    const [item] = argumentsOf(call, ["item"], 1);
    return listOf(call).array.filter(equalTo(item)).length;
  }],
  ["extend", (call) => listOf(call).extend([...iterated(argumentsOf(call, ["iterable"], 1)[0])])],
  ["index", (call) => {
    const [item, start, stop] = argumentsOf(call, ["value", "start", "stop"], 1);
    const bound = (value: unknown) => value === ABSENT ? undefined : wholeNumber(value, "slice indices");
    const at = placeIn(listOf(call), item, bound(start), bound(stop));
    if (at < 0) throw raised("ValueError", "the value is not in list");
    return at;
  }],
  ["insert", (call) => {
    const [index, item] = argumentsOf(call, ["index", "item"], 2);
    listOf(call).splice(wholeNumber(index, "the index"), 0, item);
  }],
  ["pop", (call) => {
    const [index] = argumentsOf(call, ["index"]);
    const list = listOf(call);
    if (list.array.length === 0) throw raised("IndexError", "pop from empty list");
    return list.pop(placeOf(or(index, -1), list.array.length, "pop"));
  }],
  ["remove", (call) => {
    const at = placeIn(listOf(call), argumentsOf(call, ["value"], 1)[0]);
    if (at < 0) throw raised("ValueError", "list.remove(x): x not in list");
    listOf(call).splice(at, 1);
  }],
  ["reverse", (call) => listOf(call).reverse()],
  ["sort", (call) => {
    const [key, isReversed] = argumentsOf(call, ["key", "reverse"]);
    if (key !== ABSENT && key !== null) {
      throw raised("TypeError", "the manager is no Python program: it cannot call a key; sort a copy of the list");
    }
    reset(listOf(call), sorted(listOf(call).array, isTrue(or(isReversed, false))));
  }],
]);
