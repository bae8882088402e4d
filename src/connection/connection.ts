// One end of a pipe or socket, as users have it. What it does is line.ts.

import { type BlockHandle, partsOf } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { adopted } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import { showAsText } from "../runtime/shown.ts";
import { refuseOptions, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { expect } from "./arrival.ts";
import { type End, Line, NOT_HERE } from "./line.ts";
import {
  type Bytes,
  limitOf,
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
} from "./options.ts";
import { connectionState, valuesFrom } from "./outcomes.ts";
import { endWaits, wait } from "./wait.ts";

/** Names the method of a connection that receives without waiting. */
export const receiveAtOnce: unique symbol = Symbol("receiveAtOnce");
/** Names the method of a connection that sends without waiting, behind whatever waits. */
export const sendAtOnce: unique symbol = Symbol("sendAtOnce");
/** Names the method of a connection that waits until nothing is left to be sent. */
export const allSent: unique symbol = Symbol("allSent");
/** Names the method of a connection that confirms what has come. */
export const confirm: unique symbol = Symbol("confirm");
/** Names the method of a connection that tells which process is at its other end. */
export const peerProcess: unique symbol = Symbol("peerProcess");

/**
 * One end of a pipe or socket, for messages: values with {@linkcode Connection.send | send} and
 * {@linkcode Connection.recv | recv}, bytes with {@linkcode Connection.sendBytes | sendBytes} and
 * {@linkcode Connection.recvBytes | recvBytes}. The bytes on the wire are those of Python's
 * `multiprocessing.connection`.
 *
 * Sends that wait are done in the order of their calls, and so are receives. While one waits in a promise, its twin
 * that blocks the thread would overtake it, and throws {@linkcode InvalidStateError}.
 *
 * An aborted receive loses nothing: what has come of the message is the beginning of the next one received. An aborted
 * send has sent nothing, or goes on in the background if a part of its message is on the way already: the other end
 * never sees half a message.
 *
 * @example Bytes and values
 * ```ts
 * import { Pipe } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const [a, b] = Pipe();
 * using _ = a;
 * using __ = b;
 * a.sendBytesSync(new TextEncoder().encode("hi"));
 * assertEquals(b.recvBytesSync(), new Uint8Array([104, 105]));
 * await b.send({ answer: 42n });
 * assertEquals(await a.recv(), { answer: 42n });
 * ```
 *
 * `Sent` and `Received` are the types of the values that it sends and receives: `unknown`, unless {@linkcode Pipe},
 * {@linkcode Client} or {@linkcode Listener} was given them. Nothing checks that the other end keeps to them.
 *
 * @example A function that takes numbers and answers with texts
 * ```ts
 * import { type Connection, Pipe } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * async function describe(connection: Connection<string, number>) {
 *   for await (const n of connection) await connection.send(n % 2 === 0 ? "even" : "odd");
 * }
 * const [here, there] = Pipe<number, string>();
 * const done = describe(there);
 * await here.send(7);
 * assertEquals(await here.recv(), "odd");
 * here.close();
 * await done;
 * there.close();
 * ```
 */
export class Connection<Sent = unknown, Received = Sent> implements Disposable, AsyncIterable<Received>, Waitable {
  static {
    showAsText(Connection);
    register(Connection, {
      reduce: (connection) => connection.#line.reduce(),
      restore: (data) => Connection.#restore(data),
    });
  }

  readonly #line: Line;

  /** @ignore Made by {@linkcode Pipe} and the like. */
  constructor(end: End) {
    this.#line = new Line(end, () => endWaits(this));
  }

  /** The connection that a message names; it may be still to arrive. */
  static #restore(data: unknown): Connection {
    const [offer, readable, writable, pipe] = partsOf(data, "a Connection");
    const offered = adopted(offer);
    let shared: BlockHandle | null;
    try {
      shared = pipe === null ? null : adopted(pipe);
    } catch (error) {
      offered.close();
      throw error;
    }
    const connection = new Connection({
      id: NOT_HERE,
      readable: readable === true,
      writable: writable === true,
      pipe: shared,
    });
    try {
      expect(connection, connection.#line.arriveFrom(offered));
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#line.isClosed;
  }

  /** Whether it can receive: `false` for the sending end of a one-way pipe, and after a message that was too long. */
  get readable(): boolean {
    return this.#line.readable;
  }

  /** Whether it can send: `false` for the receiving end of a one-way pipe. */
  get writable(): boolean {
    return this.#line.writable;
  }

  /**
   * The number of its descriptor.
   *
   * @throws {InvalidStateError} If it is closed.
   */
  fileno(): number {
    return native().connectionFileno(this.#line.open("look at"));
  }

  /**
   * Sends a value, without blocking the thread. The value is serialised at once: it may change as soon as `send` has
   * returned its promise, which is fulfilled when the operating system has all of it.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is sent. Where values are pickles, `PickleError`.
   * @throws {Deno.errors.BrokenPipe} If the other end is closed.
   * @throws {InvalidStateError} If the connection is closed or only receives.
   * @throws What `signal` was aborted with; see {@linkcode Connection}.
   */
  send(value: Sent, options?: TransferOptions): Promise<void> {
    return this.#line.sendValue(value, options);
  }

  /**
   * As {@linkcode send}, blocking the thread until the operating system has all of the value.
   *
   * @throws {TypeError} Also if there are options: it takes none.
   * @throws {InvalidStateError} Also while a send waits in a promise.
   */
  sendSync(value: Sent): void {
    if (arguments.length > 1) refuseOptions("send, blocking the thread", arguments[1]);
    this.#line.sendValueNow(value);
  }

  /**
   * Sends bytes, or a part of them, as one message, without blocking the thread. They may change as soon as
   * `sendBytes` has returned its promise.
   *
   * @throws {TypeError} If `bytes` are no buffer or view.
   * @throws {RangeError} If `offset` or `size` are negative, no whole numbers, or reach beyond the end.
   * @throws {Deno.errors.BrokenPipe} If the other end is closed.
   * @throws {InvalidStateError} If the connection is closed or only receives.
   * @throws What `signal` was aborted with; see {@linkcode Connection}.
   */
  sendBytes(bytes: Bytes, options?: SendBytesOptions): Promise<void> {
    return this.#line.sendBytes(bytes, options);
  }

  /**
   * As {@linkcode sendBytes}, blocking the thread until the operating system has all of the bytes.
   *
   * @throws {InvalidStateError} Also while a send waits in a promise.
   */
  sendBytesSync(bytes: Bytes, options?: SendBytesSyncOptions): void {
    this.#line.sendBytesNow(bytes, options);
  }

  /**
   * Receives a value that {@linkcode send} has sent, without blocking the thread.
   *
   * @throws {EOFError} If the other end is closed and nothing is left.
   * @throws {Deno.errors.UnexpectedEof} If the other end was closed inside a message.
   * @throws {Deno.errors.InvalidData} If what came cannot be the start of a message; then nothing more can be received.
   * @throws {RangeError} If the message is no value.
   * @throws {InvalidStateError} If the connection is closed or only sends.
   * @throws What `signal` was aborted with; then nothing is lost.
   */
  async recv(options?: TransferOptions): Promise<Received> {
    return await this.#line.receive(Infinity, transferSignal(options), this.#line.takeValue) as Received;
  }

  /**
   * As {@linkcode recv}, blocking the thread. `pollSync` waits for a message for a time.
   *
   * @throws {TypeError} If there are options: it takes none.
   * @throws {InvalidStateError} Also while a receive waits in a promise.
   */
  recvSync(): Received {
    if (arguments.length > 0) refuseOptions("receive, blocking the thread", arguments[0]);
    return this.#line.receiveNow(Infinity, this.#line.takeValue) as Received;
  }

  /**
   * Receives the bytes of one message, without blocking the thread. Up to 4 KiB arrive as a view of a larger buffer, as
   * in node's `Buffer`: use its `byteOffset`, and `slice()` it before its buffer is transferred. No two views overlap.
   *
   * @throws {RangeError} If `maxlength` is negative or no whole number.
   * @throws {Deno.errors.InvalidData} If the message is longer than `maxlength`; it cannot be skipped, so nothing more
   * can be received: an end that also sends is no longer {@linkcode readable}, one that does not is closed.
   * @throws Otherwise as {@linkcode recv}.
   */
  async recvBytes(options?: RecvBytesOptions): Promise<Uint8Array<ArrayBuffer>> {
    const limit = limitOf(options, { isSync: false });
    return await this.#line.receive(limit, signalOf(options), this.#line.takeBytes);
  }

  /**
   * As {@linkcode recvBytes}, blocking the thread.
   *
   * @throws {InvalidStateError} Also while a receive waits in a promise.
   */
  recvBytesSync(options?: RecvBytesSyncOptions): Uint8Array<ArrayBuffer> {
    return this.#line.receiveNow(limitOf(options, { isSync: true }), this.#line.takeBytes);
  }

  /**
   * Receives the bytes of one message into a buffer, without blocking the thread.
   *
   * @returns How many bytes were received.
   * @throws {BufferTooShort} If the message does not fit; the error has it.
   * @throws {RangeError} If `offset` is negative, no whole number or beyond the end.
   * @throws Otherwise as {@linkcode recv}.
   */
  async recvBytesInto(target: Bytes, options?: RecvBytesIntoOptions): Promise<number> {
    const room = roomOf(target, options, { isSync: false });
    return await this.#line.receive(Infinity, signalOf(options), (got) => this.#line.takeInto(got, room));
  }

  /**
   * As {@linkcode recvBytesInto}, blocking the thread.
   *
   * @throws {InvalidStateError} Also while a receive waits in a promise.
   */
  recvBytesIntoSync(target: Bytes, options?: RecvBytesIntoSyncOptions): number {
    const room = roomOf(target, options, { isSync: true });
    return this.#line.receiveNow(Infinity, (got) => this.#line.takeInto(got, room));
  }

  /**
   * Whether there is something to receive: a message, a part of one, or the end. Waits for it up to `timeout`
   * milliseconds without blocking the thread; absent: 0, unlike elsewhere, `null`: for ever.
   *
   * @throws {InvalidStateError} If the connection is closed or only sends.
   * @throws What `signal` was aborted with.
   */
  async poll(options: WaitOptions = {}): Promise<boolean> {
    this.#line.receivable();
    const timeout = pollLimit(options);
    return (await wait([this], { timeout, signal: options.signal })).length > 0;
  }

  /** As {@linkcode poll}, blocking the thread. */
  pollSync(options: WaitSyncOptions = {}): boolean {
    const limit = pollLimit(options, WAIT_SYNC);
    const id = this.#line.receivable();
    return this.#line.messages.parcel !== null || translated(() => native().connectionPoll(id, limit)) === 1;
  }

  /** Receives value after value, until the other end is closed. */
  [Symbol.asyncIterator](): AsyncIterator<Received> {
    return valuesFrom(this);
  }

  /** Closes this end; what waits for it throws {@linkcode InvalidStateError}. Again: nothing happens. */
  close(): void {
    this.#line.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `<Connection(duplex)>`. */
  toString(): string {
    return `<Connection(${connectionState(this)})>`;
  }

  /** @ignore What {@linkcode wait} looks at. */
  [descriptorOf](): number | null {
    const id = this.#line.receivable();
    const hasBegun = this.#line.messages.parcel !== null || native().connectionHasBegun(id) === 1;
    return hasBegun ? null : native().connectionFileno(id);
  }

  /** @ignore For handshakes: a message of at most `limit` bytes; `undefined` if it is not whole. */
  [receiveAtOnce](limit: number, patience?: number): Uint8Array<ArrayBuffer> | undefined {
    return this.#line.receiveAtOnce(limit, patience);
  }

  /** @ignore For managers, which send by nothing else: whether all has been sent, and nothing is kept. */
  [sendAtOnce](bytes: Uint8Array): boolean {
    return this.#line.sendAtOnce(bytes);
  }

  /** @ignore For managers: waits until nothing is kept. */
  [allSent](inBackground: boolean): Promise<void> {
    return this.#line.allSent(inBackground);
  }

  /** @ignore For handshakes: confirms at once what has come, which the other end may wait for before it says more. */
  [confirm](): void {
    native().connectionConfirm(this.#line.open("look at"));
  }

  /** @ignore For managers: the number of the process at the other end; 0 if that is on another machine, or not told. */
  [peerProcess](): number {
    return native().connectionPeer(this.#line.open("look at"));
  }
}
