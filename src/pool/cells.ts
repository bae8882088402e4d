// The words that a pool shares with its workers. All are places in one array, used again when a worker has gone. An
// array for each worker would stay until it is garbage-collected, and a pool whose workers die often would have
// thousands.

import { RawArray } from "../sharedctypes/factories.ts";
import { CELLS } from "./messages.ts";

/** Workers per array. */
const PLACES = 32;

/** The places of one pool. */
export class CellTable {
  readonly #free: Int32Array[] = [];
  /** A place of the pool's own: see `lingerer` of the desk. */
  readonly lingerer: Int32Array = this.take();

  /** A worker's words, all 0. */
  take(): Int32Array {
    if (this.#free.length === 0) {
      const all = RawArray("i32", PLACES * CELLS) as Int32Array;
      for (let i = PLACES; i-- > 0;) this.#free.push(all.subarray(i * CELLS, (i + 1) * CELLS));
    }
    return this.#free.pop()!.fill(0);
  }

  /** A worker's words are not needed any more: it has ended. */
  giveBack(cells: Int32Array): void {
    this.#free.push(cells);
  }
}
