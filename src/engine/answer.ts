// What a step is given and answers.

import { textOf } from "./text.ts";

/** What a step is given besides its name. Numbers are written as decimal text. */
export type StepArgument = string | number | Uint8Array;

const [O, K] = [0x6f, 0x6b];

/**
 * What a step has answered: `ok`, or `no` and why.
 *
 * Of many values each is cut out when it is wanted: a view takes longer to be made than most of what is done with it.
 */
export class Answer {
  readonly #bytes: Uint8Array;
  /** Where each part begins and ends. */
  readonly #bounds: readonly number[];
  /** The part that the values begin with. */
  readonly #first: number;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const bounds = this.#bounds = boundsIn(bytes);
    const [start, end] = bounds;
    this.#first = end - start === 2 && bytes[start] === O && bytes[start + 1] === K ? 1 : 2;
  }

  /** An answer as the addon gives it. */
  static unpack(bytes: Uint8Array): Answer {
    return new Answer(bytes);
  }

  /** Why it was refused; `null` if it was done. */
  get refusal(): string | null {
    return this.#first === 1 ? null : this.#text(1);
  }

  /** How many values there are. */
  get length(): number {
    return this.#bounds.length / 2 - this.#first;
  }

  /** A value, as it is. */
  bytes(index: number): Uint8Array {
    const { bytes, start, end } = this.range(index);
    return bytes.subarray(start, end);
  }

  /** Where a value is. */
  range(index: number): ByteRange {
    const at = 2 * (index + this.#first);
    return { bytes: this.#bytes, start: this.#bounds[at], end: this.#bounds[at + 1] };
  }

  /** A value that is text. */
  text(index: number): string {
    return this.#text(index + this.#first);
  }

  /** A value that is a number. */
  number(index: number): number {
    return Number(this.text(index));
  }

  #text(part: number): string {
    return textOf(this.#bytes, this.#bounds[2 * part], this.#bounds[2 * part + 1]);
  }
}

/** Some bytes of others. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The parts of what the addon gives as one piece; `native.ts` says how. */
export function partsIn(bytes: Uint8Array): Uint8Array[] {
  const bounds = boundsIn(bytes);
  return Array.from({ length: bounds.length / 2 }, (_, i) => bytes.subarray(bounds[2 * i], bounds[2 * i + 1]));
}

/** Where each of them begins and ends. */
function boundsIn(bytes: Uint8Array): number[] {
  const bounds: number[] = [];
  for (let i = 0; i < bytes.length;) {
    const start = i + 4;
    i = start + bytes[i] + bytes[i + 1] * 2 ** 8 + bytes[i + 2] * 2 ** 16 + bytes[i + 3] * 2 ** 24;
    bounds.push(start, i);
  }
  return bounds;
}
