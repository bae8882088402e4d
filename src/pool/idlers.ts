// Those who wait until no call of a pool is under way.

import { Watch } from "../waiting/limits.ts";
import { setTimeout } from "../runtime/timing.ts";

/** All who wait for one pool. */
export class Idlers {
  readonly #isIdle: () => boolean;
  readonly #waiting = new Set<() => void>();

  constructor(isIdle: () => boolean) {
    this.#isIdle = isIdle;
  }

  /** The last call is over. */
  tell(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  /**
   * Waits until no call is under way, nor is begun at once by those who get the last results; `false` if that took longer
   * than `timeout` milliseconds.
   *
   * @throws What `signal` was aborted with.
   */
  async wait(timeout: number, signal?: AbortSignal): Promise<boolean> {
    const { promise: given, resolve, reject } = Promise.withResolvers<"late">();
    using _ = new Watch({ timeout, signal }, { late: () => resolve("late"), aborted: reject });
    while (!this.#isIdle()) {
      const idle = Promise.withResolvers<void>();
      this.#waiting.add(idle.resolve);
      try {
        if (await Promise.race([idle.promise, given]) === "late") return false;
      } finally {
        this.#waiting.delete(idle.resolve);
      }
      await new Promise((resolve) => setTimeout(resolve, 0)); // the results are told meanwhile
    }
    return true;
  }
}
