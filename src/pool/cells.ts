// The words that a pool shares with its workers, as it has them. All are places in one array, used again when a worker has
// gone. An array for each worker would stay until it is garbage-collected, and a pool whose workers die often would have
// thousands.

import { RawArray } from "../sharedctypes/factories.ts";
import { CancelReason, Cell, cellsFor, Mode, Slot } from "./messages.ts";

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

/** The words of one worker, as its pool reads and writes them. */
export class WorkerWords {
  readonly #cells: Int32Array;
  readonly #slots: readonly number[];

  /** Those of a worker that runs so many tasks at a time. */
  constructor(cells: Int32Array, concurrency: number) {
    this.#cells = cells;
    this.#slots = Array.from({ length: concurrency }, (_, i) => Cell.slots + i * Slot.words);
  }

  /** Its resident memory in bytes. */
  get memory(): number {
    return this.#cells[Cell.memory] * 1024;
  }

  get mode(): number {
    return Atomics.load(this.#cells, Cell.mode);
  }

  /** The numbers of the tasks that run, or have run last, one for each slot; 0 for none yet. */
  get begun(): number[] {
    return this.#slots.map((slot) => this.#begunAt(slot));
  }

  /** How many of these run, or have run last. */
  countBegun(numbers: ReadonlyMap<number, unknown>): number {
    const slots = this.#slots;
    let count = 0;
    for (let i = 0; i < slots.length; i++) if (numbers.has(this.#begunAt(slots[i]))) count++;
    return count;
  }

  /** How many items of the task of that number have been begun, if it is a lenient one of several. */
  itemsBegun(number: number): number {
    const slot = this.#slots.find((slot) => this.#begunAt(slot) === number);
    return slot === undefined ? 0 : this.#cells[slot + Slot.items];
  }

  #begunAt(slot: number): number {
    return Atomics.load(this.#cells, slot + Slot.begun) >>> 0;
  }

  /** From now on it is called, if it rests; whether it does. */
  setCalled(): boolean {
    return [Mode.asleep, Mode.resting].some((mode) =>
      Atomics.compareExchange(this.#cells, Cell.mode, mode, Mode.called) === mode
    );
  }

  /** What it has asked has been read. */
  setHeard(): void {
    Atomics.store(this.#cells, Cell.asks, 0);
  }

  /** A report has been read; whether the worker waits for that. */
  addHeard(): boolean {
    const heard = (Atomics.add(this.#cells, Cell.heard, 1) + 1) | 0;
    const awaited = Atomics.load(this.#cells, Cell.awaited);
    if (awaited === 0 || ((heard - awaited) | 0) < 0) return false;
    Atomics.store(this.#cells, Cell.awaited, 0);
    return true;
  }

  /** The task of that number is not wanted any more; whether it runs, or has run last in its slot. */
  setCancelled(number: number, timedOut: boolean): boolean {
    const slot = this.#slots.find((slot) => this.#begunAt(slot) === number);
    if (slot === undefined) return false;
    Atomics.store(this.#cells, slot + Slot.reason, timedOut ? CancelReason.timedOut : CancelReason.aborted);
    Atomics.store(this.#cells, slot + Slot.cancelled, number | 0);
    return true;
  }
}
