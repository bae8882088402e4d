// set, in the server: a Set of what is equal to its copies. Its proxies are in set_proxy.ts.

import { contentsOf } from "../local_line.ts";
import { containerType } from "./container.ts";
import { itemsOf, requireKey } from "./keys.ts";
import { SET_NAMES } from "./set_proxy.ts";

/** The object that proxies of a set stand for. Its members are no objects, so there are no proxies inside. */
export class ServedSet {
  readonly set: Set<unknown> = new Set();

  constructor(init?: unknown) {
    if (init !== undefined) this.update(init);
  }

  get size(): number {
    return this.set.size;
  }

  has(member: unknown): boolean {
    return this.set.has(required(member));
  }

  add(member: unknown): void {
    this.set.add(required(member));
  }

  delete(member: unknown): boolean {
    return this.set.delete(required(member));
  }

  discard(member: unknown): void {
    this.delete(member);
  }

  remove(member: unknown): void {
    if (this.delete(member)) return;
    throw new RangeError(`Cannot remove ${Deno.inspect(member)}: it is not in the set`);
  }

  pop(): unknown {
    for (const member of this.set) {
      this.set.delete(member);
      return member;
    }
    throw new RangeError("Cannot pop a member: the set is empty");
  }

  clear(): void {
    this.set.clear();
  }

  copy(): Set<unknown> {
    return this.set;
  }

  union(...others: unknown[]): Set<unknown> {
    return membersOfAll(others).reduce<Set<unknown>>((all, other) => all.union(other), new Set(this.set));
  }

  intersection(...others: unknown[]): Set<unknown> {
    return membersOfAll(others).reduce<Set<unknown>>((all, other) => all.intersection(other), new Set(this.set));
  }

  difference(...others: unknown[]): Set<unknown> {
    return membersOfAll(others).reduce<Set<unknown>>((all, other) => all.difference(other), new Set(this.set));
  }

  symmetricDifference(other: unknown): Set<unknown> {
    return this.set.symmetricDifference(membersOf(other));
  }

  subtractedFrom(other: unknown): Set<unknown> {
    return membersOf(other).difference(this.set);
  }

  update(...others: unknown[]): void {
    for (const other of membersOfAll(others)) for (const member of [...other]) this.set.add(member);
  }

  intersectionUpdate(...others: unknown[]): void {
    this.#put(this.intersection(...others));
  }

  differenceUpdate(...others: unknown[]): void {
    this.#put(this.difference(...others));
  }

  symmetricDifferenceUpdate(other: unknown): void {
    this.#put(this.symmetricDifference(other));
  }

  /** Has these members; those that it has already stay where they are. */
  #put(members: Set<unknown>): void {
    for (const member of this.set) if (!members.has(member)) this.set.delete(member);
    for (const member of members) this.set.add(member);
  }

  isSubsetOf(other: unknown): boolean {
    return this.set.isSubsetOf(membersOf(other));
  }

  isSupersetOf(other: unknown): boolean {
    return this.set.isSupersetOf(membersOf(other));
  }

  isProperSubsetOf(other: unknown): boolean {
    const members = membersOf(other);
    return this.set.size < members.size && this.set.isSubsetOf(members);
  }

  isProperSupersetOf(other: unknown): boolean {
    const members = membersOf(other);
    return this.set.size > members.size && this.set.isSupersetOf(members);
  }

  isDisjointFrom(other: unknown): boolean {
    return this.set.isDisjointFrom(membersOf(other));
  }

  keys(): SetIterator<unknown> {
    return this.set.keys();
  }

  values(): SetIterator<unknown> {
    return this.set.values();
  }

  entries(): SetIterator<[unknown, unknown]> {
    return this.set.entries();
  }

  drop(): void {}
}

function required(member: unknown): unknown {
  requireKey(member, "a member of a set");
  return member;
}

function membersOf(value: unknown): Set<unknown> {
  const contents = contentsOf(value);
  const members = contents instanceof Map ? contents.keys() : itemsOf(contents, "combine it with the set");
  const set = contents instanceof Set ? contents : new Set(members);
  for (const member of set) required(member);
  return set;
}

function membersOfAll(values: readonly unknown[]): Set<unknown>[] {
  return values.map(membersOf);
}

/** The type of sets. */
export const SET = containerType("set", SET_NAMES, (init) => new ServedSet(init), ({ set }) => set);
