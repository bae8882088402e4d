// What simple queues of one machine and of engines have in common: a queue, of which they offer less.

import { showAsText } from "../runtime/shown.ts";
import { refuseOptions } from "../waiting/options.ts";

/** What a simple queue needs of the queue that it is. */
interface Inner<T> {
  readonly name: string | undefined;
  empty(): boolean;
  put(value: T): Promise<void>;
  putSync(value: T): void;
  get(): Promise<T>;
  getSync(): T;
  putMany(values: Iterable<T>): Promise<number>;
  putManySync(values: Iterable<T>): number;
  getMany(max: number): Promise<T[]>;
  getManySync(max: number): T[];
  close(): void;
  toString(): string;
}

/** A queue without a limit, without time-outs and without acknowledgements. */
export abstract class SimpleQueueBase<T> implements Disposable {
  static {
    showAsText(SimpleQueueBase);
  }

  readonly #queue: Inner<T>;

  /** @ignore Made by what extends it. */
  protected constructor(queue: Inner<T>) {
    this.#queue = queue;
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#queue.name;
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.#queue.empty();
  }

  /**
   * Puts a value.
   *
   * @throws {TypeError} If it cannot be serialised, or there are options; then nothing is put.
   * @throws {InvalidStateError} If the queue is closed.
   */
  async put(value: T): Promise<void> {
    if (arguments.length > 1) refuseOptions("put into a SimpleQueue", arguments[1]);
    await this.#queue.put(value);
  }

  /** As {@linkcode put}, blocking the thread where it has to wait. */
  putSync(value: T): void {
    if (arguments.length > 1) refuseOptions("put into a SimpleQueue", arguments[1]);
    this.#queue.putSync(value);
  }

  /**
   * Takes the first value, waiting for one without blocking the thread.
   *
   * @throws {TypeError} If there are options, such as a time limit.
   * @throws {EOFError} If the queue is empty and nobody can put any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   */
  async get(): Promise<T> {
    if (arguments.length > 0) refuseOptions("get from a SimpleQueue", arguments[0]);
    return await this.#queue.get();
  }

  /** As {@linkcode get}, blocking the thread. */
  getSync(): T {
    if (arguments.length > 0) refuseOptions("get from a SimpleQueue", arguments[0]);
    return this.#queue.getSync();
  }

  /**
   * Puts values in their order, many in one call; returns how many there were. As {@linkcode Queue.putMany}.
   *
   * @throws {TypeError} If one cannot be serialised, or there are options; then nothing is put.
   * @throws {InvalidStateError} If the queue is closed.
   */
  async putMany(values: Iterable<T>): Promise<number> {
    if (arguments.length > 1) refuseOptions("put into a SimpleQueue", arguments[1]);
    return await this.#queue.putMany(values);
  }

  /** As {@linkcode putMany}, blocking the thread where it has to wait. */
  putManySync(values: Iterable<T>): number {
    if (arguments.length > 1) refuseOptions("put into a SimpleQueue", arguments[1]);
    return this.#queue.putManySync(values);
  }

  /**
   * Takes the values that are there, up to `max`, waiting for the first without blocking the thread. As
   * {@linkcode Queue.getMany}.
   *
   * @throws {RangeError} If `max` is not a whole number from 1 to `Number.MAX_SAFE_INTEGER`.
   * @throws {TypeError} If it is not a number, or there are options, such as a time limit.
   * @throws {EOFError} If the queue is empty and nobody can put any more; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is closed.
   */
  async getMany(max: number): Promise<T[]> {
    if (arguments.length > 1) refuseOptions("get from a SimpleQueue", arguments[1]);
    return await this.#queue.getMany(max);
  }

  /** As {@linkcode getMany}, blocking the thread. */
  getManySync(max: number): T[] {
    if (arguments.length > 1) refuseOptions("get from a SimpleQueue", arguments[1]);
    return this.#queue.getManySync(max);
  }

  /** Forbids further use in this process, and gives up its share. Again: nothing happens. */
  close(): void {
    this.#queue.close();
  }

  /** For messages: `<SimpleQueue 7 (3 values)>`, as of {@linkcode Queue}. */
  toString(): string {
    return this.#queue.toString().replace("Queue", "SimpleQueue");
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
