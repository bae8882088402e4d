// Lock and RLock of a manager.

import { Lock } from "../../synchronize/lock.ts";
import type { LockOptions } from "../../synchronize/lock_base.ts";
import { RLock } from "../../synchronize/rlock.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { AcquirableProxy, SyncAcquirable } from "./acquirable.ts";
import { direct, directType, remote, remoteSync } from "./direct.ts";
import { StrangerLock } from "./stranger_locks.ts";

const EXPOSED = ["acquire", "release", "locked"];

/** What the proxies of locks have in common. */
export abstract class AnyLockProxy<D extends Lock | RLock> extends AcquirableProxy<D> {
  /** The same, blocking the thread. */
  override get sync(): SyncLock<D> {
    return super.sync as SyncLock<D>;
  }

  /** Whether somebody holds the lock. */
  async locked(): Promise<boolean> {
    const object = this[direct]();
    return object === null ? await this[remote]("locked", []) as boolean : object.locked();
  }
}

/**
 * Stands for a lock that a manager has. It has no owner as far as releasing goes, as {@linkcode Lock}; and when its
 * holder ends, be that a process of the tree or a client in another program, the next to acquire learns it.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assert, assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const lock = await manager.Lock();
 * {
 *   using _guard = await lock.acquire();
 *   assert(await lock.locked());
 *   assertEquals(lock.sync.tryAcquire(), null);
 * }
 * assert(!lock.sync.locked());
 * ```
 */
export class LockProxy extends AnyLockProxy<Lock> {}

/**
 * Stands for a lock that a manager has and that its owner may acquire again: a thread, as of {@linkcode RLock}, or a
 * client in another program.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assert } from "@std/assert";
 *
 * await using manager = await Manager();
 * const lock = await manager.RLock();
 * using outer = lock.sync.acquire();
 * using inner = lock.sync.acquire();
 * assert(outer !== null && inner !== null);
 * ```
 */
export class RLockProxy extends AnyLockProxy<RLock> {}

/** As {@linkcode LockProxy} and {@linkcode RLockProxy}, blocking the thread. */
export class SyncLock<D extends Lock | RLock = Lock | RLock> extends SyncAcquirable<D> {
  /** Whether somebody holds the lock. */
  locked(): boolean {
    const object = this.proxy[direct]();
    return object === null ? this.proxy[remoteSync]("locked", []) as boolean : object.locked();
  }
}

defineBuiltIn("Lock", EXPOSED, LockProxy, SyncLock, (value) => value instanceof Lock);
defineBuiltIn("RLock", EXPOSED, RLockProxy, class SyncRLock extends SyncLock {}, (value) => value instanceof RLock);

/** The type of locks. */
export const LOCK = directType(
  "Lock",
  EXPOSED,
  (options?: LockOptions) => new Lock(options),
  (lock, caller) => new StrangerLock(lock, caller),
);

/** The type of recursive locks. */
export const RLOCK = directType(
  "RLock",
  EXPOSED,
  (options?: LockOptions) => new RLock(options),
  (lock, caller) => new StrangerLock(lock, caller),
);
