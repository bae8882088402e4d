// Bytes that a number determines, and a checksum of them.

/** Fills the bytes behind `from` with what `seed` gives, a word at a time. */
export function filled<T extends Uint8Array>(bytes: T, from: number, seed: number): T {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + from, (bytes.length - from) >>> 2);
  let state = seed * 2654435761 | 1;
  for (let i = 0; i < words.length; i++) words[i] = state = Math.imul(state, 1664525) + 1013904223;
  bytes.fill(seed, from + 4 * words.length);
  return bytes;
}

/** Changes with every bit behind `from`, with the order of the words and with their number. */
export function checksum(bytes: Uint8Array, from: number): number {
  const aligned = (bytes.byteOffset + from) % 4 === 0 ? bytes.subarray(from) : bytes.slice(from);
  const words = new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
  let sum = aligned.length;
  for (let i = 0; i < words.length; i++) sum = Math.imul(sum ^ words[i], 16777619);
  for (let i = 4 * words.length; i < aligned.length; i++) sum = Math.imul(sum ^ aligned[i], 16777619);
  return sum >>> 0;
}
