/**
 * Writes the bytes of a message: MessagePack's scalars and headers. They go into a given buffer; if that is too short,
 * the writer goes on in a longer one of its own.
 *
 * @module
 */
import { Extension } from "./format.ts";

/** A growing buffer doubles, but gains at most so many bytes at a time. */
const GROWTH_LIMIT = 64 * 1024 * 1024;
/** Strings up to this length are written by a loop; beyond, TextEncoder's call is cheaper (measured). */
const SHORT_STRING = 32;

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

const NO_BYTES = new Uint8Array(0);
const textEncoder = new TextEncoder();
const number = new DataView(new ArrayBuffer(8));
const numberBytes = new Uint8Array(number.buffer);

/** Writes one message at a time. */
export class Writer {
  #bytes: Uint8Array = NO_BYTES;
  /** The buffer that was given. */
  #target: Uint8Array = NO_BYTES;
  /** Where the message starts in `#bytes`. */
  #start = 0;
  #position = 0;

  /** Where the next byte goes. */
  get position(): number {
    return this.#position;
  }

  /** Whether the message did not fit where it was begun. */
  get outgrown(): boolean {
    return this.#bytes !== this.#target;
  }

  /** Starts a message in `target`. */
  begin(target: Uint8Array, start: number): void {
    this.#bytes = this.#target = target;
    this.#start = this.#position = start;
  }

  /** Lets go of the buffer. */
  end(): void {
    this.#bytes = this.#target = NO_BYTES;
  }

  /** The message so far, in memory that nothing else is in. */
  takeBytes(): Uint8Array<ArrayBuffer> {
    const { outgrown } = this;
    const bytes = this.#bytes as Uint8Array<ArrayBuffer>; // slice() never makes a shared buffer
    if (outgrown) return bytes.subarray(this.#start, this.#position);
    return Uint8Array.prototype.slice.call(bytes, this.#start, this.#position) as Uint8Array<ArrayBuffer>;
  }

  /** Makes sure that `size` bytes can be written. */
  #reserve(size: number): void {
    if (this.#position + size > this.#bytes.length) this.#grow(size);
  }

  #grow(size: number): void {
    const written = this.#bytes.subarray(this.#start, this.#position);
    const needed = written.length + size;
    const grown = new Uint8Array(written.length === 0 ? needed : Math.min(2 * needed, needed + GROWTH_LIMIT));
    grown.set(written);
    this.#bytes = grown;
    this.#start = 0;
    this.#position = written.length;
  }

  /** Writes one byte: a tag, or the start of a payload that was reserved by its header. */
  writeByte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#position++] = byte;
  }

  /** Copies `source`, which has that many bytes, whatever it says itself. */
  writeRaw(source: Uint8Array, length: number): void {
    this.#reserve(length);
    this.#bytes.set(source, this.#position);
    this.#position += length;
  }

  /** The header of `bin`; `writeRaw` follows. */
  writeBytesHeader(length: number): void {
    this.#reserve(length < 0x100 ? 2 + length : 5 + length);
    if (length < 0x100) {
      this.#bytes[this.#position] = 0xc4;
      this.#bytes[this.#position + 1] = length;
      this.#position += 2;
    } else {
      this.#bytes[this.#position] = 0xc6;
      this.#position = writeUint32(this.#bytes, this.#position + 1, checkedLength(length));
    }
  }

  /** Writes a reference to the object of this number. */
  writeReference(index: number): void {
    this.#reserve(6);
    this.#bytes[this.#position] = 0xd6;
    this.#bytes[this.#position + 1] = Extension.Reference;
    this.#position = writeUint32(this.#bytes, this.#position + 2, index);
  }

