/**
 * Bytes of a pickle, in their order: no length is believed before the bytes are seen to be there.
 *
 * @module
 */
import { unreadable } from "./error.ts";
import { decodeText } from "./text.ts";

/** The longest name of a module, a class or a function. */
export const LONGEST_NAME = 1000;

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/** Reads one pickle. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** How many bytes are still to come. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Refuses if there are less bytes than these. */
  need(size: number): void {
    if (size > this.#bytes.length - this.#at) throw unreadable("it ends too early");
  }

  /** The next byte. */
  byte(): number {
    if (this.#at >= this.#bytes.length) throw unreadable("it ends too early");
    return this.#bytes[this.#at++];
  }

  /** The next two bytes. */
  uint16(): number {
    this.need(2);
    const at = this.#at;
    this.#at = at + 2;
    return this.#bytes[at] | this.#bytes[at + 1] << 8;
  }

  /** The next four bytes, with a sign. */
  int32(): number {
    this.need(4);
    const bytes = this.#bytes;
    const at = this.#at;
    this.#at = at + 4;
    return bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
  }

  /** The next four bytes. */
  uint32(): number {
    return this.int32() >>> 0;
  }

  /** The next eight bytes, a length: one that no memory has is as bad as any other that is too long. */
  size64(): number {
    const low = this.uint32();
    return low + this.uint32() * 2 ** 32;
  }

  /** The next eight bytes, a float with its first byte first. */
  float64(): number {
    this.need(8);
    for (let i = 0; i < 8; i++) numberBytes[7 - i] = this.#bytes[this.#at + i];
    this.#at += 8;
    return number[0];
  }

  /** The next bytes, in memory of their own. */
  copy(size: number): Uint8Array<ArrayBuffer> {
    this.need(size);
    const at = this.#at;
    this.#at = at + size;
    return this.#bytes.slice(at, at + size) as Uint8Array<ArrayBuffer>; // slice() never makes a shared buffer
  }

  /** The text in the next bytes. */
  text(size: number): string {
    this.need(size);
    const at = this.#at;
    this.#at = at + size;
    const text = decodeText(this.#bytes, at, size);
    if (text === null) throw unreadable("a text of it is not UTF-8");
    return text;
  }

  /** The text in the next bytes, which are ASCII: a text of Python 2, whose encoding nobody knows. */
  ascii(size: number): string {
    this.need(size);
    for (let i = 0; i < size; i++) {
      if (this.#bytes[this.#at + i] > 0x7f) throw unreadable("a text of Python 2 in it is not ASCII");
    }
    return this.text(size);
  }

  /** The line in the next bytes: a name. */
  line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw unreadable("it ends too early");
    if (end - this.#at > LONGEST_NAME) throw unreadable(`a name in it is longer than ${LONGEST_NAME} bytes`);
    const line = this.text(end - this.#at);
    this.#at++;
    return line;
  }

  /** The int in the next bytes, the lowest first. */
  int(size: number): bigint {
    if (size === 0) return 0n;
    const bytes = this.copy(size);
    const value = BigInt(`0x${bytes.reverse().toHex()}`);
    return bytes[0] > 0x7f ? BigInt.asIntN(8 * size, value) : value;
  }

  /** The int in the next bytes, at most six, the lowest first. */
  shortInt(size: number): number {
    this.need(size);
    let value = 0;
    for (let i = size - 1; i >= 0; i--) value = value * 256 + this.#bytes[this.#at + i];
    const isNegative = size > 0 && this.#bytes[this.#at + size - 1] > 0x7f;
    this.#at += size;
    return isNegative ? value - 2 ** (8 * size) : value;
  }
}
