/**
 * Process parallelism for Deno, after Python's `multiprocessing`.
 *
 * @module
 */

export * from "./src/errors.ts";
export type { AcquireOptions, AcquireSyncOptions, WaitOptions, WaitSyncOptions } from "./src/options.ts";
export { type Guard, Lock, type LockOptions, RLock } from "./src/synchronize.ts";
export { JoinableQueue, Queue } from "./src/queues.ts";
export { activeChildren, cpuCount, type ModuleExport, Process, type ProcessOptions, type Target } from "./src/process.ts";
