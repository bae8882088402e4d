// Texts as bytes, as an engine has them.

const decoder = new TextDecoder();
const encoder = new TextEncoder();
/** Texts up to this length are read here where they are ASCII: a decoder takes longer to be called. */
const SHORT = 24;

/** Bytes of an answer, an event or a message as text. */
export function textOf(bytes: Uint8Array, start = 0, end: number = bytes.length): string {
  if (end - start > SHORT) return decoder.decode(bytes.subarray(start, end));
  let text = "";
  for (let i = start; i < end; i++) {
    if (bytes[i] > 127) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(bytes[i]);
  }
  return text;
}

/** The same as a number. */
export function numberOf(bytes: Uint8Array): number {
  return Number(textOf(bytes));
}

/** A text as bytes. */
export function bytesOf(text?: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}
