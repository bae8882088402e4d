// The proxies of list. The object that they stand for is in list.ts.

import { Iteration } from "../iteration.ts";
import { BaseProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { limited } from "./limited.ts";
import { SyncList, type SyncListOperand } from "./list_sync.ts";
import { type Modifier, modify } from "./modify.ts";
import { callWith, items } from "./operand.ts";
import { type Compare, inOrderOf, type SortOptions, sortOptionsOf } from "./order.ts";

/** As {@linkcode SyncListOperand}; or what gives items in promises. */
export type ListOperand<T> = SyncListOperand<T> | AsyncIterable<T>;

/**
 * Stands for a list in the process of a manager. It is used as an `Array` in promises, by methods: {@linkcode get} and
 * {@linkcode set} are what `[]` is; and has the methods of a Python list besides.
 *
 * Items are copies: a change of one is nobody else's. {@linkcode modify} is for that, or a proxy as the item. Items may
 * be proxies, deep inside too: see {@linkcode DictProxy}.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const list = await manager.list([10, 9, 1]);
 * await list.push(2, 3);
 * await list.sort();
 * assertEquals(await list.copy(), [1, 2, 3, 9, 10]);
 * assertEquals(await Array.fromAsync(list), [1, 2, 3, 9, 10]); // fetched in chunks
 * assertEquals(list.sync.at(-1), 10); // blocking
 * ```
 */
export class ListProxy<T = unknown> extends BaseProxy implements AsyncIterable<T> {
  /** The same list, blocking the thread. */
  override get sync(): SyncList<T> {
    return super.sync as SyncList<T>;
  }

  /** A copy of the whole list. */
  override getvalue(): Promise<T[]> {
    return super.getvalue() as Promise<T[]>;
  }

  /** How many items it has: `len(l)` in Python. */
  get length(): Promise<number> {
    return this.callmethod(".length") as Promise<number>;
  }

  /**
   * A copy of an item. A negative index counts from the end.
   *
   * @throws {RangeError} If there is no such item. {@linkcode at} gives `undefined` instead.
   * @throws {TypeError} If the index is no integer.
   */
  get(index: number): Promise<T> {
    return this.callmethod("get", [index]) as Promise<T>;
  }

  /** A copy of an item, or `undefined` if there is none. A negative index counts from the end. */
  at(index: number): Promise<T | undefined> {
    return this.callmethod("at", [index]) as Promise<T | undefined>;
  }

  /**
   * Puts an item in the place of one that there is; the proxy. A negative index counts from the end.
   *
   * @throws {RangeError} If there is no such item.
   * @throws {TypeError} If the index is no integer, or the item cannot be sent.
   */
  async set(index: number, item: T): Promise<this> {
    await this.callmethod("set", [index, item]);
    return this;
  }

  /** Adds items at the end; how many there are now. */
  push(...items: T[]): Promise<number> {
    return this.callmethod("push", [...items]) as Promise<number>;
  }

  /** Adds an item at the end; the proxy. */
  async append(item: T): Promise<this> {
    await this.callmethod("append", [item]);
    return this;
  }

  /**
   * Adds all items of something at the end; the proxy. `l += more` in Python.
   *
   * @throws {TypeError} If it cannot be iterated.
   */
  async extend(more: ListOperand<T>): Promise<this> {
    await callWith(this, "extend", [more], items);
    return this;
  }

  /**
   * Removes the last item, or the one at `index`, and gives it; `undefined` if the list is empty.
   *
   * @throws {RangeError} If an index is given, and there is no such item.
   */
  pop(...index: [index?: number]): Promise<T | undefined> {
    return this.callmethod("pop", [...index]) as Promise<T | undefined>;
  }

  /** Removes the first item, and gives it; `undefined` if the list is empty. */
  shift(): Promise<T | undefined> {
    return this.callmethod("shift", []) as Promise<T | undefined>;
  }

  /** Adds items at the beginning; how many there are now. */
  unshift(...items: T[]): Promise<number> {
    return this.callmethod("unshift", [...items]) as Promise<number>;
  }

  /** Adds an item before the one at `index`, or at the end if there is none; the proxy. */
  async insert(index: number, item: T): Promise<this> {
    await this.callmethod("insert", [index, item]);
    return this;
  }

  /**
   * Removes `deleteCount` items from `start` on, or all, and puts others in their place; those that were removed.
   */
  splice(start: number, ...rest: [deleteCount?: number, ...items: T[]]): Promise<T[]> {
    return this.callmethod("splice", [start, ...rest]) as Promise<T[]>;
  }

  /**
   * Removes the first item that is equal to this one; the proxy.
   *
   * @throws {RangeError} If there is none.
   */
  async remove(item: T): Promise<this> {
    await this.callmethod("remove", [item]);
    return this;
  }

  /** Removes all items; the proxy. */
  async clear(): Promise<this> {
    await this.callmethod("clear", []);
    return this;
  }

  /** Puts one item in the place of all, or of those from `start` to before `end`; the proxy. */
  async fill(item: T, start?: number, end?: number): Promise<this> {
    await this.callmethod("fill", [item, start, end]);
    return this;
  }

  /** Repeats its items, so that there are `count` times as many; the proxy. `l *= count` in Python. */
  async multiply(count: number): Promise<this> {
    await this.callmethod("multiply", [count]);
    return this;
  }

  /** Turns the order of the items round; the proxy. */
  async reverse(): Promise<this> {
    await this.callmethod("reverse", []);
    return this;
  }

  /**
   * Orders the items; the proxy. Without a function numbers are ordered by value, not by their texts as an `Array`
   * does, strings by their code units, booleans and dates likewise; equal items stay as they are.
   *
   * A function runs in this process: the items are fetched, ordered and put back, and that again if the list has
   * been changed meanwhile.
   *
   * @throws {TypeError} If there is no function, and the items are not all of one of these kinds.
   */
  async sort(options: SortOptions<T> | Compare<T> = {}): Promise<this> {
    const { compare, reverse = false } = sortOptionsOf(options);
    if (compare === undefined) await this.callmethod("sort", [reverse]);
    else await modify(this, null, (all: T[]) => inOrderOf(all, compare, reverse), "sort");
    return this;
  }

  /** A plain array with the items in order: see {@linkcode sort}. */
  async toSorted(options: SortOptions<T> | Compare<T> = {}): Promise<T[]> {
    const { compare, reverse = false } = sortOptionsOf(options);
    if (compare === undefined) return await this.callmethod("toSorted", [reverse]) as T[];
    return inOrderOf(await this.getvalue(), compare, reverse);
  }

  /** A plain array with the items in the opposite order. */
  toReversed(): Promise<T[]> {
    return this.callmethod("toReversed", []) as Promise<T[]>;
  }

  /** A plain array with the items from `start` to before `end`: `l[start:end]` in Python. */
  slice(start?: number, end?: number): Promise<T[]> {
    return this.callmethod("slice", [start, end]) as Promise<T[]>;
  }

  /** A plain array with the items of this list and of others: `l + other` in Python. */
  concat(...others: ListOperand<T>[]): Promise<T[]> {
    return callWith(this, "concat", others, items) as Promise<T[]>;
  }

  /** A plain array with the items of another list and of this one: `other + l` in Python. */
  concatTo(other: ListOperand<T>): Promise<T[]> {
    return callWith(this, "concatTo", [other], items) as Promise<T[]>;
  }

  /** A plain array with the items `count` times: `l * count` in Python. */
  repeat(count: number): Promise<T[]> {
    return this.callmethod("repeat", [count]) as Promise<T[]>;
  }

  /** A plain array with the items, as {@linkcode getvalue}. */
  copy(): Promise<T[]> {
    return this.callmethod("copy", []) as Promise<T[]>;
  }

  /** The texts of all items with `separator` between them, `","` unless given. */
  join(separator?: string): Promise<string> {
    return this.callmethod("join", [separator]) as Promise<string>;
  }

  /**
   * The index of the first item that is equal to this one, or -1. Equal means equal contents, since what is in the
   * list and what is looked for are copies. So it does in every method that looks for an item.
   */
  indexOf(item: T, from?: number): Promise<number> {
    return this.callmethod("indexOf", [item, from]) as Promise<number>;
  }

  /** The index of the last item that is equal to this one, or -1. */
  lastIndexOf(item: T, ...from: [from?: number]): Promise<number> {
    return this.callmethod("lastIndexOf", [item, ...from]) as Promise<number>;
  }

  /** Whether there is an item that is equal to this one: `item in l` in Python. */
  includes(item: T, from?: number): Promise<boolean> {
    return this.callmethod("includes", [item, from]) as Promise<boolean>;
  }

  /**
   * As {@linkcode indexOf}, between `start` and `end`.
   *
   * @throws {RangeError} If there is none.
   */
  index(item: T, start?: number, end?: number): Promise<number> {
    return this.callmethod("index", [item, start, end]) as Promise<number>;
  }

  /** How many items are equal to this one. */
  count(item: T): Promise<number> {
    return this.callmethod("count", [item]) as Promise<number>;
  }

  /** The indices, one after the other: see {@linkcode values}. */
  keys(): AsyncIterableIterator<number> {
    return new Iteration(() => this.callmethod("keys"));
  }

  /**
   * The items, one after the other, as those of an `Array`: what is changed meanwhile may be seen. They are fetched
   * ahead in chunks, beginning with the first `next`. For one moment's, take {@linkcode copy}.
   */
  values(): AsyncIterableIterator<T> {
    return new Iteration(() => this.callmethod("values"));
  }

  /** The indices with their items, one after the other: see {@linkcode values}. */
  entries(): AsyncIterableIterator<[number, T]> {
    return new Iteration(() => this.callmethod("entries"));
  }

  /** The items from the last one on: `reversed(l)` in Python. */
  reversed(): AsyncIterableIterator<T> {
    return new Iteration(() => this.callmethod("reversed"));
  }

  /** Calls a function with each item and its index, one after the other. */
  async forEach(visit: (item: T, index: number, list: this) => unknown): Promise<void> {
    await limited(this, "forEach", async (list, requireTime) => {
      for await (const [index, item] of list.entries()) {
        requireTime();
        await visit(item, index, this);
      }
    });
  }

  /**
   * Changes an item, and loses nothing that others change meanwhile: `change` gets a copy, and what it gives is put
   * back if nobody has changed or moved the item in between. Otherwise it is called again with the new one.
   *
   * @param change Gives the new item; or changes the copy that it gets, and gives nothing. It may be asynchronous,
   * and should be quick: who is slower than all others is called again and again.
   * @returns The new item.
   * @throws {RangeError} If there is no item at `index`, which counts from the end if it is negative.
   * @throws Whatever `change` throws; then nothing has been changed. Limits are as those of {@linkcode DictProxy.modify}.
   */
  modify(index: number, change: Modifier<T>): Promise<T> {
    return modify(this, index, change) as Promise<T>;
  }

  /** As {@linkcode values}. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return this.values();
  }
}

/** The names that a list answers to. */
export const LIST_NAMES: readonly string[] = [
  ".length",
  "get",
  "at",
  "set",
  "push",
  "append",
  "extend",
  "pop",
  "shift",
  "unshift",
  "insert",
  "splice",
  "remove",
  "clear",
  "fill",
  "multiply",
  "reverse",
  "sort",
  "toSorted",
  "toReversed",
  "slice",
  "concat",
  "concatTo",
  "repeat",
  "copy",
  "join",
  "indexOf",
  "lastIndexOf",
  "includes",
  "index",
  "count",
  "keys",
  "values",
  "entries",
  "reversed",
  "_read",
  "_assign",
];

defineBuiltIn("list", LIST_NAMES, ListProxy, SyncList);
