// set, as Python calls it.

import { contentsOf } from "../../../managers/local_line.ts";
import type { ServedSet } from "../../../managers/types/set.ts";
import { argumentsOf, type Call, type Method } from "../call.ts";
import { identityOf, KeyRing } from "../keys.ts";
import { raised } from "../raised.ts";
import { typeNameOf } from "../words.ts";
import { iterated } from "./dict.ts";

function setOf({ object }: Call): Set<unknown> {
  return (object.value as ServedSet).set;
}

/** Members by what they are equal by. */
type Members = Map<string, unknown>;

function membersOf(values: Iterable<unknown>): Members {
  return new Map(Array.from(values, (value) => [identityOf(value, true), value]));
}

function operand(call: Call): Members {
  const [other] = argumentsOf(call, ["other"], 1);
  const contents = contentsOf(other);
  if (contents instanceof Set) return membersOf(contents);
  throw raised("TypeError", `unsupported operand type(s): 'set' and '${typeNameOf(contents)}'`);
}

/** Of methods, which take anything that can be iterated. */
function others({ args }: Call): Members[] {
  return args.map((arg) => membersOf(iterated(arg)));
}

function union(one: Members, other: Members): Members {
  return new Map([...other, ...one]);
}

function common(one: Members, other: Members): Members {
  return new Map([...one].filter(([identity]) => other.has(identity)));
}

function without(one: Members, other: Members): Members {
  return new Map([...one].filter(([identity]) => !other.has(identity)));
}

function either(one: Members, other: Members): Members {
  return new Map([...without(one, other), ...without(other, one)]);
}

function isWithin(one: Members, other: Members): boolean {
  return one.size <= other.size && without(one, other).size === 0;
}

type Operation = (one: Members, other: Members) => Members;

function combined(operation: Operation, one: Members, all: readonly Members[]): Members {
  return all.reduce(operation, one);
}

/** Has these members; those that it has already stay where they are. */
function put(set: Set<unknown>, members: Members): void {
  const own = membersOf(set);
  for (const [identity, member] of own) if (!members.has(identity)) set.delete(member);
  const ring = KeyRing.of(set);
  for (const member of members.values()) set.add(ring.find(member));
}

const result = (members: Members) => new Set(members.values());
const operator = (operation: Operation): Method => (call) => result(operation(membersOf(setOf(call)), operand(call)));
const reflected = (operation: Operation): Method => (call) => result(operation(operand(call), membersOf(setOf(call))));
const inPlace = (operation: Operation): Method => (call) =>
  put(setOf(call), operation(membersOf(setOf(call)), operand(call)));
const method = (operation: Operation): Method => (call) =>
  result(combined(operation, membersOf(setOf(call)), others(call)));
const update = (operation: Operation): Method => (call) =>
  put(setOf(call), combined(operation, membersOf(setOf(call)), others(call)));
const ordered = (holds: (one: Members, other: Members) => boolean): Method => (call) =>
  holds(membersOf(setOf(call)), operand(call));

function found(call: Call): unknown {
  return KeyRing.of(setOf(call)).find(argumentsOf(call, ["member"], 1)[0]);
}

/** By the names of Python's methods. */
export const SET_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__len__", (call) => setOf(call).size],
  ["__contains__", (call) => setOf(call).has(found(call))],
  ["__iter__", (call) => call.ask("values")],
  ["__and__", operator(common)],
  ["__or__", operator(union)],
  ["__sub__", operator(without)],
  ["__xor__", operator(either)],
  ["__rand__", reflected(common)],
  ["__ror__", reflected(union)],
  ["__rsub__", reflected(without)],
  ["__rxor__", reflected(either)],
  ["__iand__", inPlace(common)],
  ["__ior__", inPlace(union)],
  ["__isub__", inPlace(without)],
  ["__ixor__", inPlace(either)],
  ["__le__", ordered(isWithin)],
  ["__lt__", ordered((one, other) => one.size < other.size && isWithin(one, other))],
  ["__ge__", ordered((one, other) => isWithin(other, one))],
  ["__gt__", ordered((one, other) => other.size < one.size && isWithin(other, one))],
  ["add", (call) => void setOf(call).add(found(call))],
  ["discard", (call) => void setOf(call).delete(found(call))],
  ["remove", (call) => {
    if (!setOf(call).delete(found(call))) throw raised("KeyError", call.args[0]);
  }],
  ["pop", (call) => {
    const set = setOf(call);
    for (const member of set) {
      set.delete(member);
      return member;
    }
    throw raised("KeyError", "pop from an empty set");
  }],
  ["clear", (call) => setOf(call).clear()],
  ["copy", (call) => setOf(call)],
  ["union", method(union)],
  ["intersection", method(common)],
  ["difference", method(without)],
  ["symmetric_difference", method(either)],
  ["update", update(union)],
  ["intersection_update", update(common)],
  ["difference_update", update(without)],
  ["symmetric_difference_update", update(either)],
  ["isdisjoint", (call) => others(call).every((other) => common(membersOf(setOf(call)), other).size === 0)],
  ["issubset", (call) => others(call).every((other) => isWithin(membersOf(setOf(call)), other))],
  ["issuperset", (call) => others(call).every((other) => isWithin(other, membersOf(setOf(call))))],
]);

/** Adds what `set()` is given. */
export function fillSet(set: ServedSet, args: readonly unknown[]): void {
  const ring = KeyRing.of(set.set);
  for (const member of args.flatMap((arg) => [...iterated(arg)])) set.set.add(ring.find(member));
}
