// One end of a pipe in an engine, as users have it. What it sends is sends.ts, what it receives receives.ts.

import { closedError, partsOf } from "../addon/handles.ts";
import {
  type Bytes,
  limitOf,
  partOf,
  pollLimit,
  type RecvBytesIntoOptions,
  type RecvBytesIntoSyncOptions,
  type RecvBytesOptions,
  type RecvBytesSyncOptions,
  roomOf,
  type SendBytesOptions,
  type SendBytesSyncOptions,
  signalOf,
  type TransferOptions,
  transferSignal,
} from "../connection/options.ts";
import { connectionState, readOnly, tooShort, valuesFrom, writeOnly } from "../connection/outcomes.ts";
import type { ConnectionLike } from "../contracts/connection.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";
import { refuseOptions, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { descriptorOf } from "../waiting/waitable.ts";
import { ObjectHandle } from "./handles.ts";
import { Receives } from "./receives.ts";
import { bytesRecord, type TakenRecord, writeRecord } from "./records.ts";
import { Sends } from "./sends.ts";

/** What an end of a pipe is. */
export interface PipeEnd {
  readonly handle: ObjectHandle;
  /** What the engine calls the other end. */
  readonly peer: string;
  readonly readable: boolean;
  readonly writable: boolean;
}

/** One end of a pipe in an engine; see the local `Connection` for what it does. */
export class RemoteConnection<Sent = unknown, Received = Sent> implements ConnectionLike<Sent, Received> {
  static {
    showAsText(RemoteConnection);
    register(RemoteConnection, {
      name: "engine.Connection",
      reduce: (connection) => connection.#reduced(),
      restore(data) {
        const [id, peer, readable, writable] = partsOf(data, "a Connection");
        if (typeof peer !== "string" || typeof readable !== "boolean" || typeof writable !== "boolean") {
          throw new RangeError("Cannot restore a Connection: its description is malformed");
        }
        return new RemoteConnection({ handle: ObjectHandle.adopt([id]), peer, readable, writable });
      },
    });
  }

  readonly #handle: ObjectHandle;
  readonly #peer: string;
  readonly #sends: Sends;
  readonly #receives: Receives;
  #readable: boolean;
  readonly #writable: boolean;

  /** @ignore Made by `Pipe` of a context. */
  constructor({ handle, peer, readable, writable }: PipeEnd) {
    this.#handle = handle;
    this.#peer = peer;
    this.#readable = readable;
    this.#writable = writable;
    this.#sends = new Sends(handle, peer);
    this.#receives = new Receives(handle, this);
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#handle.closed;
  }

  /** Whether it can receive: `false` for the sending end of a one-way pipe, and after a message that was too long. */
  get readable(): boolean {
    return this.#readable;
  }

  /** Whether it can send: `false` for the receiving end of a one-way pipe. */
  get writable(): boolean {
    return this.#writable;
  }

  /** As `send` of the local `Connection`; the promise is fulfilled when the engine has all of it. */
  async send(value: Sent, options?: TransferOptions): Promise<void> {
    const signal = transferSignal(options);
    const { session } = this.#sendable();
    await this.#sends.send(writeRecord(session, value, "send"), signal);
  }

  /** As {@linkcode send}, blocking the thread. */
  sendSync(value: Sent): void {
    if (arguments.length > 1) refuseOptions("send, blocking the thread", arguments[1]);
    const { session } = this.#sendable();
    this.#sends.sendSync(writeRecord(session, value, "send"));
  }

  /** As `sendBytes` of the local `Connection`. */
  async sendBytes(bytes: Bytes, options?: SendBytesOptions): Promise<void> {
    const part = partOf(bytes, options, { isSync: false });
    const signal = signalOf(options);
    const { session } = this.#sendable();
    await this.#sends.send(bytesRecord(session, part, "send"), signal);
  }

  /** As {@linkcode sendBytes}, blocking the thread. */
  sendBytesSync(bytes: Bytes, options?: SendBytesSyncOptions): void {
    const part = partOf(bytes, options, { isSync: true });
    const { session } = this.#sendable();
    this.#sends.sendSync(bytesRecord(session, part, "send"));
  }

  /** As `recv` of the local `Connection`. */
  async recv(options?: TransferOptions): Promise<Received> {
    const signal = transferSignal(options);
    this.#receivable();
    return await this.#receives.receive(signal, (taken) => taken.open()) as Received;
  }

  /** As {@linkcode recv}, blocking the thread. */
  recvSync(): Received {
    if (arguments.length > 0) refuseOptions("receive, blocking the thread", arguments[0]);
    this.#receivable();
    return this.#receives.receiveSync((taken) => taken.openSync()) as Received;
  }

  /** As `recvBytes` of the local `Connection`. */
  async recvBytes(options?: RecvBytesOptions): Promise<Uint8Array<ArrayBuffer>> {
    const limit = limitOf(options, { isSync: false });
    const signal = signalOf(options);
    this.#receivable();
    return await this.#receives.receive(signal, async (taken) => this.#within(await taken.bytes(), limit));
  }

  /** As {@linkcode recvBytes}, blocking the thread. */
  recvBytesSync(options?: RecvBytesSyncOptions): Uint8Array<ArrayBuffer> {
    const limit = limitOf(options, { isSync: true });
    this.#receivable();
    return this.#receives.receiveSync((taken) => this.#within(taken.bytesSync(), limit));
  }

  /** As `recvBytesInto` of the local `Connection`. */
  async recvBytesInto(target: Bytes, options?: RecvBytesIntoOptions): Promise<number> {
    const room = roomOf(target, options, { isSync: false });
    const signal = signalOf(options);
    this.#receivable();
    const into = async (taken: TakenRecord) => copied(await taken.bytes(), room);
    return await this.#receives.receive(signal, into);
  }

  /** As {@linkcode recvBytesInto}, blocking the thread. */
  recvBytesIntoSync(target: Bytes, options?: RecvBytesIntoSyncOptions): number {
    const room = roomOf(target, options, { isSync: true });
    this.#receivable();
    return this.#receives.receiveSync((taken) => copied(taken.bytesSync(), room));
  }

  /** As `poll` of the local `Connection`: absent `timeout`: 0, `null`: for ever. */
  async poll(options: WaitOptions = {}): Promise<boolean> {
    this.#receivable();
    const limit = pollLimit(options);
    options.signal?.throwIfAborted();
    return await this.#receives.poll(limit, options.signal);
  }

  /** As {@linkcode poll}, blocking the thread. */
  pollSync(options: WaitSyncOptions = {}): boolean {
    const limit = pollLimit(options, WAIT_SYNC);
    this.#receivable();
    return this.#receives.pollSync(limit);
  }

  /** Receives value after value, until the other end is closed. */
  [Symbol.asyncIterator](): AsyncIterator<Received> {
    return valuesFrom(this);
  }

  /**
   * Gives up this process's share in this end; what waits for it throws. The end is closed when nobody has it any more.
   * Again: nothing happens.
   */
  close(): void {
    if (this.#handle.closed) return;
    this.#receives.close();
    this.#handle.closeNow();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `<Connection(duplex)>`. */
  toString(): string {
    return `<Connection(${connectionState(this)})>`;
  }

  /** @ignore What `wait` looks at. */
  [descriptorOf](): number | null {
    this.#receivable();
    return this.#receives.descriptor();
  }

  #reduced(): unknown {
    const reference = this.#handle.reference("connection");
    return [...reference, this.#peer, this.#readable, this.#writable];
  }

  #sendable(): ObjectHandle {
    this.#require("send over");
    if (!this.#writable) throw readOnly();
    return this.#handle;
  }

  #receivable(): void {
    this.#require("receive from");
    if (!this.#readable) throw writeOnly();
  }

  #require(action: string): void {
    if (this.#handle.closed) throw closedError(`${action} the connection`, "handle");
  }

  /** The bytes of a message of at most `limit`; one that is longer is the last. */
  #within(bytes: Uint8Array, limit: number): Uint8Array<ArrayBuffer> {
    if (bytes.length <= limit) return bytes.slice();
    if (this.#writable) this.#readable = false;
    else this.close();
    throw new Deno.errors.InvalidData(
      `Cannot receive: bad message length, the next message has ${bytes.length} bytes`,
    );
  }
}

/** How many bytes were copied. */
function copied(bytes: Uint8Array, room: Uint8Array): number {
  if (bytes.length > room.length) throw tooShort(bytes.slice(), room.length);
  room.set(bytes);
  return bytes.length;
}
