// The contract of connections.

import type {
  Bytes,
  RecvBytesIntoOptions,
  RecvBytesIntoSyncOptions,
  RecvBytesOptions,
  RecvBytesSyncOptions,
  SendBytesOptions,
  SendBytesSyncOptions,
  TransferOptions,
} from "../connection/options.ts";
import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";
import type { Waitable } from "../waiting/waitable.ts";

/** What can be done with one end of a pipe, whoever implements it: as {@linkcode Connection}, which is one implementation. */
export interface ConnectionLike<Sent = unknown, Received = Sent> extends Disposable, AsyncIterable<Received>, Waitable {
  /** Whether {@linkcode close} was called. */
  readonly closed: boolean;
  /** Whether it can receive. */
  readonly readable: boolean;
  /** Whether it can send. */
  readonly writable: boolean;
  /** Sends a value, without blocking the thread. */
  send(value: Sent, options?: TransferOptions): Promise<void>;
  /** As {@linkcode send}, blocking the thread. */
  sendSync(value: Sent): void;
  /** Sends bytes, or a part of them, as one message, without blocking the thread. */
  sendBytes(bytes: Bytes, options?: SendBytesOptions): Promise<void>;
  /** As {@linkcode sendBytes}, blocking the thread. */
  sendBytesSync(bytes: Bytes, options?: SendBytesSyncOptions): void;
  /** Receives a value that {@linkcode send} has sent, without blocking the thread. */
  recv(options?: TransferOptions): Promise<Received>;
  /** As {@linkcode recv}, blocking the thread. */
  recvSync(): Received;
  /** Receives the bytes of one message, without blocking the thread. */
  recvBytes(options?: RecvBytesOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** As {@linkcode recvBytes}, blocking the thread. */
  recvBytesSync(options?: RecvBytesSyncOptions): Uint8Array<ArrayBuffer>;
  /** Receives the bytes of one message into a buffer, without blocking the thread; how many they were. */
  recvBytesInto(target: Bytes, options?: RecvBytesIntoOptions): Promise<number>;
  /** As {@linkcode recvBytesInto}, blocking the thread. */
  recvBytesIntoSync(target: Bytes, options?: RecvBytesIntoSyncOptions): number;
  /** Whether there is something to receive: a message, a part of one, or the end. Absent `timeout`: 0. */
  poll(options?: WaitOptions): Promise<boolean>;
  /** As {@linkcode poll}, blocking the thread. */
  pollSync(options?: WaitSyncOptions): boolean;
  /** Closes this end. */
  close(): void;
}
