// What is done with the bytes of a message that nobody copies. Plain JavaScript: node reads it, too.

export const SIZE = 1024 * 1024;
const PAGE = 4096;
const SOURCE = new Uint8Array(SIZE).fill(109);

/** How the bytes are written, by kind: a number in every page; or all of them, from another array. */
export const WRITES = {
  /** @type {(bytes: Uint8Array, i: number) => void} */
  pages(bytes, i) {
    for (let at = 0; at < bytes.length; at += PAGE) bytes[at] = i;
  },
  /** @type {(bytes: Uint8Array, i: number) => void} */
  whole(bytes, i) {
    bytes.set(SOURCE);
    this.pages(bytes, i);
  },
};

/**
 * Reads a number of every page; whether they are those of message `i`.
 *
 * @type {(bytes: Uint8Array, i: number) => boolean}
 */
export function isRead(bytes, i) {
  let same = 0;
  for (let at = 0; at < bytes.length; at += PAGE) same += bytes[at] === (i & 255) ? 1 : 0;
  return same === SIZE / PAGE;
}
