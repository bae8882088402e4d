// Iterations of what is in a server's object: the client fetches items in chunks, the next one while it deals with the
// last.

import type { Chunk } from "./messages.ts";

/** Items of the first chunk, and of the largest: an iteration that goes on fetches more at a time. */
const FIRST = 16;
const MOST = 1024;
const GROWTH = 4;
/** What an iteration has that was given up. */
const NO_MORE: Chunk = [[], true];

/** Where an iteration gets its items from. */
export interface ChunkSource {
  fetch(most: number): Promise<Chunk>;
  end(): Promise<unknown> | void;
}

/** An iteration in promises. It begins at the first `next`. */
export class Iteration<T = unknown> implements AsyncIterableIterator<T> {
  readonly #open: () => Promise<unknown>;
  #source: ChunkSource | null = null;
  #items: unknown[] = [];
  #at = 0;
  #isOver = false;
  /** Whether `return` was called: what comes after that is nobody's. */
  #isGivenUp = false;
  #size = FIRST;
  #ahead: Promise<Chunk> | null = null;
  /** How many `next` wait for items, one after the other. */
  #waiting = 0;
  #turn: Promise<unknown> = Promise.resolve();

  /** `open` begins it at the server. */
  constructor(open: () => Promise<unknown>) {
    this.#open = open;
  }

  next(): Promise<IteratorResult<T>> {
    if (this.#waiting === 0 && this.#at < this.#items.length) return Promise.resolve(this.#take());
    this.#waiting++;
    const result = this.#turn.then(() => this.#next());
    this.#turn = result.catch(() => {});
    return result;
  }

  async #next(): Promise<IteratorResult<T>> {
    try {
      if (this.#at === this.#items.length && !this.#isOver) await this.#refill();
    } finally {
      this.#waiting--;
    }
    return this.#take();
  }

  #take(): IteratorResult<T> {
    if (this.#at < this.#items.length) return { done: false, value: this.#items[this.#at++] as T };
    return { done: true, value: undefined };
  }

  async #refill(): Promise<void> {
    try {
      this.#source ??= sourceOf(await this.#open());
      const chunk = this.#isGivenUp ? NO_MORE : await (this.#ahead ?? this.#fetch());
      [this.#items, this.#isOver] = this.#isGivenUp ? NO_MORE : chunk;
    } catch (error) {
      this.#isOver = true;
      this.#items = [];
      void this.#source?.end();
      if (!this.#isGivenUp) throw error;
    } finally {
      this.#ahead = null;
      this.#at = 0;
    }
    if (this.#isOver) return void this.#source?.end();
    this.#ahead = this.#fetch();
    this.#ahead.catch(() => {}); // told when it is wanted
  }

  #fetch(): Promise<Chunk> {
    const size = this.#size;
    this.#size = Math.min(MOST, size * GROWTH);
    return this.#source!.fetch(size);
  }

  async return(value?: unknown): Promise<IteratorResult<T>> {
    const wasOver = this.#isOver;
    this.#isGivenUp = true;
    this.#isOver = true;
    this.#items = [];
    this.#at = 0;
    if (!wasOver) await this.#source?.end();
    return { done: true, value: value as T };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function sourceOf(value: unknown): ChunkSource {
  if (value !== null && typeof value === "object" && "fetch" in value && "end" in value) return value as ChunkSource;
  throw new TypeError(`Cannot iterate: the method gave ${Deno.inspect(value, { depth: 0 })}, which is no iterator`);
}

/** The promise of a call. If what it gives is an iterator, that can be iterated without awaiting it before. */
export class Answer<T> extends Promise<T> implements AsyncIterable<unknown> {
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** The same promise. */
  static of<T>(promise: Promise<T>): Answer<T> {
    return new Answer((resolve, reject) => promise.then(resolve, reject));
  }

  #iteration: AsyncIterator<unknown> | undefined;

  async next(): Promise<IteratorResult<unknown>> {
    this.#iteration ??= iteratorOf(await this);
    return await this.#iteration.next();
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    this.#iteration ??= iteratorOf(await this);
    return await this.#iteration.return?.(value) ?? { done: true, value };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

function iteratorOf(value: unknown): AsyncIterator<unknown> {
  const iterate = (value as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator];
  if (typeof iterate === "function") return iterate.call(value);
  throw new TypeError(`Cannot iterate: the method gave ${Deno.inspect(value, { depth: 0 })}, which is no iterator`);
}
