// SimpleQueue in an engine: a queue without limit, time-outs and acknowledgements.

import type { SimpleQueueLike } from "../contracts/queues.ts";
import { SimpleQueueBase } from "../queues/simple_queue_base.ts";
import { register } from "../reduction/registry.ts";
import type { NameOptions } from "../runtime/object_name.ts";
import { requireKnown } from "../waiting/options.ts";
import { RemoteQueue } from "./queue.ts";
import type { Session } from "./session.ts";

/** A simple queue in an engine; see the local `SimpleQueue` for what it does. */
export class RemoteSimpleQueue<T = unknown> extends SimpleQueueBase<T> implements SimpleQueueLike<T> {
  static {
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
    const queue = first instanceof RemoteQueue ? first : made<T>(first, options);
    super(queue);
    this.#queue = queue;
  }
}

function made<T>(session: Session, options: NameOptions): RemoteQueue<T> {
  requireKnown("create a queue", options, ["name"]);
  return new RemoteQueue<T>(session, 0, options);
}
