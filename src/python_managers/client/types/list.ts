// list: our methods in Python's. What Python has no method for takes several calls, between which others may change it.

import { isEqual } from "../../../managers/types/equal.ts";
import { itemsOf } from "../../../managers/types/keys.ts";
import { inOrder } from "../../../managers/types/order.ts";
import { GETVALUE } from "../../wire.ts";
import { allContents, type Ask, ask, type Asking, contents, silent, slice, type Translations, unless } from "../ask.ts";
import { noVersions } from "../refusals.ts";
import { Snapshot } from "../snapshot.ts";

function* whole(): Asking {
  return yield* ask(GETVALUE);
}

function* items(): Generator<Ask, unknown[], unknown> {
  return itemsOf(yield* whole(), "read the list") as unknown[];
}

/** Where an index of a list of that length is, as those of `Array.prototype.slice`. */
function placeIn(length: number, index: unknown, otherwise: number): number {
  if (index === undefined) return otherwise;
  const whole = Math.trunc(Number(index)) || 0;
  return whole < 0 ? Math.max(0, length + whole) : Math.min(whole, length);
}

function* length(): Generator<Ask, number, unknown> {
  return (yield* ask("__len__")) as number;
}

/** By the names of ours. */
export const LIST: Translations = {
  [GETVALUE]: whole,
  copy: whole,
  ".length": () => ask("__len__"),
  get: ([index]) => ask("__getitem__", [index]),
  at: ([index]) => unless("IndexError", ask("__getitem__", [index]), undefined),
  *set([index, item]) {
    yield* ask("__setitem__", [index, item]);
  },
  *push(added) {
    yield* ask("extend", [[...added]]);
    return yield* length();
  },
  append: silent("append"),
  *extend([more]) {
    yield* ask("extend", [itemsOf(yield* contents(more), "extend the list")]);
  },
  pop: ([index]) => index === undefined ? unless("IndexError", ask("pop"), undefined) : ask("pop", [index]),
  shift: () => unless("IndexError", ask("pop", [0]), undefined),
  *unshift(added) {
    yield* ask("__setitem__", [slice(0, 0), [...added]]);
    return yield* length();
  },
  insert: silent("insert"),
  *splice([start, ...rest]) {
    const size = yield* length();
    const from = placeIn(size, start, 0);
    const count = rest.length === 0 ? size : Math.max(0, Math.trunc(Number(rest[0])) || 0);
    const range = slice(from, Math.min(size, from + count));
    const gone = yield* ask("__getitem__", [range]);
    yield* ask("__setitem__", [range, rest.slice(1)]);
    return gone;
  },
  remove: silent("remove"),
  *clear() {
    yield* ask("__delitem__", [slice()]);
  },
  *fill([item, start, end]) {
    const size = yield* length();
    const from = placeIn(size, start, 0);
    const to = Math.max(from, placeIn(size, end, size));
    yield* ask("__setitem__", [slice(from, to), new Array(to - from).fill(item)]);
  },
  *multiply([count]) {
    yield* ask("__imul__", [count]);
  },
  reverse: silent("reverse"),
  *sort([isReversed = false]) {
    yield* ask("sort", [], { kwargs: { reverse: isReversed } });
  },
  *toSorted([isReversed = false]) {
    return inOrder(yield* items(), isReversed === true);
  },
  *toReversed() {
    return (yield* items()).toReversed();
  },
  slice: ([start, end]) => ask("__getitem__", [slice(start, end)]),
  *concat(others) {
    const added = yield* allContents(others);
    return (yield* items()).concat(...added.map((it) => itemsOf(it, "concatenate the list")));
  },
  *concatTo([operand]) {
    const before = itemsOf(yield* contents(operand), "concatenate the list");
    return [...before, ...(yield* items())];
  },
  repeat: ([count]) => ask("__mul__", [count]),
  *join([separator]) {
    return (yield* items()).join(separator as string | undefined);
  },
  indexOf: ([item, from]) => unless("ValueError", ask("index", from === undefined ? [item] : [item, from]), -1),
  *lastIndexOf([item, ...from]) {
    const all = yield* items();
    const last = from.length === 0 ? all.length - 1 : placeIn(all.length, from[0], all.length - 1);
    for (let i = Math.min(last, all.length - 1); i >= 0; i--) if (isEqual(all[i], item)) return i;
    return -1;
  },
  *includes([item, from]) {
    if (from === undefined) return yield* ask("__contains__", [item]);
    return (yield* unless("ValueError", ask("index", [item, from]), -1)) !== -1;
  },
  index: ([item, start, end]) =>
    ask("index", end !== undefined ? [item, start ?? 0, end] : start !== undefined ? [item, start] : [item]),
  count: ([item]) => ask("count", [item]),
  *keys() {
    return new Snapshot([...new Array(yield* length()).keys()]);
  },
  *values() {
    return new Snapshot(yield* items());
  },
  *entries() {
    return new Snapshot([...(yield* items()).entries()]);
  },
  *reversed() {
    return new Snapshot((yield* items()).toReversed());
  },
  _read: noVersions("modify or sort by a function"),
  _assign: noVersions("modify or sort by a function"),
};
