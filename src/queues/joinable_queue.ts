// JoinableQueue: a queue whose messages are acknowledged.

import type { NameOptions } from "../runtime/object_name.ts";
import type { BlockHandle } from "../addon/handles.ts";
import type { OwnerDiedError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { adopted } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { retry } from "../addon/waits.ts";
import { turnIfDue } from "../waiting/turns.ts";
import { deadOwner } from "../synchronize/owner_died.ts";
import { granted } from "./company.ts";
import { abandoned, allDone, deserted } from "./outcomes.ts";
import { inside, Queue } from "./queue.ts";
import { JoinStatus, QueueState, QueueWatch } from "../addon/numbers.ts";

/**
 * A queue that counts what has been put and not been dealt with: each `get` is followed by one
 * {@linkcode JoinableQueue.taskDone | taskDone}, and {@linkcode JoinableQueue.join | join} waits for the last.
 *
 * @example Wait until the work is done
 * ```ts
 * import { JoinableQueue } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * using jobs = new JoinableQueue<string>();
 * jobs.putSync("a.txt");
 * assertEquals(await jobs.join({ timeout: 0 }), false);
 * assertEquals(jobs.getSync(), "a.txt");
 * jobs.taskDone();
 * assertEquals(await jobs.join(), true);
 * ```
 */
export class JoinableQueue<T = unknown> extends Queue<T> {
  static {
    register(JoinableQueue, {
      reduce: (queue) => queue.#inside.reference(),
      restore: (data) => new JoinableQueue(adopted(data)),
    });
  }

  readonly #inside = this[inside]();

  /** As of {@linkcode Queue}. */
  constructor(maxsize?: number, options?: NameOptions);
  /** @ignore The queue in a block that exists. */
  constructor(handle: BlockHandle);
  constructor(first?: number | BlockHandle, options?: NameOptions) {
    super(first, options, true);
  }

  /**
   * Says that one value that was taken has been dealt with.
   *
   * @throws {InvalidStateError} If that has been said of every value already.
   */
  taskDone(): void {
    if (native().queueTaskDone(this.#inside.block("acknowledge a task of")) === 0) {
      throw allDone(this.#inside.label);
    }
  }

  /**
   * Waits, without blocking the thread, until every value put has been dealt with.
   *
   * @returns `true`, or `false` if that did not happen in time.
   * @throws {OwnerDiedError} If it never will: a process took values and ended without dealing with them.
   * @throws {EOFError} If there is no timeout, and nobody is left who could take or acknowledge; see {@linkcode Queue}.
   * @throws {InvalidStateError} If the queue is, or is being, closed.
   * @throws What `signal` was aborted with.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    const isDone = () => native().queueUnfinished(this.#inside.block("join")) === 0 || undefined;
    const turn = turnIfDue();
    if (turn !== undefined) await turn;
    const never = () => this.#abandoned();
    const signal = this.#inside.orClosed(options?.signal);
    if (timeout === Infinity) {
      return await granted({ ...this.#inside.wish(QueueState.done, signal), attempt: isDone, never });
    }
    const submit = (left: number) =>
      translated(() => {
        const queue = this.#inside.block("join");
        return native().queueAwait(queue, QueueState.done, left, QueueWatch.nothing, false);
      });
    return await retry(isDone, submit, timeout, { signal, never }) ?? false;
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    const status = native().queueJoin(this.#inside.block("join"), timeoutOf(options, WAIT_SYNC));
    if (status === JoinStatus.abandoned) throw this.#abandoned();
    if (status === JoinStatus.orphaned) throw deserted(QueueState.done, this.#inside.label);
    return status === JoinStatus.done;
  }

  #abandoned(): OwnerDiedError {
    const { taker, messages } = native().queueAbandoned(this.#inside.block("join")) ?? { taker: 0, messages: 0 };
    return abandoned(this.#inside.label, deadOwner(taker), messages);
  }
}
