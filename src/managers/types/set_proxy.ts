// The proxies of set. The object that they stand for is in set.ts.

import { Iteration } from "../iteration.ts";
import { BaseProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import type { Key } from "./keys.ts";
import { limited } from "./limited.ts";
import { callWith, members } from "./operand.ts";
import { SyncSet, type SyncSetOperand } from "./set_sync.ts";

/** As {@linkcode SyncSetOperand}; or what gives members in promises. */
export type SetOperand<T> = SyncSetOperand<T> | AsyncIterable<T>;

/**
 * Stands for a set in the process of a manager. It is used as a `Set` in promises, and has the methods and operators of a
 * Python set besides. Members are compared as those of a `Set`; objects are refused, since no copy of one is equal to
 * another.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const seen = await manager.set(["a", "b"]);
 * await seen.update(["c"], new Set(["d"]));
 * assertEquals(await seen.difference(["a"]), new Set(["b", "c", "d"]));
 * assertEquals(await seen.isSupersetOf(["a", "d"]), true);
 * assertEquals(seen.sync.has("e"), false); // blocking
 * ```
 */
export class SetProxy<T extends Key = Key> extends BaseProxy implements AsyncIterable<T> {
  /** The same set, blocking the thread. */
  override get sync(): SyncSet<T> {
    return super.sync as SyncSet<T>;
  }

  /** A copy of the whole set. */
  override getvalue(): Promise<Set<T>> {
    return super.getvalue() as Promise<Set<T>>;
  }

  /** How many members it has: `len(s)` in Python. */
  get size(): Promise<number> {
    return this.callmethod(".size") as Promise<number>;
  }

  /**
   * Whether that is a member: `member in s` in Python.
   *
   * @throws {TypeError} If it is an object, which has no equal in another process. So does every method with a
   * member.
   */
  has(member: T): Promise<boolean> {
    return this.callmethod("has", [member]) as Promise<boolean>;
  }

  /**
   * Adds a member; the proxy.
   *
   * @throws {TypeError} If it is an object.
   */
  async add(member: T): Promise<this> {
    await this.callmethod("add", [member]);
    return this;
  }

  /** Removes a member; whether it was one. */
  delete(member: T): Promise<boolean> {
    return this.callmethod("delete", [member]) as Promise<boolean>;
  }

  /** Removes a member, if it is one; the proxy. */
  async discard(member: T): Promise<this> {
    await this.callmethod("discard", [member]);
    return this;
  }

  /**
   * Removes a member; the proxy.
   *
   * @throws {RangeError} If it is none.
   */
  async remove(member: T): Promise<this> {
    await this.callmethod("remove", [member]);
    return this;
  }

  /**
   * Removes some member, and gives it.
   *
   * @throws {RangeError} If the set is empty.
   */
  pop(): Promise<T> {
    return this.callmethod("pop", []) as Promise<T>;
  }

  /** Removes all members; the proxy. */
  async clear(): Promise<this> {
    await this.callmethod("clear", []);
    return this;
  }

  /** A plain `Set` with the members, as {@linkcode getvalue}. */
  copy(): Promise<Set<T>> {
    return this.callmethod("copy", []) as Promise<Set<T>>;
  }

  /** A plain `Set` of what is in this set or in one of the others: `s | other` in Python, and `other | s`. */
  union<U = T>(...others: SetOperand<U>[]): Promise<Set<T | U>> {
    return callWith(this, "union", others, members) as Promise<Set<T | U>>;
  }

  /** A plain `Set` of what is in this set and in all others: `s & other` in Python, and `other & s`. */
  intersection(...others: SetOperand<unknown>[]): Promise<Set<T>> {
    return callWith(this, "intersection", others, members) as Promise<Set<T>>;
  }

  /** A plain `Set` of what is in this set and in none of the others: `s - other` in Python. */
  difference(...others: SetOperand<unknown>[]): Promise<Set<T>> {
    return callWith(this, "difference", others, members) as Promise<Set<T>>;
  }

  /** A plain `Set` of what is in the other one and not in this: `other - s` in Python. */
  subtractedFrom<U = T>(other: SetOperand<U>): Promise<Set<U>> {
    return callWith(this, "subtractedFrom", [other], members) as Promise<Set<U>>;
  }

  /** A plain `Set` of what is in one of the two only: `s ^ other` in Python, and `other ^ s`. */
  symmetricDifference<U = T>(other: SetOperand<U>): Promise<Set<T | U>> {
    return callWith(this, "symmetricDifference", [other], members) as Promise<Set<T | U>>;
  }

  /** Adds all members of others; the proxy. `s |= other` in Python. If one is refused, none is added. */
  async update(...others: SetOperand<T>[]): Promise<this> {
    await callWith(this, "update", others, members);
    return this;
  }

  /** Removes what is not in all others; the proxy. `s &= other` in Python. */
  async intersectionUpdate(...others: SetOperand<unknown>[]): Promise<this> {
    await callWith(this, "intersectionUpdate", others, members);
    return this;
  }

  /** Removes what is in one of the others; the proxy. `s -= other` in Python. */
  async differenceUpdate(...others: SetOperand<unknown>[]): Promise<this> {
    await callWith(this, "differenceUpdate", others, members);
    return this;
  }

  /** Removes what is in the other one, too, and adds the rest of that; the proxy. `s ^= other` in Python. */
  async symmetricDifferenceUpdate(other: SetOperand<T>): Promise<this> {
    await callWith(this, "symmetricDifferenceUpdate", [other], members);
    return this;
  }

  /** Whether all members are in the other one: `s <= other` in Python. */
  isSubsetOf(other: SetOperand<unknown>): Promise<boolean> {
    return callWith(this, "isSubsetOf", [other], members) as Promise<boolean>;
  }

  /** Whether all of the other one are members: `s >= other` in Python. */
  isSupersetOf(other: SetOperand<unknown>): Promise<boolean> {
    return callWith(this, "isSupersetOf", [other], members) as Promise<boolean>;
  }

  /** Whether all members are in the other one, which has more: `s < other` in Python. */
  isProperSubsetOf(other: SetOperand<unknown>): Promise<boolean> {
    return callWith(this, "isProperSubsetOf", [other], members) as Promise<boolean>;
  }

  /** Whether all of the other one are members, and there are more: `s > other` in Python. */
  isProperSupersetOf(other: SetOperand<unknown>): Promise<boolean> {
    return callWith(this, "isProperSupersetOf", [other], members) as Promise<boolean>;
  }

  /** Whether no member is in the other one: `s.isdisjoint(other)` in Python. */
  isDisjointFrom(other: SetOperand<unknown>): Promise<boolean> {
    return callWith(this, "isDisjointFrom", [other], members) as Promise<boolean>;
  }

  /** As {@linkcode values}. */
  keys(): AsyncIterableIterator<T> {
    return new Iteration(() => this.callmethod("keys"));
  }

  /**
   * The members, one after the other, as those of a `Set`: what is changed meanwhile may be seen. They are fetched
   * ahead in chunks, beginning with the first `next`. For one moment's, take {@linkcode copy}.
   */
  values(): AsyncIterableIterator<T> {
    return new Iteration(() => this.callmethod("values"));
  }

  /** Each member twice, as those of a `Set`: see {@linkcode values}. */
  entries(): AsyncIterableIterator<[T, T]> {
    return new Iteration(() => this.callmethod("entries"));
  }

  /** Calls a function with each member, one after the other. */
  async forEach(visit: (member: T, same: T, set: this) => unknown): Promise<void> {
    await limited(this, "forEach", async (set, requireTime) => {
      for await (const member of set.values()) {
        requireTime();
        await visit(member, member, this);
      }
    });
  }

  /** As {@linkcode values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.values();
  }
}

/** The names that a set answers to. */
export const SET_NAMES: readonly string[] = [
  ".size",
  "has",
  "add",
  "delete",
  "discard",
  "remove",
  "pop",
  "clear",
  "copy",
  "union",
  "intersection",
  "difference",
  "subtractedFrom",
  "symmetricDifference",
  "update",
  "intersectionUpdate",
  "differenceUpdate",
  "symmetricDifferenceUpdate",
  "isSubsetOf",
  "isSupersetOf",
  "isProperSubsetOf",
  "isProperSupersetOf",
  "isDisjointFrom",
  "keys",
  "values",
  "entries",
];

defineBuiltIn("set", SET_NAMES, SetProxy, SyncSet);
