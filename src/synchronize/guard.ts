// Guard: the proof that a lock is held, which `using` releases.

import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";

/** The result of an acquisition: proof that the lock is held, and the means to release it. */
export interface Guard extends Disposable {
  /** Releases what was acquired; a second call does nothing. */
  release(): void;
  /** Whether the last holder ended while it held the lock (only with `onOwnerDeath: "recover"`). */
  readonly ownerDied: boolean;
  /**
   * Of a lock of a tree on several machines: a number that grows with every acquisition, which a resource can be told, so
   * that it refuses those who do not know yet that they have lost the lock. Else absent.
   */
  readonly token?: number;
}

/** An object that a guard releases. */
export interface Releasable {
  release(): void;
}

/** The guard of one acquisition: a class, because object literals with a computed method are 200 times slower. */
export class AcquiredGuard implements Guard {
  static {
    showAsText(AcquiredGuard);
    register(AcquiredGuard, {
      name: "Guard",
      refuse: "a Guard belongs to the thread that holds the lock; send the lock, and acquire it there",
    });
  }

  #held: Releasable | null;
  readonly ownerDied: boolean;

  constructor(held: Releasable, ownerDied: boolean) {
    this.#held = held;
    this.ownerDied = ownerDied;
  }

  release(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    held.release();
  }

  /** @ignore It was not released after all. */
  protected holdAgain(held: Releasable): void {
    this.#held = held;
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /** Such as `<Guard(of <Lock(owner=MainProcess)>)>`, or `<Guard(released)>`. */
  toString(): string {
    return `<Guard(${this.#held === null ? "released" : `of ${this.#held}`})>`;
  }
}