  /** Writes the number of a shape. */
  writeShape(number: number): void {
    this.#reserve(3);
    const bytes = this.#bytes;
    bytes[this.#position] = 0xd4;
    bytes[this.#position + 1] = Extension.Shape;
    bytes[this.#position + 2] = number;
    this.#position += 3;
  }

  /** Writes eight payload bytes that hold `value` as float64. */
  writeFloat64(value: number): void {
    this.#reserve(8);
    number.setFloat64(0, value);
    this.#writeEight();
  }

  /** Writes `undefined`. */
  writeUndefined(): void {
    this.#reserve(3);
    const bytes = this.#bytes;
    bytes[this.#position] = 0xd4;
    bytes[this.#position + 1] = Extension.Undefined;
    bytes[this.#position + 2] = 0;
    this.#position += 3;
  }

  /** Writes any number, in the shortest format. */
  writeNumber(value: number): void {
    const int = value | 0;
    if (int !== value || (int === 0 && 1 / value < 0)) return this.#writeBigNumber(value);
    if (int >= -32 && int < 128) {
      this.#reserve(1);
      this.#bytes[this.#position++] = int;
    } else if (int >= -0x8000 && int < 0x8000) {
      this.#reserve(3);
      const at = this.#position;
      this.#bytes[at] = 0xd1;
      this.#bytes[at + 1] = int >> 8;
      this.#bytes[at + 2] = int;
      this.#position = at + 3;
    } else {
      this.#reserve(5);
      this.#bytes[this.#position] = 0xd2;
      this.#position = writeUint32(this.#bytes, this.#position + 1, int);
    }
  }

  /** Writes what is not an int32: an uint32 or a float64. */
  #writeBigNumber(value: number): void {
    if (value > 0 && value >>> 0 === value) {
      this.#reserve(5);
      this.#bytes[this.#position] = 0xce;
      this.#position = writeUint32(this.#bytes, this.#position + 1, value);
    } else {
      this.#reserve(9);
      this.#bytes[this.#position++] = 0xcb;
      number.setFloat64(0, value);
      this.#writeEight();
    }
  }

  /** Writes the eight bytes of `number`; the caller has reserved them. */
  #writeEight(): void {
    const bytes = this.#bytes;
    const at = this.#position;
    for (let i = 0; i < 8; i++) bytes[at + i] = numberBytes[i];
    this.#position = at + 8;
  }

  /** Writes a bigint of any size. */
  writeBigInt(value: bigint): void {
    if (value >= INT64_MIN && value <= UINT64_MAX) {
      this.#reserve(9);
      this.#bytes[this.#position++] = value < 0n ? 0xd3 : 0xcf;
      number.setBigUint64(0, BigInt.asUintN(64, value));
      return this.#writeEight();
    }
    const digits = (value < 0n ? -value : value).toString(16);
    const size = (digits.length + 1) >> 1;
    this.writeExtensionHeader(Extension.BigInt, 1 + size);
    this.#bytes[this.#position++] = value < 0n ? 1 : 0;
    let from = digits.length - 2 * size; // -1 where the first byte has one digit only
    for (let i = 0; i < size; i++, from += 2) {
      this.#bytes[this.#position++] = parseInt(digits.slice(Math.max(from, 0), from + 2), 16);
    }
  }

  /** Writes any string. */
  writeString(value: string): void {
    const length = value.length;
    if (length > SHORT_STRING) return this.#writeLongString(value);
    this.#reserve(length < 32 ? 1 + length : 2 + length);
    const bytes = this.#bytes;
    let at = this.#position;
    if (length < 32) {
      bytes[at++] = 0xa0 | length;
    } else {
      bytes[at++] = 0xd9;
      bytes[at++] = length;
    }
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return this.#writeLongString(value);
      bytes[at++] = unit;
    }
    this.#position = at;
  }

  #writeLongString(value: string): void {
    if (!value.isWellFormed()) return this.#writeString16(value);
    const longest = 3 * value.length; // in UTF-8
    const lengthSize = longest < 0x100 ? 1 : longest < 0x10000 ? 2 : 4;
    this.#reserve(1 + lengthSize + value.length);
    const header = this.#position - this.#start;
    this.#position += 1 + lengthSize;
    let rest = value;
    for (;;) {
      const { read, written } = textEncoder.encodeInto(rest, this.#bytes.subarray(this.#position));
      this.#position += written;
      if (read === rest.length) break;
      rest = rest.slice(read);
      this.#reserve(3 * rest.length);
    }
    const bytes = this.#bytes;
    const at = this.#start + header;
    const size = this.#position - at - 1 - lengthSize;
    bytes[at] = lengthSize === 1 ? 0xd9 : lengthSize === 2 ? 0xda : 0xdb;
    for (let i = 0; i < lengthSize; i++) bytes[at + 1 + i] = size >>> (8 * (lengthSize - 1 - i));
  }

  #writeString16(value: string): void {
    this.writeExtensionHeader(Extension.String16, 2 * value.length);
    const bytes = this.#bytes;
    let at = this.#position;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      bytes[at++] = unit;
      bytes[at++] = unit >> 8;
    }
    this.#position = at;
  }

  /** The header of a MessagePack map or array of `count`. */
  writeCount(count: number, small: number, limit: number, medium: number): void {
    this.#reserve(count < limit ? 1 : 5);
    const bytes = this.#bytes;
    const at = this.#position;
    if (count < limit) {
      bytes[at] = small | count;
      this.#position = at + 1;
    } else if (count < 0x10000) {
      bytes[at] = medium;
      bytes[at + 1] = count >> 8;
      bytes[at + 2] = count;
      this.#position = at + 3;
    } else {
      bytes[at] = medium + 1;
      this.#position = writeUint32(bytes, at + 1, count);
    }
  }

  /** The header of an extension whose payload is `size` bytes, which are reserved too. */
  writeExtensionHeader(type: number, size: number): void {
    this.#reserve(6 + size);
    const bytes = this.#bytes;
    let at = this.#position;
    if (size === 8) {
      bytes[at++] = 0xd7;
    } else if (size < 0x100) {
      bytes[at++] = 0xc7;
      bytes[at++] = size;
    } else {
      bytes[at++] = 0xc9;
      at = writeUint32(bytes, at, checkedLength(size));
    }
    bytes[at++] = type;
    this.#position = at;
  }

  /** Starts an extension whose payload has no known length yet; its place in the message, for `closeExtension`. */
  openExtension(type: number): number {
    this.#reserve(6);
    const at = this.#position;
    this.#bytes[at] = 0xc9;
    this.#bytes[at + 5] = type;
    this.#position = at + 6;
    return at - this.#start;
  }

  /** Ends the extension that `openExtension` started. */
  closeExtension(header: number): void {
    const at = this.#start + header;
    writeUint32(this.#bytes, at + 1, checkedLength(this.#position - at - 6));
  }
}

function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
  return at + 4;
}

/** MessagePack lengths have 32 bits. */
function checkedLength(length: number): number {
  if (length > 0xffff_ffff) throw new RangeError(`Cannot serialise ${length} bytes in one value: at most 4 GiB fit`);
  return length;
}
