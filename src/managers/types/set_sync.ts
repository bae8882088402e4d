// What blocks for a proxy of set.

import { SyncProxy } from "../proxy.ts";
import type { DictProxy } from "./dict_proxy.ts";
import type { SyncDict } from "./dict_sync.ts";
import { iteratorOf } from "./iterator.ts";
import type { Key } from "./keys.ts";
import { limitedSync } from "./limited.ts";
import { callWithSync, members } from "./operand.ts";
import type { SetProxy } from "./set_proxy.ts";

/** What a set may be combined with, or made of; of a dict or a Map, the keys are meant. */
export type SyncSetOperand<T> =
  | SetProxy<T & Key>
  | SyncSet<T & Key>
  | DictProxy<T & Key>
  | SyncDict<T & Key>
  | ReadonlyMap<T, unknown>
  | Iterable<T>;

/** As {@linkcode SetProxy}, blocking the thread: what {@linkcode SetProxy.sync} gives. */
export class SyncSet<T extends Key = Key> extends SyncProxy implements Iterable<T> {
  /** As {@linkcode SetProxy.getvalue}. */
  override getvalue(): Set<T> {
    return super.getvalue() as Set<T>;
  }

  /** As {@linkcode SetProxy.size}. */
  get size(): number {
    return this.callmethod(".size") as number;
  }

  /** As {@linkcode SetProxy.has}. */
  has(member: T): boolean {
    return this.callmethod("has", [member]) as boolean;
  }

  /** As {@linkcode SetProxy.add}. */
  add(member: T): this {
    this.callmethod("add", [member]);
    return this;
  }

  /** As {@linkcode SetProxy.delete}. */
  delete(member: T): boolean {
    return this.callmethod("delete", [member]) as boolean;
  }

  /** As {@linkcode SetProxy.discard}. */
  discard(member: T): this {
    this.callmethod("discard", [member]);
    return this;
  }

  /** As {@linkcode SetProxy.remove}. */
  remove(member: T): this {
    this.callmethod("remove", [member]);
    return this;
  }

  /** As {@linkcode SetProxy.pop}. */
  pop(): T {
    return this.callmethod("pop", []) as T;
  }

  /** As {@linkcode SetProxy.clear}. */
  clear(): this {
    this.callmethod("clear", []);
    return this;
  }

  /** As {@linkcode SetProxy.copy}. */
  copy(): Set<T> {
    return this.callmethod("copy", []) as Set<T>;
  }

  /** As {@linkcode SetProxy.union}. */
  union<U = T>(...others: SyncSetOperand<U>[]): Set<T | U> {
    return callWithSync(this, "union", others, members) as Set<T | U>;
  }

  /** As {@linkcode SetProxy.intersection}. */
  intersection(...others: SyncSetOperand<unknown>[]): Set<T> {
    return callWithSync(this, "intersection", others, members) as Set<T>;
  }

  /** As {@linkcode SetProxy.difference}. */
  difference(...others: SyncSetOperand<unknown>[]): Set<T> {
    return callWithSync(this, "difference", others, members) as Set<T>;
  }

  /** As {@linkcode SetProxy.subtractedFrom}. */
  subtractedFrom<U = T>(other: SyncSetOperand<U>): Set<U> {
    return callWithSync(this, "subtractedFrom", [other], members) as Set<U>;
  }

  /** As {@linkcode SetProxy.symmetricDifference}. */
  symmetricDifference<U = T>(other: SyncSetOperand<U>): Set<T | U> {
    return callWithSync(this, "symmetricDifference", [other], members) as Set<T | U>;
  }

  /** As {@linkcode SetProxy.update}. */
  update(...others: SyncSetOperand<T>[]): this {
    callWithSync(this, "update", others, members);
    return this;
  }

  /** As {@linkcode SetProxy.intersectionUpdate}. */
  intersectionUpdate(...others: SyncSetOperand<unknown>[]): this {
    callWithSync(this, "intersectionUpdate", others, members);
    return this;
  }

  /** As {@linkcode SetProxy.differenceUpdate}. */
  differenceUpdate(...others: SyncSetOperand<unknown>[]): this {
    callWithSync(this, "differenceUpdate", others, members);
    return this;
  }

  /** As {@linkcode SetProxy.symmetricDifferenceUpdate}. */
  symmetricDifferenceUpdate(other: SyncSetOperand<T>): this {
    callWithSync(this, "symmetricDifferenceUpdate", [other], members);
    return this;
  }

  /** As {@linkcode SetProxy.isSubsetOf}. */
  isSubsetOf(other: SyncSetOperand<unknown>): boolean {
    return callWithSync(this, "isSubsetOf", [other], members) as boolean;
  }

  /** As {@linkcode SetProxy.isSupersetOf}. */
  isSupersetOf(other: SyncSetOperand<unknown>): boolean {
    return callWithSync(this, "isSupersetOf", [other], members) as boolean;
  }

  /** As {@linkcode SetProxy.isProperSubsetOf}. */
  isProperSubsetOf(other: SyncSetOperand<unknown>): boolean {
    return callWithSync(this, "isProperSubsetOf", [other], members) as boolean;
  }

  /** As {@linkcode SetProxy.isProperSupersetOf}. */
  isProperSupersetOf(other: SyncSetOperand<unknown>): boolean {
    return callWithSync(this, "isProperSupersetOf", [other], members) as boolean;
  }

  /** As {@linkcode SetProxy.isDisjointFrom}. */
  isDisjointFrom(other: SyncSetOperand<unknown>): boolean {
    return callWithSync(this, "isDisjointFrom", [other], members) as boolean;
  }

  /** As {@linkcode SetProxy.keys}. */
  keys(): IterableIterator<T> {
    return iteratorOf(this.callmethod("keys"));
  }

  /** As {@linkcode SetProxy.values}. */
  values(): IterableIterator<T> {
    return iteratorOf(this.callmethod("values"));
  }

  /** As {@linkcode SetProxy.entries}. */
  entries(): IterableIterator<[T, T]> {
    return iteratorOf(this.callmethod("entries"));
  }

  /** As {@linkcode SetProxy.forEach}. */
  forEach(visit: (member: T, same: T, set: this) => unknown): void {
    limitedSync(this, "forEach", (_call, requireTime) => {
      for (const member of this.values()) {
        requireTime();
        visit(member, member, this);
      }
    });
  }

  /** As {@linkcode values}. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.values();
  }
}
