// One end of a pipe or socket. The bytes of its messages are made in messages.ts.

import { BlockHandle, type BlockReference, closedError, partsOf } from "../addon/handles.ts";
import { BufferTooShort, EOFError, InvalidStateError } from "../errors.ts";
import { keepsLoop, loopTurned, yieldToLoop } from "../waiting/turns.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { attach, register } from "../reduction/registry.ts";
import { setDiscarder } from "../reduction/registry.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { wait as waitForTicket } from "../addon/waits.ts";
import { Arrival, arriveNow, expect } from "./arrival.ts";
import { type GlanceHabit, Glances } from "../waiting/glance.ts";
import { type Message, Messages, Patience, plainMessage, ReceiveStatus, SendStatus } from "./messages.ts";
import {
  type Bytes,
  limitOf,
  partOf,
  type RecvBytesIntoOptions,
  type RecvBytesIntoSyncOptions,
  type RecvBytesOptions,
  type RecvBytesSyncOptions,
  roomOf,
  type SendBytesOptions,
  type SendBytesSyncOptions,
  signalOf,
  type TransferOptions,
} from "./options.ts";
import { endWaits, wait } from "./wait.ts";
import { performance } from "../runtime/timing.ts";
import { showAsText } from "../runtime/shown.ts";

/** Names the method of a connection that receives without waiting. */
export const receiveAtOnce: unique symbol = Symbol("receiveAtOnce");

/** When a promise for a message looks out for it. */
const GLANCE_HABIT: GlanceHabit = { hot: 0.2, mostInARow: 64, waitsAfterAMiss: 8 };

/** What a connection is made of. */
export interface End {
  /** The number under which the addon knows it. */
  readonly id: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The pipe that it is an end of; `null` if its other end may be outside of the tree. */
  readonly pipe: BlockHandle | null;
}

/** How a message names a connection: the process that has the descriptor, readable, writable, and the pipe. */
type Reduced = [offer: BlockReference, readable: boolean, writable: boolean, pipe: BlockReference | null];

/** Makes something of a message of this length, before anything else can happen. */
type Take<T> = (got: number) => T;

/** In the place of what was received. */
const NOT_YET: unique symbol = Symbol("not yet");

/** In the place of a connection's number in the addon: its sender still has it. */
const NOT_HERE = 2 ** 32 - 1;

/** What was offered for messages that are just being written: blocks and their generations. */
const offered = new Map<number, number>();

/** Last resort for messages that nobody sends: their bytes have been forgotten. */
const forgotten = new FinalizationRegistry<number[]>((pairs) => native().connectionAbandonOffers(pairs));

function discardOffers(attachments: readonly number[]): void {
  for (const block of attachments) offered.delete(block);
  native().connectionWithdrawOffers([...attachments]);
}

function followOffers(bytes: Uint8Array, attachments: readonly number[]): void {
  if (offered.size === 0) return;
  const pairs = attachments.flatMap((block) => {
    const generation = offered.get(block);
    offered.delete(block);
    return generation === undefined ? [] : [block, generation];
  });
  if (pairs.length > 0) forgotten.register(bytes, pairs);
}

/** Last resort for connections that nobody closed. */
const collected = new FinalizationRegistry<number>((id) => native().connectionClose(id));

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
 */
export class Connection implements Disposable, AsyncIterable<unknown>, Waitable {
  static {
    setDiscarder(discardOffers, followOffers);
    showAsText(Connection);
    register(Connection, {
      reduce: (connection) => connection.#reduce(),
      restore: (data) => Connection.#restore(data),
    });
  }

  #id: number;
  /** While its sender still has it. */
  #arrival: Arrival | null = null;
  readonly #pipe: BlockHandle | null;
  readonly #messages: Messages;
  readonly #takeValue: Take<unknown>;
  readonly #takeBytes: Take<Uint8Array<ArrayBuffer>>;
  readonly #sending = new Turnstile();
  readonly #receiving = new Turnstile();
  readonly #glances = new Glances(GLANCE_HABIT);
  #closing: AbortController | undefined;
  #readable: boolean;
  #writable: boolean;
  #isClosed = false;

  /** @ignore Made by {@linkcode Pipe} and the like. */
  constructor({ id, readable, writable, pipe }: End) {
    this.#id = id;
    this.#pipe = pipe;
    const messages = new Messages(id, pipe);
    this.#messages = messages;
    this.#takeValue = (got) => messages.takeValue(got);
    this.#takeBytes = (got) => messages.takeBytes(got);
    this.#readable = readable;
    this.#writable = writable;
    if (id !== NOT_HERE) collected.register(this, id, this);
  }

