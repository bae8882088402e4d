// Connections in messages. The sender has the descriptor until the receiver fetches it
// (native/core/src/connection/passing).
//
// A message is read at once, with connections in it that are still to arrive; it is handed out when all have. If a
// descriptor arrives late, because its sender is stopped or has none left, no thread is kept waiting: the message waits
// in its queue or connection for the next caller. Only the end of the sender ends it.

import type { BlockHandle } from "../addon/handles.ts";
import { InvalidStateError } from "../errors.ts";
import { announcing, connectionsInside, type Incoming, type Origin } from "../reduction/passage.ts";
import { Watch } from "../waiting/limits.ts";
import { yieldToLoop } from "../waiting/turns.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { performance } from "../runtime/timing.ts";
import { waitWithin } from "../addon/waits.ts";
import { FetchStatus, FetchTime } from "../addon/numbers.ts";

/** Milliseconds that a sender may need to answer a caller that does not wait. */
export const ARRIVAL_PATIENCE = 100;
/** How long a thread looks out for a connection before it waits in a promise: a sender that is there needs less. */
const GLANCE = 1;
/** Milliseconds for which arrivals may keep the event loop to themselves. */
const LONGEST_TURN = 10;
/** How long a message that is read by itself (`loads`) waits for a connection, in milliseconds. */
const ALONE_PATIENCE = 2000;

/** Last resort for fetches that nobody ended. */
const collected = new FinalizationRegistry<number>((fetch) => native().fetchClose(fetch));

async function pause(timeout: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  using _ = new Watch({ timeout, signal }, { late: resolve, aborted: reject });
  await promise;
}

/** One connection that is to arrive. */
export class Arrival {
  readonly #offer: BlockHandle;
  readonly #arrived: (id: number) => void;
  #fetch = 0;
  #isBusy = false;

  /** `arrived` is told the connection's number in the addon. */
  constructor(offer: BlockHandle, arrived: (id: number) => void) {
    this.#offer = offer;
    this.#arrived = arrived;
  }

