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

interface Get {
  resolve(taken: TakenRecord | Promise<TakenRecord>): void;
  reject(error: unknown): void;
}

/** The gets of one queue that are to leave. */
export class Gets {
  readonly #session: Session;
  readonly #takes: Takes;
  #gets: Get[] = [];

  constructor(session: Session, takes: Takes) {
    this.#session = session;
    this.#takes = takes;
  }

  /** Takes a record, for as long as that takes. */
  get(): Promise<TakenRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<TakenRecord>();
    this.#gets.push({ resolve, reject });
    if (this.#gets.length === 1) {
      const leave = () => this.leave();
      this.#session.before(leave);
      queueMicrotask(leave);
    }
    return promise;
  }

  /** Sends what there is. */
  leave(): void {
    const gets = this.#gets;
    this.#gets = [];
    for (let i = 0; i < gets.length; i += MOST) {
      const some = gets.slice(i, i + MOST);
      if (some.length === 1) some[0].resolve(this.#wait());
      else void this.#ask(some);
    }
  }

  async #ask(gets: readonly Get[]): Promise<void> {
    try {
      const { taken, place } = await this.#takes.takeMany(gets.length);
      gets.forEach(({ resolve }, i) => {
        if (i < taken.length) resolve(taken[i]);
        else resolve(place === "" ? this.#wait() : this.#takes.claim(place));
      });
    } catch (error) {
      for (const { reject } of gets) reject(error);
    }
  }

  async #wait(): Promise<TakenRecord> {
    return (await this.#takes.take(1, Infinity))[0];
  }
}
