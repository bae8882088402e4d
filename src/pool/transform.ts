// The two streams of `Pool.toTransformStream`, around an iteration over the items that are written. As in the
// `TransformStream` of the platform, an error of one side is the other's, too:
//
// | what happens | the reader | the writer |
// | --- | --- | --- |
// | an item fails, the call is aborted, its time passes, the pool ends | gets the error | gets the error |
// | the readable side is cancelled | | gets the reason; tasks under way are told |
// | the writable side is aborted | gets the reason, at once; tasks under way are told | |
// | the writable side is closed | gets the last results, and the end | waits until the last result is handed out |

import { showAsText } from "../runtime/shown.ts";
import { queueMicrotask } from "../runtime/timing.ts";

/** The iteration. */
interface Results {
  next(): Promise<IteratorResult<unknown, void>>;
  return(): Promise<unknown>;
}

/** An item that is written, and not taken yet. */
interface Offer {
  readonly item: unknown;
  taken(): void;
  refused(reason: unknown): void;
}

/** Both streams. */
export class PoolTransform {
  static {
    showAsText(PoolTransform);
  }

  readonly readable: ReadableStream<unknown>;
  readonly writable: WritableStream<unknown>;
  readonly #results: Results;
  #toReader!: ReadableStreamDefaultController<unknown>;
  #toWriter!: WritableStreamDefaultController;
  #offer: Offer | null = null;
  /** Takes the next item, if the iteration waits for one. */
  #take: ((result: IteratorResult<unknown, void>) => void) | null = null;
  /** How many items were written, and how many results have been handed out. */
  readonly #counts = { written: 0, handedOut: 0 };
  /** Resolved when the last result is handed out, once the writable side is being closed. */
  #closing: PromiseWithResolvers<void> | null = null;
  #isOver = false;
  /** While the iteration is asked for a result. */
  #asking: Promise<void> | null = null;

  /** Around what `iterate` makes of the items. */
  constructor(iterate: (items: AsyncIterable<unknown>) => Results) {
    this.readable = new ReadableStream({
      start: (controller) => void (this.#toReader = controller),
      pull: () => this.#ask(),
      cancel: (reason) => this.#fail(reason, { isReaderGone: true }),
    }, { highWaterMark: 0 });
    this.writable = new WritableStream({
      start: (controller) => void (this.#toWriter = controller),
      write: (item) => this.#write(item),
      close: () => this.#close(),
      abort: (reason) => this.#fail(reason),
    });
    this.#results = iterate({ [Symbol.asyncIterator]: () => this.#items() });
  }

  /** How many items were written, and results handed out. */
  toString(): string {
    const { written, handedOut } = this.#counts;
    return `<PoolTransform(${this.#isOver ? "over" : "open"}, items=${written}, results=${handedOut})>`;
  }

  #items(): AsyncIterator<unknown, void> {
    return {
      next: () => this.#nextItem(),
      // The call wants no more: why, it says itself.
      return: () => {
        queueMicrotask(() => this.#isOver || void this.#ask());
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #nextItem(): Promise<IteratorResult<unknown, void>> {
    const offer = this.#offer;
    if (offer !== null) {
      this.#offer = null;
      offer.taken();
      return Promise.resolve({ done: false, value: offer.item });
    }
    if (this.#closing !== null) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => this.#take = resolve);
  }

  async #write(item: unknown): Promise<void> {
    this.#counts.written++;
    const take = this.#take;
    if (take !== null) {
      this.#take = null;
      return take({ done: false, value: item });
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#offer = { item, taken: resolve, refused: reject };
    await promise;
  }

  async #close(): Promise<void> {
    this.#closing = Promise.withResolvers();
    this.#take?.({ done: true, value: undefined });
    this.#endIfDone();
    await this.#closing.promise;
  }

  /** Asks for the next result, if that is not being done, and hands it out. */
  #ask(): Promise<void> {
    return this.#asking ??= this.#handOut().finally(() => this.#asking = null);
  }

  async #handOut(): Promise<void> {
    try {
      const { done, value } = await this.#results.next();
      if (this.#isOver || done) return;
      this.#counts.handedOut++;
      this.#toReader.enqueue(value);
      this.#endIfDone();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends the readable side with the last result, whether or not somebody asks for one more. */
  #endIfDone(): void {
    const { written, handedOut } = this.#counts;
    if (this.#isOver || this.#closing === null || handedOut < written) return;
    this.#isOver = true;
    this.#toReader.close();
    this.#closing.resolve();
    void this.#results.return();
  }

  /** Ends both sides, but for one that has brought this about. */
  #fail(reason: unknown, { isReaderGone = false } = {}): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!isReaderGone) this.#toReader.error(reason);
    this.#toWriter.error(reason);
    this.#offer?.refused(reason);
    this.#closing?.reject(reason);
    void this.#results.return();
  }
}
