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
import { dumps, read, writeInto } from "../reduction/serialise.ts";
import { currentViewReducer, discard } from "../reduction/registry.ts";
import { isLongArray } from "../reduction/views.ts";
import { keepingScratch, openScratch, type Scratch } from "../addon/scratch.ts";
import { performance } from "../runtime/timing.ts";
import { GetStatus, MessageTag as Tag, MessageUnit, PutStatus, RunLayout } from "../addon/numbers.ts";
import { copyOf, Sights } from "./slots.ts";
import { BytesView } from "./bytes_view.ts";

/** A serialised value, ready to be put. */
export interface Message extends Dumped {
  readonly tag: number;
}

/** Messages that lie behind each other, as native/core/src/queue/run.rs has them. */
export interface Run {
  readonly bytes: Uint8Array<ArrayBuffer>;
  begin: number;
  end: number;
  /** How many they are. */
  count: number;
}

/** What has come of messages that were taken together. */
interface Got {
  readonly values: unknown[];
  readonly errors: unknown[];
}

/** In the place of a value, which may be anything: none came in time. */
export const NOTHING: unique symbol = Symbol("nothing");
/** In the place of a value: the queue is empty and shut down. */
export const SHUT_DOWN: unique symbol = Symbol("shut down");
/** In the place of a value: the queue is empty and nobody can put any more. */
export const ORPHANED: unique symbol = Symbol("orphaned");
/** In the place of a view: the first message is not bytes, and stays. */
export const OTHER: unique symbol = Symbol("other");

/** Byte arrays of at least this length bypass the serialiser. */
const LONG_BYTES = 4096;
/** Bytes of a word of a header, of which a run has two for each message. */
export const WORD = 4;

const NO_ATTACHMENTS: number[] = [];

/** Moves values between one native queue and this thread. */
export class Transport {
  readonly #addon: Native = native();
  readonly #scratch: Scratch = openScratch();
  /** The words of the scratch buffer. */
  readonly #heads = new Uint32Array(this.#scratch.bytes.buffer);
  readonly #blockOf: (action: string) => number;
  /** A message that was taken, and has connections in it that are still to arrive: it is the next to be got. */
  #parcel: Parcel | null = null;
  /** The errors of messages that were taken together with others and cannot be read. */
  #errors: unknown[] = [];
  /** What was viewed, once something was. */
  #sights: Sights | null = null;

  /** `blockOf` gives the number of the queue's block, and throws when it is closed. */
  constructor(blockOf: (action: string) => number) {
    this.#blockOf = blockOf;
  }

  /** A message that was taken and is not whole yet. */
  get parcel(): Parcel | null {
    return this.#parcel;
  }

