// What is acquired and released by the lock that it has: conditions, and values with a lock; on one machine and on engines.

import type { AcquireOptions, AcquireSyncOptions } from "../waiting/options.ts";
import type { Guard } from "./guard.ts";

/** What a lock can do that is passed on. */
interface Doors {
  acquire(options: AcquireOptions): Promise<Guard | null>;
  acquireSync(options: AcquireSyncOptions): Guard | null;
  tryAcquire(): Guard | null;
  release(): void;
}

/** What has a lock, and is acquired and released as that. */
export abstract class Lockable {
  readonly #lock: Doors;

  /** @ignore Made by what extends it. */
  protected constructor(lock: Doors) {
    this.#lock = lock;
  }

  /**
   * Acquires the lock, waiting for it without blocking the thread.
   *
   * @throws {OwnerDiedError} If the holder was killed, unless the lock's `onOwnerDeath` is `"recover"`.
   * @throws What `signal` was aborted with; the lock is then not acquired.
   */
  acquire(): Promise<Guard>;
  /** As above; `null` if the lock was not acquired in time. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  acquire(options: AcquireOptions = {}): Promise<Guard | null> {
    return this.#lock.acquire(options);
  }

  /**
   * Acquires the lock, blocking the thread until it is free.
   *
   * @throws {OwnerDiedError} If the holder was killed, unless the lock's `onOwnerDeath` is `"recover"`.
   */
  acquireSync(): Guard;
  /** As above; `null` if the lock was not acquired in time. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  acquireSync(options: AcquireSyncOptions = {}): Guard | null {
    return this.#lock.acquireSync(options);
  }

  /** Acquires the lock if that is possible at once; `null` if not. */
  tryAcquire(): Guard | null {
    return this.#lock.tryAcquire();
  }

  /**
   * Releases the lock.
   *
   * @throws {InvalidStateError} If it is not held, or (RLock) not by this thread.
   */
  release(): void {
    this.#lock.release();
  }
}
