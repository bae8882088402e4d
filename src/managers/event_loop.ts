// What in a server's thread needs the event loop, besides calls: while there is something, the server blocks no more.

let needs = 0;

/** Whether something needs the event loop. */
export function needsEventLoop(): boolean {
  return needs > 0;
}

/** Keeps the server from blocking until the promise is settled. */
export function whileUnderWay(promise: PromiseLike<unknown>): void {
  needs++;
  const end = () => void needs--;
  promise.then(end, end);
}

/** The same items; while they are not at their end, nor given up, the server does not block. Then `ended` is called. */
export class WhileIterated<T> implements AsyncIterableIterator<T> {
  readonly #items: AsyncIterator<T>;
  #ended: (() => void) | null;

  constructor(items: AsyncIterator<T>, ended: () => void) {
    this.#items = items;
    this.#ended = ended;
    needs++;
  }

  async next(): Promise<IteratorResult<T>> {
    const result = await this.#items.next();
    if (result.done) this.#end();
    return result;
  }

  async return(value?: unknown): Promise<IteratorResult<T>> {
    this.#end();
    await this.#items.return?.();
    return { done: true, value };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #end(): void {
    if (this.#ended === null) return;
    needs--;
    this.#ended();
    this.#ended = null;
  }
}