  /**
   * Waits for it, blocking the thread for up to so many milliseconds; whether it has arrived.
   *
   * @throws {Deno.errors.ConnectionRefused} If its sender has ended.
   * @throws {InvalidStateError} If somebody has fetched it before.
   * @throws Why this process cannot take it now, with {@linkcode isPassing}.
   */
  step(timeout: number): boolean {
    const addon = native();
    if (this.#fetch === 0) {
      this.#fetch = translated(() => addon.fetchBegin(this.#offer.block));
      collected.register(this, this.#fetch, this);
    }
    const got = translated(() => addon.fetchStep(this.#fetch, timeout));
    this.#isBusy = got === FetchStatus.busy;
    if (got === FetchStatus.asked || got === FetchStatus.busy) return false;
    const { sender } = this;
    this.close();
    if (got === FetchStatus.gone) {
      throw new Deno.errors.ConnectionRefused(`Cannot receive a connection: its sender ${sender} has ended`);
    }
    if (got === FetchStatus.taken) {
      throw new InvalidStateError("Cannot receive a connection: this message has been received before");
    }
    this.#arrived(got);
    return true;
  }

  /** Waits until another {@linkcode step} may have something to do, for at most so many milliseconds. */
  async changed(timeout: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#fetch === 0) return;
    if (!this.#isBusy) {
      return await waitWithin(timeout, () => translated(() => native().fetchAwait(this.#fetch)), { signal });
    }
    await pause(Math.min(timeout, FetchTime.busyPause), signal);
  }

  /** The process that has the descriptor. */
  get sender(): string {
    return this.#fetch === 0 ? "" : native().fetchSender(this.#fetch);
  }

  /** Whether it will not arrive any more, or has. */
  get isOver(): boolean {
    return this.#offer.closed;
  }

  close(): void {
    if (this.#fetch !== 0) {
      native().fetchClose(this.#fetch);
      collected.unregister(this);
      this.#fetch = 0;
    }
    this.#offer.close();
  }
}

/** A value that was read, and the connections in it. */
export class Parcel implements Disposable {
  readonly #value: unknown;
  readonly #contents: readonly Expected[];
  /** How many of them have arrived. */
  #arrived = 0;
  #isVoid = false;

  constructor(value: unknown, contents: readonly Expected[]) {
    this.#value = value;
    this.#contents = contents;
  }

  /** The value, whose connections must all have arrived. */
  get value(): unknown {
    return this.#value;
  }

  /** The process whose descriptor has not arrived, for error messages. */
  get sender(): string {
    return this.#contents[this.#arrived]?.arrival.sender ?? "";
  }

  /** Whether it will never be whole, so that it was thrown away. */
  get isVoid(): boolean {
    return this.#isVoid;
  }

  /**
   * Waits for its connections, blocking the thread for up to so many milliseconds; whether all have arrived.
   *
   * @throws What {@linkcode Arrival.step} throws; if that will not pass, the parcel {@linkcode isVoid}.
   */
  advance(timeout: number): boolean {
    const begin = performance.now();
    const limit = Math.max(timeout, GLANCE);
    const turn = timeout === 0 ? LONGEST_TURN : Infinity;
    for (; this.#arrived < this.#contents.length; this.#arrived++) {
      const { arrival } = this.#contents[this.#arrived];
      const passed = performance.now() - begin;
      if (passed > turn) return false;
      try {
        // Something in the message may have needed it, and fetched it itself.
        if (!arrival.isOver && !arrival.step(Math.max(0, limit - passed))) return false;
      } catch (error) {
        if (arrival.isOver) this.close();
        throw error;
      }
    }
    return true;
  }

  /** Waits until {@linkcode advance} may have something to do, for at most so many milliseconds. */
  async changed(timeout: number, signal?: AbortSignal): Promise<void> {
    const waiting = this.#contents[this.#arrived];
    if (waiting === undefined) return;
    await waiting.arrival.changed(timeout, signal);
    await yieldToLoop();
    signal?.throwIfAborted();
  }

  /**
   * Waits until all have arrived. If this process is hindered for a moment, as by a lack of descriptors, it tries again
   * for 2 s; after an error the parcel is thrown away.
   */
  async whole(): Promise<void> {
    let hindered = 0;
    for (;;) {
      try {
        if (this.advance(0)) return;
        await this.changed(Infinity);
      } catch (error) {
        if (this.isVoid || (hindered += FetchTime.busyPause) > ALONE_PATIENCE) {
          this.close();
          throw error;
        }
        await pause(FetchTime.busyPause);
      }
    }
  }

  /** Throws it away, and with it what has arrived: the other ends see that. */
  close(): void {
    this.#isVoid = true;
    for (const { connection } of this.#contents) connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** A connection that is to arrive. */
interface Expected {
  readonly connection: Disposable & { close(): void };
  readonly arrival: Arrival;
}

/**
 * Reads a message that speaks of shared objects: its value, or a parcel if there are connections in it that are still
 * to arrive.
 */
export function readParcel<T>(read: (message: Incoming) => T, origin: Origin = "tree"): T | Parcel {
  const contents: Expected[] = [];
  let value: T;
  try {
    value = read(announcing(contents, origin));
  } catch (error) {
    new Parcel(undefined, contents).close(); // what nobody gets
    throw error;
  }
  return contents.length === 0 ? value : new Parcel(value, contents);
}

/** Notes a connection that the message has which is being restored. One that is read by itself waits for it here. */
export function expect(connection: Expected["connection"], arrival: Arrival): void {
  const noted = connectionsInside();
  if (noted === "refused") {
    arrival.close();
    throw new TypeError("Cannot receive a connection: its message does not say that it has one");
  }
  if (noted === "awaited") arriveNow(arrival);
  else noted.push({ connection, arrival } satisfies Expected);
}

/**
 * Waits for a connection that is needed before its message is whole, blocking the thread.
 *
 * @throws {Deno.errors.TimedOut} If its sender does not hand it over for 2 s.
 */
export function arriveNow(arrival: Arrival): void {
  if (arrival.step(ALONE_PATIENCE)) return;
  throw new Deno.errors.TimedOut(
    `Cannot receive a connection: its sender ${arrival.sender} does not hand it over; it was stopped, or has too ` +
      "much to do",
  );
}

/** Reads a message of the parent's, and waits for its connections as long as the parent lives, blocking the thread. */
export function readWhole<T>(read: (message: Incoming) => T): T {
  const got = readParcel(read, "parent");
  if (!(got instanceof Parcel)) return got;
  got.advance(Infinity);
  return got.value as T;
}
