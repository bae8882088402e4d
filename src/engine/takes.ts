// Takes: records that a queue of an engine has given to this process, until they are opened, or given back.

import { QueueState } from "../addon/numbers.ts";
import type { Arrivals } from "./arrivals.ts";
import { Mode, threadMode, waitForEver } from "./company.ts";
import type { ObjectHandle } from "./handles.ts";
import { waitFor } from "./object_waits.ts";
import type { QueueRefusals } from "./queue_refusals.ts";
import { TakenRecord } from "./records.ts";
import type { Answer, StepArgument } from "./session.ts";

/** How many bytes are taken ahead at most. */
const BYTES_AHEAD = 64 * 1024;
/** How many bytes are taken at most for gets that are under way. */
const MANY_BYTES = 256 * 1024;

/** What takes need of their queue. */
export interface Taking {
  readonly handle: ObjectHandle;
  readonly arrivals: Arrivals;
  readonly refusals: QueueRefusals;
  /** What is thrown when the handle is closed meanwhile. */
  readonly closed: () => Error;
}

/** The takes of one handle of a queue. */
export class Takes {
  readonly #queue: Taking;

  constructor(queue: Taking) {
    this.#queue = queue;
  }

  /** Takes records, at least one and as many as there are up to `most`. */
  async take(most: number, timeout: number, signal?: AbortSignal): Promise<TakenRecord[]> {
    const { handle, refusals, closed } = this.#queue;
    if (handle.closed) throw closed();
    const { id } = handle;
    const args = (mode: number) => this.#asking(id, mode, most);
    const hooks = {
      timeout,
      signal,
      args,
      closed,
      deserted: () => refusals.deserted(QueueState.filled),
      giveBack: (answer: Answer) => this.#giveBack(id, answer),
    };
    let answer;
    if (timeout === Infinity) answer = await waitForEver(handle, "get", hooks);
    else if (timeout > 0) answer = await waitFor(handle, "get", args(Mode.waiting), hooks);
    else answer = await waitFor(handle, "get", args(Mode.now), { ...hooks, timeout: Infinity }); // it never waits
    if (signal?.aborted || handle.closed) {
      if (answer !== null) hooks.giveBack(answer);
      signal?.throwIfAborted();
      throw closed();
    }
    return this.#taken(id, answer, timeout);
  }

  /** Takes up to so many records that there are; none where the queue is shut down, or gone. */
  async takeNow(most: number): Promise<TakenRecord[]> {
    const { handle, closed } = this.#queue;
    if (handle.closed) throw closed();
    const { id, session } = handle;
    const giveBack = (answer: Answer) => this.#giveBack(id, answer);
    const asking = this.#asking(id, Mode.now, most, MANY_BYTES);
    // It never waits. But where the engine is away for too long, it is done later, with the takes that it tells of.
    const answer = (await session.wait("get", asking, { timeout: Infinity, giveBack }))!;
    if (handle.closed) {
      giveBack(answer);
      throw closed();
    }
    return answer.refusal === null ? TakenRecord.in(session, id, answer) : [];
  }

  /** Takes a record, blocking the thread. */
  takeSync(timeout: number): TakenRecord {
    const { session, id } = this.#queue.handle;
    const giveBack = (answer: Answer) => this.#giveBack(id, answer);
    const answer = session.waitSync("get", this.#asking(id, threadMode(timeout), 1), { timeout, giveBack });
    return this.#taken(id, answer, timeout)[0];
  }

  /** The value of a record, which this process has then. */
  async open(taken: TakenRecord): Promise<unknown> {
    try {
      const value = taken.isLong ? await taken.open() : taken.openSync();
      this.#queue.arrivals.add(taken.take);
      return value;
    } catch (error) {
      this.#failed(taken);
      throw error;
    }
  }

  /** As {@linkcode open}, blocking the thread. */
  openSync(taken: TakenRecord): unknown {
    try {
      const value = taken.openSync();
      this.#queue.arrivals.add(taken.take);
      return value;
    } catch (error) {
      this.#failed(taken);
      throw error;
    }
  }

  /** One that cannot be read is not given to anybody else. */
  #failed(taken: TakenRecord): void {
    if (!taken.goesBack("unget")) this.#queue.arrivals.add(taken.take);
  }

  /** What gives back records of the queue, which may be closed by then. */
  givingBack(): (taken: readonly TakenRecord[]) => void {
    const { id } = this.#queue.handle;
    return (taken) => this.#unget(id, taken);
  }

  #asking(id: string, mode: number, most: number, bytes = BYTES_AHEAD): StepArgument[] {
    return [id, mode, most, bytes, ...this.#queue.arrivals.taken()];
  }

  #taken(id: string, answer: Answer | null, timeout: number): TakenRecord[] {
    const { refusals, handle } = this.#queue;
    if (answer === null || answer.refusal !== null) throw refusals.get(answer?.refusal ?? null, timeout);
    return TakenRecord.in(handle.session, id, answer);
  }

  #giveBack(id: string, answer: Answer): void {
    if (answer.refusal === null) this.#unget(id, TakenRecord.in(this.#queue.handle.session, id, answer));
  }

  #unget(id: string, taken: readonly TakenRecord[]): void {
    if (taken.length === 0) return;
    this.#queue.handle.session.send("unget", id, ...taken.map(({ take }) => take)).catch(() => {});
  }
}
