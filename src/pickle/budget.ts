/**
 * The memory that one pickle may take.
 *
 * @module
 */
import { unreadable } from "./error.ts";

/** So many bytes of memory for each byte of the pickle may be made by copying … */
const TIMES = 16;
/** … and so many besides. */
const BESIDES = 64 * 1024;

/** What each item of a copied list, set or dict counts, in bytes. */
export const ITEM = 8;

/**
 * Pays for copies. What is read of a pickle takes memory in proportion to its bytes; but by a few bytes a pickle can have
 * a long text or list copied, and so again and again.
 */
export class Budget {
  #left: number;

  /** The budget of a pickle of that size, with the buffers that belong to it. */
  constructor(size: number) {
    this.#left = TIMES * size + BESIDES;
  }

  /** Pays for a copy of so many bytes, before it is made. */
  spend(bytes: number): void {
    this.#left -= bytes;
    if (!(this.#left >= 0)) throw unreadable("it takes far more memory than its size allows");
  }
}
