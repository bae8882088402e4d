// Promised gets of one turn of the event loop travel in one step, as far as there are values: those that are left over are
// waits of their own.
//
// They leave before any other step of this thread. While it is not known how many are left over, further gets stay behind.

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
  #isAnnounced = false;
  /** The step under way of which it is not known how many gets it leaves over. */
  #asking: Promise<void> | null = null;

  constructor(session: Session, takes: Takes) {
    this.#session = session;
    this.#takes = takes;
  }

  /** Takes a record, for as long as that takes. */
  get(): Promise<TakenRecord> {
    const { promise, resolve, reject } = Promise.withResolvers<TakenRecord>();
    this.#gets.push({ resolve, reject });
    if (!this.#isAnnounced) {
      this.#isAnnounced = true;
      const leave = () => this.leave();
      this.#session.before(leave);
      queueMicrotask(leave);
    }
    return promise;
  }

  /** Does a take of another kind behind the gets that there are. */
  async behind(take: () => Promise<TakenRecord[]>): Promise<TakenRecord[]> {
    for (;;) {
      this.leave();
      if (this.#asking === null) return await take();
      await this.#asking;
    }
  }

  /** Has what there is leave, unless it is to stay behind. */
  leave(): void {
    this.#isAnnounced = false;
    if (this.#asking === null && this.#gets.length > 0) {
      const some = this.#gets.splice(0, MOST);
      if (some.length === 1) this.#wait(some);
      else this.#asking = this.#ask(some);
    }
  }

  async #ask(gets: readonly Get[]): Promise<void> {
    try {
      const taken = await this.#takes.takeNow(gets.length);
      for (let i = 0; i < taken.length; i++) gets[i].resolve(taken[i]);
      const left = gets.slice(taken.length);
      if (taken.length === 0) this.#wait(left);
      else this.#gets.unshift(...left); // there may be more than one step gives
    } catch (error) {
      for (const { reject } of gets) reject(error);
    }
    this.#asking = null;
    this.leave();
  }

  #wait(gets: readonly Get[]): void {
    for (const { resolve } of gets) resolve(this.#takes.take(1, Infinity).then(([first]) => first));
  }
}
