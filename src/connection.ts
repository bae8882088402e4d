/**
 * Connections between processes, after Python's `multiprocessing.connection`, whose bytes they speak.
 *
 * @module
 */

import "./runtime/requirement.ts";

export type { Address, Family } from "./connection/address.ts";
export {
  answerChallenge,
  answerChallengeSync,
  type ChallengeOptions,
  type ChallengeSyncOptions,
  deliverChallenge,
  deliverChallengeSync,
  type DigestName,
} from "./connection/authentication.ts";
export { Client, type ClientOptions, ClientSync, type ClientSyncOptions } from "./connection/client.ts";
export { Connection } from "./connection/connection.ts";
export { Listener, type ListenerOptions } from "./connection/listener.ts";
export { Pipe, type PipeOptions } from "./connection/pipe.ts";
export type { SerializerName } from "./connection/serializer.ts";
export { wait, waitSync } from "./connection/wait.ts";
export { descriptorOf, type Waitable } from "./waiting/waitable.ts";
export type {
  Bytes,
  RecvBytesIntoOptions,
  RecvBytesIntoSyncOptions,
  RecvBytesOptions,
  RecvBytesSyncOptions,
  SendBytesOptions,
  SendBytesSyncOptions,
  TransferOptions,
} from "./connection/options.ts";
