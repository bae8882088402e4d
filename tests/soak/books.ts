// What the processes of a part write down in shared memory: how far each has come, at what it is, how often what has
// been done, and which deaths of others it was told of. Any of them may be killed between two words.

import { RawArray } from "@parallel/multiprocessing";
import { setPriority } from "node:os";

/** What a process may be told when another one was killed or stopped, by the names of the errors; `RuntimeLate`: see victims.ts. */
export const TOLD = [
  "OwnerDiedError",
  "WorkerLostError",
  "BrokenBarrierError",
  "EOFError",
  "UnexpectedEof",
  "BrokenPipe",
  "ConnectionReset",
  "TimeoutError",
  "AuthenticationError",
  "RuntimeLate",
] as const;
export type Told = typeof TOLD[number];

/** Words of a row: what was done, then how often each error was told. */
const WIDTH = 1 + TOLD.length;
/** How much less than others a hammering process wants of the processor: those that are being started come first. */
const NICE = 5;

/** The shared memory. */
export interface Books {
  /** The names of the rows. */
  readonly rows: readonly string[];
  readonly counts: Int32Array;
  /** By seat: goes up with every operation. */
  readonly beats: Int32Array;
  /** By seat: the row that it is at. */
  readonly places: Int32Array;
  /** What was found wrong; the words for it are on standard error. */
  readonly faults: Int32Array;
}

/** What a row says. */
export interface Row {
  operations: number;
  told: Partial<Record<Told, number>>;
}

export function openBooks(rows: readonly string[], seats: number): Books {
  return {
    rows,
    counts: RawArray("i32", rows.length * WIDTH),
    beats: RawArray("i32", seats),
    places: RawArray("i32", seats),
    faults: RawArray("i32", 1),
  };
}

/** The rows by their names, as of now. */
export function readBooks({ rows, counts }: Books): Map<string, Row> {
  return new Map(rows.map((name, row) => {
    const words = counts.slice(row * WIDTH, (row + 1) * WIDTH);
    const told = TOLD.map((error, index) => [error, words[1 + index]] as const).filter(([, count]) => count > 0);
    return [name, { operations: words[0], told: Object.fromEntries(told) }];
  }));
}

/** Who writes for one seat. */
export class Clerk {
  readonly #books: Books;
  readonly #seat: number;
  #row = 0;

  /** @param isItself Whether this process is the one at the seat. */
  constructor(books: Books, seat: number, { isItself = true } = {}) {
    this.#books = books;
    this.#seat = seat;
    if (isItself) setPriority(NICE);
  }

  /** Says what it is at from now on. */
  at(row: number): void {
    this.#row = row;
    Atomics.store(this.#books.places, this.#seat, row);
  }

  /** Notes that something was done. */
  done(): void {
    Atomics.add(this.#books.counts, this.#row * WIDTH, 1);
    this.lives();
  }

  /** Shows that it has not hung, though there is nothing to do. */
  lives(): void {
    Atomics.add(this.#books.beats, this.#seat, 1);
  }

  /** Notes an error that the death of another explains; throws any other. */
  told(error: unknown, ...wanted: Told[]): Told {
    const name = wanted.find((name) => error instanceof Error && error.name === name);
    if (name === undefined) throw error;
    this.noteTold(name);
    return name;
  }

  /** Notes that the death of another was told. */
  noteTold(name: Told): void {
    Atomics.add(this.#books.counts, this.#row * WIDTH + 1 + TOLD.indexOf(name), 1);
  }

  /** Notes what must not be. */
  fault(what: string): void {
    Atomics.add(this.#books.faults, 0, 1);
    console.error(`fault: ${this.#books.rows[this.#row]}, seat ${this.#seat}, process ${Deno.pid}: ${what}`);
  }
}
