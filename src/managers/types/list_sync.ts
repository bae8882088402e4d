// What blocks for a proxy of list.

import { SyncProxy } from "../proxy.ts";
import { iteratorOf } from "./iterator.ts";
import type { ListProxy } from "./list_proxy.ts";
import { limitedSync } from "./limited.ts";
import { modifySync, type SyncModifier } from "./modify.ts";
import { callWithSync, items } from "./operand.ts";
import { type Compare, inOrderOf, type SortOptions, sortOptionsOf } from "./order.ts";

/** What a list may be combined with, or made of. */
export type SyncListOperand<T> = ListProxy<T> | SyncList<T> | Iterable<T>;

/** As {@linkcode ListProxy}, blocking the thread: what {@linkcode ListProxy.sync} gives. */
export class SyncList<T = unknown> extends SyncProxy implements Iterable<T> {
  /** As {@linkcode ListProxy.getvalue}. */
  override getvalue(): T[] {
    return super.getvalue() as T[];
  }

  /** As {@linkcode ListProxy.length}. */
  get length(): number {
    return this.callmethod(".length") as number;
  }

  /** As {@linkcode ListProxy.get}. */
  get(index: number): T {
    return this.callmethod("get", [index]) as T;
  }

  /** As {@linkcode ListProxy.at}. */
  at(index: number): T | undefined {
    return this.callmethod("at", [index]) as T | undefined;
  }

  /** As {@linkcode ListProxy.set}. */
  set(index: number, item: T): this {
    this.callmethod("set", [index, item]);
    return this;
  }

  /** As {@linkcode ListProxy.push}. */
  push(...items: T[]): number {
    return this.callmethod("push", [...items]) as number;
  }

  /** As {@linkcode ListProxy.append}. */
  append(item: T): this {
    this.callmethod("append", [item]);
    return this;
  }

  /** As {@linkcode ListProxy.extend}. */
  extend(more: SyncListOperand<T>): this {
    callWithSync(this, "extend", [more], items);
    return this;
  }

  /** As {@linkcode ListProxy.pop}. */
  pop(...index: [index?: number]): T | undefined {
    return this.callmethod("pop", [...index]) as T | undefined;
  }

  /** As {@linkcode ListProxy.shift}. */
  shift(): T | undefined {
    return this.callmethod("shift", []) as T | undefined;
  }

  /** As {@linkcode ListProxy.unshift}. */
  unshift(...items: T[]): number {
    return this.callmethod("unshift", [...items]) as number;
  }

  /** As {@linkcode ListProxy.insert}. */
  insert(index: number, item: T): this {
    this.callmethod("insert", [index, item]);
    return this;
  }

  /** As {@linkcode ListProxy.splice}. */
  splice(start: number, ...rest: [deleteCount?: number, ...items: T[]]): T[] {
    return this.callmethod("splice", [start, ...rest]) as T[];
  }

  /** As {@linkcode ListProxy.remove}. */
  remove(item: T): this {
    this.callmethod("remove", [item]);
    return this;
  }

  /** As {@linkcode ListProxy.clear}. */
  clear(): this {
    this.callmethod("clear", []);
    return this;
  }

  /** As {@linkcode ListProxy.fill}. */
  fill(item: T, start?: number, end?: number): this {
    this.callmethod("fill", [item, start, end]);
    return this;
  }

  /** As {@linkcode ListProxy.multiply}. */
  multiply(count: number): this {
    this.callmethod("multiply", [count]);
    return this;
  }

  /** As {@linkcode ListProxy.reverse}. */
  reverse(): this {
    this.callmethod("reverse", []);
    return this;
  }

  /** As {@linkcode ListProxy.sort}. */
  sort(options: SortOptions<T> | Compare<T> = {}): this {
    const { compare, reverse = false } = sortOptionsOf(options);
    if (compare === undefined) this.callmethod("sort", [reverse]);
    else modifySync(this, null, (all: T[]) => inOrderOf(all, compare, reverse), "sort");
    return this;
  }

  /** As {@linkcode ListProxy.toSorted}. */
  toSorted(options: SortOptions<T> | Compare<T> = {}): T[] {
    const { compare, reverse = false } = sortOptionsOf(options);
    if (compare === undefined) return this.callmethod("toSorted", [reverse]) as T[];
    return inOrderOf(this.getvalue(), compare, reverse);
  }

  /** As {@linkcode ListProxy.toReversed}. */
  toReversed(): T[] {
    return this.callmethod("toReversed", []) as T[];
  }

  /** As {@linkcode ListProxy.slice}. */
  slice(start?: number, end?: number): T[] {
    return this.callmethod("slice", [start, end]) as T[];
  }

  /** As {@linkcode ListProxy.concat}. */
  concat(...others: SyncListOperand<T>[]): T[] {
    return callWithSync(this, "concat", others, items) as T[];
  }

  /** As {@linkcode ListProxy.concatTo}. */
  concatTo(other: SyncListOperand<T>): T[] {
    return callWithSync(this, "concatTo", [other], items) as T[];
  }

  /** As {@linkcode ListProxy.repeat}. */
  repeat(count: number): T[] {
    return this.callmethod("repeat", [count]) as T[];
  }

  /** As {@linkcode ListProxy.copy}. */
  copy(): T[] {
    return this.callmethod("copy", []) as T[];
  }

  /** As {@linkcode ListProxy.join}. */
  join(separator?: string): string {
    return this.callmethod("join", [separator]) as string;
  }

  /** As {@linkcode ListProxy.indexOf}. */
  indexOf(item: T, from?: number): number {
    return this.callmethod("indexOf", [item, from]) as number;
  }

  /** As {@linkcode ListProxy.lastIndexOf}. */
  lastIndexOf(item: T, ...from: [from?: number]): number {
    return this.callmethod("lastIndexOf", [item, ...from]) as number;
  }

  /** As {@linkcode ListProxy.includes}. */
  includes(item: T, from?: number): boolean {
    return this.callmethod("includes", [item, from]) as boolean;
  }

  /** As {@linkcode ListProxy.index}. */
  index(item: T, start?: number, end?: number): number {
    return this.callmethod("index", [item, start, end]) as number;
  }

  /** As {@linkcode ListProxy.count}. */
  count(item: T): number {
    return this.callmethod("count", [item]) as number;
  }

  /** As {@linkcode ListProxy.keys}. */
  keys(): IterableIterator<number> {
    return iteratorOf(this.callmethod("keys"));
  }

  /** As {@linkcode ListProxy.values}. */
  values(): IterableIterator<T> {
    return iteratorOf(this.callmethod("values"));
  }

  /** As {@linkcode ListProxy.entries}. */
  entries(): IterableIterator<[number, T]> {
    return iteratorOf(this.callmethod("entries"));
  }

  /** As {@linkcode ListProxy.reversed}. */
  reversed(): IterableIterator<T> {
    return iteratorOf(this.callmethod("reversed"));
  }

  /** As {@linkcode ListProxy.forEach}. */
  forEach(visit: (item: T, index: number, list: this) => unknown): void {
    limitedSync(this, "forEach", (_call, requireTime) => {
      for (const [index, item] of this.entries()) {
        requireTime();
        visit(item, index, this);
      }
    });
  }

  /** As {@linkcode ListProxy.modify}. */
  modify(index: number, change: SyncModifier<T>): T {
    return modifySync(this, index, change) as T;
  }

  /** As {@linkcode values}. */
  [Symbol.iterator](): IterableIterator<T> {
    return this.values();
  }
}
