// Texts of the engine.

const decoder = new TextDecoder();

/** Bytes of an answer or an event as text. */
export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
