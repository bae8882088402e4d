/**
 * Strings out of UTF-8 bytes, by whichever way is fastest for their length.
 *
 * @module
 */

/** Strings up to this length are read by a loop; beyond, TextDecoder's call is cheaper (measured). */
const SHORT_STRING = 32;
/** Slots of the cache of property names; a power of two. */
const KEY_SLOTS = 1024;

const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** Four times slower (measured), so it only has the last word. */
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Property names seen before, by a hash of their bytes: the same string object makes property access fast. */
const keys: string[] = new Array(KEY_SLOTS).fill("");

/** The string of `size` UTF-8 bytes from `at` on, which must be there; null if they are not UTF-8. */
export function readText(bytes: Uint8Array, at: number, size: number): string | null {
  const short = size <= SHORT_STRING ? shortAscii(bytes, at, size) : null;
  if (short !== null) return short;
  const part = bytes.subarray(at, at + size);
  const text = textDecoder.decode(part);
  if (!text.includes("\ufffd")) return text;
  try {
    return strictDecoder.decode(part); // U+FFFD may have been sent
  } catch {
    return null;
  }
}

/** As {@linkcode knownKey}, of ASCII letters alone, at least one; null if one of them is another. */
export function knownAscii(bytes: Uint8Array, at: number, size: number): string | null {
  const slot = (bytes[at] * 31 + bytes[at + size - 1] * 7 + bytes[at + (size >> 1)] * 131 + size) & (KEY_SLOTS - 1);
  const known = keys[slot];
  if (known.length === size) {
    let i = 0;
    while (i < size && known.charCodeAt(i) === bytes[at + i] && bytes[at + i] < 0x80) i++;
    if (i === size) return known;
  }
  const key = shortAscii(bytes, at, size);
  if (key !== null) keys[slot] = key;
  return key;
}

/** The property name of `size` UTF-8 bytes from `at` on, at most 31, which must be there; null if they are not UTF-8. */
export function knownKey(bytes: Uint8Array, at: number, size: number): string | null {
  if (size === 0) return "";
  return knownAscii(bytes, at, size) ?? readText(bytes, at, size);
}

/** The string of `size` ASCII bytes, at most `SHORT_STRING`; null if one of them is not ASCII. */
function shortAscii(bytes: Uint8Array, at: number, size: number): string | null {
  let text = "";
  let left = size;
  for (; left >= 8; left -= 8, at += 8) {
    const a = bytes[at], b = bytes[at + 1], c = bytes[at + 2], d = bytes[at + 3];
    const e = bytes[at + 4], f = bytes[at + 5], g = bytes[at + 6], h = bytes[at + 7];
    if ((a | b | c | d | e | f | g | h) > 0x7f) return null;
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  if (left >= 4) {
    const a = bytes[at], b = bytes[at + 1], c = bytes[at + 2], d = bytes[at + 3];
    if ((a | b | c | d) > 0x7f) return null;
    text += String.fromCharCode(a, b, c, d);
    left -= 4;
    at += 4;
  }
  for (; left > 0; left--, at++) {
    if (bytes[at] > 0x7f) return null;
    text += String.fromCharCode(bytes[at]);
  }
  return text;
}
