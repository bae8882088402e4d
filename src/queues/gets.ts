// The end of a queue that takes: at once where there is a value and nobody waits for one, else in turn.

import { QueueState } from "../addon/numbers.ts";
import { retry } from "../addon/waits.ts";
import { ARRIVAL_PATIENCE } from "../connection/arrival.ts";
import type { Empty } from "../errors.ts";
import { performance } from "../runtime/timing.ts";
import { Glances } from "../waiting/glance.ts";
import { ACQUIRE, ACQUIRE_SYNC, type AcquireOptions, type AcquireSyncOptions, timeoutOf } from "../waiting/options.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import type { BytesView } from "./bytes_view.ts";
import { granted } from "./company.ts";
import { deserted, empty, notBytes, requireMax, shutForGets } from "./outcomes.ts";
import type { Share } from "./share.ts";
import { NOTHING, ORPHANED, OTHER, SHUT_DOWN } from "./transport.ts";

/** Takes for up to so many milliseconds, blocking the thread; {@linkcode NOTHING} if nothing came. */
type Take<R> = (timeout: number) => R | typeof NOTHING;

/** Takes values of one handle of a queue. */
export class Gets<T> {
  readonly #share: Share;
  readonly #turnstile = new Turnstile();
  readonly #glances = new Glances();
  // They are made once: it is the quickest of all that a program does.
  readonly #one: Take<T> = (timeout) => this.#taken(this.#share.transport.get(timeout, true)) as T | typeof NOTHING;
  readonly #oneSync: Take<T> = (timeout) => this.#taken(this.#share.transport.get(timeout)) as T | typeof NOTHING;
  readonly #view: Take<BytesView> = (timeout) => this.#viewTaken(this.#share.transport.getView(timeout));

  constructor(share: Share) {
    this.#share = share;
  }

  get(options: AcquireOptions | undefined): Promise<T> {
    return this.#by(this.#one, options);
  }

  getSync(options: AcquireSyncOptions | undefined): T {
    return this.#bySync(this.#oneSync, options);
  }

  async getMany(max: number, options: AcquireOptions | undefined): Promise<T[]> {
    requireMax(max);
    return await this.#by((timeout) => this.#manyTaken(this.#share.transport.getMany(max, timeout, true)), options);
  }

  getManySync(max: number, options: AcquireSyncOptions | undefined): T[] {
    requireMax(max);
    return this.#bySync((timeout) => this.#manyTaken(this.#share.transport.getMany(max, timeout)), options);
  }

  getView(options: AcquireOptions | undefined): Promise<BytesView> {
    return this.#by(this.#view, options);
  }

  getViewSync(options: AcquireSyncOptions | undefined): BytesView {
    return this.#bySync(this.#view, options);
  }

  /** Takes at the call, or else in turn. */
  async #by<R>(take: Take<R>, options: AcquireOptions | undefined): Promise<R> {
    const timeout = timeoutOf(options, ACQUIRE);
    const signal = options?.signal;
    signal?.throwIfAborted();
    this.#share.transport.throwKept();
    if (timeout === 0 || !this.#turnstile.occupied) {
      const taken = take(Math.min(timeout, this.#glances.begin()));
      if (taken !== NOTHING) {
        this.#glances.end(true);
        return taken;
      }
    }
    return await this.#inTurn(take, timeout, signal);
  }

  /** As {@linkcode #by}, blocking the thread. */
  #bySync<R>(take: Take<R>, options: AcquireSyncOptions | undefined): R {
    const timeout = timeoutOf(options, ACQUIRE_SYNC);
    this.#share.transport.throwKept();
    const taken = take(timeout);
    if (taken === NOTHING) throw this.#empty(timeout);
    return taken;
  }

  /** Takes behind those that wait for a value. */
  async #inTurn<R>(take: Take<R>, timeout: number, signal: AbortSignal | undefined): Promise<R> {
    const share = this.#share;
    const { transport } = share;
    if (timeout === 0 && transport.parcel === null) throw this.#empty(timeout);
    const begin = performance.now();
    const until = begin + (timeout === 0 ? ARRIVAL_PATIENCE : timeout);
    const ended = share.orClosed(signal);
    if (!await this.#turnstile.enter(timeout, ended)) throw this.#empty(timeout);
    try {
      // In a box: a value may be undefined.
      const attempt = () => {
        const value = take(0);
        return value === NOTHING ? undefined : { value };
      };
      const instead = (left: number) => transport.parcel?.changed(left, ended);
      const got = timeout === Infinity
        ? await granted({ ...share.wish(QueueState.filled, ended), attempt, instead })
        : await retry(attempt, share.awaiting(QueueState.filled), until - performance.now(), {
          signal: ended,
          instead,
        });
      this.#glances.waited(performance.now() - begin);
      if (got === undefined) throw this.#empty(timeout);
      return got.value;
    } finally {
      this.#turnstile.leave();
    }
  }

  /** What was taken; throws if nothing will come any more. */
  #taken(value: unknown): unknown {
    if (value === SHUT_DOWN) throw shutForGets(this.#share.label);
    if (value === ORPHANED) throw deserted(QueueState.filled, this.#share.label);
    if (value !== NOTHING) this.#share.isConsumer = true;
    return value;
  }

  /** As {@linkcode #taken}, of several values. */
  #manyTaken(values: unknown[] | symbol): T[] | typeof NOTHING {
    return this.#taken(values) as T[] | typeof NOTHING;
  }

  /** As {@linkcode #taken}, of a view. */
  #viewTaken(view: BytesView | symbol): BytesView | typeof NOTHING {
    if (view === OTHER) throw notBytes(this.#share.label);
    return this.#taken(view) as BytesView | typeof NOTHING;
  }

  #empty(timeout: number): Empty {
    return empty(this.#share.vain(timeout), this.#share.transport.parcel);
  }
}
