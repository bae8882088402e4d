/**
 * Process parallelism for Deno, after Python's `multiprocessing`.
 *
 * @module
 */

import "./src/runtime/requirement.ts";

// Every type of the sub-paths; what there is besides types is listed below.
export type * from "./src/connection.ts";
export type * from "./src/context.ts";
export type * from "./src/managers.ts";
export type * from "./src/pool.ts";
export type * from "./src/process.ts";
export type * from "./src/queues.ts";
export type * from "./src/sharedctypes.ts";
export type * from "./src/synchronize.ts";

export {
  freezeSupport,
  getAllStartMethods,
  getContext,
  getStartMethod,
  type GetStartMethodOptions,
  Manager,
  setExecutable,
  setForkserverPreload,
  setStartMethod,
  type SetStartMethodOptions,
  type StartMethod,
} from "./src/context.ts";
export * from "./src/errors.ts";
export type { NameOptions } from "./src/runtime/object_name.ts";
export type { AcquireOptions, AcquireSyncOptions, WaitOptions, WaitSyncOptions } from "./src/waiting/options.ts";
export {
  Barrier,
  type BarrierAction,
  type BarrierOptions,
  BoundedSemaphore,
  Condition,
  Event,
  type Guard,
  Lock,
  type LockOptions,
  RLock,
  Semaphore,
} from "./src/synchronize.ts";
export {
  type Address,
  answerChallenge,
  answerChallengeSync,
  type Bytes,
  type ChallengeOptions,
  type ChallengeSyncOptions,
  Client,
  type ClientOptions,
  ClientSync,
  type ClientSyncOptions,
  Connection,
  deliverChallenge,
  deliverChallengeSync,
  type DigestName,
  type Family,
  Listener,
  type ListenerOptions,
  Pipe,
  type PipeOptions,
  type RecvBytesIntoOptions,
  type RecvBytesIntoSyncOptions,
  type RecvBytesOptions,
  type RecvBytesSyncOptions,
  type SendBytesOptions,
  type SendBytesSyncOptions,
  type SerializerName,
  type TransferOptions,
  wait,
  type Waitable,
  waitSync,
} from "./src/connection.ts";
export { getLogger, LOG_LEVELS, Logger, type LoggerState, type LogLevel, logToStderr } from "./src/runtime/logging.ts";
export { JoinableQueue, Queue, SimpleQueue } from "./src/queues.ts";
export { AuthenticationString } from "./src/launch/authkey.ts";
export {
  type ApplyAsyncOptions,
  type ApplyOptions,
  AsyncResult,
  type Callbacks,
  type CallOptions,
  type CurrentTask,
  currentTask,
  ImapIterator,
  type ImapOptions,
  type Items,
  type MapAsyncOptions,
  type MapOptions,
  type Percentiles,
  Pool,
  type PoolContext,
  type PoolOptions,
  type PoolSize,
  type PoolStats,
  type Progress,
  type ReportListener,
  type Retries,
  type RetryOn,
  type TaskReport,
  type TransformOptions,
  type WorkerExit,
  type WorkerStart,
  type WorkerStats,
} from "./src/pool.ts";
export {
  activeChildren,
  type AnyFunction,
  type ArgumentLists,
  cpuCount,
  currentProcess,
  type ModuleExport,
  type NamedProcessOptions,
  type ParentProcess,
  parentProcess,
  Process,
  type ProcessOptions,
  type ProcessSettings,
  type ProcessWork,
  python,
  type PythonOptions,
  type Results,
  type Sentinel,
  type Target,
} from "./src/process.ts";

export {
  Array,
  copy,
  RawArray,
  RawValue,
  type Scalar,
  type SharedOptions,
  Structure,
  type StructureArray,
  type Structured,
  type StructureType,
  type Synchronized,
  synchronized,
  type SynchronizedArray,
  type SynchronizedString,
  type SynchronizedStructure,
  type TypeCode,
  Value,
} from "./src/sharedctypes.ts";
