// One direction between a pool and its workers: a queue of frames in shared memory. Both halves use it.
//
// A frame is one message of the queue, so that it is taken as a whole:
//
// | bytes | what |
// | --- | --- |
// | 1 | kind, one of `Kind` in messages.ts |
// | 1 | flags, of `Flag` there |
// | 2 | number of *raws*: byte arrays that bypass the serialiser, one copy in and one out; or `NUMBERS` |
// | 4 | number of the task |
// | 4 | a number whose meaning depends on the kind |
// | 4 | length of the list |
// | 8 | milliseconds, a float |
// | … | the list: an array, serialised by reduction.ts, with `null` in the place of raws; or just numbers, 8 bytes each |
// | 8 × raws | place in the list and length of each |
// | … | the raws, each at a multiple of 16 |
//
// A raw that is the only one is put and taken as a part of its own (`queuePutSplit`, `queueGetSplit`), so it goes from the
// sender's array to the queue and from there to the receiver's, with no copy in between.
//
// The header has a fixed size and comes first. So even if the list cannot be decoded, the receiver knows which task it
// belongs to.

import { BlockHandle, type BlockReference } from "../addon/handles.ts";
import { Parcel, readParcel } from "../connection/arrival.ts";
import { RemoteError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { ATTACHED, isLongBytes, QueueState, QueueWatch, TAG_UNIT, TOO_LONG } from "../queues/transport.ts";
import { adopted, attach, type Incoming, plain } from "../reduction/passage.ts";
import { register } from "../reduction/registry.ts";
import type { Dumped } from "../reduction/encoder.ts";
import { dumpInto, dumps, read } from "../reduction/serialise.ts";
import { discard } from "../reduction/registry.ts";
import { openScratch, type Scratch } from "../addon/scratch.ts";
import { wait } from "../addon/waits.ts";

const HEADER = 24;
const RAW_ENTRY = 8;
const ALIGNMENT = 16;
/** In the place of the number of raws: the list has nothing but numbers in it. */
const NUMBERS = 65_535;
/** More raws than the header can count are serialised. */
const MOST_RAWS = NUMBERS - 1;
/** A list of so many numbers bypasses the serialiser, which takes five times as long for them. */
const MANY_NUMBERS = 16;
/** A buffer up to this length is kept for the next long frame: fresh memory costs more than the copy. */
const KEPT = 4 * 2 ** 20;
const NO_ATTACHMENTS: number[] = [];

/** So many bytes of a message that is too long for the scratch buffer are in it all the same. */
const PREVIEW = 1024;
/** What `queueGet` returns when no frame came in time; anything less means that none will. */
const NONE_CAME = -1;

/** What a frame says besides its list. */
export interface Head {
  readonly kind: number;
  readonly flags: number;
  /** The number of the task. */
  readonly task: number;
  /** Depends on the kind. */
  readonly extra: number;
  /** Milliseconds. */
  readonly time: number;
}

/** A frame that was received. Its list must be read, or dropped, before anything else is done with any queue. */
export interface Frame extends Head {
  /** Reads the list; throws what the serialiser throws. */
  read(): unknown[];
  /** The list that was read, if there are connections in it that are still to arrive. */
  readonly parcel: Parcel | null;
  /** Does without the list. */
  drop(): void;
}

/** The end of what can be received: the other side is gone. */
export const ENDED: unique symbol = Symbol("ended");

/** A queue of frames. Several processes may receive: each frame goes to one of them. */
export class Channel implements Disposable {
  static {
    register(Channel, {
      name: "multiprocessing.pool.Channel",
      reduce: (channel) => channel.#reference(),
      restore: (data) => new Channel(adopted(data)),
    });
  }

  readonly #handle: BlockHandle;
  readonly #scratch: Scratch = openScratch();
  readonly #view = new DataView(this.#scratch.bytes.buffer);
  /** Where a list of numbers goes in the scratch buffer. */
  readonly #numbers = new Float64Array(this.#scratch.bytes.buffer, HEADER);
  /** Whether this process only receives, and so has nothing to wait for once the other side is gone. */
  #isLonely = true;

  /** A new one, or the one in a block that exists. */
  constructor(handle: BlockHandle = BlockHandle.of((addon) => addon.queueCreate(0, false))) {
    this.#handle = handle;
  }

  /** Whether the thread is just writing or reading a frame, in which user code may run. */
  get isBusy(): boolean {
    return this.#scratch.busy;
  }

  get isClosed(): boolean {
    return this.#handle.closed;
  }

  /**
   * Marks this process as the creator. Until the other process has adopted the channel, being its only holder does not
   * mean that the other has gone.
   */
  own(): this {
    this.#isLonely = false;
    return this;
  }

  /**
   * Sends a frame; its length in bytes.
   *
   * @throws {TypeError} If the list cannot be serialised; then nothing is sent.
   */
  send(head: Head, list: readonly unknown[]): number {
    if (this.#handle.closed) return 0;
    if (list.length >= MANY_NUMBERS && isNumbers(list)) return this.#sendNumbers(head, list);
    const scratch = this.#scratch;
    const raws = findRaws(list);
    if (raws === null && !scratch.busy) {
      scratch.busy = true;
      try {
        const end = dumpInto(list, scratch.bytes, HEADER);
        if (typeof end !== "number") return this.#sendLong(head, list, [], end);
        writeHead(this.#view, head, 0, end - HEADER);
        native().queuePut(this.#handle.block, end, 0);
        return end;
      } finally {
        scratch.busy = false;
      }
    }
    return this.#sendLong(head, list, raws ?? [], dumps(without(list, raws ?? [])));
  }

  #sendNumbers(head: Head, list: readonly number[]): number {
    const length = 8 * list.length;
    if (HEADER + length > this.#scratch.bytes.length || this.#scratch.busy) {
      const bytes = new Uint8Array(Float64Array.from(list).buffer);
      return this.#put(assemble(head, bytes, list, NUMBERS), []);
    }
    writeHead(this.#view, head, NUMBERS, length);
    this.#numbers.set(list);
    native().queuePut(this.#handle.block, HEADER + length, 0);
    return HEADER + length;
  }

  #sendLong(head: Head, list: readonly unknown[], raws: readonly number[], { bytes, attachments }: Dumped): number {
    const frame = assemble(head, bytes, list, raws);
    // One raw, as most long frames have, is not copied before: it is put behind what comes before it.
    if (raws.length === 1) return this.#put(frame, [...attachments], list[raws[0]] as Uint8Array);
    return this.#put(frame, [...attachments]);
  }

  #put(frame: Uint8Array<ArrayBuffer>, attachments: number[], raw: Uint8Array | null = null): number {
    const { block } = this.#handle;
    let isPut = false;
    try {
      isPut = translated(() =>
        raw === null
          ? native().queuePutBytes(block, 0, frame, attachments, 0)
          : native().queuePutSplit(block, frame, raw, attachments, 0)
      ) === 0;
    } finally {
      if (!isPut) discard(attachments);
    }
    return frame.length + (raw?.length ?? 0);
  }

  /** The next frame, waiting for it up to `timeout` milliseconds; `null` if none came. */
  receive(timeout: number): Frame | null | typeof ENDED {
    if (this.#handle.closed) return ENDED;
    const got = native().queueGet(this.#handle.block, timeout, this.#isLonely ? 1 : 0);
    if (got < 0) return got === NONE_CAME ? null : ENDED;
    if (got < TAG_UNIT) {
      return new ReceivedFrame(this.#scratch.bytes, got, NO_ATTACHMENTS, { view: this.#view, scratch: this.#scratch });
    }
    if (got < TOO_LONG) return this.#special(this.#scratch.bytes, got, this.#scratch);
    return this.#long(got - TOO_LONG);
  }

  /** A frame of so many bytes, whose beginning is in the scratch buffer. */
  #long(length: number): Frame | null | typeof ENDED {
    const { block } = this.#handle;
    const split = splitOf(this.#view, length);
    // Memory of V8's own, which the copy goes to straight from the queue, and which V8 soon uses again.
    const bytes = new Uint8Array(split ?? length);
    const raw = split === null ? null : new Uint8Array(length - split);
    const taken = translated(() =>
      raw === null ? native().queueGetInto(block, bytes) : native().queueGetSplit(block, bytes, raw)
    );
    // Another has taken it meanwhile; there may be more.
    if (taken < 0 || taken >= TOO_LONG) return this.receive(0);
    if (raw === null) return this.#special(bytes, taken, null);
    const attachments = taken >= ATTACHED ? native().takenAttachments() : NO_ATTACHMENTS;
    if (splitOf(new DataView(bytes.buffer), length) === split) {
      return new ReceivedFrame(bytes, bytes.length, attachments, { raw });
    }
    // It was, and another of the same length has come: it is not split there.
    const whole = new Uint8Array(length);
    whole.set(bytes);
    whole.set(raw, bytes.length);
    return new ReceivedFrame(whole, length, attachments);
  }

  /** A frame that is long, or speaks of shared objects. */
  #special(bytes: Uint8Array<ArrayBuffer>, got: number, scratch: Scratch | null): Frame {
    const attachments = got >= ATTACHED ? native().takenAttachments() : NO_ATTACHMENTS;
    return new ReceivedFrame(bytes, got % TAG_UNIT, attachments, { scratch });
  }

  /** Waits in the reactor until there may be something to receive. */
  async filled({ inBackground }: { inBackground: boolean }): Promise<void> {
    if (this.#handle.closed) return;
    const { block } = this.#handle;
    const watch = this.#isLonely ? QueueWatch.never : QueueWatch.nothing;
    const submit = () => translated(() => native().queueAwait(block, QueueState.filled, Infinity, watch, false));
    await wait(submit, { inBackground });
  }

  /** Gives up this process's share; waits for it end. Again: nothing happens. */
  close(): void {
    if (this.#handle.closed) return;
    translated(() => native().queueShutDown(this.#handle.block, true));
    this.#handle.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #reference(): BlockReference {
    const { block } = this.#handle;
    attach(block);
    native().queueMarkShared(block);
    return this.#handle.reference();
  }
}

/** Where a frame is, besides its bytes. */
interface Place {
  /** Of the bytes, if there is one already. */
  readonly view: DataView;
  /** The scratch buffer, if the bytes are in it. */
  readonly scratch: Scratch | null;
  /** The only raw, if it is not in the bytes. */
  readonly raw: Uint8Array | null;
}

class ReceivedFrame implements Frame {
  readonly kind: number;
  readonly flags: number;
  readonly task: number;
  readonly extra: number;
  readonly time: number;
  parcel: Parcel | null = null;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  /** How many of the bytes are of the frame. */
  readonly #end: number;
  #attachments: number[];
  readonly #scratch: Scratch | null;
  readonly #raws: number;
  readonly #length: number;
  readonly #raw: Uint8Array | null;

  /** The frame in the first `end` bytes, which may have others behind it. */
  constructor(
    bytes: Uint8Array<ArrayBuffer>,
    end: number,
    attachments: number[],
    { view = viewOf(bytes), scratch = null, raw = null }: Partial<Place> = {},
  ) {
    if (end < HEADER) throw new RemoteError(`Cannot read a frame of ${end} bytes`);
    this.kind = view.getUint8(0);
    this.flags = view.getUint8(1);
    this.#raws = view.getUint16(2, true);
    this.task = view.getUint32(4, true);
    this.extra = view.getUint32(8, true);
    this.#length = view.getUint32(12, true);
    this.time = view.getFloat64(16, true);
    this.#bytes = bytes;
    this.#view = view;
    this.#end = end;
    this.#attachments = attachments;
    this.#scratch = scratch;
    this.#raw = raw;
  }

  read(): unknown[] {
    const scratch = this.#scratch;
    if (scratch !== null) scratch.busy = true;
    try {
      const end = this.#within(HEADER + this.#length);
      if (this.#raws === NUMBERS) return this.#readNumbers(end);
      const list = (message: Incoming) => read(this.#bytes, HEADER, end, message) as unknown[];
      const got = this.#attachments.length === 0 ? list(plain()) : readParcel(list);
      if (got instanceof Parcel) this.parcel = got;
      const whole = got instanceof Parcel ? got.value as unknown[] : got;
      if (this.#raws > 0) this.#readRaws(whole);
      return whole;
    } finally {
      if (scratch !== null) scratch.busy = false;
      this.drop();
    }
  }

  /** The end of a part of the frame, unless that is beyond it. */
  #within(end: number): number {
    if (end > this.#end) throw new RangeError(`Cannot read a frame of ${this.#end} bytes: a part of it ends at ${end}`);
    return end;
  }

  #readNumbers(end: number): number[] {
    const numbers = new Float64Array(this.#bytes.slice(HEADER, end).buffer);
    const list: number[] = [];
    for (let i = 0; i < numbers.length; i++) list.push(numbers[i]);
    return list;
  }

  #readRaws(list: unknown[]): void {
    const bytes = this.#bytes;
    const view = this.#view;
    let entry = HEADER + this.#length;
    const entries = this.#within(entry + this.#raws * RAW_ENTRY);
    if (this.#raw !== null) {
      list[placeIn(list, view.getUint32(entry, true))] = this.#raw;
      return;
    }
    let at = aligned(entries);
    for (let i = 0; i < this.#raws; i++, entry += RAW_ENTRY) {
      const place = placeIn(list, view.getUint32(entry, true));
      const end = this.#within(at + view.getUint32(entry + 4, true));
      list[place] = bytes.slice(at, end); // memory of its own, which the receiver may transfer
      at = aligned(end);
    }
  }

  drop(): void {
    const attachments = this.#attachments;
    this.#attachments = NO_ATTACHMENTS;
    if (attachments.length > 0) native().unpin(attachments);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Where the only raw of a frame of so many bytes begins; `null` if there are more, or none, or it does not show. */
function splitOf(view: DataView, length: number): number | null {
  if (view.byteLength < HEADER || view.getUint16(2, true) !== 1) return null;
  const entry = HEADER + view.getUint32(12, true);
  const begin = aligned(entry + RAW_ENTRY);
  return begin <= Math.min(PREVIEW, view.byteLength) && begin + view.getUint32(entry + 4, true) === length
    ? begin
    : null;
}

function placeIn(list: readonly unknown[], place: number): number {
  if (place >= list.length) throw new RangeError("Cannot read a frame: a raw has no place in it");
  return place;
}

/** Whether there are only numbers in a list. */
function isNumbers(list: readonly unknown[]): list is readonly number[] {
  for (let i = 0; i < list.length; i++) if (typeof list[i] !== "number") return false;
  return true;
}

/** Where in a list the long byte arrays are; `null` if there are none, as in most. */
function findRaws(list: readonly unknown[]): number[] | null {
  let raws: number[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== "object" || !isLongBytes(value)) continue;
    raws ??= [];
    if (raws.length < MOST_RAWS) raws.push(i);
  }
  return raws;
}

/** The list with `null` in the place of its raws. */
function without(list: readonly unknown[], raws: readonly number[]): readonly unknown[] {
  if (raws.length === 0) return list;
  const rest = list.slice();
  for (const place of raws) rest[place] = null;
  return rest;
}

let kept = new Uint8Array(0);

/** The bytes of a long frame; they are to be used before the next is assembled. One raw alone is left out at the end. */
function assemble(
  head: Head,
  rest: Uint8Array,
  list: readonly unknown[],
  found: readonly number[] | typeof NUMBERS,
): Uint8Array<ArrayBuffer> {
  const raws = typeof found === "number" ? [] : found;
  const isSplit = raws.length === 1;
  let entry = HEADER + rest.length;
  let size = entry + raws.length * RAW_ENTRY;
  for (const place of raws) size = aligned(size) + (isSplit ? 0 : (list[place] as Uint8Array).length);
  const frame = bufferOf(size);
  const view = new DataView(frame.buffer, 0, size);
  writeHead(view, head, found === NUMBERS ? NUMBERS : raws.length, rest.length);
  frame.set(rest, HEADER);
  let at = entry + raws.length * RAW_ENTRY;
  for (const place of raws) {
    const raw = list[place] as Uint8Array;
    view.setUint32(entry, place, true);
    view.setUint32(entry + 4, raw.length, true);
    entry += RAW_ENTRY;
    if (isSplit) break;
    at = aligned(at);
    frame.set(raw, at);
    at += raw.length;
  }
  return frame;
}

function bufferOf(size: number): Uint8Array<ArrayBuffer> {
  if (size > KEPT) return new Uint8Array(size);
  if (kept.length < size) kept = new Uint8Array(Math.min(KEPT, 2 * size));
  return kept.subarray(0, size);
}

function writeHead(view: DataView, head: Head, raws: number, length: number): void {
  view.setUint8(0, head.kind);
  view.setUint8(1, head.flags);
  view.setUint16(2, raws, true);
  view.setUint32(4, head.task, true);
  view.setUint32(8, head.extra, true);
  view.setUint32(12, length, true);
  view.setFloat64(16, head.time, true);
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}
