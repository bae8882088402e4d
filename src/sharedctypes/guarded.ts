// The common part of values with a lock: the lock, and how both travel.

import { type BlockHandle, partsOf } from "../addon/handles.ts";
import { Lock } from "../synchronize/lock.ts";
import { Lockable } from "../synchronize/lockable.ts";
import { RLock } from "../synchronize/rlock.ts";
import { inOneLine } from "../runtime/harmless.ts";
import { showAsText } from "../runtime/shown.ts";
import { withUsersFrames } from "../runtime/stack.ts";

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

/**
 * Refuses what a value cannot be updated by.
 *
 * @throws {TypeError} If it is no function.
 */
export function requireChange(change: unknown): void {
  if (typeof change === "function") return;
  throw withUsersFrames(
    new TypeError(`Cannot update the value: the change is ${inOneLine(change)}, wanted a function of the value`),
  );
}

/** A value and its lock. */
export abstract class Guarded<R> extends Lockable implements Disposable {
  static {
    showAsText(Guarded);
  }

  readonly #protection: Protection;

  /** @ignore Made by `Value` and `Array`. */
  protected constructor(protection: Protection) {
    super(protection.lock);
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
