// The proxy of an iteration in a server: what a method gives that gives an iterator.

import { Iteration } from "../iteration.ts";
import type { Chunk } from "../messages.ts";
import { BaseProxy, insideOf, SyncProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";

/** An iteration of what is in a server's object. Items are fetched ahead in chunks. */
export class IteratorProxy<T = unknown> extends BaseProxy implements AsyncIterableIterator<T> {
  #iteration: Iteration<T> | undefined;

  /** @ignore For the iteration. */
  async fetch(most: number): Promise<Chunk> {
    return await this.callmethod("fetch", [most]) as Chunk;
  }

  /** @ignore For the iteration. */
  end(): void {
    this.close();
  }

  get #items(): Iteration<T> {
    return this.#iteration ??= new Iteration<T>(() => Promise.resolve(this));
  }

  /** The next item. */
  next(): Promise<IteratorResult<T>> {
    return this.#items.next();
  }

  /** Gives up the rest. */
  return(value?: unknown): Promise<IteratorResult<T>> {
    return this.#items.return(value);
  }

  /** The same. */
  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** As {@linkcode IteratorProxy}, blocking the thread. */
export class SyncIterator<T = unknown> extends SyncProxy implements IterableIterator<T> {
  #items: unknown[] = [];
  #at = 0;
  #isOver = false;
  #size = 16;

  /** The next item. */
  next(): IteratorResult<T> {
    if (this.#at === this.#items.length && !this.#isOver) {
      [this.#items, this.#isOver] = this.callmethod("fetch", [this.#size]) as Chunk;
      this.#size = Math.min(1024, 4 * this.#size);
      this.#at = 0;
      if (this.#isOver) this[insideOf]().close();
    }
    if (this.#at < this.#items.length) return { done: false, value: this.#items[this.#at++] as T };
    return { done: true, value: undefined };
  }

  /** Gives up the rest. */
  return(value?: unknown): IteratorResult<T> {
    this.#isOver = true;
    this.#items = [];
    this.#at = 0;
    this[insideOf]().close();
    return { done: true, value: value as T };
  }

  /** The same. */
  [Symbol.iterator](): this {
    return this;
  }
}

defineBuiltIn("Iterator", ["fetch"], IteratorProxy, SyncIterator);

/** What blocks for an iterator that a call has given. */
export function iteratorOf<T>(result: unknown): IterableIterator<T> {
  return (result as IteratorProxy<T>).sync as SyncIterator<T>;
}
