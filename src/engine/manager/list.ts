// list of a manager on an engine: what its methods do, by the steps of library/list.lua. What looks for something asks a copy
// of the whole list here, since equal values may have different bytes.

import { GETVALUE } from "../../managers/names.ts";
import { isEqual } from "../../managers/types/equal.ts";
import { itemsOf } from "../../managers/types/keys.ts";
import { ServedList } from "../../managers/types/list.ts";
import { inOrder } from "../../managers/types/order.ts";
import type { Answer } from "../session.ts";
import type { Call, Method, Methods, Plan, Wanted } from "./call.ts";
import { packed } from "./texts.ts";
import { walk, type Walker } from "./walk.ts";

/** More items than a list can have. */
const END = Number.MAX_SAFE_INTEGER;

/** An index as the methods of arrays take it. */
function whole(index: unknown, absent: number): number {
  if (index === undefined) return absent;
  const number = Math.trunc(Number(index)) || 0;
  return Math.max(-END, Math.min(END, number));
}

function requireIndex(index: unknown, action: string): number {
  if (typeof index === "number" && Number.isInteger(index)) return whole(index, 0);
  throw new TypeError(`Cannot ${action} an item: its index is ${Deno.inspect(index)}, wanted an integer`);
}

function outOfRange(index: unknown, action: string, length: number): RangeError {
  return new RangeError(`Cannot ${action} item ${index}: index out of range, the list has ${length} items`);
}

/** An answer, unless there is no item of that index. */
function inRange(answer: Answer, index: unknown, action: string): Answer {
  if (answer.refusal === "range") throw outOfRange(index, action, answer.number(0));
  return answer;
}

function* slice(call: Call, start?: unknown, end?: unknown): Plan {
  return call.readAll(yield ["list_slice", whole(start, 0), whole(end, END)], 0);
}

function* all(call: Call): Generator<Wanted, unknown[], Answer> {
  return call.readAll(yield ["list_slice", 0, END], 0);
}

/** Asks a copy of it, which is as the list of a manager's server, for some of its items. */
function asCopy(name: keyof ServedList & string): Method {
  return function* (call: Call, ...args: unknown[]): Plan {
    const copy = new ServedList(yield* all(call));
    return Reflect.apply(copy[name] as (...args: unknown[]) => unknown, copy, args);
  };
}

/** Likewise, for something about them. */
function about(name: keyof ServedList & string): Method {
  const method = asCopy(name);
  return function* (call: Call, ...args: never[]): Plan {
    try {
      return yield* method(call, ...args);
    } finally {
      call.drop();
    }
  };
}

function* add(call: Call, where: "end" | "beginning", items: Iterable<unknown>): Generator<Wanted, number, Answer> {
  return (yield ["list_add", where, packed(call.writeAll(items))]).number(0);
}

/** The index of an item's step, and the length behind it: `undefined` if there is none. */
function* take(
  call: Call,
  index: number,
): Generator<Wanted, { length: number; value: unknown; isThere: boolean }, Answer> {
  const answer = yield ["list_take", index];
  const isThere = answer.length > 1;
  return { length: answer.number(0), value: isThere ? call.read(answer, 1) : undefined, isThere };
}

function walker(pick: (item: unknown, index: number) => unknown, isBack = false): Walker {
  return {
    start: isBack ? "-1" : "0",
    *fetch(call, from, most) {
      const answer = yield ["list_walk", from, most, isBack ? 1 : 0];
      return [call.readAll(answer, 1).map((item, i) => pick(item, Number(from) + i)), answer.text(0)];
    },
  };
}

/** The indices that there are, as far as that is known when they are fetched. */
const INDICES: Walker = {
  start: "0",
  *fetch(_call, from, most) {
    const [first, length] = [Number(from), (yield ["list_length"]).number(0)];
    const count = Math.max(0, Math.min(most, length - first));
    return [Array.from({ length: count }, (_, i) => first + i), count === most ? `${first + count}` : ""];
  },
};

/** All items in another order, which is made again when somebody has changed them meanwhile. */
function* reorder(call: Call, order: (items: unknown[]) => unknown[]): Generator<Wanted, void, Answer> {
  let answer = yield ["list_read", ""];
  for (let at = 0;; at = 1) {
    const items = packed(call.writeAll(order(call.readAll(answer, at + 1))));
    call.drop(); // what was written has the objects until the step is sent
    answer = yield ["list_assign", "", answer.text(at), items];
    if (answer.number(0) === 1) return;
  }
}

