// JoinableQueue in an engine: a queue whose values are acknowledged.

import { QueueState } from "../addon/numbers.ts";
import type { JoinableQueueLike } from "../contracts/queues.ts";
import { abandoned, allDone, deserted } from "../queues/outcomes.ts";
import { register } from "../reduction/registry.ts";
import { timeoutOf, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { deadMember } from "./deaths.ts";
import { Mode, threadMode, waitForEver } from "./company.ts";
import { waitFor } from "./object_waits.ts";
import { QueueRefusals } from "./queue_refusals.ts";
import { RemoteQueue } from "./queue.ts";
import { type Existing, existing, inside, type QueueKind, type RemoteQueueOptions } from "./queue_kinds.ts";
import type { Answer, Session } from "./session.ts";

/** Options of queues in an engine whose values are acknowledged. */
export interface RemoteJoinableQueueOptions extends Omit<RemoteQueueOptions, "onConsumerDeath"> {
  /**
   * What becomes of values that a process has taken and not acknowledged when it ends unexpectedly. `"throw"` (default):
   * `join` throws an `OwnerDiedError`, as locally. `"redeliver"`: others are given them. `"lose"`: they count as dealt with.
   */
  onConsumerDeath?: "throw" | "redeliver" | "lose";
}

const JOINABLE: QueueKind = { kind: "joinable", policies: ["throw", "redeliver", "lose"] };

/** A queue in an engine that counts its tasks; see the local `JoinableQueue` for what it does. */
export class RemoteJoinableQueue<T = unknown> extends RemoteQueue<T> implements JoinableQueueLike<T> {
  static {
    register(RemoteJoinableQueue, {
      name: "engine.JoinableQueue",
      reduce: (queue) => queue.#inside.reference(),
      restore: (data) => new RemoteJoinableQueue(existing(data, JOINABLE)),
    });
  }

  readonly #inside = this[inside]();

  /** As of {@linkcode RemoteQueue}. */
  constructor(session: Session, maxsize?: number, options?: RemoteJoinableQueueOptions);
  /** @ignore The queue that is there. */
  constructor(queue: Existing);
  constructor(first: Session | Existing, maxsize?: number, options?: RemoteJoinableQueueOptions) {
    super(first, maxsize, options, JOINABLE);
  }

  /** As `taskDone` of the local `JoinableQueue`. */
  taskDone(): void {
    const { session, id, label } = this.#inside;
    const { refusal } = session.step("taskDone", id("acknowledge a task of"));
    if (refusal === "many") throw allDone(label);
    if (refusal !== null) throw new QueueRefusals(label).gone(refusal);
  }

  /** As `join` of the local `JoinableQueue`. */
  async join(options?: WaitOptions): Promise<boolean> {
    const timeout = timeoutOf(options);
    const { session, id, handle, closed, label } = this.#inside;
    const signal = options?.signal;
    signal?.throwIfAborted();
    const queue = id("join");
    if (timeout === 0) return this.#joined(await session.send("joinTasks", queue, Mode.now));
    const hooks = {
      timeout,
      signal,
      args: (mode: number) => [queue, mode],
      closed: () => closed("wait for"),
      deserted: () => deserted(QueueState.done, label),
      giveBack: () => {},
    };
    const answer = timeout === Infinity
      ? await waitForEver(handle, "joinTasks", hooks)
      : await waitFor(handle, "joinTasks", hooks.args(Mode.waiting), hooks);
    signal?.throwIfAborted();
    if (handle.closed) throw hooks.closed();
    return this.#joined(answer);
  }

  /** As {@linkcode join}, blocking the thread. */
  joinSync(options?: WaitSyncOptions): boolean {
    const timeout = timeoutOf(options, WAIT_SYNC);
    const { session, id } = this.#inside;
    return this.#joined(session.waitSync("joinTasks", [id("join"), threadMode(timeout)], { timeout }));
  }

  #joined(answer: Answer | null): boolean {
    if (answer === null || answer.refusal === "late") return false;
    const { label } = this.#inside;
    switch (answer.refusal) {
      case null:
        return true;
      case "deserted":
        throw deserted(QueueState.done, label);
      case "abandoned":
        throw abandoned(label, deadMember(answer, 1) ?? UNKNOWN, answer.number(0));
      default:
        throw new QueueRefusals(label).gone(answer.refusal);
    }
  }
}

const UNKNOWN = { told: "a process that is not known any more has ended", pid: 0, processName: null };