  /** Throws the first of the errors that {@linkcode getMany} has kept, once: what every call of a get begins with. */
  throwKept(): void {
    if (this.#errors.length > 0) throw this.#errors.shift();
  }

  /** The handle was closed. */
  close(): void {
    this.#parcel?.close();
    this.#parcel = null;
    this.#errors = [];
    this.#sights?.close();
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
    if (isLongBytes(value)) return alone(value);
    if (scratch.busy) return { tag: Tag.value, ...dumps(value) };
    scratch.busy = true;
    try {
      const written = writeInto(value, scratch.bytes, 0);
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
   * Puts messages of a run, blocking up to `timeout` milliseconds for room for the first: how many; where there is none, a
   * {@linkcode PutStatus}, negative.
   */
  putRun({ bytes, begin, end }: Run, timeout: number): number {
    const scratch = this.#scratch;
    const put = () => {
      scratch.bytes.set(bytes.subarray(begin, end));
      const queue = this.#blockOf("put into");
      return translated(() => this.#addon.queuePutRun(queue, end - begin, timeout));
    };
    return scratch.busy ? keepingScratch(scratch, put) : put();
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

  /** As {@linkcode get}, a view of bytes; {@linkcode OTHER} if the first message is something else. */
  getView(timeout: number): BytesView | symbol {
    const queue = this.#blockOf("get from");
    if (this.#parcel !== null) return OTHER;
    if (this.#scratch.busy) return keepingScratch(this.#scratch, () => this.#getView(queue, timeout));
    return this.#getView(queue, timeout);
  }

  #getView(queue: number, timeout: number): BytesView | symbol {
    const begin = timeout > 0 && timeout < Infinity ? performance.now() : 0;
    const got = this.#addon.queueGetBytes(queue, timeout, timeout === Infinity ? 1 : 0);
    if (got < 0) return noValue(got);
    if (got < MessageUnit.tooLong) return this.#viewed(this.#scratch.bytes, got);
    const bytes = new Uint8Array(got - MessageUnit.tooLong);
    const taken = translated(() => this.#addon.queueGetBytesInto(queue, bytes));
    if (taken >= 0 && taken < MessageUnit.tooLong) return this.#viewed(bytes, taken);
    // Another consumer was quicker.
    return this.#getView(queue, begin === 0 ? timeout : Math.max(0, timeout - (performance.now() - begin)));
  }

  /** The view of a message that is bytes. */
  #viewed(bytes: Uint8Array<ArrayBuffer>, got: number): BytesView {
    if (tagOf(got) !== Tag.loan) return new BytesView(this.#special(bytes, got) as Uint8Array, () => {});
    const attachments = this.#addon.takenAttachments();
    const message = bytes.subarray(0, got % MessageUnit.tag);
    try {
      return (this.#sights ??= new Sights()).view(message);
    } catch (error) {
      // This process can map no more: as the message is taken, its bytes are copied.
      if (error instanceof RangeError) return new BytesView(copyOf(message), () => {});
      throw error;
    } finally {
      this.#addon.unpin(attachments);
    }
  }

  /**
   * Takes what is there, up to `most` values. If nothing is, waits for the first as {@linkcode get} does, and gives the
   * same in the place of values. The errors of messages that cannot be read are kept for {@linkcode throwKept}; the first
   * is thrown if no other message can be read.
   */
  getMany(most: number, timeout: number, patient = false): unknown[] | symbol {
    const got: Got = { values: [], errors: [] };
    this.#collect(most, got);
    if (got.values.length === 0) {
      if (got.errors.length > 0) {
        this.#errors.push(...got.errors.slice(1));
        throw got.errors[0];
      }
      const first = this.get(timeout, patient);
      if (isNone(first)) return first;
      got.values.push(first);
      this.#collect(most, got);
    }
    this.#errors.push(...got.errors);
    return got.values;
  }

  /** Adds what is there, so that there are `most` values at most. */
  #collect(most: number, got: Got): void {
    if (this.#parcel !== null) return;
    const queue = this.#blockOf("get from");
    try {
      // No more than there is now: others may go on putting.
      let left = Math.min(most - got.values.length, this.#addon.queueSize(queue));
      while (left > 0 && this.#parcel === null) {
        const count = this.#takeRun(queue, left, got);
        left -= Math.max(count, 1);
        if (count > 0) continue;
        // One that is too long for a run; the first of all is left for `get`, which waits as it was told.
        const isFirst = got.values.length === 0 && got.errors.length === 0;
        const value = isFirst ? NOTHING : this.get(0, true);
        if (isNone(value)) return;
        got.values.push(value);
      }
    } catch (error) {
      got.errors.push(error); // it may be one that could not be taken: the next call will see
    }
  }

  /** Takes one run, and adds what comes of its messages; how many it had. */
  #takeRun(queue: number, most: number, got: Got): number {
    if (this.#scratch.busy) return keepingScratch(this.#scratch, () => this.#takeRunNow(queue, most, got));
    return this.#takeRunNow(queue, most, got);
  }

  #takeRunNow(queue: number, most: number, got: Got): number {
    const heads = this.#heads;
    const scratch = this.#scratch;
    const { unit, tag } = RunLayout;
    const taken = translated(() => this.#addon.queueGetRun(queue, most));
    // Before a `restore` of the user's can take another message with attachments.
    const attachments = taken < 0 ? this.#addon.takenAttachments() : NO_ATTACHMENTS;
    const count = Math.abs(taken);
    const wasBusy = scratch.busy;
    scratch.busy = true;
    try {
      for (let i = 0, at = 0; i < count; i++) {
        const begin = at + unit;
        const end = begin + heads[at / WORD];
        this.#open(begin, end, Math.floor(heads[at / WORD + 1] / tag), i === count - 1 && attachments.length > 0, got);
        at = unit * Math.ceil(end / unit);
      }
    } finally {
      scratch.busy = wasBusy;
      if (attachments.length > 0) this.#addon.unpin(attachments);
    }
    return count;
  }

  /** Adds what comes of a message of a run; nothing if it is a parcel that is not whole yet. Call while busy. */
  #open(begin: number, end: number, tag: number, isAttached: boolean, { values, errors }: Got): void {
    const { bytes } = this.#scratch;
    try {
      if (tag === Tag.bytes) return void values.push(bytes.slice(begin, end));
      if (tag === Tag.loan && isAttached) return void values.push(copyOf(bytes.subarray(begin, end)));
      if (!isAttached) return void values.push(read(bytes, begin, end, plain()));
      let value = readParcel((message) => read(bytes, begin, end, message));
      if (value instanceof Parcel) value = this.#unpack(this.#parcel = value, 0);
      if (value !== NOTHING) values.push(value);
    } catch (error) {
      errors.push(error);
    }
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
    return bytesAlone(bytes, length) ?? this.#restored(bytes, 0, length, plain());
  }

  #restored(bytes: Uint8Array, begin: number, end: number, message: Incoming): unknown {
    const wasBusy = this.#scratch.busy;
    this.#scratch.busy = true;
    try {
      return read(bytes, begin, end, message);
    } finally {
      this.#scratch.busy = wasBusy;
    }
  }

  /** The value of a message that is long, or has a tag or attachments. */
  #special(bytes: Uint8Array<ArrayBuffer>, got: number): unknown {
    const attachments = got >= MessageUnit.attached ? this.#addon.takenAttachments() : NO_ATTACHMENTS;
    const length = got % MessageUnit.tag;
    try {
      const tag = tagOf(got);
      if (tag === Tag.loan) return copyOf(bytes.subarray(0, length));
      if (tag !== Tag.bytes) {
        if (attachments.length === 0) return this.#value(bytes, length);
        return readParcel((message) => this.#restored(bytes, 0, length, message));
      }
      return bytes === this.#scratch.bytes || length < bytes.length ? bytes.slice(0, length) : bytes;
    } finally {
      // By now whatever the message speaks of has been adopted, or is not wanted.
      if (attachments.length > 0) this.#addon.unpin(attachments);
    }
  }
}

/** How a message is to be read, of which this was got. */
function tagOf(got: number): number {
  return Math.floor(got % MessageUnit.attached / MessageUnit.tag);
}

/** The message for a value; a long byte array is not copied. */
export function serialise(value: unknown): Message {
  if (isLongBytes(value)) return alone(value);
  return { tag: Tag.value, ...dumps(value) };
}

/** Long bytes, as a message that is nothing else. */
function alone(bytes: Uint8Array<ArrayBuffer>): Message {
  return { tag: Tag.bytes, bytes, attachments: NO_ATTACHMENTS };
}

/** A message that shares no memory with the value, which may change from here on. */
function ownCopy(message: Message, value: unknown): Message {
  return message.bytes === value ? { ...message, bytes: new Uint8Array(message.bytes) } : message;
}

/** As {@linkcode serialise}, for a value that may change from here on. */
export function serialiseCopy(value: unknown): Message {
  return ownCopy(serialise(value), value);
}

export function isLongBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return isLongArray(value, LONG_BYTES) && !isShared(value);
}

/** Whether a view is of shared memory, and so travels as a reference. */
function isShared(view: Uint8Array): boolean {
  const reducer = currentViewReducer();
  if (reducer === null) return false;
  return reduced({ attachments: [], isStart: false, engine: null, objects: [] }, reducer, view) !== undefined;
}

/** Whether it stands for a value that has not come. */
export function isNone(value: unknown): value is symbol {
  return value === NOTHING || value === SHUT_DOWN || value === ORPHANED;
}

/** What stands for a value where `queueGet` has returned none. */
function noValue(status: number): symbol {
  switch (status) {
    case GetStatus.shutDown:
      return SHUT_DOWN;
    case GetStatus.orphaned:
      return ORPHANED;
    case GetStatus.other:
      return OTHER;
    default:
      return NOTHING;
  }
}
