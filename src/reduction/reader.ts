/**
 * The bytes of a message that is being read: MessagePack's scalars, taken from a range of bytes that may come from a
 * hostile or half-dead process. Nothing outside of the range is read, and what does not fit into it is an error.
 *
 * @module
 */
import { knownKey, readText } from "../runtime/text.ts";
import { Extension } from "./format.ts";

const NO_BYTES = new Uint8Array(0);
const number = new DataView(new ArrayBuffer(8));
const numberBytes = new Uint8Array(number.buffer);

/** Reads one message at a time. */
export class Reader {
  #bytes: Uint8Array = NO_BYTES;
  #position = 0;
  /** Where the message ends, or the part of it that is just being read. */
  #end = 0;

  /** Starts at byte `start` of `bytes`, a message that ends at `end`. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
  }

  /** Lets go of the bytes. */
  end(): void {
    this.#bytes = NO_BYTES;
  }

  /** Whether there are bytes left in this part of the message. */
  get hasMore(): boolean {
    return this.#position < this.#end;
  }

  /** How many. */
  get left(): number {
    return this.#end - this.#position;
  }

  /** The error for a message that is not one. */
  malformed(what: string): RangeError {
    return new RangeError(`Cannot read message: it is malformed at byte ${this.#position}: ${what}`);
  }

  /** Checks that `size` bytes are there. */
  need(size: number): void {
    if (size > this.#end - this.#position) {
      throw this.malformed(`${size} bytes are wanted, ${this.#end - this.#position} are left`);
    }
  }

  /** Goes on with a part of the message that has the next `size` bytes; what {@linkcode close} is to be given. */
  open(size: number): number {
    this.need(size);
    const outerEnd = this.#end;
    this.#end = this.#position + size;
    return outerEnd;
  }

  /** Goes on behind a part of the message. */
  close(outerEnd: number): void {
    this.#end = outerEnd;
  }

  byte(): number {
    if (this.#position >= this.#end) throw this.malformed("a byte is wanted, none is left");
    return this.#bytes[this.#position++];
  }

  uint16(): number {
    this.need(2);
    const at = this.#position;
    this.#position = at + 2;
    return (this.#bytes[at] << 8) | this.#bytes[at + 1];
  }

  uint32(): number {
    this.need(4);
    const bytes = this.#bytes;
    const at = this.#position;
    this.#position = at + 4;
    return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
  }

  /** The next `size` bytes as a view to read one number from, until the next call. */
  number(size: number): DataView {
    this.need(size);
    for (let i = 0; i < size; i++) numberBytes[i] = this.#bytes[this.#position + i];
    this.#position += size;
    return number;
  }

  /** The next `size` bytes as UTF-8. */
  text(size: number): string {
    this.need(size);
    const text = readText(this.#bytes, this.#position, size);
    if (text === null) throw this.malformed("a string is not UTF-8");
    this.#position += size;
    return text;
  }

  /** The next string, if it is a short one that has been read before as the name of a property; else `null`. */
  knownKey(): string | null {
    const tag = this.#position < this.#end ? this.#bytes[this.#position] : 0;
    if (tag < 0xa0 || tag >= 0xc0) return null;
    const size = tag & 0x1f;
    if (size >= this.#end - this.#position) return null;
    const known = knownKey(this.#bytes, this.#position + 1, size);
    if (known !== null) this.#position += 1 + size;
    return known;
  }

  /** How many items the array has that comes next. */
  count(): number {
    const tag = this.byte();
    if (tag >= 0x90 && tag < 0xa0) return tag & 0x0f;
    if (tag === 0xdc) return this.uint16();
    throw this.malformed("an array of names is wanted");
  }

  /** The number of a shape, if it comes next; else -1. */
  shape(): number {
    const bytes = this.#bytes;
    const at = this.#position;
    if (bytes[at] !== 0xd4 || this.#end - at < 3 || bytes[at + 1] !== Extension.Shape) return -1;
    this.#position = at + 3;
    return bytes[at + 2];
  }

  /** A copy of the next `size` bytes, which must be there: the only one that is made, in a buffer of its own. */
  copy(size: number): Uint8Array<ArrayBuffer> {
    const at = this.#position;
    this.#position = at + size;
    return this.#bytes.slice(at, at + size) as Uint8Array<ArrayBuffer>; // slice() never makes a shared buffer
  }
}
