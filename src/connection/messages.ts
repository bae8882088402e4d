// Values and bytes as messages of a connection: CPython's frames, made by the addon, around a payload.
//
// The payload of sendBytes is the bytes; that of send is a message of reduction.ts, or of the serializer that the
// connection was made with. A message of reduction.ts that speaks of shared objects
// begins with a list of what keeps these alive on their way:
//
// | byte      | what                                                          |
// | --------- | ------------------------------------------------------------- |
// | 0         | 0xc1, with which no message of reduction.ts begins             |
// | 1 to 4    | how many holds follow, most significant byte first            |
// | 5 …       | the holds, 4 bytes each; then the message of reduction.ts     |
//
// The holds belong to the pipe's own block in shared memory, which every process holds that has an end of the pipe. So
// shared objects outlive a sender that dies; the receiver lets the holds go once it has handles of its own; and what
// is never received goes with the last end.

import type { BlockHandle } from "../addon/handles.ts";
import type { Native } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translate, translated } from "../addon/translate.ts";
import type { Dumped } from "../reduction/encoder.ts";
import { FROM_OUTSIDE, plain } from "../reduction/passage.ts";
import { sizeOfBytes } from "../reduction/contents.ts";
import { dumps, read, writeInto } from "../reduction/serialise.ts";
import { discard } from "../reduction/registry.ts";
import { Parcel, readParcel } from "./arrival.ts";
import type { Serializer } from "../runtime/serializers.ts";
import { keepingScratch, openScratch, type Scratch } from "../addon/scratch.ts";
import { ScratchLayout, SendStatus } from "../addon/numbers.ts";

const HOLDS_MARK = 0xc1;
const HOLDS_START = 5;

/** A payload, ready to be sent. */
export interface Message {
  readonly bytes: Uint8Array;
  /** What keeps the shared objects alive that it speaks of. */
  readonly holds: readonly number[];
  /** Those objects. */
  readonly attachments: readonly number[];
}

const NONE: readonly number[] = [];

/** The message of bytes that speak of nothing else. */
export function plainMessage(bytes: Uint8Array): Message {
  return { bytes, holds: NONE, attachments: NONE };
}

/** Moves messages between one connection and this thread. */
export class Messages {
  readonly #addon: Native = native();
  readonly #scratch: Scratch = openScratch();
  #id: number;
  /** `null`: the other end may be outside of the tree. */
  readonly #pipe: BlockHandle | null;
  /** The format of the values, if it is not that of reduction.ts. */
  readonly #serializer: Serializer | null;
  /** The messages that speak of shared objects, and are not yet sent as a whole. */
  readonly #unsent = new Set<Message>();
  /** The one among them of which the addon has the rest. */
  #kept: Message | undefined;
  /** What was received, and has connections in it that are still to arrive. */
  #parcel: Parcel | null = null;

  /** For the connection that the addon knows by `id`. */
  constructor(id: number, pipe: BlockHandle | null, serializer: Serializer | null) {
    this.#id = id;
    this.#pipe = pipe;
    this.#serializer = serializer;
  }

  /** The connection has arrived from its sender; this is its number now. */
  arrive(id: number): void {
    this.#id = id;
  }

  /** The value that was received and is not whole yet: it is the next to be received. */
  get parcel(): Parcel | null {
    return this.#parcel;
  }

  /** Waits for what that is to have, for up to so many milliseconds; whether it is whole. */
  advance(timeout: number): boolean {
    const parcel = this.#parcel!;
    try {
      return parcel.advance(timeout);
    } catch (error) {
      if (parcel.isVoid) this.#parcel = null;
      throw error;
    }
  }

  /** That value. */
  takeParcel(): unknown {
    const { value } = this.#parcel!;
    this.#parcel = null;
    return value;
  }

