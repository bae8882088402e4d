// Counts that are kept under a lock, and what they prove about it: that nobody else was inside, that no count was lost,
// and that each death inside was told to whoever came next.

/** Where a shared total is: plain memory, a `Value`, an element of an `Array`. */
export interface Total {
  get(): number;
  set(total: number): void;
}

/** Words of a ledger; then one per seat, its own count. */
const INSIDE = 0;
const TOTAL = 1;
const REPAIRS = 2;
const DEATHS = 3;
const FIRST_SEAT = 4;

/** What has been found wrong, with the words for it. */
export type Fault = (what: string) => void;

/** How many words a ledger for so many seats has. */
export function ledgerLength(seats: number): number {
  return FIRST_SEAT + seats;
}

/**
 * The counts under one lock. Who holds the lock calls {@linkcode settle} first, then {@linkcode count}.
 *
 * A count is two stores, of the seat's own number and of the total, while `INSIDE` names the process. Whoever is killed
 * leaves its name there, and the two differ by at most one: the next one to come sets that right.
 */
export class Ledger {
  readonly #words: Int32Array;
  readonly #total: Total;
  readonly #fault: Fault;

  constructor(words: Int32Array, fault: Fault, total: Total = totalIn(words)) {
    this.#words = words;
    this.#total = total;
    this.#fault = fault;
  }

  /** What is in the total. */
  get total(): number {
    return this.#total.get();
  }

  /** How often a killed holder left one count half written. */
  get repairs(): number {
    return this.#words[REPAIRS];
  }

  /** How many deaths of holders were reported. */
  get deaths(): number {
    return this.#words[DEATHS];
  }

  /** How much the total misses of what the seats have counted. */
  get missing(): number {
    return this.#words.subarray(FIRST_SEAT).reduce((sum, own) => sum + own, 0) - this.total;
  }

  /** Notes that the lock said that its holder was killed. */
  noteDeath(): void {
    Atomics.add(this.#words, DEATHS, 1);
  }

  /**
   * Finishes what a killed holder has left.
   *
   * @param isReported Whether the lock said that its holder was killed; `null` if somebody else may have been told.
   */
  settle(isReported: boolean | null): void {
    const inside = Atomics.load(this.#words, INSIDE);
    if (isReported === true) this.noteDeath();
    if (inside === 0) {
      if (this.missing !== 0) this.#fault(`${this.missing} counts are missing though nobody died inside`);
      return;
    }
    if (isReported === false) this.#fault(`nobody was told that process ${inside} died inside`);
    if (isRunning(inside)) this.#fault(`process ${inside} is inside, too`);
    const { missing } = this;
    if (missing === 1) {
      this.#total.set(this.total + 1);
      this.#words[REPAIRS]++;
    } else if (missing !== 0) {
      this.#fault(`${missing} counts are missing after one death inside`);
    }
    Atomics.store(this.#words, INSIDE, 0);
  }

  /** Counts one for a seat. */
  count(seat: number): void {
    const words = this.#words;
    Atomics.store(words, INSIDE, Deno.pid);
    Atomics.store(words, FIRST_SEAT + seat, words[FIRST_SEAT + seat] + 1);
    this.#total.set(this.#total.get() + 1);
    const inside = Atomics.exchange(words, INSIDE, 0);
    if (inside !== Deno.pid) this.#fault(`process ${inside} came inside`);
  }
}

function totalIn(words: Int32Array): Total {
  return {
    get: () => Atomics.load(words, TOTAL),
    set: (total) => Atomics.store(words, TOTAL, total),
  };
}

/** Whether the process exists and has not been killed. */
function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !["Z", "X"].includes(stat[stat.lastIndexOf(")") + 2]);
  } catch {
    return false;
  }
}
