// The buffer that this thread shares with the addon, so that the call for a short message carries only numbers.
//
// It is in use from the first byte that is written for a call, or by one, until the call is made, or the value restored.
// Meanwhile code of the user's may run (getters, `reduce`, `restore`), and use queues and connections itself. So:
//
// S1. Code that writes a value to the buffer, or restores one from it, sets `busy` before, and afterwards to what it was.
// S2. While it is busy, a message to be sent is serialised into memory of its own; a run goes by `keepingScratch`.
// S3. While it is busy, a message is received by `keepingScratch`, since the addon writes to the buffer.

import { native } from "./load.ts";

/** This thread's scratch buffer. */
export interface Scratch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether a value is being written to it or restored from it. */
  busy: boolean;
}

let scratch: Scratch | undefined;

/** The buffer, made at the first call. */
export function openScratch(): Scratch {
  return scratch ??= { bytes: new Uint8Array(native().openScratch()), busy: false };
}

/** Does `work`, which overwrites the buffer while it is busy, and puts back what was in it (S3). */
export function keepingScratch<T>({ bytes }: Scratch, work: () => T): T {
  const kept = bytes.slice();
  try {
    return work();
  } finally {
    bytes.set(kept);
  }
}
