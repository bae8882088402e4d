// Promised gets of one turn of the event loop travel in one step. Those for which there is no value then have a place in the
// line from that step on (library/places.lua), and wait in it by steps of their own.
//
// They leave before any other step of this thread: the order of the calls is kept.

import { queueMicrotask } from "../runtime/timing.ts";
import type { TakenRecord } from "./records.ts";
import type { Session } from "./session.ts";
import type { Takes } from "./takes.ts";

/** How many one step asks for at most: as many as the engine gives. */
const MOST = 256;

/** Gets that leave in one step, and share what it comes to. */
interface Asking {
  count: number;
  readonly taken: Promise<Taken>;
  resolve(taken: Promise<Taken>): void;
}

/** What it has come to: the records, and the place of the gets that are left over. */
interface Taken {
  readonly taken: readonly TakenRecord[];
  readonly place: string;
}

/** The gets of one queue that are to leave. */
export class Gets {
  readonly #session: Session;
  readonly #takes: Takes;
  #asking: Asking | null = null;

  constructor(session: Session, takes: Takes) {
    this.#session = session;
    this.#takes = takes;
  }

  /** Takes a record, for as long as that takes. */
  async get(): Promise<TakenRecord> {
    const asking = this.#asking ?? this.#begin();
    const index = asking.count++;
    if (asking.count === MOST) this.leave();
    const { taken, place } = await asking.taken;
    if (index < taken.length) return taken[index];
    return await (place === "" ? this.#wait() : this.#takes.claim(place));
  }

  #begin(): Asking {
    const { promise: taken, resolve } = Promise.withResolvers<Taken>();
    const leave = () => this.leave();
    this.#session.before(leave);
    queueMicrotask(leave);
    return this.#asking = { count: 0, taken, resolve };
  }

  /** Sends what there is. */
  leave(): void {
    const asking = this.#asking;
    if (asking === null) return;
    this.#asking = null;
    asking.resolve(asking.count === 1 ? this.#waitAlone() : this.#takes.takeMany(asking.count));
  }

  async #waitAlone(): Promise<Taken> {
    return { taken: await this.#takes.take(1, Infinity), place: "" };
  }

  async #wait(): Promise<TakenRecord> {
    return (await this.#takes.take(1, Infinity))[0];
  }
}
