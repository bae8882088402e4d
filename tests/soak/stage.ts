// What a part of the soak is given, and where it says what has become of it.

import { getContext } from "@parallel/multiprocessing";
import { type Books, readBooks, type Row, type Told } from "./books.ts";
import type { Random } from "./random.ts";
import { turningTime } from "./turns.ts";

/** Milliseconds without any progress that count as a hang, of the loop's turning. */
export const HANG = 60_000;
/** Milliseconds between two looks at what is waited for. */
const LOOK_EVERY = 500;

/** What has been done to one primitive. */
export interface Sum extends Row {
  kills: number;
  stops: number;
}

/** By the names of the rows. */
export type Sums = Record<string, Sum>;

export function addTo(sums: Sums, name: string, part: Partial<Sum>): void {
  const sum = sums[name] ??= { operations: 0, kills: 0, stops: 0, told: {} };
  sum.operations += part.operations ?? 0;
  sum.kills += part.kills ?? 0;
  sum.stops += part.stops ?? 0;
  for (const [error, count] of Object.entries(part.told ?? {})) {
    sum.told[error as Told] = (sum.told[error as Told] ?? 0) + count;
  }
}

/** All rows in one. */
export function total(sums: Sums): Sum {
  const all: Sums = {};
  for (const sum of Object.values(sums)) addTo(all, "all", sum);
  return all.all ?? { operations: 0, kills: 0, stops: 0, told: {} };
}

/** What has not moved for so long that it never will. */
export class Hang extends Error {
  override readonly name = "Hang";
}

/** A seat as others see it who ask who waits for what. */
export interface Seen {
  readonly pid: number;
  readonly what: string;
}

/** What was waited for, and for how many milliseconds. */
export interface Longest {
  readonly what: string;
  readonly time: number;
}

/** The place of one part in one round. */
export class Stage {
  /** What was counted here, and not by processes in books. */
  readonly #own: Sums = {};
  readonly #books: Books[] = [];
  readonly #seen: (() => Seen[])[] = [];
  #longest: Longest = { what: "nothing", time: 0 };

  constructor(
    /** What the part decides by chance. */
    readonly random: Random,
    /** How it starts processes. */
    readonly method: "spawn" | "forkserver",
    /** Whether it is to come to its end. */
    readonly isOver: () => boolean,
    /** Is told what must not be. */
    readonly violate: (what: string) => void,
    /** Milliseconds without any progress that count as a hang, of the loop's turning. */
    readonly hang: number = HANG,
  ) {}

  /** The package with this stage's start method. */
  get context(): ReturnType<typeof getContext> {
    return getContext(this.method);
  }

  count(row: string, part: Partial<Sum>): void {
    addTo(this.#own, row, part);
  }

  /** Counts an error that the death of another explains; throws any other. */
  told(row: string, error: unknown, ...wanted: Told[]): Told {
    const name = wanted.find((name) => error instanceof Error && error.name === name);
    if (name === undefined) throw error;
    addTo(this.#own, row, { told: { [name]: 1 } });
    return name;
  }

  /** Has these books read when the sums are asked for. */
  keep(books: Books): void {
    this.#books.push(books);
  }

  /** Has those seen who may be asked what they wait for. */
  show(seen: () => Seen[]): void {
    this.#seen.push(seen);
  }

  get seen(): Seen[] {
    return this.#seen.flatMap((seen) => seen());
  }

  /** What has been done so far. */
  get sums(): Sums {
    const sums: Sums = structuredClone(this.#own);
    for (const books of this.#books) {
      for (const [name, row] of readBooks(books)) addTo(sums, name, row);
    }
    return sums;
  }

  /** Whether something was done, and somebody killed, here. */
  get hasWorked(): boolean {
    const { operations, kills } = total(this.sums);
    return operations > 0 && kills > 0;
  }

  /** Judges the faults that processes have noted. */
  judgeFaults(books: Books): void {
    if (books.faults[0] > 0) this.violate(`${books.faults[0]} faults were found by the processes`);
  }

  /** What the promise gives; nothing in a soak takes as long as a hang. */
  async soon<T>(promise: Promise<T>, what: string): Promise<T> {
    const begin = performance.now();
    const end = turningTime() + this.hang;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const looking = setInterval(() => {
      if (turningTime() > end) reject(new Hang(`Cannot wait longer for ${what} than ${this.hang} ms`));
    }, LOOK_EVERY);
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearInterval(looking);
      const time = performance.now() - begin;
      if (time > this.#longest.time) this.#longest = { what, time };
    }
  }

  /** What was waited for longest, and for how many milliseconds. */
  get longest(): Longest {
    return this.#longest;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
