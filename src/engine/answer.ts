// What a step is given and answers.

import { textOf } from "./text.ts";

/** What a step is given besides its name. Numbers are written as decimal text. */
export type StepArgument = string | number | Uint8Array;

const [O, K] = [0x6f, 0x6b];

/** What a step has answered: `ok`, or `no` and why. */
export class Answer {
  readonly #parts: readonly Uint8Array[];
  /** Where the values begin. */
  readonly #start: number;

  constructor(parts: readonly Uint8Array[]) {
    this.#parts = parts;
    const [outcome] = parts;
    this.#start = outcome?.length === 2 && outcome[0] === O && outcome[1] === K ? 1 : 2;
  }

  /** An answer as the addon gives it. */
  static unpack(bytes: Uint8Array): Answer {
    return new Answer(partsIn(bytes));
  }

  /** Why it was refused; `null` if it was done. */
  get refusal(): string | null {
    return this.#start === 1 ? null : this.#text(1);
  }

  /** How many values there are. */
  get length(): number {
    return this.#parts.length - this.#start;
  }

  /** A value, as it is. */
  bytes(index: number): Uint8Array {
    return this.#parts[index + this.#start];
  }

  /** A value that is text. */
  text(index: number): string {
    return textOf(this.bytes(index));
  }

  /** A value that is a number. */
  number(index: number): number {
    return Number(this.text(index));
  }

  #text(index: number): string {
    return textOf(this.#parts[index]);
  }
}

/** The parts of what the addon gives as one piece; `native.ts` says how. */
export function partsIn(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Uint8Array[] = [];
  for (let i = 0; i < bytes.length;) {
    const start = i + 4;
    i = start + view.getUint32(i, true);
    parts.push(bytes.subarray(start, i));
  }
  return parts;
}