/** The methods of a list. */
export const LIST: Methods = {
  [GETVALUE]: all,
  copy: all,
  *".length"() {
    return (yield ["list_length"]).number(0);
  },
  *get(call, index) {
    const answer = yield ["list_get", requireIndex(index, "get")];
    if (answer.length < 2) throw outOfRange(index, "get", answer.number(0));
    return call.read(answer, 1);
  },
  *at(call, index) {
    const answer = yield ["list_get", whole(index, 0)];
    return answer.length < 2 ? undefined : call.read(answer, 1);
  },
  *set(call, index, item) {
    inRange(yield ["list_set", requireIndex(index, "set"), ...call.write(item)], index, "set");
  },
  *push(call, ...items: unknown[]) {
    return yield* add(call, "end", items);
  },
  *append(call, item) {
    yield* add(call, "end", [item]);
  },
  *extend(call, items) {
    yield* add(call, "end", itemsOf(items, "extend the list"));
  },
  *unshift(call, ...items: unknown[]) {
    return yield* add(call, "beginning", items);
  },
  *pop(call, index?: unknown) {
    if (index === undefined) return (yield* take(call, -1)).value;
    const { length, value, isThere } = yield* take(call, requireIndex(index, "pop"));
    if (!isThere) throw outOfRange(index, "pop", length);
    return value;
  },
  *shift(call) {
    return (yield* take(call, 0)).value;
  },
  *insert(call, index, item) {
    yield ["list_splice", whole(index, 0), 0, packed(call.write(item))];
  },
  *splice(call, ...args: unknown[]) {
    const [start, count, ...items] = args;
    const most = args.length === 0 ? 0 : args.length === 1 ? "" : whole(count, 0);
    return call.readAll(yield ["list_splice", whole(start, 0), most, packed(call.writeAll(items))], 0);
  },
  *remove(call, item) {
    for (;;) {
      const answer = yield ["list_read", ""];
      const at = call.readAll(answer, 1).findIndex((it) => isEqual(it, item));
      call.drop();
      if (at < 0) throw new RangeError(`Cannot find ${Deno.inspect(item, { depth: 1 })}: it is not in the list`);
      if ((yield ["list_take", at, answer.text(0)]).refusal === null) return;
    }
  },
  *clear() {
    yield ["list_clear"];
  },
  *fill(call, item, start, end) {
    yield ["list_fill", whole(start, 0), whole(end, END), ...call.write(item)];
  },
  *multiply(_call, count: unknown) {
    if (!Number.isInteger(count)) {
      throw new TypeError(`Cannot repeat the list: ${Deno.inspect(count)} was given, wanted an integer`);
    }
    const answer = yield ["list_multiply", Math.max(0, whole(count, 0))];
    if (answer.refusal === "size") {
      throw new RangeError(
        `Cannot repeat the list: ${count} times its ${answer.number(0)} items are too many for one step`,
      );
    }
  },
  *reverse() {
    yield ["list_reverse"];
  },
  *sort(call, isReversed: boolean = false) {
    yield* reorder(call, (items) => inOrder(items, isReversed));
  },
  toSorted: asCopy("toSorted"),
  toReversed: asCopy("toReversed"),
  slice,
  concat: (call: Call, ...others: unknown[]) => asCopy("concat")(call, ...call.copy(others) as never[]),
  concatTo: (call: Call, other: unknown) => asCopy("concatTo")(call, call.copy(other) as never),
  repeat: asCopy("repeat"),
  join: about("join"),
  indexOf: about("indexOf"),
  lastIndexOf: about("lastIndexOf"),
  includes: about("includes"),
  index: about("index"),
  count: about("count"),
  keys: walk(INDICES),
  values: walk(walker((item) => item)),
  entries: walk(walker((item, index) => [index, item])),
  reversed: walk(walker((item) => item, true)),
  *_read(call, index) {
    if (index === null) {
      const answer = yield ["list_read", ""];
      return [call.readAll(answer, 1), answer.text(0), true];
    }
    const answer = inRange(yield ["list_read", requireIndex(index, "modify")], index, "modify");
    return [call.read(answer, 1), answer.text(0), true];
  },
  *_assign(call, index, version: string, value) {
    const isWhole = index === null;
    const place = isWhole ? "" : requireIndex(index, "modify");
    const items = call.writeAll(isWhole ? itemsOf(value, "modify the list") : [value]);
    const answer = inRange(yield ["list_assign", place, version, packed(items)], index, "modify");
    if (answer.number(0) === 1) return null;
    return [isWhole ? call.readAll(answer, 2) : call.read(answer, 2), answer.text(1), true];
  },
};
