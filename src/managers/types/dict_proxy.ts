// The proxies of dict. The object that they stand for is in dict.ts.

import { isThenable } from "../../runtime/thenable.ts";
import { Iteration } from "../iteration.ts";
import { BaseProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { SyncDict, type SyncDictOperand } from "./dict_sync.ts";
import type { Key } from "./keys.ts";
import { limited } from "./limited.ts";
import { type Modifier, modify } from "./modify.ts";
import { callWith, entries, keysOf, operand } from "./operand.ts";

/** As {@linkcode SyncDictOperand}; or what gives entries in promises. */
export type DictOperand<K, V> = SyncDictOperand<K, V> | AsyncIterable<readonly [K, V]>;

/**
 * Stands for a dict in the process of a manager. It is used as a `Map` in promises, and has the methods of a Python dict
 * besides. Keys are compared as those of a `Map`; objects are refused as keys, since no copy of one is equal to another.
 *
 * Values are copies: a change of one is nobody else's. {@linkcode modify} is for that, or a proxy as the value. Values
 * may be proxies, deep inside too: they stay what they are. The dict holds their objects, until they are removed or it is
 * dropped itself; objects that hold each other in a circle stay until the manager is shut down.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const ages = await manager.dict({ ann: 41 });
 * await ages.set("bob", 7);
 * await ages.modify("bob", (age) => age + 1);
 * assertEquals(await ages.get("bob"), 8);
 * assertEquals(await ages.items(), [["ann", 41], ["bob", 8]]);
 * assertEquals(ages.sync.size, 2); // the same, blocking
 * ```
 */
export class DictProxy<K extends Key = Key, V = unknown> extends BaseProxy implements AsyncIterable<[K, V]> {
  /** The same dict, blocking the thread. */
  override get sync(): SyncDict<K, V> {
    return super.sync as SyncDict<K, V>;
  }

  /** A copy of the whole dict. */
  override getvalue(): Promise<Map<K, V>> {
    return super.getvalue() as Promise<Map<K, V>>;
  }

  /** How many keys it has: `len(d)` in Python. */
  get size(): Promise<number> {
    return this.callmethod(".size") as Promise<number>;
  }

  /**
   * A copy of the value of a key; of a key that it does not have, `fallback`.
   *
   * @throws {TypeError} If the key is an object, which has no equal in another process. So does every method with a
   * key.
   */
  get<D = undefined>(key: K, ...fallback: [D?]): Promise<V | D> {
    return this.callmethod("get", [key, ...fallback]) as Promise<V | D>;
  }

  /**
   * Gives a key a value; the proxy.
   *
   * @throws {TypeError} If the key is an object, or something cannot be sent.
   */
  async set(key: K, value: V): Promise<this> {
    await this.callmethod("set", [key, value]);
    return this;
  }

  /** Whether it has a key: `key in d` in Python. */
  has(key: K): Promise<boolean> {
    return this.callmethod("has", [key]) as Promise<boolean>;
  }

  /** Removes a key; whether it had it. */
  delete(key: K): Promise<boolean> {
    return this.callmethod("delete", [key]) as Promise<boolean>;
  }

  /**
   * Removes a key, and gives its value; of a key that it does not have, `fallback`.
   *
   * @throws {RangeError} If it does not have the key, and there is no `fallback`.
   */
  pop<D = never>(key: K, ...fallback: [D?]): Promise<V | D> {
    return this.callmethod("pop", [key, ...fallback]) as Promise<V | D>;
  }

  /**
   * Removes the key that was added last; that, and its value.
   *
   * @throws {RangeError} If it is empty.
   */
  popitem(): Promise<[K, V]> {
    return this.callmethod("popitem", []) as Promise<[K, V]>;
  }

  /** The value of a key, which is given this one first if it is not there. As `getOrInsert` of a `Map`. */
  setdefault(key: K, value: V): Promise<V> {
    return this.callmethod("setdefault", [key, value]) as Promise<V>;
  }

  /** As {@linkcode setdefault}. */
  getOrInsert(key: K, value: V): Promise<V> {
    return this.setdefault(key, value);
  }

  /**
   * Takes over all keys of another dict; the proxy. `d |= other` in Python. If one of the keys is refused, none is
   * taken over.
   */
  async update(other: DictOperand<K, V>): Promise<this> {
    await callWith(this, "update", [other], entries);
    return this;
  }

  /** A plain `Map` with what is in both, by preference from `other`: `d | other` in Python. */
  merged(other: DictOperand<K, V>): Promise<Map<K, V>> {
    return callWith(this, "merged", [other], entries) as Promise<Map<K, V>>;
  }

  /** A plain `Map` with what is in both, by preference from this one: `other | d` in Python. */
  mergedInto(other: DictOperand<K, V>): Promise<Map<K, V>> {
    return callWith(this, "mergedInto", [other], entries) as Promise<Map<K, V>>;
  }

  /** Removes all keys; the proxy. */
  async clear(): Promise<this> {
    await this.callmethod("clear", []);
    return this;
  }

  /** A plain `Map` with what is in it, as {@linkcode getvalue}. */
  copy(): Promise<Map<K, V>> {
    return this.callmethod("copy", []) as Promise<Map<K, V>>;
  }

  /** All keys with their values, as they are at one moment. See {@linkcode entries} for one after the other. */
  items(): Promise<[K, V][]> {
    return this.callmethod("items", []) as Promise<[K, V][]>;
  }

  /**
   * The keys, one after the other, as those of a `Map`: what is changed meanwhile may be seen. They are fetched
   * ahead in chunks, beginning with the first `next`. For one moment's, take {@linkcode items} or {@linkcode copy}.
   */
  keys(): AsyncIterableIterator<K> {
    return new Iteration(() => this.callmethod("keys"));
  }

  /** The values, one after the other: see {@linkcode keys}. */
  values(): AsyncIterableIterator<V> {
    return new Iteration(() => this.callmethod("values"));
  }

  /** The keys with their values, one after the other: see {@linkcode keys}. */
  entries(): AsyncIterableIterator<[K, V]> {
    return new Iteration(() => this.callmethod("entries"));
  }

  /** The keys that there are at the first `next`, the last one first: `reversed(d)` in Python. */
  reversed(): AsyncIterableIterator<K> {
    return new Iteration(() => this.callmethod("reversed"));
  }

  /** Calls a function with each value and its key, one after the other. */
  async forEach(visit: (value: V, key: K, dict: this) => unknown): Promise<void> {
    await limited(this, "forEach", async (dict, requireTime) => {
      for await (const [key, value] of dict.entries()) {
        requireTime();
        await visit(value, key, this);
      }
    });
  }

  /**
   * A plain `Map` that gives each of these keys the value: `d.fromkeys(keys, value)` in Python. It has nothing of
   * this dict.
   */
  fromkeys<L, W = null>(keys: Iterable<L> | AsyncIterable<L>, ...value: [W?]): Promise<Map<L, W>> {
    const given = operand(this, keys, keysOf);
    if (!isThenable(given)) return this.callmethod("fromkeys", [given, ...value]) as Promise<Map<L, W>>;
    return Promise.resolve(given).then((all) => this.callmethod("fromkeys", [all, ...value])) as Promise<Map<L, W>>;
  }

  /**
   * Changes the value of a key, and loses nothing that others change meanwhile: `change` gets a copy, and what it
   * gives is put back if nobody has changed the value in between. Otherwise it is called again with the new one.
   *
   * @param change Gives the new value; or changes the copy that it gets, and gives nothing. It gets `undefined` for
   * a key that is not there, which stays so if it gives nothing. It may be asynchronous, and should be quick: who is
   * slower than all others is called again and again.
   * @returns The new value.
   * @throws {TimeoutError} If all of it, `change` among it, took longer than the time given to {@linkcode with}; then it
   * has changed nothing, unless the value was just being put back. A signal gives it up likewise.
   * @throws Whatever `change` throws; then nothing has been changed.
   */
  modify(key: K, change: Modifier<V>): Promise<V> {
    return modify(this, key, change) as Promise<V>;
  }

  /** As {@linkcode entries}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<[K, V]> {
    return this.entries();
  }
}

/** The names that a dict answers to. */
export const DICT_NAMES: readonly string[] = [
  ".size",
  "get",
  "set",
  "has",
  "delete",
  "pop",
  "popitem",
  "setdefault",
  "update",
  "merged",
  "mergedInto",
  "clear",
  "copy",
  "items",
  "keys",
  "values",
  "entries",
  "reversed",
  "fromkeys",
  "_read",
  "_assign",
];

defineBuiltIn("dict", DICT_NAMES, DictProxy, SyncDict);
