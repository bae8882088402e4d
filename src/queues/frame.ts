// The bytes of a frame, as channel.ts sends and receives them.
//
// A frame is one message of the queue, so that it is taken as a whole:
//
// | bytes | what |
// | --- | --- |
// | 1 | kind, one of `Kind` in the messages.ts of those that talk |
// | 1 | flags, of `Flag` there |
// | 2 | number of *raws*: byte arrays that bypass the serialiser, one copy in and one out; or `NUMBERS` |
// | 4 | number of the task |
// | 4 | number of the function, where the kind has one |
// | 4 | length of the list |
// | 4 | of a task: how often it was begun before; of an answer: when it was begun, as pool/clock.ts says it |
// | 4 | of an answer: how many milliseconds the task took, a float |
// | … | the list: an array, serialised by reduction/encoder.ts, with `null` in the place of raws; or just numbers, 8 bytes each |
// | 8 × raws | place in the list and length of each |
// | … | the raws, each at a multiple of 16 |
//
// A raw that is the only one is put and taken as a part of its own (`queuePutSplit`, `queueGetSplit`), so it goes from the
// sender's array to the queue and from there to the receiver's, with no copy in between.
//
// The header has a fixed size and comes first. So even if the list cannot be decoded, the receiver knows which task it
// belongs to.

import { Parcel, readParcel } from "../connection/arrival.ts";
import { RemoteError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { isLongBytes } from "./transport.ts";
import { type Incoming, plain } from "../reduction/passage.ts";
import { sizeOfBytes } from "../reduction/contents.ts";
import { read } from "../reduction/serialise.ts";
import type { Scratch } from "../addon/scratch.ts";
import { ScratchLayout } from "../addon/numbers.ts";

/** Bytes of the header. */
export const HEADER = 24;
const RAW_ENTRY = 8;
const ALIGNMENT = 16;
/** In the place of the number of raws: the list has nothing but numbers in it. */
export const NUMBERS = 65_535;
/** More raws than the header can count are serialised. */
const MAX_RAWS = NUMBERS - 1;
/** A buffer up to this length is kept for the next long frame: fresh memory costs more than the copy. */
const KEPT = 4 * 2 ** 20;

/** What a frame speaks of that speaks of no shared object. */
export const NO_ATTACHMENTS: number[] = [];

/** What a frame says besides its list. */
export interface Head {
  readonly kind: number;
  readonly flags: number;
  /** The number of the task. */
  readonly task: number;
  /** The number of the function, where the kind has one. */
  readonly fn: number;
  /** Of a task: how often it was begun before. Of an answer: when it was begun, on the worker's clock. */
  readonly begun: number;
  /** Of an answer: how many milliseconds the task took. */
  readonly duration: number;
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

/** Where a frame is, besides its bytes. */
interface Place {
  /** Of the bytes, if there is one already. */
  readonly view: DataView;
  /** The scratch buffer, if the bytes are in it. */
  readonly scratch: Scratch | null;
  /** The only raw, if it is not in the bytes. */
  readonly raw: Uint8Array | null;
}

export class ReceivedFrame implements Frame {
  readonly kind: number;
  readonly flags: number;
  readonly task: number;
  readonly fn: number;
  readonly begun: number;
  readonly duration: number;
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
    this.fn = view.getUint32(8, true);
    this.#length = view.getUint32(12, true);
    this.begun = view.getUint32(16, true);
    this.duration = view.getFloat32(20, true);
    this.#bytes = bytes;
    this.#view = view;
    this.#end = end;
    this.#attachments = attachments;
    this.#scratch = scratch;
    this.#raw = raw;
  }

  read(): unknown[] {
    const scratch = this.#scratch;
    const wasBusy = scratch?.busy ?? false;
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
      if (scratch !== null) scratch.busy = wasBusy;
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

/** Where the only raw of a frame of `length` bytes begins; `null` if there are more, or none, or it does not show. */
export function splitOf(view: DataView, length: number): number | null {
  if (view.byteLength < HEADER || view.getUint16(2, true) !== 1) return null;
  const entry = HEADER + view.getUint32(12, true);
  const begin = aligned(entry + RAW_ENTRY);
  return begin <= Math.min(ScratchLayout.preview, view.byteLength) && begin + view.getUint32(entry + 4, true) === length
    ? begin
    : null;
}

function placeIn(list: readonly unknown[], place: number): number {
  if (place >= list.length) throw new RangeError("Cannot read a frame: a raw has no place in it");
  return place;
}

/** Whether there are only numbers in a list. */
export function isNumbers(list: readonly unknown[]): list is readonly number[] {
  for (let i = 0; i < list.length; i++) if (typeof list[i] !== "number") return false;
  return true;
}

/** Where in a list the long byte arrays are; `null` if there are none, as in most. */
export function findRaws(list: readonly unknown[]): number[] | null {
  let raws: number[] | null = null;
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (typeof value !== "object" || !isLongBytes(value)) continue;
    raws ??= [];
    if (raws.length < MAX_RAWS) raws.push(i);
  }
  return raws;
}

/** The list with `null` in the place of its raws. */
export function without(list: readonly unknown[], raws: readonly number[]): readonly unknown[] {
  if (raws.length === 0) return list;
  const rest = list.slice();
  for (const place of raws) rest[place] = null;
  return rest;
}

let kept = new Uint8Array(0);

/** The bytes of a long frame; they are to be used before the next is assembled. One raw alone is left out at the end. */
export function assemble(
  head: Head,
  rest: Uint8Array,
  list: readonly unknown[],
  found: readonly number[] | typeof NUMBERS,
): Uint8Array<ArrayBuffer> {
  const raws = typeof found === "number" ? [] : found;
  const isSplit = raws.length === 1;
  let entry = HEADER + rest.length;
  let size = entry + raws.length * RAW_ENTRY;
  for (const place of raws) size = aligned(size) + (isSplit ? 0 : sizeOfBytes(list[place] as Uint8Array));
  const frame = bufferOf(size);
  const view = new DataView(frame.buffer, 0, size);
  writeHead(view, head, found === NUMBERS ? NUMBERS : raws.length, rest.length);
  frame.set(rest, HEADER);
  let at = entry + raws.length * RAW_ENTRY;
  for (const place of raws) {
    const raw = list[place] as Uint8Array;
    view.setUint32(entry, place, true);
    const length = sizeOfBytes(raw);
    view.setUint32(entry + 4, length, true);
    entry += RAW_ENTRY;
    if (isSplit) break;
    at = aligned(at);
    frame.set(raw, at);
    at += length;
  }
  return frame;
}

function bufferOf(size: number): Uint8Array<ArrayBuffer> {
  if (size > KEPT) return new Uint8Array(size);
  if (kept.length < size) kept = new Uint8Array(Math.min(KEPT, 2 * size));
  return kept.subarray(0, size);
}

export function writeHead(view: DataView, head: Head, raws: number, length: number): void {
  view.setUint8(0, head.kind);
  view.setUint8(1, head.flags);
  view.setUint16(2, raws, true);
  view.setUint32(4, head.task, true);
  view.setUint32(8, head.fn, true);
  view.setUint32(12, length, true);
  view.setUint32(16, head.begun, true);
  view.setFloat32(20, head.duration, true);
}

function aligned(at: number): number {
  return Math.ceil(at / ALIGNMENT) * ALIGNMENT;
}
