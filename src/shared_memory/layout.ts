// How a ShareableList lies in its block, to the byte as CPython 3.9 and later have it. All numbers are little-endian.
//
// ```text
// 8 bytes          N, how many items there are
// 8 × (N + 1)      where each item's slot begins in the data, from 0 on; the last is the length of the data
// …                the data: 8 bytes for a number, a boolean or None; for text and bytes as many as they were given
// 8 × N            what each slot holds, in the words of Python's `struct`, filled up with NULs
// N                what is made of that: 0 as it is, 1 a text, 2 bytes, 3 None
// ```
//
// L1. Where the slots are is read once, and checked: all lie in the block, and none before another's end. Nobody of
//     ours changes that, so what is read later at these places is in the block, whatever others write there.
// L2. What a slot holds is read at each use, and fits into the slot or is refused.

/** Bytes of a number, a boolean, None, an offset, and a format. */
export const WORD = 8;
/** The most bytes that a format says, which has eight characters. */
export const LONGEST_TEXT = 9_999_992;

/** What is made of a slot's bytes. */
export const Code = { asIs: 0, text: 1, bytes: 2, none: 3 } as const;

/** A slot's format, and what is made of it. */
export interface Kind {
  readonly format: string;
  readonly code: number;
}

/** An item, ready to be stored. */
export interface Stored extends Kind {
  /** Of text and bytes, how many bytes of a slot they take; otherwise {@linkcode WORD}. */
  readonly bytes: Uint8Array;
  /** Bytes of a new slot for it. */
  readonly slot: number;
}

/** Where the parts of a list are. */
export class Layout {
  readonly count: number;
  /** Where each slot begins, from the data's beginning on, and where the last ends. */
  readonly offsets: readonly number[];

  private constructor(offsets: readonly number[]) {
    this.count = offsets.length - 1;
    this.offsets = offsets;
  }

  /** That of a new list with slots of these sizes. */
  static of(slots: readonly number[]): Layout {
    let end = 0;
    return new Layout([0, ...slots.map((size) => end += size)]);
  }

  /**
   * That which a block says it has.
   *
   * @throws {RangeError} If it cannot be.
   */
  static read(view: DataView): Layout {
    const size = view.byteLength;
    const fail = (why: string) => new RangeError(`Cannot read the list in shared memory of ${size} bytes: ${why}`);
    if (size < 2 * WORD) throw fail("that is too short for one, of CPython 3.9 or later");
    const count = Number(view.getBigInt64(0, true));
    const rest = size - 2 * WORD - count * (2 * WORD + 1);
    if (count < 0 || rest < 0) throw fail(`it says that it has ${count} items`);
    const offsets: number[] = [];
    let last = 0;
    for (let at = 0; at <= count; at++) {
      const offset = Number(view.getBigInt64(WORD * (1 + at), true));
      if (at === 0 && offset !== 0) throw fail("its first slot does not begin where the data does");
      if (offset < last || offset > rest) throw fail(`slot ${at} begins at byte ${offset} of ${rest}`);
      offsets.push(last = offset);
    }
    return new Layout(offsets);
  }

  /** Bytes of the whole. */
  get size(): number {
    return this.#codes + this.count;
  }

  get #formats(): number {
    return this.slot(this.count);
  }

  get #codes(): number {
    return this.#formats + WORD * this.count;
  }

  /** Where a slot begins in the block. */
  slot(index: number): number {
    return WORD * (2 + this.count) + this.offsets[index];
  }

  /** Bytes of a slot. */
  room(index: number): number {
    return this.offsets[index + 1] - this.offsets[index];
  }

  /** Where a slot's format is in the block. */
  format(index: number): number {
    return this.#formats + WORD * index;
  }

  /** Where it is said what is made of a slot. */
  code(index: number): number {
    return this.#codes + index;
  }

  /** Writes how many there are, and where. */
  write(view: DataView): void {
    view.setBigInt64(0, BigInt(this.count), true);
    this.offsets.forEach((offset, at) => view.setBigInt64(WORD * (1 + at), BigInt(offset), true));
  }
}

/** The bytes of a slot for so many bytes of text: always one more than they need, as CPython has it. */
export function slotFor(length: number): number {
  const size = WORD * (Math.floor(length / WORD) + 1);
  if (size <= LONGEST_TEXT) return size;
  throw new RangeError(`Cannot store ${length} bytes in a list: it has room for less than ${LONGEST_TEXT} in a slot`);
}

/** How many bytes a format of text says; `undefined` if it is another one. */
export function textLength(format: string): number | undefined {
  return /^\d{1,7}s$/.test(format) ? Number(format.slice(0, -1)) : undefined;
}
