// set of a manager on an engine: what its methods do, by the steps of library/set.lua.

import { GETVALUE } from "../../managers/names.ts";
import { ServedSet } from "../../managers/types/set.ts";
import type { Answer } from "../session.ts";
import type { Call, Method, Methods, Plan, Wanted } from "./call.ts";
import { keyOf, keyText, packed } from "./texts.ts";
import { walk, type Walker } from "./walk.ts";

function text(member: unknown): Uint8Array {
  return keyText(member, "a member of a set");
}

function texts(members: Iterable<unknown>): Uint8Array {
  return packed(Array.from(members, text));
}

function membersIn(answer: Answer, from: number): unknown[] {
  return Array.from({ length: answer.length - from }, (_, i) => keyOf(answer.bytes(from + i)));
}

function* whole(): Generator<Wanted, Set<unknown>, Answer> {
  return new Set(membersIn(yield ["set_members"], 0));
}

/** Asks a copy of it, which is as the set of a manager's server. */
function asCopy(name: keyof ServedSet & string): Method {
  return function* (_call: Call, ...args: unknown[]): Plan {
    const copy = new ServedSet(yield* whole());
    return Reflect.apply(copy[name] as (...args: unknown[]) => unknown, copy, args);
  };
}

/** The members of all of these. */
function unionOf(others: readonly unknown[]): Set<unknown> {
  return new ServedSet().union(...others);
}

const MEMBERS: Walker = {
  start: "",
  *fetch(_call, from, most) {
    const answer = yield ["set_walk", from, most];
    return [membersIn(answer, 1), answer.text(0)];
  },
};

const PAIRS: Walker = {
  start: "",
  *fetch(call, from, most) {
    const [members, next] = yield* MEMBERS.fetch(call, from, most);
    return [members.map((member) => [member, member]), next];
  },
};

function* remove(member: unknown): Generator<Wanted, boolean, Answer> {
  return (yield ["set_delete", texts([member])]).number(0) === 1;
}

/** The methods of a set. */
export const SET: Methods = {
  [GETVALUE]: whole,
  copy: whole,
  *".size"() {
    return (yield ["set_size"]).number(0);
  },
  *has(_call, member) {
    return (yield ["set_has", text(member)]).number(0) === 1;
  },
  *add(_call, member) {
    yield ["set_add", texts([member])];
  },
  *delete(_call, member) {
    return yield* remove(member);
  },
  *discard(_call, member) {
    yield* remove(member);
  },
  *remove(_call, member) {
    if (!(yield* remove(member))) throw new RangeError(`Cannot remove ${Deno.inspect(member)}: it is not in the set`);
  },
  *pop() {
    const answer = yield ["set_first"];
    if (answer.length === 0) throw new RangeError("Cannot pop a member: the set is empty");
    return keyOf(answer.bytes(0));
  },
  *clear() {
    yield ["set_clear"];
  },
  union: asCopy("union"),
  intersection: asCopy("intersection"),
  difference: asCopy("difference"),
  symmetricDifference: asCopy("symmetricDifference"),
  subtractedFrom: asCopy("subtractedFrom"),
  *update(_call, ...others: unknown[]) {
    yield ["set_add", texts(unionOf(others))];
  },
  *intersectionUpdate(_call, ...others: unknown[]) {
    if (others.length === 0) return;
    const [first, ...rest] = others;
    yield ["set_keep", texts(new ServedSet(first).intersection(...rest))];
  },
  *differenceUpdate(_call, ...others: unknown[]) {
    yield ["set_delete", texts(unionOf(others))];
  },
  *symmetricDifferenceUpdate(_call, other) {
    yield ["set_toggle", texts(new ServedSet(other).copy())];
  },
  isSubsetOf: asCopy("isSubsetOf"),
  isSupersetOf: asCopy("isSupersetOf"),
  isProperSubsetOf: asCopy("isProperSubsetOf"),
  isProperSupersetOf: asCopy("isProperSupersetOf"),
  isDisjointFrom: asCopy("isDisjointFrom"),
  keys: walk(MEMBERS),
  values: walk(MEMBERS),
  entries: walk(PAIRS),
};
