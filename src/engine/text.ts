// Texts as bytes, as an engine has them.

const decoder = new TextDecoder();
const encoder = new TextEncoder();
/** Texts up to this length are read here where they are ASCII: a decoder takes longer to be called. */
const SHORT = 24;

/** Bytes of an answer, an event or a message as text. */
export function textOf(bytes: Uint8Array): string {
  if (bytes.length > SHORT) return decoder.decode(bytes);
  let text = "";
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] > 127) return decoder.decode(bytes);
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
