// The input of a pool's call. Items are pulled when there is a worker for them, so that an endless input is fine.

/** Where items come from. */
export interface Input {
  /**
   * The next `n` items, fewer only at the end; an empty array if they are not there yet, `null` if there are no more. Up
   * to `ahead` of those that follow may be taken from the input meanwhile.
   *
   * @throws What the input throws; then there are no more.
   */
  pull(n: number, ahead?: number): unknown[] | null;
  /** Says that no more are wanted. An error of the input is ignored: this never throws. */
  close(): void;
}

/**
 * Anything that can be iterated over, at once or in time. Arrays are iterable, too; they are named so that the compiler
 * says which of their items is wrong.
 */
export type Items<T> = readonly T[] | Iterable<T> | AsyncIterable<T>;

/** An input of the items; `ready` is called when a pull that gave nothing would give something. */
export function inputOf(items: Items<unknown>, ready: () => void): Input {
  const { [Symbol.iterator]: sync, [Symbol.asyncIterator]: async } = (items ?? {}) as Partial<
    Iterable<unknown> & AsyncIterable<unknown>
  >;
  if (typeof async === "function") return new AsyncInput(async.call(items), ready);
  if (typeof sync === "function") return new SyncInput(sync.call(items));
  throw new TypeError(`Cannot iterate over ${Deno.inspect(items, { depth: 0 })}: wanted an iterable or async iterable`);
}

/** Items that are there already. */
export class ListInput implements Input {
  readonly #list: readonly unknown[];
  #next = 0;

  constructor(list: readonly unknown[]) {
    this.#list = list;
  }

  /** How many are left. */
  get left(): number {
    return this.#list.length - this.#next;
  }

  pull(n: number): unknown[] | null {
    if (this.left === 0) return null;
    const begin = this.#next;
    this.#next = Math.min(begin + n, this.#list.length);
    return this.#list.slice(begin, this.#next);
  }

  close(): void {
    this.#next = this.#list.length;
  }
}

class SyncInput implements Input {
  readonly #iterator: Iterator<unknown>;
  #isOver = false;
  /** Whether the input is just giving an item: it may close itself, by ending its pool. */
  #isGiving = false;
  /** What comes after the items that were pulled last. In a box, since anything may be thrown. */
  #failure: { readonly error: unknown } | null = null;

  constructor(iterator: Iterator<unknown>) {
    this.#iterator = iterator;
  }

  pull(n: number): unknown[] | null {
    const items: unknown[] = [];
    while (!this.#isOver && items.length < n) {
      const result = this.#give();
      if (result === null) return null; // closed meanwhile
      if (result.done) this.#isOver = true;
      else items.push(result.value);
    }
    if (items.length > 0) return items;
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
    return null;
  }

  /** What the iterator gives next; `null` if it was closed meanwhile. */
  #give(): IteratorResult<unknown> | null {
    this.#isGiving = true;
    let result: IteratorResult<unknown>;
    try {
      result = resultOf(this.#iterator.next());
    } catch (error) {
      if (!this.#isOver) this.#failure = { error };
      result = { done: true, value: undefined };
    } finally {
      this.#isGiving = false;
    }
    if (!this.#isOver) return result;
    if (!result.done) this.#leave();
    return null;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!this.#isGiving) this.#leave();
  }

  #leave(): void {
    try {
      this.#iterator.return?.();
    } catch {
      // Nobody asks any more.
    }
  }
}

class AsyncInput implements Input {
  readonly #iterator: AsyncIterator<unknown>;
  readonly #ready: () => void;
  #items: unknown[] = [];
  #wanted = 0;
  #isPumping = false;
  #isOver = false;
  /** In a box, since anything may be thrown. */
  #failure: { readonly error: unknown } | null = null;

  constructor(iterator: AsyncIterator<unknown>, ready: () => void) {
    this.#iterator = iterator;
    this.#ready = ready;
  }

  pull(n: number, ahead = n): unknown[] | null {
    this.#wanted = n;
    if (this.#items.length < n && !this.#isOver) {
      void this.#pump();
      // An iterator that throws at once, and not in its promise, has ended by now.
      if (!this.#isOver) return [];
    }
    const items = this.#items.splice(0, n);
    if (items.length > 0) {
      this.#wanted = Math.min(n, ahead);
      if (!this.#isOver) void this.#pump(); // the next ones, meanwhile
      return items;
    }
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
    return null;
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#items = [];
    // What it may say to that interests nobody any more.
    Promise.try(() => this.#iterator.return?.()).catch(() => {});
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (!this.#isOver && this.#items.length < this.#wanted) {
        const { done, value } = resultOf(await this.#iterator.next());
        if (this.#isOver) return; // closed meanwhile
        if (done) this.#isOver = true;
        else this.#items.push(value);
      }
    } catch (error) {
      if (this.#isOver) return;
      this.#isOver = true;
      this.#failure = { error };
    } finally {
      this.#isPumping = false;
    }
    this.#ready();
  }
}

/**
 * What an iterator has given, read once.
 *
 * @throws {TypeError} If it is no object: a broken iterator would go on for ever.
 */
function resultOf(given: IteratorResult<unknown>): IteratorResult<unknown> {
  if ((typeof given !== "object" && typeof given !== "function") || given === null) {
    throw new TypeError(`Cannot take the next item: next() gave ${Deno.inspect(given)}, wanted { value } or { done }`);
  }
  const { done, value } = given;
  return done ? { done, value: undefined } : { done: false, value };
}
