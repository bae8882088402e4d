// SimpleQueue in an engine: a queue without limit, time-outs and acknowledgements.

import type { SimpleQueueLike } from "../contracts/queues.ts";
import { register } from "../reduction/registry.ts";
import type { NameOptions } from "../runtime/object_name.ts";
import { showAsText } from "../runtime/shown.ts";
import { refuseOptions, requireKnown } from "../waiting/options.ts";
import { RemoteQueue } from "./queue.ts";
import type { Session } from "./session.ts";

/** A simple queue in an engine; see the local `SimpleQueue` for what it does. */
export class RemoteSimpleQueue<T = unknown> implements SimpleQueueLike<T> {
  static {
    showAsText(RemoteSimpleQueue);
    register(RemoteSimpleQueue, {
      name: "engine.SimpleQueue",
      reduce: (queue) => queue.#queue,
      restore(queue) {
        if (queue instanceof RemoteQueue) return new RemoteSimpleQueue(queue);
        throw new RangeError("Cannot restore a SimpleQueue: it has no queue");
      },
    });
  }

  readonly #queue: RemoteQueue<T>;

  /**
   * A new, empty queue.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  constructor(session: Session, options?: NameOptions);
  /** @ignore One that is a queue that exists. */
  constructor(queue: RemoteQueue<T>);
  constructor(first: Session | RemoteQueue<T>, options: NameOptions = {}) {
    if (first instanceof RemoteQueue) {
      this.#queue = first;
    } else {
      requireKnown("create a queue", options, ["name"]);
      this.#queue = new RemoteQueue<T>(first, 0, options);
    }
  }

  /** The name that it was given; `undefined` if none. */
  get name(): string | undefined {
    return this.#queue.name;
  }

  /** Whether the queue holds nothing. */
  empty(): boolean {
    return this.#queue.empty();
  }

  /** As `put` of the local `SimpleQueue`. */
  async put(value: T): Promise<void> {
    if (arguments.length > 1) refuseOptions("put into a SimpleQueue", arguments[1]);
    await this.#queue.put(value);
  }

  /** As {@linkcode put}, blocking the thread. */
  putSync(value: T): void {
    if (arguments.length > 1) refuseOptions("put into a SimpleQueue", arguments[1]);
    this.#queue.putSync(value);
  }

  /** As `get` of the local `SimpleQueue`. */
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

  /** For messages: `<SimpleQueue 7 (3 values)>`, as of `Queue`. */
  toString(): string {
    return this.#queue.toString().replace("Queue", "SimpleQueue");
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
