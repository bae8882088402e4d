// The guard of a lock of an engine, which has a number that grows with every acquisition.

import { register } from "../reduction/registry.ts";
import { AcquiredGuard, type Releasable } from "../synchronize/guard.ts";

/** How this thread holds a lock: what its guards have in common. */
export interface Hold {
  /** The number of the acquisition; another after a condition's wait. */
  token: number;
}

/** The guard of one acquisition of a lock. */
export class RemoteGuard extends AcquiredGuard {
  static {
    register(RemoteGuard, {
      name: "Guard",
      refuse: "a Guard belongs to the thread that holds the lock; send the lock, and acquire it there",
    });
  }

  readonly #hold: Hold;

  constructor(held: Releasable, ownerDied: boolean, hold: Hold) {
    super(held, ownerDied);
    this.#hold = hold;
  }

  /** Grows with every acquisition of the lock, whoever acquires it. */
  get token(): number {
    return this.#hold.token;
  }
}
