// What blocks for a proxy of dict.

import { SyncProxy } from "../proxy.ts";
import type { DictProxy } from "./dict_proxy.ts";
import { iteratorOf } from "./iterator.ts";
import type { Key } from "./keys.ts";
import { limitedSync } from "./limited.ts";
import { modifySync, type SyncModifier } from "./modify.ts";
import { callWithSync, entries, keysOf } from "./operand.ts";

/** What a dict may be combined with, or made of: a Map or anything else that gives entries, an object, another dict. */
export type SyncDictOperand<K, V> =
  | DictProxy<K & Key, V>
  | SyncDict<K & Key, V>
  | Iterable<readonly [K, V]>
  | Readonly<Record<K & string, V>>;

/** As {@linkcode DictProxy}, blocking the thread: what {@linkcode DictProxy.sync} gives. */
export class SyncDict<K extends Key = Key, V = unknown> extends SyncProxy implements Iterable<[K, V]> {
  /** As {@linkcode DictProxy.getvalue}. */
  override getvalue(): Map<K, V> {
    return super.getvalue() as Map<K, V>;
  }

  /** As {@linkcode DictProxy.size}. */
  get size(): number {
    return this.callmethod(".size") as number;
  }

  /** As {@linkcode DictProxy.get}. */
  get<D = undefined>(key: K, ...fallback: [D?]): V | D {
    return this.callmethod("get", [key, ...fallback]) as V | D;
  }

  /** As {@linkcode DictProxy.set}. */
  set(key: K, value: V): this {
    this.callmethod("set", [key, value]);
    return this;
  }

  /** As {@linkcode DictProxy.has}. */
  has(key: K): boolean {
    return this.callmethod("has", [key]) as boolean;
  }

  /** As {@linkcode DictProxy.delete}. */
  delete(key: K): boolean {
    return this.callmethod("delete", [key]) as boolean;
  }

  /** As {@linkcode DictProxy.pop}. */
  pop<D = never>(key: K, ...fallback: [D?]): V | D {
    return this.callmethod("pop", [key, ...fallback]) as V | D;
  }

  /** As {@linkcode DictProxy.popitem}. */
  popitem(): [K, V] {
    return this.callmethod("popitem", []) as [K, V];
  }

  /** As {@linkcode DictProxy.setdefault}. */
  setdefault(key: K, value: V): V {
    return this.callmethod("setdefault", [key, value]) as V;
  }

  /** As {@linkcode DictProxy.getOrInsert}. */
  getOrInsert(key: K, value: V): V {
    return this.setdefault(key, value);
  }

  /** As {@linkcode DictProxy.update}. */
  update(other: SyncDictOperand<K, V>): this {
    callWithSync(this, "update", [other], entries);
    return this;
  }

  /** As {@linkcode DictProxy.merged}. */
  merged(other: SyncDictOperand<K, V>): Map<K, V> {
    return callWithSync(this, "merged", [other], entries) as Map<K, V>;
  }

  /** As {@linkcode DictProxy.mergedInto}. */
  mergedInto(other: SyncDictOperand<K, V>): Map<K, V> {
    return callWithSync(this, "mergedInto", [other], entries) as Map<K, V>;
  }

  /** As {@linkcode DictProxy.clear}. */
  clear(): this {
    this.callmethod("clear", []);
    return this;
  }

  /** As {@linkcode DictProxy.copy}. */
  copy(): Map<K, V> {
    return this.callmethod("copy", []) as Map<K, V>;
  }

  /** As {@linkcode DictProxy.items}. */
  items(): [K, V][] {
    return this.callmethod("items", []) as [K, V][];
  }

  /** As {@linkcode DictProxy.keys}. */
  keys(): IterableIterator<K> {
    return iteratorOf(this.callmethod("keys"));
  }

  /** As {@linkcode DictProxy.values}. */
  values(): IterableIterator<V> {
    return iteratorOf(this.callmethod("values"));
  }

  /** As {@linkcode DictProxy.entries}. */
  entries(): IterableIterator<[K, V]> {
    return iteratorOf(this.callmethod("entries"));
  }

  /** As {@linkcode DictProxy.reversed}. */
  reversed(): IterableIterator<K> {
    return iteratorOf(this.callmethod("reversed"));
  }

  /** As {@linkcode DictProxy.forEach}. */
  forEach(visit: (value: V, key: K, dict: this) => unknown): void {
    limitedSync(this, "forEach", (_call, requireTime) => {
      for (const [key, value] of this.entries()) {
        requireTime();
        visit(value, key, this);
      }
    });
  }

  /** As {@linkcode DictProxy.fromkeys}. */
  fromkeys<L, W = null>(keys: Iterable<L>, ...value: [W?]): Map<L, W> {
    return this.callmethod("fromkeys", [keysOf(keys), ...value]) as Map<L, W>;
  }

  /** As {@linkcode DictProxy.modify}. */
  modify(key: K, change: SyncModifier<V>): V {
    return modifySync(this, key, change) as V;
  }

  /** As {@linkcode entries}. */
  [Symbol.iterator](): IterableIterator<[K, V]> {
    return this.entries();
  }
}
