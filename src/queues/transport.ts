// Values into a native queue and out of it, by the shortest way.
//
// Short messages pass through a scratch buffer that this thread shares with the addon, so that a call carries only
// numbers. Long byte arrays bypass the serialiser: one copy in, one copy out.

import { ARRIVAL_PATIENCE, Parcel, readParcel } from "../connection/arrival.ts";
import type { Native } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { quickGet, quickPut } from "../addon/quick.ts";
import type { Dumped } from "../reduction/encoder.ts";
import { bytesAlone } from "../reduction/bytes_alone.ts";
import { type Incoming, plain, reduced } from "../reduction/passage.ts";
import { dumpInto, dumps, read } from "../reduction/serialise.ts";
import { currentViewReducer, discard } from "../reduction/registry.ts";
import { keepingScratch, openScratch, type Scratch } from "../addon/scratch.ts";
import { performance } from "../runtime/timing.ts";
import { GetStatus, MessageUnit, PutStatus } from "../addon/numbers.ts";

/** A serialised value, ready to be put. */
export interface Message extends Dumped {
  readonly tag: number;
}

/** In the place of a value, which may be anything: none came in time. */
export const NOTHING: unique symbol = Symbol("nothing");
/** In the place of a value: the queue is empty and shut down. */
export const SHUT_DOWN: unique symbol = Symbol("shut down");
/** In the place of a value: the queue is empty and nobody can put any more. */
export const ORPHANED: unique symbol = Symbol("orphaned");

/** How the bytes of a message are to be read; travels beside them. */
const Tag = {
  /** A message of reduction.ts. */
  value: 0,
  /** A Uint8Array, as it is. */
  bytes: 1,
} as const;

/** Byte arrays of at least this length bypass the serialiser. */
const LONG_BYTES = 4096;

const NO_ATTACHMENTS: number[] = [];

/** Moves values between one native queue and this thread. */
export class Transport {
  readonly #addon: Native = native();
  readonly #scratch: Scratch = openScratch();
  readonly #blockOf: (action: string) => number;
  /** A message that was taken, and has connections in it that are still to arrive: it is the next to be got. */
  #parcel: Parcel | null = null;

  /** `blockOf` gives the number of the queue's block, and throws when it is closed. */
  constructor(blockOf: (action: string) => number) {
    this.#blockOf = blockOf;
  }

  /** A message that was taken and is not whole yet. */
  get parcel(): Parcel | null {
    return this.#parcel;
  }

  /** The handle was closed. */
  close(): void {
    this.#parcel?.close();
    this.#parcel = null;
  }

  /** Puts a value, blocking up to `timeout` milliseconds; a {@linkcode PutStatus}. */
  put(value: unknown, timeout: number): number {
    const end = this.#write(value);
    if (typeof end !== "number") return this.#putOnce(end, timeout, PutStatus.done);
    const queue = this.#blockOf("put into");
    if (quickPut(queue, end) === PutStatus.done) return PutStatus.done;
    return this.#addon.queuePut(queue, end, timeout);
  }

  /** Puts a value if there is room; a {@linkcode PutStatus}, or if it is full, the message to be put later. */
  putOrKeep(value: unknown): number | Message {
    const end = this.#write(value);
    if (typeof end !== "number") {
      const status = this.#putOnce(end, 0, PutStatus.full);
      return status === PutStatus.full ? ownCopy(end, value) : status;
    }
    const queue = this.#blockOf("put into");
    if (quickPut(queue, end) === PutStatus.done) return PutStatus.done;
    const status = this.#addon.queuePut(queue, end, 0);
    if (status !== PutStatus.full) return status;
    return { tag: Tag.value, bytes: this.#scratch.bytes.slice(0, end), attachments: NO_ATTACHMENTS };
  }

  /** Writes a value to the scratch buffer: the end of it, or the message, if it does not go that way. */
  #write(value: unknown): number | Message {
    this.#blockOf("put into");
    const scratch = this.#scratch;
    if (scratch.busy || isLongBytes(value)) return serialise(value);
    scratch.busy = true;
    try {
      const written = dumpInto(value, scratch.bytes, 0);
      return typeof written === "number" ? written : { tag: Tag.value, ...written };
    } finally {
      scratch.busy = false;
    }
  }

