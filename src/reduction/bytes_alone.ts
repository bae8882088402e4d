/**
 * Messages that are one Uint8Array and nothing else: what else the decoder does for a message takes as long as the copy.
 *
 * @module
 */

/** The byte array that the first `end` bytes are the message of, in a buffer of its own; `null` if of something else. */
export function bytesAlone(bytes: Uint8Array<ArrayBuffer>, end: number): Uint8Array<ArrayBuffer> | null {
  if (end < 2) return null;
  const tag = bytes[0];
  if (tag === 0xc4) return bytes[1] === end - 2 ? bytes.slice(2, end) : null;
  if (tag !== 0xc5 || end < 3) return null;
  return ((bytes[1] << 8) | bytes[2]) === end - 3 ? bytes.slice(3, end) : null;
}
