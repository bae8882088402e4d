// SimpleQueue: a queue without limit, time-outs and acknowledgements.

import type { NameOptions } from "../runtime/object_name.ts";
import { register } from "../reduction/registry.ts";
import { Queue } from "./queue.ts";
import { SimpleQueueBase } from "./simple_queue_base.ts";

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
export class SimpleQueue<T = unknown> extends SimpleQueueBase<T> {
  static {
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
    const queue = first instanceof Queue ? first : new Queue<T>(0, first);
    super(queue);
    this.#queue = queue;
  }
}
