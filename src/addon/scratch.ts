// The buffer that this thread shares with the addon, so that the call for a short message carries only numbers.

import { native } from "./load.ts";

/** This thread's scratch buffer, and whether a value is just being written to it or read from it. */
export interface Scratch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  busy: boolean;
}

let scratch: Scratch | undefined;

/** The buffer, made at the first call. */
export function openScratch(): Scratch {
  return scratch ??= { bytes: new Uint8Array(native().openScratch()), busy: false };
}

/** Does `work`, which overwrites the buffer, while somebody else is reading or writing a value there. */
export function keepingScratch<T>({ bytes }: Scratch, work: () => T): T {
  const kept = bytes.slice();
  try {
    return work();
  } finally {
    bytes.set(kept);
  }
}
