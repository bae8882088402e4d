// The end of a queue that puts: at once where there is room and nobody waits for it, else in turn.

import { PutStatus, QueueState } from "../addon/numbers.ts";
import { retry } from "../addon/waits.ts";
import type { Full } from "../errors.ts";
import { discard } from "../reduction/registry.ts";
import { performance } from "../runtime/timing.ts";
import { ACQUIRE, ACQUIRE_SYNC, type AcquireOptions, type AcquireSyncOptions, timeoutOf } from "../waiting/options.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import { Batch } from "./batch.ts";
import { granted } from "./company.ts";
import { deserted, full, partly, shutForPuts } from "./outcomes.ts";
import { notePutDone, notePutting } from "./putting.ts";
import type { Share } from "./share.ts";
import { type Message, serialiseCopy } from "./transport.ts";

/** Puts by one handle of a queue. */
export class Puts {
  readonly #share: Share;
  readonly #turnstile = new Turnstile();

  constructor(share: Share) {
    this.#share = share;
  }

  async put(value: unknown, options: AcquireOptions | undefined): Promise<void> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const { transport } = this.#share;
    let message: Message;
    if (timeout === 0 || !this.#turnstile.occupied) {
      const put = transport.putOrKeep(value);
      if (typeof put === "number") {
        this.#done(put);
        return;
      }
      message = put;
    } else {
      this.#share.block("put into");
      message = serialiseCopy(value);
    }
    try {
      await this.#inTurn(() => transport.putMessage(message, 0), timeout, signal);
    } catch (error) {
      discard(message.attachments);
      throw error;
    }
  }

  putSync(value: unknown, options: AcquireSyncOptions | undefined): void {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    if (!this.#done(this.#share.transport.put(value, timeout))) throw this.#full(timeout);
  }

  async putMany(values: Iterable<unknown>, options: AcquireOptions | undefined): Promise<number> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const batch = this.#batch(values);
    try {
      if (batch.size > 0) await this.#putBy(() => batch.putBy(this.#share.transport, 0), timeout, signal);
      return batch.size;
    } catch (error) {
      throw partly(error, batch.put, this.#share.label, signal);
    } finally {
      batch.end();
    }
  }

  putManySync(values: Iterable<unknown>, options: AcquireSyncOptions | undefined): number {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    const batch = this.#batch(values);
    try {
      if (!this.#done(batch.putBy(this.#share.transport, timeout))) throw this.#full(timeout);
      return batch.size;
    } catch (error) {
      throw partly(error, batch.put, this.#share.label);
    } finally {
      batch.end();
    }
  }

  #batch(values: Iterable<unknown>): Batch {
    this.#share.block("put into");
    return Batch.of(values);
  }

  /** Puts a message that was serialised before. */
  async putMessage(message: Message, options: AcquireOptions | undefined): Promise<void> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    await this.#putBy(() => this.#share.transport.putMessage(message, 0), timeout, signal);
  }

  /** As {@linkcode putMessage}, blocking the thread. */
  putMessageSync(message: Message, options: AcquireSyncOptions | undefined): void {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    if (!this.#done(this.#share.transport.putMessage(message, timeout))) throw this.#full(timeout);
  }

  /** Puts at once, or else in turn, by what gives a {@linkcode PutStatus}. */
  async #putBy(put: () => number, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    const isInTurn = timeout === 0 || !this.#turnstile.occupied;
    if (!isInTurn || !this.#done(put())) await this.#inTurn(put, timeout, signal);
  }

  /** Puts behind those that wait for room. */
  async #inTurn(put: () => number, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    if (timeout === 0) throw this.#full(timeout);
    const share = this.#share;
    const until = performance.now() + timeout;
    const ended = share.orClosed(signal);
    if (!await this.#turnstile.enter(timeout, ended)) throw this.#full(timeout);
    const queue = share.block("put into");
    notePutting(queue);
    try {
      const attempt = () => this.#done(put()) || undefined;
      const done = timeout === Infinity
        ? await granted({ ...share.wish(QueueState.drained, ended), attempt })
        : await retry(attempt, share.awaiting(QueueState.drained), until - performance.now(), { signal: ended });
      if (done === undefined) throw this.#full(timeout);
    } finally {
      notePutDone(queue);
      this.#turnstile.leave();
    }
  }

  /** Whether a value was put; throws if none can be any more. */
  #done(status: number): boolean {
    if (status === PutStatus.shutDown) throw shutForPuts(this.#share.label);
    if (status === PutStatus.orphaned) throw deserted(QueueState.drained, this.#share.label);
    return status === PutStatus.done;
  }

  #full(timeout: number): Full {
    return full(this.#share.vain(timeout));
  }
}
