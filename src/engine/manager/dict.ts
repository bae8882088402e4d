// dict of a manager on an engine: what its methods do, by the steps of library/dict.lua.

import { GETVALUE } from "../../managers/names.ts";
import { ServedDict } from "../../managers/types/dict.ts";
import { entriesOf } from "../../managers/types/keys.ts";
import type { Answer } from "../session.ts";
import type { Call, Methods, Plan } from "./call.ts";
import { keyOf, keyText, packed } from "./texts.ts";
import { walk, type Walker } from "./walk.ts";

const KEY = "a key of a dict";

function text(key: unknown): Uint8Array {
  return keyText(key, KEY);
}

/** The entries of an answer. */
function entriesIn(call: Call, answer: Answer, from: number): [unknown, unknown][] {
  const entries: [unknown, unknown][] = [];
  for (let i = from; i + 2 < answer.length; i += 3) entries.push([keyOf(answer.bytes(i)), call.read(answer, i + 1)]);
  return entries;
}

function* items(call: Call): Generator<readonly ["dict_items"], [unknown, unknown][], Answer> {
  return entriesIn(call, yield ["dict_items"], 0);
}

function* whole(call: Call): Plan {
  return new Map(yield* items(call));
}

/** Asks a copy of it, which is as the dict of a manager's server. */
function asCopy(method: (copy: ServedDict, ...args: unknown[]) => unknown): (call: Call, ...args: unknown[]) => Plan {
  return function* (call, ...args) {
    const given = call.copy(args);
    return method(new ServedDict(new Map(yield* items(call))), ...given);
  };
}

function* setdefault(call: Call, key: unknown, value: unknown): Plan {
  return call.read(yield ["dict_default", text(key), ...call.write(value)], 0);
}

function walker(pick: (entry: [unknown, unknown]) => unknown, isBack = false): Walker {
  return {
    start: "",
    *fetch(call, from, most) {
      const answer = yield ["dict_walk", from, most, isBack ? 1 : 0];
      return [entriesIn(call, answer, 1).map(pick), answer.text(0)];
    },
  };
}

/** The parts of a step that has entries. */
export function entryParts(call: Call, entries: Iterable<readonly [Uint8Array, unknown]>): Uint8Array {
  const parts: (string | Uint8Array)[] = [];
  for (const [key, value] of entries) parts.push(key, ...call.write(value));
  return packed(parts);
}

/** What `modify` of a proxy is told of a key: the value, its version, whether there is one. */
export function readParts(
  call: Call,
  answer: Answer,
  from: number,
): [value: unknown, version: string, isThere: boolean] {
  const isThere = answer.length > from + 1;
  return [isThere ? call.read(answer, from + 1) : undefined, answer.text(from), isThere];
}

/** The methods of a dict. */
export const DICT: Methods = {
  [GETVALUE]: whole,
  copy: whole,
  items,
  *".size"() {
    return (yield ["dict_size"]).number(0);
  },
  *get(call, key, fallback) {
    const answer = yield ["dict_get", text(key)];
    return answer.length === 0 ? call.copy(fallback) : call.read(answer, 0);
  },
  *has(_call, key) {
    return (yield ["dict_has", text(key)]).number(0) === 1;
  },
  *set(call, key, value) {
    yield ["dict_set", text(key), ...call.write(value)];
  },
  *delete(_call, key) {
    return (yield ["dict_delete", text(key)]).number(0) === 1;
  },
  *pop(call, key, ...fallback: unknown[]) {
    const answer = yield ["dict_take", text(key)];
    if (answer.length > 0) return call.read(answer, 0);
    if (fallback.length > 0) return call.copy(fallback[0]);
    throw new RangeError(
      `Cannot pop ${Deno.inspect(key)}: there is no such key in the dict, and no fallback was given`,
    );
  },
  *popitem(call) {
    const answer = yield ["dict_last"];
    if (answer.length === 0) throw new RangeError("Cannot pop an item: the dict is empty");
    return [keyOf(answer.bytes(0)), call.read(answer, 1)];
  },
  setdefault,
  *update(call, other) {
    const entries = [...entriesOf(other, "update the dict")].map(([key, value]) => [text(key), value] as const);
    yield ["dict_update", entryParts(call, entries)];
  },
  *clear() {
    yield ["dict_clear"];
  },
  merged: asCopy((copy, other) => copy.merged(other)),
  mergedInto: asCopy((copy, other) => copy.mergedInto(other)),
  // deno-lint-ignore require-yield -- nothing of the dict is wanted
  *fromkeys(call, keys, ...value: []) {
    return new ServedDict().fromkeys(keys, ...call.copy(value));
  },
  keys: walk(walker(([key]) => key)),
  values: walk(walker(([, value]) => value)),
  entries: walk(walker((entry) => entry)),
  reversed: walk(walker(([key]) => key, true)),
  *_read(call, key) {
    return readParts(call, yield ["dict_read", text(key)], 0);
  },
  *_assign(call, key, version: string, value) {
    const answer = yield ["dict_assign", text(key), version, ...call.write(value)];
    return answer.number(0) === 1 ? null : readParts(call, answer, 1);
  },
};
