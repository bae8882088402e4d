// Texts as bytes, as an engine has them.

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Bytes of an answer, an event or a message as text. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The same as a number. */
export function numberOf(bytes: Uint8Array): number {
  return Number(decoder.decode(bytes));
}

/** A text as bytes. */
export function bytesOf(text?: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}
