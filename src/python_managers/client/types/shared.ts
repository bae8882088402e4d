// Value and Array, which have no lock in Python's managers.

import { GETVALUE } from "../../wire.ts";
import { ask, silent, slice, type Translation, type Translations } from "../ask.ts";
import { refusing } from "../refusals.ts";

function noLock(type: string): Translation {
  return refusing(`Cannot acquire the ${type}: that of a server of Python's has no lock; use a Lock of the manager`);
}

/** Of values. */
export const VALUE: Translations = {
  get: () => ask("get"),
  set: silent("set"),
  ".value": () => ask("get"),
  "=value": silent("set"),
  [GETVALUE]: () => ask("get"),
  acquire: noLock("Value"),
  release: noLock("Value"),
};

/** Of arrays. */
export const ARRAY: Translations = {
  ".length": () => ask("__len__"),
  get: ([index]) => ask("__getitem__", [index]),
  *set([index, value]) {
    yield* ask("__setitem__", [index, value]);
  },
  slice: ([start, end]) => ask("__getitem__", [slice(start, end)]),
  *setSlice([start, values]) {
    const items = [...values as Iterable<unknown>];
    const length = (yield* ask("__len__")) as number;
    const from = Number(start) < 0 ? Math.max(0, length + Number(start)) : Number(start);
    if (from + items.length > length) {
      throw new RangeError(`Cannot set ${items.length} elements from ${start} on: there is no room for them`);
    }
    // An array takes an array of its own type only, so what is there says which that is.
    const before = yield* ask("__getitem__", [slice(from, from + items.length)]);
    const View = (before as { constructor: { from(items: unknown[]): unknown } }).constructor;
    yield* ask("__setitem__", [slice(from, from + items.length), View.from(items)]);
  },
  acquire: noLock("Array"),
  release: noLock("Array"),
};
