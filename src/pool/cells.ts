// The words that a pool shares with its workers. All are places in one array, used again when a worker has gone. An
// array for each worker would stay until it is garbage-collected, and a pool whose workers die often would have
// thousands.

import { RawArray } from "../sharedctypes/factories.ts";
import { cellsFor } from "./messages.ts";

/** Workers per array. */
const PLACES = 32;

/** The places of one pool. */
export class CellTable {
  readonly #size: number;
  readonly #free: Int32Array[] = [];
  /** A place of the pool's own: see `lingerer` of the desk. */
  readonly lingerer: Int32Array;

  /** For workers that run so many tasks at a time. */
  constructor(concurrency: number) {
    this.#size = cellsFor(concurrency);
    this.lingerer = this.take();
  }

  /** A worker's words, all 0. */
  take(): Int32Array {
    if (this.#free.length === 0) {
      const size = this.#size;
      const all = RawArray("i32", PLACES * size) as Int32Array;
      for (let i = PLACES; i-- > 0;) this.#free.push(all.subarray(i * size, (i + 1) * size));
    }
    return this.#free.pop()!.fill(0);
  }

  /** A worker's words are not needed any more: it has ended. */
  giveBack(cells: Int32Array): void {
    this.#free.push(cells);
  }
}
