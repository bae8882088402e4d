// list, in the server: an array. Its proxies are in list_proxy.ts.

import { contentsOf } from "../local_line.ts";
import { containerType } from "./container.ts";
import { givenUp, kept } from "./contents.ts";
import { isEqual } from "./equal.ts";
import { itemsOf } from "./keys.ts";
import { LIST_NAMES } from "./list_proxy.ts";
import { inOrder } from "./order.ts";
import { type Read, Versions } from "./versions.ts";

/** The key under which the whole list has a version. */
const WHOLE = null;

/** The object that proxies of a list stand for. */
export class ServedList {
  readonly array: unknown[] = [];
  /** By index, as it was asked for; and of the whole. */
  readonly #versions = new Versions();

  constructor(init?: unknown) {
    if (init !== undefined) this.extend(init);
  }

  get length(): number {
    return this.array.length;
  }

  at(index: number = 0): unknown {
    return this.array.at(index);
  }

  get(index: unknown): unknown {
    return this.array[this.#index(index, "get")];
  }

  set(index: unknown, value: unknown): void {
    const at = this.#index(index, "set");
    givenUp(this.array[at]);
    this.array[at] = kept(value);
    this.#changed(at);
  }

  /** The index from the beginning of an item that there is. */
  #index(index: unknown, action: string): number {
    const { length } = this.array;
    if (typeof index !== "number" || !Number.isInteger(index)) {
      throw new TypeError(`Cannot ${action} an item: its index is ${Deno.inspect(index)}, wanted an integer`);
    }
    const at = index < 0 ? index + length : index;
    if (at >= 0 && at < length) return at;
    throw new RangeError(`Cannot ${action} item ${index}: index out of range, the list has ${length} items`);
  }

