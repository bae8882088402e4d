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

  /** `source`: keeps the object whose items these are, if there is one, until the iteration has come to its end. */
  constructor(iterator: AnyIterator, source: BlockHandle | null) {
    this.#iterator = iterator;
    this.#source = source;
  }

  /** Up to `most` items; at least one, unless there are no more. */
  fetch(most: number): Chunk | Promise<Chunk> {
    const size = typeof most === "number" && most >= 1 ? Math.min(most, 65_536) : 1;
    return Symbol.asyncIterator in this.#iterator ? this.#fetchLater(size) : this.#fetchNow(size);
  }

  #fetchNow(most: number): Chunk {
    const items: unknown[] = [];
    const begin = performance.now();
    while (items.length < most && !this.#isOver) {
      const { done, value } = (this.#iterator as Iterator<unknown>).next();
      if (done) this.#isOver = true;
      else items.push(value);
      if (performance.now() - begin > LONGEST_CHUNK) break;
    }
    return [items, this.#isOver];
  }

  async #fetchLater(most: number): Promise<Chunk> {
    const items: unknown[] = [];
    while (items.length < most && !this.#isOver) {
      const pending = this.#pending ??= Promise.resolve((this.#iterator as AsyncIterator<unknown>).next());
      const result = items.length === 0 ? await pending : await soon(pending);
      if (result === null) break;
      this.#pending = null;
      if (result.done) this.#isOver = true;
      else items.push(result.value);
    }
    return [items, this.#isOver];
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
