/**
 * Python's texts: UTF-8 in which a half of a surrogate pair may stand by itself.
 *
 * @module
 */
import { knownAscii, readText } from "../runtime/text.ts";

/** Pieces of a text that are put together at once. */
const PIECE = 4096;

const encoder = new TextEncoder();

/** Texts up to so many bytes are looked for among those that came before: they are keys, most of them. */
const LONGEST_KEY = 31;
/** With this byte begin the halves of surrogate pairs, and few other letters. */
const MAY_BE_HALF = 0xed;

/** The text of `size` bytes from `at` on, which must be there; `null` if they are none. */
export function decodeText(bytes: Uint8Array, at: number, size: number): string | null {
  if (size === 0) return "";
  const known = size <= LONGEST_KEY ? knownAscii(bytes, at, size) : null;
  if (known !== null) return known;
  const isPlain = bytes.subarray(at, at + size).indexOf(MAY_BE_HALF) < 0;
  return isPlain ? readText(bytes, at, size) : decodeSurrogates(bytes, at, at + size);
}

/** As {@linkcode decodeText}, of a text that may have halves of surrogate pairs in it. */
function decodeSurrogates(bytes: Uint8Array, at: number, end: number): string | null {
  const pieces: string[] = [];
  const units = new Uint16Array(Math.min(PIECE, end - at) + 1);
  let length = 0;
  while (at < end) {
    const first = bytes[at];
    const size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    if (size === 0 || at + size > end) return null;
    let point = size === 1 ? first : first & (0x7f >> size);
    for (let i = 1; i < size; i++) {
      if ((bytes[at + i] & 0xc0) !== 0x80) return null;
      point = point << 6 | bytes[at + i] & 0x3f;
    }
    if (size === 3 && point < 0x800 || size === 4 && (point < 0x10000 || point > 0x10ffff)) return null;
    at += size;
    if (point > 0xffff) {
      units[length++] = 0xd7c0 + (point >> 10);
      units[length++] = 0xdc00 | point & 0x3ff;
    } else {
      units[length++] = point;
    }
    if (length >= PIECE) {
      pieces.push(String.fromCharCode(...units.subarray(0, length)));
      length = 0;
    }
  }
  pieces.push(String.fromCharCode(...units.subarray(0, length)));
  return pieces.join("");
}

/** The bytes of a text. */
export function encodeText(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes = new Uint8Array(3 * text.length);
  let size = 0;
  for (const character of text) {
    const point = character.codePointAt(0)!;
    if (point < 0xd800 || point > 0xdfff) {
      size += encoder.encodeInto(character, bytes.subarray(size)).written;
    } else {
      bytes[size++] = 0xe0 | point >> 12;
      bytes[size++] = 0x80 | point >> 6 & 0x3f;
      bytes[size++] = 0x80 | point & 0x3f;
    }
  }
  return bytes.subarray(0, size);
}

/** The bytes of a text with one for each letter; `null` if one is beyond them. Protocol 2 has bytes as such texts. */
export function encodeLatin1(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0xff) return null;
    bytes[i] = unit;
  }
  return bytes;
}
