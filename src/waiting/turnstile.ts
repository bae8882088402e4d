// Turnstile: the order of the asynchronous callers of one object.

import { Watch } from "./limits.ts";

/**
 * Lets the asynchronous callers of one object pass one at a time, in the order in which they came: so each producer's
 * messages keep their order, and a message wakes one waiting consumer, not all.
 */
export class Turnstile {
  #occupied = false;
  readonly #waiting: (() => void)[] = [];

  /** Whether somebody is inside. */
  get occupied(): boolean {
    return this.#occupied;
  }

  /**
   * Waits for its turn; `true` when it has come: then {@linkcode leave} must follow. `false` when `timeout`
   * milliseconds have passed first.
   *
   * @throws What `signal` was aborted with.
   */
  async enter(timeout: number, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    if (!this.#occupied) return this.#occupied = true;
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const turn = () => resolve(true);
    const giveUp = (settle: () => void) => {
      const place = this.#waiting.indexOf(turn);
      if (place < 0) return; // its turn has come already
      this.#waiting.splice(place, 1);
      settle();
    };
    using _ = new Watch({ timeout, signal }, {
      late: () => giveUp(() => resolve(false)),
      aborted: (reason) => giveUp(() => reject(reason)),
    });
    this.#waiting.push(turn);
    return await promise;
  }

  /** Lets the next one in. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#occupied = false;
    else next();
  }
}
