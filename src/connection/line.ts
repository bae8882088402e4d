// What a connection does with its messages: sends and receives, each in the order of the calls, and its end. The class that
// users have is connection.ts; the bytes of messages are made in messages.ts.

import { attach } from "../reduction/passage.ts";
import { type BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { wait as waitForTicket } from "../addon/waits.ts";
import { InvalidStateError } from "../errors.ts";
import type { Serializer } from "../runtime/serializers.ts";
import { performance } from "../runtime/timing.ts";
import { Glances } from "../waiting/glance.ts";
import { told } from "../waiting/turns.ts";
import { Turnstile } from "../waiting/turnstile.ts";
import { Arrival, arriveNow } from "./arrival.ts";
import { type Message, Messages, plainMessage } from "./messages.ts";
import { offer } from "./offers.ts";
import {
  type Bytes,
  partOf,
  type SendBytesOptions,
  type SendBytesSyncOptions,
  signalOf,
  type TransferOptions,
  transferSignal,
} from "./options.ts";
import { ended, isReceiving, isSending, readOnly, tooShort, writeOnly } from "./outcomes.ts";
import { Patience, ReceiveStatus, SendStatus } from "../addon/numbers.ts";

/** What a connection is made of. */
export interface End {
  /** The number under which the addon knows it. */
  readonly id: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** The pipe that it is an end of; `null` if its other end may be outside of the tree. */
  readonly pipe: BlockHandle | null;
  /** The format of its values; absent or `null`: that of reduction.ts. */
  readonly serializer?: Serializer | null;
}

/** How a message names a connection: the process that has the descriptor, readable, writable, and the pipe. */
export type Reduced = [offer: BlockReference, readable: boolean, writable: boolean, pipe: BlockReference | null];

/** Makes something of a message of this length, before anything else can happen. */
type Take<T> = (got: number) => T;

/** In the place of what was received. */
const NOT_YET: unique symbol = Symbol("not yet");

/** In the place of a connection's number in the addon: its sender still has it. */
export const NOT_HERE: number = 2 ** 32 - 1;

/** Last resort for connections that nobody closed. */
const collected = new FinalizationRegistry<number>((id) => native().connectionClose(id));

/** The messages of one connection. */
export class Line {
  readonly messages: Messages;
  readonly takeValue: Take<unknown>;
  readonly takeBytes: Take<Uint8Array<ArrayBuffer>>;
  /** `false`, too, after a message that was too long. */
  readable: boolean;
  readonly writable: boolean;
  isClosed = false;
  #id: number;
  /** While its sender still has it. */
  #arrival: Arrival | null = null;
  readonly #pipe: BlockHandle | null;
  /** Whether its values have the format of reduction.ts. */
  readonly #isOurFormat: boolean;
  readonly #onClose: () => void;
  readonly #sending = new Turnstile();
  readonly #receiving = new Turnstile();
  readonly #glances = new Glances();
  #closing: AbortController | undefined;

  /** `onClose` is called when it has been closed. */
  constructor({ id, readable, writable, pipe, serializer = null }: End, onClose: () => void) {
    this.#id = id;
    this.#isOurFormat = serializer === null;
    this.#pipe = pipe;
    this.#onClose = onClose;
    const messages = new Messages(id, pipe, serializer);
    this.messages = messages;
    this.takeValue = (got) => messages.takeValue(got);
    this.takeBytes = (got) => messages.takeBytes(got);
    this.readable = readable;
    this.writable = writable;
    if (id !== NOT_HERE) collected.register(this, id, this);
  }

  /** Its sender still has it, and has offered it in that block. */
  arriveFrom(offered: BlockHandle): Arrival {
    return this.#arrival = new Arrival(offered, (id) => {
      this.#id = id;
      this.messages.arrive(id);
      this.#arrival = null;
      collected.register(this, id, this);
    });
  }

  /** See `Connection.send`. */
  sendValue(value: unknown, options: TransferOptions | undefined): Promise<void> {
    return told(this.#sendValue(value, options));
  }

  async #sendValue(value: unknown, options: TransferOptions | undefined): Promise<void> {
    const signal = transferSignal(options);
    this.sendable();
    if (this.#sending.occupied) return await this.#sendInTurn(this.messages.serialise(value), signal);
    if (this.messages.sendValue(value, false) === SendStatus.done) return;
    await this.#sending.enter(Infinity);
    await this.#finishSending(signal);
  }

  /** See `Connection.sendBytes`. */
  sendBytes(bytes: Bytes, options: SendBytesOptions | undefined): Promise<void> {
    return told(this.#sendBytes(bytes, options));
  }

  async #sendBytes(bytes: Bytes, options: SendBytesOptions | undefined): Promise<void> {
    const part = partOf(bytes, options, { isSync: false });
    const signal = signalOf(options);
    this.sendable();
    if (this.#sending.occupied) return await this.#sendInTurn(plainMessage(new Uint8Array(part)), signal);
    if (this.messages.sendBytes(part, false) === SendStatus.done) return;
    await this.#sending.enter(Infinity);
    await this.#finishSending(signal);
  }

  /** See `Connection.sendSync`. */
  sendValueNow(value: unknown): void {
    this.#sendableNow();
    this.messages.sendValue(value, true);
  }

  /** See `Connection.sendBytesSync`. */
  sendBytesNow(bytes: Bytes, options: SendBytesSyncOptions | undefined): void {
    this.#sendableNow();
    this.messages.sendBytes(partOf(bytes, options, { isSync: true }), true);
  }

  /** A message of at most `limit` bytes; `undefined` if it is not whole. */
  receiveAtOnce(limit: number, patience?: number): Uint8Array<ArrayBuffer> | undefined {
    if (this.#receiving.occupied) throw isReceiving();
    const received = this.#tryReceive(limit, this.takeBytes, patience);
    return received === NOT_YET ? undefined : received;
  }

  /**
   * Sends bytes behind what is kept already; whether nothing is kept now. For who sends by nothing else: the turns of the
   * other ways to send are not waited for.
   */
  sendAtOnce(bytes: Uint8Array): boolean {
    this.sendable();
    return this.messages.sendBytes(bytes, false) === SendStatus.done;
  }

  /** Tries to send what is kept; whether nothing is left. */
  #flush(): boolean {
    return translated(() => native().connectionFlush(this.#id)) === SendStatus.done;
  }

  /** Waits until nothing is kept. */
  async allSent(inBackground: boolean): Promise<void> {
    while (!this.isClosed && !this.#flush()) {
      const submit = () => translated(() => native().connectionAwaitSent(this.#id));
      await waitForTicket(submit, { signal: this.#orClosed(undefined), inBackground });
    }
  }

  /** How it travels in the message that is just being written. */
  reduce(): Reduced {
    const id = this.open("send");
    if (this.#sending.occupied || this.#receiving.occupied) {
      throw new InvalidStateError("Cannot send a connection: an asynchronous send or receive is not finished");
    }
    if (!this.#isOurFormat) {
      throw new TypeError("Cannot send a connection whose values are pickles: make it where it is to be used");
    }
    if (this.messages.parcel !== null) {
      throw new InvalidStateError("Cannot send a connection: a message has been sent or received in part");
    }
    const pipe = this.#pipe?.reference() ?? null;
    if (pipe !== null) attach(pipe[0]);
    return [offer(id), this.readable, this.writable, pipe];
  }

  /** Closes it; what waits for it throws. Again: nothing happens. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    collected.unregister(this);
    this.messages.forgetAll();
    this.#arrival?.close();
    native().connectionClose(this.#id);
    this.#pipe?.close();
    this.#closing?.abort(closedError("use the connection", "connection"));
    this.#onClose();
  }

  /** Its number, if it is open; waits for it while its sender still has it. */
  open(action: string): number {
    if (this.isClosed) throw closedError(`${action} the connection`, "handle");
    if (this.#arrival !== null) arriveNow(this.#arrival); // a `restore` function uses it
    return this.#id;
  }

  /** Its number, if it may send. */
  sendable(): number {
    const id = this.open("send over");
    if (!this.writable) throw readOnly();
    return id;
  }

  #sendableNow(): void {
    this.sendable();
    if (this.#sending.occupied) throw isSending();
  }

  /** Its number, if it may receive. */
  receivable(): number {
    const id = this.open("receive from");
    if (!this.readable) throw writeOnly();
    return id;
  }

  /** Sends behind the sends that wait. */
  async #sendInTurn(message: Message, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#sending.enter(Infinity, signal);
    } catch (error) {
      this.messages.forget(message);
      throw error;
    }
    try {
      this.sendable();
    } catch (error) {
      this.messages.forget(message);
      this.#sending.leave();
      throw error;
    }
    let status: number;
    try {
      status = this.messages.sendMessage(message, false);
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
      } while (translated(() => addon.connectionFlush(this.#id)) === SendStatus.kept);
    } catch (error) {
      if (!this.isClosed && signal?.aborted && addon.connectionWithdraw(this.#id) === 0) {
        // The other end has seen a part of the message: it gets the rest, too. A failure is the next sender's.
        void this.#finishSending(undefined).catch(() => {});
      } else {
        this.messages.settleKept(false);
        this.#sending.leave();
      }
      throw error;
    }
    this.messages.settleKept(true);
    this.#sending.leave();
  }

  /** Receives in turn, without blocking the thread. */
  receive<T>(limit: number, signal: AbortSignal | undefined, take: Take<T>): Promise<T> {
    return told(this.#receive(limit, signal, take));
  }

  async #receive<T>(limit: number, signal: AbortSignal | undefined, take: Take<T>): Promise<T> {
    const id = this.receivable();
    if (!this.#receiving.occupied) {
      const patience = this.#glances.begin() > 0 ? Patience.microseconds : Patience.none;
      const received = this.#tryReceive(limit, take, patience);
      this.#glances.end(received !== NOT_YET);
      if (received !== NOT_YET) return received;
    }
    const begin = performance.now();
    await this.#receiving.enter(Infinity, signal);
    try {
      for (;;) {
        this.receivable();
        const received = this.#tryReceive(limit, take);
        if (received !== NOT_YET) {
          this.#glances.waited(performance.now() - begin);
          return received;
        }
        const { parcel } = this.messages;
        if (parcel !== null) {
          await parcel.changed(Infinity, this.#orClosed(signal));
          continue;
        }
        const submit = () => translated(() => native().connectionAwaitReceived(id, limit));
        await waitForTicket(submit, { signal: this.#orClosed(signal) });
      }
    } finally {
      this.#receiving.leave();
    }
  }

  /** What there is, if anything. */
  #tryReceive<T>(limit: number, take: Take<T>, patience: number = Patience.none): T | typeof NOT_YET {
    if (this.messages.busy) return this.messages.receiveAside(() => this.#receiveNext(limit, patience, take));
    return this.#receiveNext(limit, patience, take);
  }

  /** Receives, blocking the thread. */
  receiveNow<T>(limit: number, take: Take<T>): T {
    this.receivable();
    if (this.#receiving.occupied) throw isReceiving();
    const received = this.messages.busy
      ? this.messages.receiveAside(() => this.#receiveNext(limit, Patience.endless, take))
      : this.#receiveNext(limit, Patience.endless, take);
    return received as T; // It has waited.
  }

  #receiveNext<T>(limit: number, patience: number, take: Take<T>): T | typeof NOT_YET {
    if (this.messages.parcel !== null) return this.#unpack(patience, take);
    let got: number;
    try {
      got = this.messages.receive(limit, patience);
    } catch (error) {
      if (error instanceof Deno.errors.InvalidData) this.#poison();
      throw error;
    }
    if (got === ReceiveStatus.notYet) return NOT_YET;
    if (got === ReceiveStatus.end) throw ended();
    const taken = take(got);
    return this.messages.parcel === null ? taken : this.#unpack(patience, take);
  }

  /** The value that was received, once the connections in it have arrived. */
  #unpack<T>(patience: number, take: Take<T>): T | typeof NOT_YET {
    if ((take as Take<unknown>) !== this.takeValue) {
      throw new InvalidStateError("Cannot receive bytes: a value that has been received in part comes first");
    }
    const isWhole = this.messages.advance(patience === Patience.endless ? Infinity : 0);
    return isWhole ? this.messages.takeParcel() as T : NOT_YET;
  }

  /** After a message that cannot be skipped, nothing more can be received. */
  #poison(): void {
    if (this.writable) this.readable = false;
    else this.close();
  }

  /** Takes a message into a buffer, if it fits. */
  takeInto(got: number, room: Uint8Array): number {
    const taken = this.messages.takeInto(got, room);
    if (typeof taken === "number") return taken;
    throw tooShort(taken, room.length);
  }

  #orClosed(signal: AbortSignal | undefined): AbortSignal {
    this.#closing ??= new AbortController();
    return signal === undefined ? this.#closing.signal : AbortSignal.any([signal, this.#closing.signal]);
  }
}