  /** Sends a value; a {@linkcode SendStatus}. */
  sendValue(value: unknown, wait: boolean): number {
    if (!this.#scratch.busy && this.#serializer === null) {
      this.#scratch.busy = true;
      try {
        const end = writeInto(value, this.#scratch.bytes, ScratchLayout.messageOffset);
        if (typeof end === "number") return this.#sendScratch(end - ScratchLayout.messageOffset, wait);
        return this.sendMessage(this.#messageOf(end), wait);
      } finally {
        this.#scratch.busy = false;
      }
    }
    return this.sendMessage(this.serialise(value), wait);
  }

  /** Sends bytes as they are, whatever length they say they have; a {@linkcode SendStatus}. */
  sendBytes(bytes: Uint8Array, wait: boolean): number {
    const { bytes: room, busy } = this.#scratch;
    const length = sizeOfBytes(bytes);
    if (busy || length > room.length - ScratchLayout.messageOffset) {
      return translated(() => this.#addon.connectionSendBytes(this.#id, bytes, wait));
    }
    room.set(bytes, ScratchLayout.messageOffset);
    return this.#sendScratch(length, wait);
  }

  #sendScratch(length: number, wait: boolean): number {
    try {
      return this.#addon.connectionSend(this.#id, length, wait ? 1 : 0);
    } catch (error) {
      throw translate(error);
    }
  }

  /** Sends what {@linkcode serialise} made; a {@linkcode SendStatus}. */
  sendMessage(message: Message, wait: boolean): number {
    try {
      const status = translated(() => this.#addon.connectionSendBytes(this.#id, message.bytes, wait));
      if (message.holds.length > 0) {
        if (status === SendStatus.kept) this.#kept = message;
        else this.#unsent.delete(message);
      }
      return status;
    } catch (error) {
      this.forget(message);
      throw error;
    }
  }

  /** The message for a value, which may change from here on. Send or {@linkcode forget} it. */
  serialise(value: unknown): Message {
    return this.#serializer === null ? this.#messageOf(dumps(value)) : plainMessage(this.#serializer.dumps(value));
  }

  #messageOf({ bytes, attachments }: Dumped): Message {
    if (attachments.length === 0) return plainMessage(bytes);
    const pipe = this.#pipe;
    if (pipe === null) {
      discard(attachments);
      throw new TypeError(
        "Cannot send a shared object over this connection: its other end may be outside of this process tree; " +
          "use Pipe() within the tree",
      );
    }
    let holds: number[];
    try {
      holds = translated(() => this.#addon.pipePin(pipe.block, [...attachments]));
    } catch (error) {
      discard(attachments);
      throw error;
    }
    const start = HOLDS_START + 4 * holds.length;
    const marked = new Uint8Array(start + bytes.length);
    const view = new DataView(marked.buffer);
    view.setUint8(0, HOLDS_MARK);
    view.setUint32(1, holds.length);
    holds.forEach((hold, index) => view.setUint32(HOLDS_START + 4 * index, hold));
    marked.set(bytes, start);
    const message = { bytes: marked, holds, attachments };
    this.#unsent.add(message);
    return message;
  }

  /** Gives up a message that is not going to be sent. */
  forget(message: Message): void {
    if (!this.#unsent.delete(message)) return; // it has no holds, or none any more
    if (this.#pipe === null || this.#pipe.closed) return; // they go with the pipe
    this.#addon.pipeUnpin(this.#pipe.block, [...message.holds]);
    discard(message.attachments);
  }

  /** Notes what has become of the message that the addon has kept. */
  settleKept(isSent: boolean): void {
    if (this.#kept === undefined) return;
    if (isSent) this.#unsent.delete(this.#kept);
    else this.forget(this.#kept);
    this.#kept = undefined;
  }

  /** Gives up all that is not yet sent as a whole: the connection is about to be closed. */
  forgetAll(): void {
    this.#parcel?.close();
    this.#parcel = null;
    if (this.#unsent.size === 0) return;
    let isSent = false;
    try {
      isSent = this.#addon.connectionFlush(this.#id) === SendStatus.done;
    } catch { /* what is kept cannot be sent any more */ }
    this.settleKept(isSent);
    for (const message of this.#unsent) this.forget(message);
  }

  /** Whether a value is just being restored, whose bytes a receive would overwrite: see {@linkcode receiveAside}. */
  get busy(): boolean {
    return this.#scratch.busy;
  }

  /**
   * Receives the next message, of at most `limit` bytes: a {@linkcode ReceiveStatus}, or its length. Call
   * {@linkcode takeValue}, {@linkcode takeBytes} or {@linkcode takeInto} before anything else can happen.
   */
  receive(limit: number, patience: number): number {
    try {
      return this.#addon.connectionReceive(this.#id, limit, patience);
    } catch (error) {
      throw translate(error);
    }
  }

  /** Does `work`, which receives and takes, while {@linkcode busy}. */
  receiveAside<T>(work: () => T): T {
    return keepingScratch(this.#scratch, work);
  }

  /** Whether a message does not fit into the scratch buffer, so that its bytes are still to be received. */
  #isLong(got: number): boolean {
    return got > this.#scratch.bytes.length;
  }

  /** Receives a long message into memory that is exactly as long. */
  #receiveInto<T extends Uint8Array>(target: T): T {
    translated(() => this.#addon.connectionReceiveInto(this.#id, target));
    return target;
  }

  /** The bytes that were received. */
  takeBytes(got: number): Uint8Array<ArrayBuffer> {
    if (this.#isLong(got)) return this.#receiveInto(new Uint8Array(got));
    return this.#scratch.bytes.slice(0, got);
  }

  /** Copies what was received to `target`, if that is long enough; its length, or else the bytes. */
  takeInto(got: number, target: Uint8Array): number | Uint8Array<ArrayBuffer> {
    if (got > target.length) return this.takeBytes(got);
    if (this.#isLong(got)) this.#receiveInto(target.subarray(0, got));
    else target.set(this.#scratch.bytes.subarray(0, got));
    return got;
  }

  /** The value that was received; of no use if there is a {@linkcode parcel} afterwards. */
  takeValue(got: number): unknown {
    if (this.#isLong(got)) return this.#restore(this.takeBytes(got));
    const wasBusy = this.#scratch.busy;
    this.#scratch.busy = true;
    try {
      return this.#restore(this.#scratch.bytes, got);
    } finally {
      this.#scratch.busy = wasBusy;
    }
  }

  #restore(bytes: Uint8Array<ArrayBuffer>, length = bytes.length): unknown {
    const pipe = this.#pipe;
    if (this.#serializer !== null) return this.#serializer.loads(bytes.subarray(0, length));
    if (pipe === null) return read(bytes, 0, length, FROM_OUTSIDE);
    if (length === 0 || bytes[0] !== HOLDS_MARK) return read(bytes, 0, length, plain());
    const view = new DataView(bytes.buffer, bytes.byteOffset, length);
    const count = length < HOLDS_START ? Infinity : view.getUint32(1);
    const start = HOLDS_START + 4 * count;
    if (start > length) throw new RangeError(`Cannot read message: it has ${length} bytes, its list of holds more`);
    const holds = Array.from({ length: count }, (_, index) => view.getUint32(HOLDS_START + 4 * index));
    try {
      const got = readParcel((message) => read(bytes, start, length, message));
      if (got instanceof Parcel) this.#parcel = got;
      return got;
    } finally {
      // By now whatever the message speaks of has been adopted, or is not wanted.
      if (!pipe.closed) this.#addon.pipeUnpin(pipe.block, holds);
    }
  }
}