  /** The connection that a message speaks of; it may be still to arrive. */
  static #restore(data: unknown): Connection {
    const [offer, readable, writable, pipe] = partsOf(data, "a Connection");
    const offered = BlockHandle.adopt(offer);
    let shared: BlockHandle | null;
    try {
      shared = pipe === null ? null : BlockHandle.adopt(pipe);
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
    connection.#arrival = new Arrival(offered, (id) => connection.#arrive(id));
    try {
      expect(connection, connection.#arrival);
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  #arrive(id: number): void {
    this.#id = id;
    this.#messages.arrive(id);
    this.#arrival = null;
    collected.register(this, id, this);
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#isClosed;
  }

  /** Whether it can receive: `false` for the sending end of a one-way pipe, and after a message that was too long. */
  get readable(): boolean {
    return this.#readable;
  }

  /** Whether it can send: `false` for the receiving end of a one-way pipe. */
  get writable(): boolean {
    return this.#writable;
  }

  /**
   * The number of its descriptor.
   *
   * @throws {InvalidStateError} If it is closed.
   */
  fileno(): number {
    return native().connectionFileno(this.#open("look at"));
  }

  /**
   * Sends a value, without blocking the thread. The value is serialised at once: it may change as soon as `send` has
   * returned its promise, which is fulfilled when the operating system has all of it.
   *
   * @throws {TypeError} If the value cannot be serialised; then nothing is sent.
   * @throws {Deno.errors.BrokenPipe} If the other end is closed.
   * @throws {InvalidStateError} If the connection is closed or only receives.
   * @throws What `signal` was aborted with; see {@linkcode Connection}.
   */
  async send(value: unknown, options?: TransferOptions): Promise<void> {
    const signal = signalOf(options);
    this.#sendable();
    if (this.#sending.occupied) return await this.#sendInTurn(this.#messages.serialise(value), signal);
    if (this.#messages.sendValue(value, false) === SendStatus.done) return keepsLoop() ? yieldToLoop() : undefined;
    await this.#sending.enter(Infinity);
    await this.#finishSending(signal);
  }

  /**
   * As {@linkcode send}, blocking the thread until the operating system has all of the value.
   *
   * @throws {InvalidStateError} Also while a send waits in a promise.
   */
  sendSync(value: unknown): void {
    this.#sendableNow();
    this.#messages.sendValue(value, true);
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
  async sendBytes(bytes: Bytes, options?: SendBytesOptions): Promise<void> {
    const signal = signalOf(options);
    this.#sendable();
    const part = partOf(bytes, options);
    if (this.#sending.occupied) return await this.#sendInTurn(plainMessage(part.slice()), signal);
    if (this.#messages.sendBytes(part, false) === SendStatus.done) return keepsLoop() ? yieldToLoop() : undefined;
    await this.#sending.enter(Infinity);
    await this.#finishSending(signal);
  }

  /**
   * As {@linkcode sendBytes}, blocking the thread until the operating system has all of the bytes.
   *
   * @throws {InvalidStateError} Also while a send waits in a promise.
   */
  sendBytesSync(bytes: Bytes, options?: SendBytesSyncOptions): void {
    this.#sendableNow();
    this.#messages.sendBytes(partOf(bytes, options), true);
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
  async recv(options?: TransferOptions): Promise<unknown> {
    return await this.#receive(Infinity, signalOf(options), this.#takeValue);
  }

  /**
   * As {@linkcode recv}, blocking the thread.
   *
   * @throws {InvalidStateError} Also while a receive waits in a promise.
   */
  recvSync(): unknown {
    return this.#receiveNow(Infinity, this.#takeValue);
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
    const limit = limitOf(options);
    return await this.#receive(limit, signalOf(options), this.#takeBytes);
  }

  /**
   * As {@linkcode recvBytes}, blocking the thread.
   *
   * @throws {InvalidStateError} Also while a receive waits in a promise.
   */
  recvBytesSync(options?: RecvBytesSyncOptions): Uint8Array<ArrayBuffer> {
    return this.#receiveNow(limitOf(options), this.#takeBytes);
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
    const room = roomOf(target, options);
    return await this.#receive(Infinity, signalOf(options), (got) => this.#takeInto(got, room));
  }

  /**
   * As {@linkcode recvBytesInto}, blocking the thread.
   *
   * @throws {InvalidStateError} Also while a receive waits in a promise.
   */
  recvBytesIntoSync(target: Bytes, options?: RecvBytesIntoSyncOptions): number {
    const room = roomOf(target, options);
    return this.#receiveNow(Infinity, (got) => this.#takeInto(got, room));
  }

  /**
   * Whether there is something to receive: a message, a part of one, or the end. Waits for it up to `timeout`
   * milliseconds without blocking the thread; absent: 0, unlike elsewhere, `null`: for ever.
   *
   * @throws {InvalidStateError} If the connection is closed or only sends.
   * @throws What `signal` was aborted with.
   */
  async poll(options: WaitOptions = {}): Promise<boolean> {
    this.#receivable();
    timeoutOf(options);
    const { timeout = 0, signal } = options;
    return (await wait([this], { timeout, signal })).length > 0;
  }

  /** As {@linkcode poll}, blocking the thread. */
  pollSync(options: WaitSyncOptions = {}): boolean {
    timeoutOf(options);
    const { timeout = 0 } = options;
    const limit = timeoutOf({ timeout });
    const id = this.#receivable();
    return this.#messages.parcel !== null || translated(() => native().connectionPoll(id, limit)) === 1;
  }

  /** Receives value after value, until the other end is closed. */
  async *[Symbol.asyncIterator](): AsyncIterator<unknown> {
    for (;;) {
      let value: unknown;
      try {
        value = await this.recv();
      } catch (error) {
        if (error instanceof EOFError) return;
        throw error;
      }
      yield value;
    }
  }

  /** Closes this end; what waits for it throws {@linkcode InvalidStateError}. Again: nothing happens. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    collected.unregister(this);
    this.#messages.forgetAll();
    this.#arrival?.close();
    native().connectionClose(this.#id);
    this.#pipe?.close();
    this.#closing?.abort(closedError("use the connection", "connection"));
    endWaits(this);
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** For messages: `<Connection(duplex)>`. */
  toString(): string {
    const kind = this.#isClosed
      ? "closed"
      : this.#readable
      ? this.#writable ? "duplex" : "read-only"
      : this.#writable
      ? "write-only"
      : "unusable";
    return `<Connection(${kind})>`;
  }

  /** @ignore What {@linkcode wait} looks at. */
  [descriptorOf](): number | null {
    const id = this.#receivable();
    const hasBegun = this.#messages.parcel !== null || native().connectionHasBegun(id) === 1;
    return hasBegun ? null : native().connectionFileno(id);
  }

  /** @ignore For handshakes: a message of at most `limit` bytes; `undefined` if it is not whole. */
  [receiveAtOnce](limit: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#receiving.occupied) {
      throw new InvalidStateError("Cannot receive: an asynchronous receive is not finished");
    }
    const received = this.#tryReceive(limit, this.#takeBytes);
    return received === NOT_YET ? undefined : received;
  }

  #reduce(): Reduced {
    const id = this.#open("send");
    if (this.#sending.occupied || this.#receiving.occupied) {
      throw new InvalidStateError("Cannot send a connection: an asynchronous send or receive is not finished");
    }
    if (this.#messages.parcel !== null) {
      throw new InvalidStateError("Cannot send a connection: a message has been sent or received in part");
    }
    const pipe = this.#pipe?.reference() ?? null;
    if (pipe !== null) attach(pipe[0]);
    const offer = translated(() => native().connectionOffer(id));
    attach(offer);
    const generation = native().generationOf(offer);
    offered.set(offer, generation);
    return [[offer, generation], this.#readable, this.#writable, pipe];
  }

  #open(action: string): number {
    if (this.#isClosed) throw closedError(`${action} the connection`, "handle");
    if (this.#arrival !== null) arriveNow(this.#arrival); // a `restore` function uses it
    return this.#id;
  }

  #sendable(): number {
    const id = this.#open("send over");
    if (!this.#writable) throw new InvalidStateError("Cannot send: connection is read-only");
    return id;
  }

  #sendableNow(): void {
    this.#sendable();
    if (this.#sending.occupied) throw new InvalidStateError("Cannot send: an asynchronous send is not finished");
  }

  #receivable(): number {
    const id = this.#open("receive from");
    if (!this.#readable) throw new InvalidStateError("Cannot receive: connection is write-only");
    return id;
  }

  /** Sends behind the sends that wait. */
  async #sendInTurn(message: Message, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#sending.enter(Infinity, signal);
    } catch (error) {
      this.#messages.forget(message);
      throw error;
    }
    try {
      this.#sendable();
    } catch (error) {
      this.#messages.forget(message);
      this.#sending.leave();
      throw error;
    }
    let status: number;
    try {
      status = this.#messages.sendMessage(message, false);
    } catch (error) {
      this.#sending.leave();
      throw error;
    }
    if (status === SendStatus.done) return this.#sending.leave();
    await this.#finishSending(signal);
  }

  /** Waits until what the addon has kept is sent; then lets the next sender in. */
  async #finishSending(signal: AbortSignal | undefined): Promise<void> {
    const addon = native();
    try {
      do {
        const submit = () => translated(() => addon.connectionAwaitSent(this.#id));
        await waitForTicket(submit, { signal: this.#orClosed(signal) });
        loopTurned();
      } while (translated(() => addon.connectionFlush(this.#id)) === SendStatus.kept);
    } catch (error) {
      if (!this.#isClosed && signal?.aborted && addon.connectionWithdraw(this.#id) === 0) {
        // The other end has seen a part of the message: it gets the rest, too. A failure is the next sender's.
        void this.#finishSending(undefined).catch(() => {});
      } else {
        this.#messages.settleKept(false);
        this.#sending.leave();
      }
      throw error;
    }
    this.#messages.settleKept(true);
    this.#sending.leave();
  }

  async #receive<T>(limit: number, signal: AbortSignal | undefined, take: Take<T>): Promise<T> {
    const id = this.#receivable();
    const isOverdue = keepsLoop();
    if (!this.#receiving.occupied && !isOverdue) {
      const patience = this.#glances.begin() ? Patience.microseconds : Patience.none;
      const received = this.#tryReceive(limit, take, patience);
      this.#glances.end(received !== NOT_YET);
      if (received !== NOT_YET) return received;
    }
    const begin = performance.now();
    await this.#receiving.enter(Infinity, signal);
    try {
      if (isOverdue) {
        await yieldToLoop();
        signal?.throwIfAborted();
      }
      for (;;) {
        this.#receivable();
        const received = this.#tryReceive(limit, take);
        if (received !== NOT_YET) {
          this.#glances.waited(performance.now() - begin);
          return received;
        }
        const { parcel } = this.#messages;
        if (parcel !== null) {
          await parcel.changed(Infinity, this.#orClosed(signal));
          continue;
        }
        const submit = () => translated(() => native().connectionAwaitReceived(id, limit));
        await waitForTicket(submit, { signal: this.#orClosed(signal) });
        loopTurned();
      }
    } finally {
      this.#receiving.leave();
    }
  }

  /** What there is, if anything. */
  #tryReceive<T>(limit: number, take: Take<T>, patience: number = Patience.none): T | typeof NOT_YET {
    if (this.#messages.busy) return this.#messages.receiveAside(() => this.#receiveNext(limit, patience, take));
    return this.#receiveNext(limit, patience, take);
  }

  #receiveNow<T>(limit: number, take: Take<T>): T {
    this.#receivable();
    if (this.#receiving.occupied) {
      throw new InvalidStateError("Cannot receive: an asynchronous receive is not finished");
    }
    const received = this.#messages.busy
      ? this.#messages.receiveAside(() => this.#receiveNext(limit, Patience.endless, take))
      : this.#receiveNext(limit, Patience.endless, take);
    return received as T; // It has waited.
  }

  #receiveNext<T>(limit: number, patience: number, take: Take<T>): T | typeof NOT_YET {
    if (this.#messages.parcel !== null) return this.#unpack(patience, take);
    let got: number;
    try {
      got = this.#messages.receive(limit, patience);
    } catch (error) {
      if (error instanceof Deno.errors.InvalidData) this.#poison();
      throw error;
    }
    if (got === ReceiveStatus.notYet) return NOT_YET;
    if (got === ReceiveStatus.end) throw new EOFError("Cannot receive: the other end is closed");
    const taken = take(got);
    return this.#messages.parcel === null ? taken : this.#unpack(patience, take);
  }

  /** The value that was received, once the connections in it have arrived. */
  #unpack<T>(patience: number, take: Take<T>): T | typeof NOT_YET {
    if ((take as Take<unknown>) !== this.#takeValue) {
      throw new InvalidStateError("Cannot receive bytes: a value that has been received in part comes first");
    }
    const isWhole = this.#messages.advance(patience === Patience.endless ? Infinity : 0);
    return isWhole ? this.#messages.takeParcel() as T : NOT_YET;
  }

  /** After a message that cannot be skipped, nothing more can be received. */
  #poison(): void {
    if (this.#writable) this.#readable = false;
    else this.close();
  }

  #takeInto(got: number, room: Uint8Array): number {
    const taken = this.#messages.takeInto(got, room);
    if (typeof taken === "number") return taken;
    throw new BufferTooShort(
      `Cannot receive ${taken.length} bytes: the buffer has room for ${room.length}; the error's "bytes" has them`,
      { bytes: taken },
    );
  }

  #orClosed(signal: AbortSignal | undefined): AbortSignal {
    this.#closing ??= new AbortController();
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }
}
