/**
 * Pools of worker processes, after Python's `multiprocessing.pool`.
 *
 * @module
 */

import "./runtime/requirement.ts";

export { AsyncResult, type Callbacks } from "./pool/async_result.ts";
export { ImapIterator } from "./pool/calls/imap.ts";
export type { WorkerExit, WorkerStart } from "./pool/hooks.ts";
export type { Items } from "./pool/input.ts";
export type {
  ApplyAsyncOptions,
  ApplyOptions,
  CallOptions,
  ImapOptions,
  MapAsyncOptions,
  MapOptions,
  PoolContext,
  PoolInitializer,
  PoolOptions,
  PoolSettings,
  ProcessClass,
  ReportListener,
  SettledOptions,
  StreamOptions,
  TaskReport,
  TransformOptions,
} from "./pool/options.ts";
export type { Retries, RetryOn } from "./pool/retries.ts";
export type {
  ApplyArguments,
  ApplyAsyncArguments,
  ApplyResult,
  ApplySyncArguments,
  ItemResult,
  SettledItem,
} from "./pool/signatures.ts";
export type { Progress, ProgressListener } from "./pool/progress.ts";
export type { Percentiles } from "./pool/histogram.ts";
export type { PoolSize } from "./pool/size.ts";
export type { PoolStats, WorkerStats } from "./pool/stats.ts";
export { type CurrentTask, currentTask } from "./pool/task.ts";
export { Pool } from "./pool/pool.ts";
