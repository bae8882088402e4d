/**
 * Connections between processes, after Python's `multiprocessing.connection`, whose bytes they speak.
 *
 * @module
 */

export {
  type Bytes,
  Connection,
  type RecvBytesIntoOptions,
  type RecvBytesIntoSyncOptions,
  type RecvBytesOptions,
  type RecvBytesSyncOptions,
  type SendBytesOptions,
  type SendBytesSyncOptions,
  type TransferOptions,
} from "./connection/connection.ts";
export { Pipe, type PipeOptions } from "./connection/pipe.ts";
export { wait, waitSync } from "./connection/wait.ts";
export { descriptorOf, type Waitable } from "./waitable.ts";
