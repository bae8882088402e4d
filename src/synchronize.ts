/**
 * Synchronization between the processes of a tree, after Python's `multiprocessing.synchronize`.
 *
 * @module
 */

import "./runtime/requirement.ts";

export { Barrier, type BarrierAction, type BarrierOptions } from "./synchronize/barrier.ts";
export { Condition } from "./synchronize/condition.ts";
export { Event } from "./synchronize/event.ts";
export type { Guard } from "./synchronize/guard.ts";
export { Lock } from "./synchronize/lock.ts";
export type { Lockable } from "./synchronize/lockable.ts";
export type { LockBase, LockOptions } from "./synchronize/lock_base.ts";
export { RLock } from "./synchronize/rlock.ts";
export { BoundedSemaphore, Semaphore } from "./synchronize/semaphore.ts";
export type { NameOptions } from "./runtime/object_name.ts";
