/**
 * Queues between the processes of a tree, after Python's `multiprocessing.queues`.
 *
 * @module
 */

import "./runtime/requirement.ts";

export type { Loan } from "./queues/loan.ts";
export type { BytesView } from "./queues/bytes_view.ts";
export { JoinableQueue } from "./queues/joinable_queue.ts";
export { Queue } from "./queues/queue.ts";
export { SimpleQueue } from "./queues/simple_queue.ts";
export type { SimpleQueueBase } from "./queues/simple_queue_base.ts";
export type { AcquireOptions, AcquireSyncOptions, WaitOptions, WaitSyncOptions } from "./waiting/options.ts";
export type { NameOptions } from "./runtime/object_name.ts";
