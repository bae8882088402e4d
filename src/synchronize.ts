/**
 * Synchronization between the processes of a tree, after Python's `multiprocessing.synchronize`.
 *
 * @module
 */

export type { Guard } from "./synchronize/guard.ts";
export { Lock, type LockOptions, RLock } from "./synchronize/lock.ts";
