// Takes: records that a queue of an engine has given to this process, until they are opened, or given back.

import { QueueState } from "../addon/numbers.ts";
import type { Arrivals } from "./arrivals.ts";
import { Mode, threadMode, waitForEver } from "./company.ts";
import type { ObjectHandle } from "./handles.ts";
import { giveBack, waitFor } from "./object_waits.ts";
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
  take(most: number, timeout: number, signal?: AbortSignal): Promise<TakenRecord[]> {
    return this.#take("get", (id, mode) => this.#asking(id, mode, most), timeout, signal);
  }

  /** Takes a record as one of the gets of a place, for as long as that takes. */
  async claim(place: string): Promise<TakenRecord> {
    const args = (id: string, mode: number) => [id, mode, place, ...this.#queue.arrivals.taken()];
    return (await this.#take("claim", args, Infinity))[0];
  }

  async #take(
    step: string,
    asking: (id: string, mode: number) => StepArgument[],
    timeout: number,
    signal?: AbortSignal,
  ): Promise<TakenRecord[]> {
    const { handle, refusals, closed } = this.#queue;
    if (handle.closed) throw closed();
    const { id } = handle;
    const args = (mode: number) => asking(id, mode);
    const hooks = {
      timeout,
      signal,
      args,
      closed,
      deserted: () => refusals.deserted(QueueState.filled),
      giveBack: (answer: Answer) => this.#giveBack(id, answer),
      mustEnd: true, // what an aborted get was given is in the queue again when it throws
    };
    let answer;
    if (timeout === Infinity) answer = await waitForEver(handle, step, hooks);
    else if (timeout > 0) answer = await waitFor(handle, step, args(Mode.waiting), hooks);
    else answer = await waitFor(handle, step, args(Mode.now), { ...hooks, timeout: Infinity }); // it never waits
    if (signal?.aborted || handle.closed) {
      if (answer !== null) hooks.giveBack(answer);
      signal?.throwIfAborted();
      throw closed();
    }
    return this.#taken(id, answer, timeout);
  }

  /**
   * Takes so many records, as far as there are: for the others there is a place in the line, whose name is given. None where
   * the queue is shut down, or gone.
   */
  async takeMany(count: number): Promise<{ taken: TakenRecord[]; place: string }> {
    const { handle, closed } = this.#queue;
    if (handle.closed) throw closed();
    const { id, session } = handle;
    const giveBack = (answer: Answer) => this.#giveBack(id, answer, 1);
    const asking = [id, count, MANY_BYTES, ...this.#queue.arrivals.taken()];
    // It never waits. But where the engine is away for too long, it is done later, with the takes that it tells of.
    const answer = (await waitFor(handle, "gets", asking, { timeout: Infinity, closed, giveBack }))!;
    if (answer.refusal !== null) return { taken: [], place: "" };
    return { taken: TakenRecord.in(session, id, answer, 1), place: answer.text(0) };
  }

  /** As {@linkcode take}, blocking the thread. */
  takeSync(timeout: number, most: number): TakenRecord[] {
    const { session, id } = this.#queue.handle;
    const giveBack = (answer: Answer) => this.#giveBack(id, answer);
    const answer = session.waitSync("get", this.#asking(id, threadMode(timeout), most), { timeout, giveBack });
    return this.#taken(id, answer, timeout);
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

  /** The values of records, up to one that cannot be read: it goes back, but if it is the first, and so do those behind it. */
  async openAll(taken: readonly TakenRecord[]): Promise<unknown[]> {
    const giveBack = this.givingBack();
    const values: unknown[] = [];
    try {
      for (const next of taken) {
        const opened = values.length === 0 ? this.open(next) : next.isLong ? await next.open() : next.openSync();
        values.push(await opened);
        if (values.length > 1) this.#queue.arrivals.add(next.take);
      }
    } catch (error) {
      if (values.length === 0) throw error;
    } finally {
      giveBack(taken.slice(Math.max(values.length, 1)));
    }
    return values;
  }

  /** As {@linkcode openAll}, blocking the thread. */
  openAllSync(taken: readonly TakenRecord[]): unknown[] {
    const giveBack = this.givingBack();
    const values: unknown[] = [];
    try {
      for (const next of taken) {
        values.push(values.length === 0 ? this.openSync(next) : next.openSync());
        if (values.length > 1) this.#queue.arrivals.add(next.take);
      }
    } catch (error) {
      if (values.length === 0) throw error;
    } finally {
      giveBack(taken.slice(Math.max(values.length, 1)));
    }
    return values;
  }

  /** One that cannot be read is not given to anybody else. */
  #failed(taken: TakenRecord): void {
    if (!taken.goesBack("unget")) this.#queue.arrivals.add(taken.take);
  }

  /** What gives back records of the queue, which may be closed by then. */
  givingBack(): (taken: readonly TakenRecord[]) => void {
    const { id } = this.#queue.handle;
    return (taken) => this.#unget(id, taken.map(({ take }) => take));
  }

  #asking(id: string, mode: number, most: number): StepArgument[] {
    return [id, mode, most, BYTES_AHEAD, ...this.#queue.arrivals.taken()];
  }

  #taken(id: string, answer: Answer | null, timeout: number): TakenRecord[] {
    const { refusals, handle } = this.#queue;
    if (answer === null || answer.refusal !== null) throw refusals.get(answer?.refusal ?? null, timeout);
    return TakenRecord.in(handle.session, id, answer);
  }

  /** Gives back what an answer tells of, behind so many places in the line. */
  #giveBack(id: string, answer: Answer, places = 0): void {
    if (answer.refusal !== null) return;
    const taken = TakenRecord.in(this.#queue.handle.session, id, answer, places);
    this.#unget(id, [...taken.map(({ take }) => take), ...places === 0 ? [] : [answer.text(0)]]);
  }

  #unget(id: string, takes: readonly string[]): void {
    if (takes.length === 0) return;
    giveBack(this.#queue.handle.session, "unget", id, ...takes);
  }
}
