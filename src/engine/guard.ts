// The guards of an engine. What one releases is released in any case: where the engine is away, once it is back.

import { EngineUnavailableError } from "../errors.ts";
import { register } from "../reduction/registry.ts";
import { AcquiredGuard, type Releasable } from "../synchronize/guard.ts";
import { isRefused } from "./load.ts";
import type { Answer, Later } from "./session.ts";

const REFUSED = {
  name: "Guard",
  refuse: "a Guard belongs to the thread that holds the lock; send the lock, and acquire it there",
};

/** What a guard of an engine releases. */
export interface Insisting extends Releasable {
  /** Releases; where it throws that the engine is away, that is done once it is back. */
  release(): void;
  /** Waits until a release that has thrown so is done, and throws what it would have thrown. */
  confirm(): unknown;
  /** What it is, for messages. */
  toString(): string;
}

/** What has become of a release that has thrown, since the engine was away. */
export class Afterwards implements Later {
  #answer: Answer | null = null;
  #error: unknown = null;

  told(answer: Answer): void {
    this.#answer = answer;
  }

  failed(error: unknown): void {
    this.#error = error;
  }

  /**
   * What it was answered, after all was settled; `null` if the tree was left before.
   *
   * @throws Why it was not done.
   */
  answer(): Answer | null {
    if (this.#error !== null) throw this.#error;
    return this.#answer;
  }
}

/** How this thread holds a lock: what its guards have in common. */
export interface Hold {
  /** The number of the acquisition; another after a condition's wait. */
  token: number;
}

/** The guard of one acquisition of something of an engine. */
export class InsistingGuard extends AcquiredGuard {
  static {
    register(InsistingGuard, REFUSED);
  }

  readonly #insisting: Insisting;
  /** Whether its release has thrown that the engine is away. */
  #isInDoubt = false;

  constructor(held: Insisting, ownerDied: boolean) {
    super(held, ownerDied);
    this.#insisting = held;
  }

  override release(): void {
    try {
      if (this.#isInDoubt) this.#insisting.confirm();
      else super.release();
      this.#isInDoubt = false;
    } catch (error) {
      this.#isInDoubt = error instanceof EngineUnavailableError;
      if (isRefused(error)) this.holdAgain(this.#insisting);
      throw error;
    }
  }
}

/** The guard of one acquisition of a lock, which has a number that grows with every acquisition. */
export class RemoteGuard extends InsistingGuard {
  static {
    register(RemoteGuard, REFUSED);
  }

  readonly #hold: Hold;

  constructor(held: Insisting, ownerDied: boolean, hold: Hold) {
    super(held, ownerDied);
    this.#hold = hold;
  }

  /** Grows with every acquisition of the lock, whoever acquires it. */
  get token(): number {
    return this.#hold.token;
  }
}
