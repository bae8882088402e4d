/**
 * Writes the operations of a pickle that put something on the stack by itself: numbers, texts, bytes, references.
 *
 * @module
 */
import { encodeText } from "./text.ts";

/** The buffer that a pickle begins in; kept for the next one unless it has grown beyond. */
const SMALL = 64 * 1024;
/** A growing buffer doubles, but gains at most so many bytes at a time. */
const MOST_GAINED = 64 * 1024 * 1024;
/** Texts up to this length are written by a loop; beyond, TextEncoder's call is cheaper. */
const SHORT_TEXT = 32;

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);
const encoder = new TextEncoder();

/** The buffer that no pickle is being written into; `null` while one is. */
let spare: Uint8Array<ArrayBuffer> | null = null;

/** Writes one pickle. */
export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor() {
    this.#bytes = spare ?? new Uint8Array(SMALL);
    spare = null;
  }

  /** What was written, in memory that nothing else is in. Nothing may be written any more. */
  end(): Uint8Array<ArrayBuffer> {
    const bytes = this.#bytes;
    if (bytes.length > SMALL) return bytes.subarray(0, this.#at);
    const result = bytes.slice(0, this.#at);
    spare = bytes;
    return result;
  }

  /** Gives the buffer back, of a pickle that is not to be. */
  abandon(): void {
    if (this.#bytes.length === SMALL) spare = this.#bytes;
  }

  /** Makes sure that `size` bytes can be written. */
  #reserve(size: number): void {
    const needed = this.#at + size;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, Math.min(2 * needed, needed + MOST_GAINED)));
    grown.set(this.#bytes.subarray(0, this.#at));
    if (this.#bytes.length === SMALL) spare = this.#bytes;
    this.#bytes = grown;
  }

  /** One operation. */
  operation(code: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = code;
  }

  /** An operation with four bytes behind it. */
  #operation32(code: number, value: number): void {
    this.#reserve(5);
    this.#bytes[this.#at++] = code;
    this.#uint32(value);
  }

  /** Four bytes, for which there is room. */
  #uint32(value: number): void {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = value;
    bytes[at++] = value >>> 8;
    bytes[at++] = value >>> 16;
    bytes[at++] = value >>> 24;
    this.#at = at;
  }

  /** An operation with two bytes behind it. */
  #operation16(code: number, value: number): void {
    this.#reserve(3);
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = code;
    bytes[at + 1] = value;
    bytes[at + 2] = value >>> 8;
    this.#at = at + 3;
  }

  #operation8(code: number, value: number): void {
    this.#reserve(2);
    const bytes = this.#bytes;
    const at = this.#at;
    bytes[at] = code;
    bytes[at + 1] = value;
    this.#at = at + 2;
  }

  /** A reference to the object of that number. */
  get(index: number): void {
    if (index < 0x100) this.#operation8(0x68, index); // BINGET
    else this.#operation32(0x6a, index); // LONG_BINGET
  }

  /** A whole number that JavaScript holds exactly. */
  int(value: number): void {
    const low = value | 0;
    if (low !== value) return this.#longNumber(value);
    if (value >= 0 && value < 0x100) this.#operation8(0x4b, value); // BININT1
    else if (value >= 0 && value < 0x10000) this.#operation16(0x4d, value); // BININT2
    else this.#operation32(0x4a, value); // BININT
  }

  #longNumber(value: number): void {
    this.#reserve(10);
    this.#bytes[this.#at++] = 0x8a; // LONG1
    this.#bytes[this.#at++] = 8;
    this.#uint32(value % 2 ** 32 | 0);
    this.#uint32(Math.floor(value / 2 ** 32));
  }

  /** An int of any size. */
  bigint(value: bigint): void {
    if (BigInt.asIntN(32, value) === value) return this.int(Number(value));
    const isNegative = value < 0n;
    const digits = (isNegative ? -value : value).toString(16);
    // One bit more than the digits have, for the sign.
    const size = (digits.length >> 1) + 1;
    const whole = isNegative ? BigInt.asUintN(8 * size, value).toString(16) : digits;
    const bytes = Uint8Array.fromHex(whole.padStart(2 * size, "0")).reverse();
    if (size < 0x100) this.#operation8(0x8a, size); // LONG1
    else this.#operation32(0x8b, size); // LONG4
    this.raw(bytes);
  }

  /** A float. */
  float(value: number): void {
    this.#reserve(9);
    this.#bytes[this.#at++] = 0x47; // BINFLOAT
    number[0] = value;
    for (let i = 7; i >= 0; i--) this.#bytes[this.#at++] = numberBytes[i];
  }

  /** A text. */
  text(text: string): void {
    const { length } = text;
    if (length > SHORT_TEXT) return this.#longText(text);
    this.#reserve(2 + length);
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = 0x8c; // SHORT_BINUNICODE
    bytes[at++] = length;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return this.#longText(text);
      bytes[at++] = unit;
    }
    this.#at = at;
  }

  #longText(text: string): void {
    if (3 * text.length >= 0x100 || !text.isWellFormed()) return this.#anyText(encodeText(text));
    this.#reserve(2 + 3 * text.length);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(this.#at + 2));
    this.#bytes[this.#at] = 0x8c; // SHORT_BINUNICODE
    this.#bytes[this.#at + 1] = written;
    this.#at += 2 + written;
  }

  #anyText(bytes: Uint8Array): void {
    if (bytes.length < 0x100) this.#operation8(0x8c, bytes.length); // SHORT_BINUNICODE
    else this.#operation32(0x58, bytes.length); // BINUNICODE
    this.raw(bytes);
  }

  /** Bytes. */
  bytes(bytes: Uint8Array): void {
    const size = bytes.length;
    if (size < 0x100) this.#operation8(0x43, size); // SHORT_BINBYTES
    else if (size < 2 ** 32) this.#operation32(0x42, size); // BINBYTES
    else this.#operation64(0x8e, size); // BINBYTES8
    this.raw(bytes);
  }

  /** A bytearray, of protocol 5. */
  bytearray(bytes: Uint8Array): void {
    this.#operation64(0x96, bytes.length); // BYTEARRAY8
    this.raw(bytes);
  }

  #operation64(code: number, value: number): void {
    this.#operation32(code, value);
    this.#reserve(4);
    this.#uint32(Math.floor(value / 2 ** 32));
  }

  /** The bytes themselves. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }
}
