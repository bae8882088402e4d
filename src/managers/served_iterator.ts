// An iteration in the server: what an iterator of an object gives, in chunks (iteration.ts).

import { clearTimeout, performance, setTimeout } from "../runtime/timing.ts";
import type { BlockHandle } from "../addon/handles.ts";
import type { Chunk } from "./messages.ts";

/** Milliseconds that one chunk of a generator may take: what there is by then is sent. */
const LONGEST_CHUNK = 5;
/** Milliseconds that items which are there wait for one that is not. */
const PATIENCE = 1;

/** An iterator, or a generator, in promises or not. */
type AnyIterator = Iterator<unknown> | AsyncIterator<unknown>;

/** Whether a value is an iterator: not only something that has one. */
export function isIterator(value: unknown): value is AnyIterator {
  if (typeof value !== "object" || value === null) return false;
  const { next } = value as { next?: unknown };
  return typeof next === "function" && (Symbol.iterator in value || Symbol.asyncIterator in value);
}

/** What the server keeps of an iteration. */
export class ServedIterator {
  readonly #iterator: AnyIterator;
  readonly #source: BlockHandle | null;
  /** An item that was asked for and has not come. */
  #pending: Promise<IteratorResult<unknown>> | null = null;
  #isOver = false;
  /** What it threw behind items that are given first, in a box. */
  #failure: { readonly error: unknown } | null = null;

  /** `source`: keeps the object whose items these are, if there is one, until the iteration has come to its end. */
  constructor(iterator: AnyIterator, source: BlockHandle | null) {
    this.#iterator = iterator;
    this.#source = source;
  }

  /**
   * Up to `most` items; at least one, unless there are no more.
   *
   * @throws What the iterator throws, once the items before that have been given.
   */
  fetch(most: number): Chunk | Promise<Chunk> {
    this.#throwFailure();
    const size = typeof most === "number" && most >= 1 ? Math.min(most, 65_536) : 1;
    return Symbol.asyncIterator in this.#iterator ? this.#fetchLater(size) : this.#fetchNow(size);
  }

  #fetchNow(most: number): Chunk {
    const items: unknown[] = [];
    const begin = performance.now();
    while (items.length < most && !this.#isOver) {
      try {
        const { done, value } = (this.#iterator as Iterator<unknown>).next();
        if (done) this.#isOver = true;
        else items.push(value);
      } catch (error) {
        this.#failed(error, items);
        break;
      }
      if (performance.now() - begin > LONGEST_CHUNK) break;
    }
    return [items, this.#isOver];
  }

  async #fetchLater(most: number): Promise<Chunk> {
    const items: unknown[] = [];
    while (items.length < most && !this.#isOver) {
      const pending = this.#pending ??= Promise.resolve((this.#iterator as AsyncIterator<unknown>).next());
      let result: IteratorResult<unknown> | null;
      try {
        result = items.length === 0 ? await pending : await soon(pending);
      } catch (error) {
        this.#pending = null;
        this.#failed(error, items);
        break;
      }
      if (result === null) break;
      this.#pending = null;
      if (result.done) this.#isOver = true;
      else items.push(result.value);
    }
    return [items, this.#isOver];
  }

  /** The iterator has thrown: told behind the items that it gave before. */
  #failed(error: unknown, items: readonly unknown[]): void {
    this.#failure = { error };
    if (items.length === 0) this.#throwFailure();
  }

  /** Throws what the iterator threw, once. */
  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }

  /** It is not wanted any more. */
  end(): void {
    this.#source?.close();
    if (this.#isOver) return;
    this.#isOver = true;
    const ended = this.#iterator.return?.();
    if (ended instanceof Promise) ended.catch(() => {});
  }
}

/** What comes at once, or nearly; else `null`. */
async function soon<T>(promise: Promise<T>): Promise<T | null> {
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), PATIENCE);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
