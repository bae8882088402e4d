// SimpleQueue: a queue without limit, time-outs and acknowledgements.

import type { NameOptions } from "../runtime/object_name.ts";
import { register } from "../reduction/registry.ts";
import { Queue } from "./queue.ts";
import { showAsText } from "../runtime/shown.ts";
import { refuseOptions } from "../waiting/options.ts";

/**
 * A queue without a limit, without time-outs and without acknowledgements. As `multiprocessing.SimpleQueue`.
 *
 * @example Send and receive
 * ```ts
 * import { SimpleQueue } from "@parallel/multiprocessing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using queue = new SimpleQueue<string>();
 * await queue.put("hello");
 * assertEquals(queue.getSync(), "hello");
 * assert(queue.empty());
 * ```
 */
export class SimpleQueue<T = unknown> implements Disposable {
  static {
    showAsText(SimpleQueue);
    register(SimpleQueue, {
      reduce: (queue) => queue.#queue,
      restore(queue) {
        if (queue instanceof Queue) return new SimpleQueue(queue);
        throw new RangeError("Cannot restore a SimpleQueue: it has no queue");
      },
    });
  }

  readonly #queue: Queue<T>;

  /**
   * A new, empty queue.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  constructor(options?: NameOptions);
  /** @ignore One that is a queue that exists. */
  constructor(queue: Queue<T>);
  constructor(first?: NameOptions | Queue<T>) {
    this.#queue = first instanceof Queue ? first : new Queue<T>(0, first);
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

  /** As {@linkcode put}. */
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