  /** Puts a message; it is discarded unless it was put, or the status is that `kept` for which it is needed again. */
  #putOnce(message: Message, timeout: number, kept: number): number {
    let status: number | undefined;
    try {
      return status = this.putMessage(message, timeout);
    } finally {
      if (status !== PutStatus.done && status !== kept) discard(message.attachments);
    }
  }

  /** Puts what {@linkcode serialise} made. */
  putMessage({ tag, bytes, attachments }: Message, timeout: number): number {
    const queue = this.#blockOf("put into");
    const holds = attachments.length === 0 ? NO_ATTACHMENTS : [...attachments];
    return translated(() => this.#addon.queuePutBytes(queue, tag, bytes, holds, timeout));
  }

  /**
   * Takes a value, blocking up to `timeout` milliseconds; else {@linkcode NOTHING}, {@linkcode SHUT_DOWN} or, if
   * `timeout` is `Infinity`, {@linkcode ORPHANED}. If it is to be `patient`, what is still to arrive is not waited for.
   */
  get(timeout: number, patient = false): unknown {
    const queue = this.#blockOf("get from");
    if (this.#parcel !== null) {
      return this.#unpack(this.#parcel, timeout === 0 && !patient ? ARRIVAL_PATIENCE : timeout);
    }
    // A `restore` function that itself gets would overwrite what is being read.
    if (this.#scratch.busy) return keepingScratch(this.#scratch, () => this.#get(queue, timeout, patient));
    return this.#get(queue, timeout, patient);
  }

  #get(queue: number, timeout: number, patient: boolean): unknown {
    const quick = quickGet(queue);
    if (quick >= 0 && quick < MessageUnit.tag) return this.#value(this.#scratch.bytes, quick);
    const begin = timeout > 0 && timeout < Infinity ? performance.now() : 0;
    const got = quick >= 0 ? quick : this.#addon.queueGet(queue, timeout, timeout === Infinity ? 1 : 0);
    if (got < 0) return noValue(got);
    if (got < MessageUnit.tag) return this.#value(this.#scratch.bytes, got);
    const left = () => begin === 0 ? timeout : Math.max(0, timeout - (performance.now() - begin));
    const unpacked = (value: unknown) => {
      if (!(value instanceof Parcel)) return value;
      return this.#unpack(this.#parcel = value, timeout === 0 && !patient ? ARRIVAL_PATIENCE : left());
    };
    if (got < MessageUnit.tooLong) return unpacked(this.#special(this.#scratch.bytes, got));
    // Memory of V8's own, which the copy goes to straight from the queue, and which V8 soon uses again.
    const bytes = new Uint8Array(got - MessageUnit.tooLong);
    const taken = translated(() => this.#addon.queueGetInto(queue, bytes));
    if (taken >= 0 && taken < MessageUnit.tooLong) return unpacked(this.#special(bytes, taken));
    // Another consumer was quicker.
    return this.#get(queue, left(), patient);
  }

  /** The value that was taken, once its connections have arrived; {@linkcode NOTHING} if they do not in time. */
  #unpack(parcel: Parcel, timeout: number): unknown {
    let isWhole = true;
    try {
      isWhole = parcel.advance(timeout);
    } catch (error) {
      if (!parcel.isVoid) isWhole = false;
      throw error;
    } finally {
      if (isWhole) this.#parcel = null;
    }
    return isWhole ? parcel.value : NOTHING;
  }

  /** The value in the first `length` bytes, which speak of nothing else. */
  #value(bytes: Uint8Array<ArrayBuffer>, length: number): unknown {
    return bytesAlone(bytes, length) ?? this.#restored(bytes, length, plain());
  }

  #restored(bytes: Uint8Array, length: number, message: Incoming): unknown {
    const wasBusy = this.#scratch.busy;
    this.#scratch.busy = true;
    try {
      return read(bytes, 0, length, message);
    } finally {
      this.#scratch.busy = wasBusy;
    }
  }

  /** The value of a message that is long, or has a tag or attachments. */
  #special(bytes: Uint8Array<ArrayBuffer>, got: number): unknown {
    const attachments = got >= MessageUnit.attached ? this.#addon.takenAttachments() : NO_ATTACHMENTS;
    const length = got % MessageUnit.tag;
    try {
      if (Math.floor(got % MessageUnit.attached / MessageUnit.tag) !== Tag.bytes) {
        if (attachments.length === 0) return this.#value(bytes, length);
        return readParcel((message) => this.#restored(bytes, length, message));
      }
      return bytes === this.#scratch.bytes || length < bytes.length ? bytes.slice(0, length) : bytes;
    } finally {
      // By now whatever the message speaks of has been adopted, or is not wanted.
      if (attachments.length > 0) this.#addon.unpin(attachments);
    }
  }
}

/** The message for a value; a long byte array is not copied. */
export function serialise(value: unknown): Message {
  if (isLongBytes(value)) return { tag: Tag.bytes, bytes: value, attachments: NO_ATTACHMENTS };
  return { tag: Tag.value, ...dumps(value) };
}

/** A message that shares no memory with the value, which may change from here on. */
function ownCopy(message: Message, value: unknown): Message {
  return message.bytes === value ? { ...message, bytes: message.bytes.slice() } : message;
}

/** As {@linkcode serialise}, for a value that may change from here on. */
export function serialiseCopy(value: unknown): Message {
  return ownCopy(serialise(value), value);
}

export function isLongBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array && value.length >= LONG_BYTES && value.constructor === Uint8Array &&
    value.buffer instanceof ArrayBuffer && !isShared(value);
}

/** Whether a view is of shared memory, and so travels as a reference. */
function isShared(view: Uint8Array): boolean {
  const reducer = currentViewReducer();
  if (reducer === null) return false;
  return reduced({ attachments: [], isStart: false, engine: null, objects: [] }, reducer, view) !== undefined;
}

/** What stands for a value where `queueGet` has returned none. */
function noValue(status: number): symbol {
  switch (status) {
    case GetStatus.shutDown:
      return SHUT_DOWN;
    case GetStatus.orphaned:
      return ORPHANED;
    default:
      return NOTHING;
  }
}
