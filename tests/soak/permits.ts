// What is known of the permits of a semaphore whose holders are killed: who has one, who may have one, and how many
// nobody can have any more.

import { type BoundedSemaphore, InvalidStateError, RawArray, type Semaphore } from "@parallel/multiprocessing";
import type { Random } from "./random.ts";

/** Permits of a semaphore: fewer than contenders. */
const PERMITS = 3;
/** Waits for a permit that may be gone, in milliseconds. */
const SHORT_WAIT = 100;

/** How a seat stands to the semaphore. A process killed while `unsure` may or may not have had a permit. */
const Permit = { none: 0, unsure: 1, held: 2 } as const;

/** A semaphore and its books, which all processes share. */
export interface Permits {
  readonly semaphore: Semaphore | BoundedSemaphore;
  /** By seat: see `Permit`. */
  readonly held: Int32Array;
  /** How many waits came to nothing. */
  readonly dry: Int32Array;
  /** How often a permit that was given for a dead process was one too many, as a bounded semaphore has said. */
  readonly tooMany: Int32Array;
}

export function createPermits(Class: new (value: number) => Semaphore | BoundedSemaphore, seats: number): Permits {
  const words = (length: number) => RawArray("i32", length);
  return { semaphore: new Class(PERMITS), held: words(seats), dry: words(1), tooMany: words(1) };
}

/** Takes a permit, if there is one, and gives it back. */
export async function takePermit(permits: Permits, seat: number, random: Random): Promise<void> {
  const { semaphore, held, dry, tooMany } = permits;
  Atomics.store(held, seat, Permit.unsure);
  const options = { timeout: SHORT_WAIT };
  const guard = random.coin() ? await semaphore.acquire(options) : semaphore.acquireSync(options);
  if (guard === null) {
    Atomics.store(held, seat, Permit.none);
    Atomics.add(dry, 0, 1);
    return;
  }
  Atomics.store(held, seat, Permit.held);
  if (random.coin()) await Promise.resolve();
  Atomics.store(held, seat, Permit.unsure);
  try {
    guard.release();
  } catch (error) {
    if (!(error instanceof InvalidStateError)) throw error;
    Atomics.add(tooMany, 0, 1);
  }
  Atomics.store(held, seat, Permit.none);
}

/** What the part that kills knows. */
export class PermitBooks {
  readonly #permits: Permits;
  readonly #violate: (what: string) => void;
  /** Deaths after which nobody knows of a permit, and permits given for them. */
  #unsure = 0;
  #given = 0;
  #dry = 0;

  constructor(permits: Permits, violate: (what: string) => void) {
    this.#permits = permits;
    this.#violate = violate;
  }

  /** Gives back what a process had that was killed at this seat. */
  killed(seat: number): void {
    const permit = Atomics.exchange(this.#permits.held, seat, Permit.none);
    if (permit === Permit.held) this.#release();
    if (permit === Permit.unsure) this.#unsure++;
  }

  /** Gives a permit that a dead process may have had, once others miss it. */
  look(): void {
    const { dry, held } = this.#permits;
    if (dry[0] > this.#dry && this.#given < this.#unsure) {
      this.#release();
      this.#given++;
    }
    this.#dry = dry[0];
    const holders = held.filter((permit) => permit === Permit.held).length;
    if (holders > PERMITS + this.#given) this.#violate(`${holders} have one of ${PERMITS + this.#given} permits`);
  }

  /** Once all have ended. */
  judge(): void {
    const { semaphore, tooMany } = this.#permits;
    const value = semaphore.getValue();
    const most = PERMITS + this.#given;
    const least = most - this.#unsure - tooMany[0];
    if (value > most || value < least) this.#violate(`${value} permits at the end, wanted ${least} to ${most}`);
    if (tooMany[0] > this.#unsure) this.#violate(`${tooMany[0]} permits too many, ${this.#unsure} unsure deaths`);
  }

  #release(): void {
    try {
      this.#permits.semaphore.release();
    } catch (error) {
      if (!(error instanceof InvalidStateError)) throw error;
      Atomics.add(this.#permits.tooMany, 0, 1);
    }
  }
}
