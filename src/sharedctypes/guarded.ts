// The common part of values with a lock: the lock, and how both travel.

import { type BlockHandle, partsOf } from "../addon/handles.ts";
import type { AcquireOptions, AcquireSyncOptions } from "../waiting/options.ts";
import type { Guard } from "../synchronize/guard.ts";
import { Lock } from "../synchronize/lock.ts";
import { RLock } from "../synchronize/rlock.ts";
import { showAsText } from "../runtime/shown.ts";

/** A lock, and whether it was made for the value that it guards and goes with it. */
export interface Protection {
  readonly lock: Lock | RLock;
  readonly isOwn: boolean;
  /** Whether it is in the same cell as the value. */
  readonly isInCell?: boolean;
}

/** How a protection travels; the lock is `null` if it is in the same cell as the value. */
export type ProtectionData = [lock: Lock | RLock | null, isOwn: boolean];

/** The lock that a message brings for the value whose memory is `handle`'s. */
export function restoreProtection(data: unknown, handle: BlockHandle | null): Protection {
  const [lock, isOwn] = partsOf(data, "a synchronized object");
  if (lock instanceof Lock || lock instanceof RLock) return { lock, isOwn: isOwn === true };
  if (lock !== null || handle === null) throw new RangeError("Cannot restore a synchronized object: it has no lock");
  return lockInCell(handle);
}

/** The lock in the cell of a value that was made for it. */
export function lockInCell(cell: BlockHandle): Protection {
  return { lock: new RLock(cell, true), isOwn: true, isInCell: true };
}

/** A value and its lock. */
export abstract class Guarded<R> implements Disposable {
  static {
    showAsText(Guarded);
  }

  readonly #protection: Protection;

  /** @ignore Made by `Value` and `Array`. */
  protected constructor(protection: Protection) {
    this.#protection = protection;
  }

  /** @ignore How the lock travels. */
  protected protectionData(): ProtectionData {
    const { lock, isOwn, isInCell } = this.#protection;
    return [isInCell ? null : lock, isOwn];
  }

  /** What is guarded, for use without the lock or while it is held. */
  abstract getObj(): R;

  /** The lock. */
  getLock(): Lock | RLock {
    return this.#protection.lock;
  }

  /** Acquires the lock, waiting for it without blocking the thread. */
  acquire(): Promise<Guard>;
  /** As above; `null` if the lock was not acquired in time. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  acquire(options: AcquireOptions = {}): Promise<Guard | null> {
    return this.#protection.lock.acquire(options);
  }

  /** Acquires the lock, blocking the thread until it is free. */
  acquireSync(): Guard;
  /** As above; `null` if the lock was not acquired in time. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  acquireSync(options: AcquireSyncOptions = {}): Guard | null {
    return this.#protection.lock.acquireSync(options);
  }

  /** Acquires the lock if that is possible at once; `null` if not. */
  tryAcquire(): Guard | null {
    return this.#protection.lock.tryAcquire();
  }

  /**
   * Releases the lock.
   *
   * @throws {InvalidStateError} If it is not held, or (RLock) not by this thread.
   */
  release(): void {
    this.#protection.lock.release();
  }

  /**
   * Gives up this process's share in the value, and in its lock unless that was given to it; a second call does
   * nothing. The memory goes with the last share of all processes.
   */
  close(): void {
    const { lock, isOwn } = this.#protection;
    if (isOwn) lock[Symbol.dispose]();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