  /** One item is another one. */
  #changed(at: number): void {
    this.#versions.changed(at);
    this.#versions.changed(at - this.array.length);
    this.#versions.changed(WHOLE);
  }

  /** There are more items, all behind those that there were: only what is counted from the end is another one. */
  #grown(): void {
    this.#versions.changed(WHOLE);
    for (const key of this.#versions.keys()) if (typeof key === "number" && key < 0) this.#versions.changed(key);
  }

  #add(items: readonly unknown[]): void {
    for (const item of items) this.array.push(kept(item));
    if (items.length > 0) this.#grown();
  }

  push(...items: unknown[]): number {
    this.#add(items);
    return this.array.length;
  }

  append(item: unknown): void {
    this.#add([item]);
  }

  extend(items: unknown): void {
    const list = itemsOf(contentsOf(items), "extend the list");
    this.#add(list === this.array ? [...list] : list);
  }

  pop(...index: unknown[]): unknown {
    if (index.length > 0 && index[0] !== undefined) return this.splice(this.#index(index[0], "pop"), 1)[0];
    this.#versions.allChanged();
    return givenUp(this.array.pop());
  }

  shift(): unknown {
    this.#versions.allChanged();
    return givenUp(this.array.shift());
  }

  unshift(...items: unknown[]): number {
    this.splice(0, 0, ...items);
    return this.array.length;
  }

  insert(index: number, item: unknown): void {
    this.splice(index, 0, item);
  }

  splice(...args: [start: number, deleteCount?: number, ...items: unknown[]]): unknown[] {
    args.slice(2).forEach(kept);
    const gone = this.array.splice(...args as [number, number]);
    gone.forEach(givenUp);
    if (gone.length > 0 || args.length > 2) this.#versions.allChanged();
    return gone;
  }

  remove(item: unknown): void {
    this.splice(this.index(item), 1);
  }

  clear(): void {
    this.splice(0);
  }

  fill(item: unknown, start?: number, end?: number): void {
    const before = [...this.array];
    this.array.fill(item, start, end);
    for (const [i, was] of before.entries()) {
      if (Object.is(was, this.array[i])) continue;
      givenUp(was);
      kept(item);
    }
    this.#versions.allChanged();
  }

  multiply(count: number): void {
    this.#put(this.repeat(count));
  }

  /** Has these items instead of those that there are. */
  #put(items: readonly unknown[]): void {
    items.forEach(kept);
    this.clear();
    for (const item of items) this.array.push(item);
    this.#versions.allChanged();
  }

  reverse(): void {
    this.array.reverse();
    this.#versions.allChanged();
  }

  sort(isReversed: boolean = false): void {
    inOrder(this.array, isReversed).forEach((item, i) => this.array[i] = item);
    this.#versions.allChanged();
  }

  toSorted(isReversed: boolean = false): unknown[] {
    return inOrder(this.array, isReversed);
  }

  toReversed(): unknown[] {
    return this.array.toReversed();
  }

  slice(start?: number, end?: number): unknown[] {
    return this.array.slice(start, end);
  }

  concat(...others: unknown[]): unknown[] {
    return this.array.concat(...others.map((other) => itemsOf(contentsOf(other), "concatenate the list")));
  }

  concatTo(other: unknown): unknown[] {
    return [...itemsOf(contentsOf(other), "concatenate the list"), ...this.array];
  }

  repeat(count: number): unknown[] {
    if (!Number.isInteger(count)) {
      throw new TypeError(`Cannot repeat the list: ${Deno.inspect(count)} was given, wanted an integer`);
    }
    if (this.array.length === 0) return [];
    return Array.from({ length: Math.max(0, count) }, () => this.array).flat();
  }

  copy(): unknown[] {
    return this.array;
  }

  join(separator?: string): string {
    return this.array.join(separator);
  }

  indexOf(item: unknown, from: number = 0): number {
    const { length } = this.array;
    for (let i = from < 0 ? Math.max(0, length + from) : from; i < length; i++) {
      if (isEqual(this.array[i], item)) return i;
    }
    return -1;
  }

  lastIndexOf(item: unknown, from: number = this.array.length - 1): number {
    const last = from < 0 ? this.array.length + from : Math.min(from, this.array.length - 1);
    for (let i = last; i >= 0; i--) if (isEqual(this.array[i], item)) return i;
    return -1;
  }

  includes(item: unknown, from?: number): boolean {
    return this.indexOf(item, from) >= 0;
  }

  index(item: unknown, start?: number, end: number = Infinity): number {
    const found = this.indexOf(item, start);
    if (found >= 0 && found < (end < 0 ? this.array.length + end : end)) return found;
    throw new RangeError(`Cannot find ${Deno.inspect(item, { depth: 1 })}: it is not in the list`);
  }

  count(item: unknown): number {
    return this.array.filter((it) => isEqual(it, item)).length;
  }

  keys(): ArrayIterator<number> {
    return this.array.keys();
  }

  values(): ArrayIterator<unknown> {
    return this.array.values();
  }

  entries(): ArrayIterator<[number, unknown]> {
    return this.array.entries();
  }

  /** From the last item that there is now; one that goes meanwhile is left out. */
  *reversed(): Generator<unknown> {
    for (let i = this.array.length - 1; i >= 0; i--) if (i < this.array.length) yield this.array[i];
  }

  _read(index: unknown): Read {
    if (index === WHOLE) return [this.array, this.#versions.read(WHOLE, null)[1], true];
    return this.#versions.read(index, this.array[this.#index(index, "modify")]);
  }

  _assign(index: unknown, version: unknown, value: unknown): Read | null {
    if (index === WHOLE) {
      const items = itemsOf(value, "modify the list");
      if (!this.#versions.isCurrent(WHOLE, version, null)) return this._read(WHOLE);
      this.#put(items);
      return null;
    }
    const at = this.#index(index, "modify");
    if (!this.#versions.isCurrent(index, version, this.array[at])) return this._read(index);
    this.set(at, value);
    return null;
  }

  /** Whoever in the server has been given the array goes on having it. */
  drop(): void {
    this.array.forEach(givenUp);
  }
}

/** The type of lists. */
export const LIST = containerType("list", LIST_NAMES, (init) => new ServedList(init), ({ array }) => array);
