/**
 * What becomes of a value that the format itself has no operation for.
 *
 * @module
 */
import type { PythonName, PythonObjectParts } from "./python_object.ts";
import type { Refusal } from "./refusal.ts";

/** An argument that is memory: a bytearray in the pickle, or what the receiver gets in another way. */
export class Buffer {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/** A call that makes an object in Python. */
export interface Call extends PythonObjectParts {
  readonly name: PythonName;
  readonly args: readonly unknown[];
}

/** A call, or bytes; or why there is none. */
export type Reduction = Call | Uint8Array | Refusal;
