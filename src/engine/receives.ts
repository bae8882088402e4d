// What is received from one end of a pipe in an engine: in the order of the calls. Its states are in library/pipe.lua.

import { closedError } from "../addon/handles.ts";
import { ended, isReceiving, writeOnly } from "../connection/outcomes.ts";
import { endWaits } from "../connection/wait.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import type { Waitable } from "../waiting/waitable.ts";
import { Arrivals } from "./arrivals.ts";
import { type Bell, BRIEFLY } from "./bell.ts";
import type { ObjectHandle } from "./handles.ts";
import { giveBack, goneError, waitFor, waitToEnd } from "./object_waits.ts";
import { TakenRecord } from "./records.ts";
import type { Answer } from "./session.ts";

/** The receives of one connection. */
export class Receives {
  readonly #handle: ObjectHandle;
  readonly #arrivals: Arrivals;
  readonly #turns = new Turnstile();
  /** Who is waited for among others; not kept from being collected by that. */
  readonly #waitable: WeakRef<Waitable>;
  /** Rings when there is something to receive. */
  #bell: Bell | null = null;

  /** `waitable` is the connection. */
  constructor(handle: ObjectHandle, waitable: Waitable) {
    this.#handle = handle;
    this.#waitable = new WeakRef(waitable);
    this.#arrivals = new Arrivals(handle.session, handle.id, "here", "pipe_landed");
  }

  /** Receives a message, and gives what `open` makes of it. */
  async receive<T>(signal: AbortSignal | undefined, open: (taken: TakenRecord) => Promise<T>): Promise<T> {
    await this.#turns.enter(Infinity, signal);
    try {
      signal?.throwIfAborted();
      if (this.#handle.closed) throw closed();
      this.#silence();
      const { id } = this.#handle;
      const giveBack = (answer: Answer) => this.#giveBack(id, answer);
      const asked = [id, ...this.#arrivals.taken()];
      // One that is stopped has ended, and has given back what it got all the same, before the next one begins.
      const wait = { timeout: Infinity, signal, giveBack, overdue: "nothing" } as const;
      const answer = await waitToEnd(this.#handle, "pipe_recv", asked, wait);
      const isClosed = this.#handle.closed;
      if (isClosed || signal?.aborted) {
        if (answer !== null) giveBack(answer);
        throw isClosed ? closed() : signal!.reason;
      }
      using _ = this.#handle.share(); // until all pieces are here
      const taken = this.#taken(id, answer!);
      try {
        const opened = await open(taken);
        this.#landed(taken);
        return opened;
      } catch (error) {
        this.#failed(taken);
        throw error;
      }
    } finally {
      this.#turns.leave();
    }
  }

  /** As {@linkcode receive}, blocking the thread. */
  receiveSync<T>(open: (taken: TakenRecord) => T): T {
    if (this.#turns.occupied) throw isReceiving();
    this.#silence();
    const { session, id } = this.#handle;
    const giveBack = (answer: Answer) => this.#giveBack(id, answer);
    const answer = session.waitSync("pipe_recv", [id, ...this.#arrivals.taken()], { timeout: Infinity, giveBack });
    const taken = this.#taken(id, answer!);
    try {
      const opened = open(taken);
      this.#landed(taken);
      return opened;
    } catch (error) {
      this.#failed(taken);
      throw error;
    }
  }

  /** Whether there is something to receive; waits for that for up to so many milliseconds. */
  async poll(timeout: number, signal: AbortSignal | undefined): Promise<boolean> {
    const asked = [this.#handle.id, timeout > 0 ? 1 : 0];
    // One that does not wait is not late either.
    const limit = timeout > 0 ? timeout : Infinity;
    return this.#isThere(await waitFor(this.#handle, "pipe_poll", asked, { timeout: limit, signal, closed }));
  }

  /** As {@linkcode poll}, blocking the thread. */
  pollSync(timeout: number): boolean {
    const { session, id } = this.#handle;
    if (!(timeout > 0)) return this.#isThere(session.step("pipe_poll", id, 0));
    return this.#isThere(session.waitSync("pipe_poll", [id, 1], { timeout }));
  }

  /** The number of a descriptor that becomes readable when there is something to receive; `null` if there is now. */
  descriptor(): number | null {
    const { session, id } = this.#handle;
    if (this.#isThere(session.waitSync("pipe_poll", [id, 0], BRIEFLY))) return null;
    if (this.#bell?.hasRung) this.#silence();
    const waitable = this.#waitable;
    this.#bell ??= session.ring("pipe_poll", [id, 1], () => lookAgain(waitable));
    return this.#bell.descriptor;
  }

  /** What the bell would ring for may be received meanwhile. */
  #silence(): void {
    if (this.#bell === null) return;
    this.#bell.close();
    this.#bell = null;
    lookAgain(this.#waitable);
  }

  /** The connection is about to be closed. */
  close(): void {
    this.#silence();
    this.#arrivals.close();
  }

  #isThere(answer: Answer | null): boolean {
    if (answer === null) return false;
    if (answer.refusal !== null) throw this.#refused(answer.refusal);
    return answer.number(0) === 1;
  }

  #taken(id: string, answer: Answer): TakenRecord {
    if (answer.refusal !== null) throw this.#refused(answer.refusal);
    return TakenRecord.in(this.#handle.session, id, answer)[0];
  }

  #landed({ take }: TakenRecord): void {
    this.#arrivals.add(take);
    if (this.#handle.closed) this.#arrivals.close();
  }

  /** One that cannot be read is not received again. */
  #failed(taken: TakenRecord): void {
    if (!taken.goesBack("pipe_unget")) this.#landed(taken);
  }

  #giveBack(id: string, answer: Answer): void {
    if (answer.refusal === null) giveBack(this.#handle.session, "pipe_unget", id, answer.text(0));
  }

  #refused(refusal: string): Error {
    switch (refusal) {
      case "eof":
        return ended();
      case "way":
        return writeOnly();
      default:
        return goneError("receive from", "connection");
    }
  }
}

function lookAgain(waitable: WeakRef<Waitable>): void {
  const it = waitable.deref();
  if (it !== undefined) endWaits(it);
}

function closed(): Error {
  return closedError("use the connection", "connection");
}
