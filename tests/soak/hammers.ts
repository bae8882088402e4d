// What the processes of the soak do: visit each primitive in turn, by waits that block and waits that do not, and leave
// a trace in shared memory of what they are about. Any of them may be killed at any instruction.

import {
  Barrier,
  BoundedSemaphore,
  Condition,
  Event,
  type Guard,
  Lock,
  OwnerDiedError,
  RawArray,
  RLock,
  Semaphore,
  type Synchronized,
  type SynchronizedArray,
} from "@parallel/multiprocessing";
import * as mp from "@parallel/multiprocessing";
import { type Books, Clerk } from "./books.ts";
import { type Fault, Ledger, ledgerLength } from "./ledger.ts";
import { createPermits, type Permits, takePermit } from "./permits.ts";
import { Random } from "./random.ts";
import { pause } from "./stage.ts";

/** The primitives: the rows of the books. */
export const NAMES = [
  "Lock",
  "RLock",
  "Semaphore",
  "BoundedSemaphore",
  "Condition",
  "Event",
  "Barrier",
  "Value",
  "Array",
] as const;
export type Name = typeof NAMES[number];

/** What is counted under a lock. */
const COUNTED = ["Lock", "RLock", "made", "taken", "Value", "Array"] as const;
export type Counted = typeof COUNTED[number];

/** Milliseconds at one primitive. */
const STAY = 5;
/** Waits for what may never come, in milliseconds. */
const SHORT_WAIT = 100;
/** A wait for what certainly comes takes longer than this only if it was forgotten, in milliseconds. */
const LONG_WAIT = 20_000;

/** All that the processes share. */
export interface Rig {
  readonly lock: Lock;
  readonly rlock: RLock;
  readonly semaphore: Permits;
  readonly bounded: Permits;
  readonly condition: Condition;
  readonly event: Event;
  readonly barrier: Barrier;
  readonly value: Synchronized<number>;
  readonly array: SynchronizedArray<number>;
  /** One ledger each, in the order of `COUNTED`. */
  readonly ledgers: Int32Array[];
  /** By seat: how often it was first, and last, at the barrier. */
  readonly arrivals: Int32Array;
  /** Not 0: it is time to end. */
  readonly end: Int32Array;
}

/** One of each primitive, and what is counted by them. */
export function createRig(seats: number): Rig {
  return {
    lock: new Lock({ onOwnerDeath: "recover" }),
    rlock: new RLock(),
    semaphore: createPermits(Semaphore, seats),
    bounded: createPermits(BoundedSemaphore, seats),
    condition: new Condition(new Lock()),
    event: new Event(),
    barrier: new Barrier(2, { timeout: SHORT_WAIT }),
    value: mp.Value("i32"),
    array: mp.Array("i32", 1),
    ledgers: COUNTED.map(() => RawArray("i32", ledgerLength(seats))),
    arrivals: RawArray("i32", 2 * seats),
    end: RawArray("i32", 1),
  };
}

/** Lets go of what {@linkcode createRig} made. */
export function disposeRig(rig: Rig): void {
  const { lock, rlock, semaphore, bounded, condition, event, barrier, value, array } = rig;
  const all = [condition, lock, rlock, semaphore.semaphore, bounded.semaphore, event, barrier, value, array];
  for (const it of all) it[Symbol.dispose]();
}

/** The ledgers of a rig by what they count. */
export function ledgersOf(rig: Rig, fault: Fault): Record<Counted, Ledger> {
  const { value, array } = rig;
  const total = (counted: Counted) => {
    if (counted === "Value") return { get: () => value.value, set: (total: number) => value.value = total };
    if (counted === "Array") return { get: () => array.get(0), set: (total: number) => array.set(0, total) };
  };
  const ledger = (counted: Counted, index: number) =>
    new Ledger(rig.ledgers[index], (what) => fault(`${counted}: ${what}`), total(counted));
  return Object.fromEntries(COUNTED.map((counted, index) => [counted, ledger(counted, index)])) as Record<
    Counted,
    Ledger
  >;
}

/** The process at a seat: visits the primitives until the end, or its own. */
export async function hammer(rig: Rig, books: Books, seat: number, path: string): Promise<void> {
  const clerk = new Clerk(books, seat);
  const visitor = new Visitor(rig, clerk, seat, new Random(path));
  for (let turn = seat; rig.end[0] === 0; turn++) {
    const place = turn % NAMES.length;
    clerk.at(place);
    const until = performance.now() + STAY;
    while (performance.now() < until && rig.end[0] === 0) {
      await visitor.visit(NAMES[place]);
      clerk.done();
    }
    await pause(STAY); // others are to have some of the processor
  }
}

/** What is acquired here, in either manner. */
interface Acquirable {
  acquire(): Promise<Guard>;
  acquireSync(): Guard;
}

class Visitor {
  readonly #rig: Rig;
  readonly #clerk: Clerk;
  readonly #seat: number;
  readonly #random: Random;
  readonly #ledgers: Record<Counted, Ledger>;

  constructor(rig: Rig, clerk: Clerk, seat: number, random: Random) {
    this.#rig = rig;
    this.#clerk = clerk;
    this.#seat = seat;
    this.#random = random;
    this.#ledgers = ledgersOf(rig, (what) => clerk.fault(what));
  }

  /** Does to the primitive what it is for. */
  async visit(name: Name): Promise<void> {
    switch (name) {
      case "Lock":
        return await this.#lock();
      case "RLock":
        return await this.#counted(this.#rig.rlock, "RLock");
      case "Semaphore":
        return await takePermit(this.#rig.semaphore, this.#seat, this.#random);
      case "BoundedSemaphore":
        return await takePermit(this.#rig.bounded, this.#seat, this.#random);
      case "Condition":
        return await this.#condition();
      case "Event":
        return await this.#event();
      case "Barrier":
        return await this.#barrier();
      case "Value":
        return await this.#counted(this.#rig.value.getLock(), "Value");
      case "Array":
        return await this.#counted(this.#rig.array.getLock(), "Array");
    }
  }

  /** Recovers: the guard says at once whether the holder died. */
  async #lock(): Promise<void> {
    const { lock } = this.#rig;
    using guard = this.#coin() ? await lock.acquire() : lock.acquireSync();
    this.#ledgers.Lock.settle(guard.ownerDied);
    if (guard.ownerDied) this.#clerk.noteTold("OwnerDiedError");
    this.#ledgers.Lock.count(this.#seat);
  }

  /** A recursive lock that throws: the one that is told lets go of it, so that another may come first. */
  async #counted(lock: Acquirable, counted: Counted): Promise<void> {
    const ledger = this.#ledgers[counted];
    using _outer = await this.#acquired(lock, ledger);
    using _inner = lock.acquireSync();
    ledger.settle(null);
    ledger.count(this.#seat);
  }

  /** Makes something, or waits for it and takes it. */
  async #condition(): Promise<void> {
    const { condition } = this.#rig;
    const { made, taken } = this.#ledgers;
    const settle = () => [made, taken].forEach((ledger) => ledger.settle(null));
    using _guard = await this.#acquired(condition, made);
    settle();
    if (this.#coin()) {
      made.count(this.#seat);
      condition.notify();
      return;
    }
    const until = performance.now() + SHORT_WAIT;
    while (made.total === taken.total) {
      const timeout = until - performance.now();
      if (timeout <= 0) return;
      try {
        await (this.#coin() ? condition.wait({ timeout }) : condition.waitSync({ timeout }));
      } catch (error) {
        this.#clerk.told(error, "OwnerDiedError");
        made.noteDeath(); // and the lock is held again
      }
      settle();
    }
    taken.count(this.#seat);
  }

  /** Sets and clears, or waits for what the soak sets again and again: that must not be missed. */
  async #event(): Promise<void> {
    const { event } = this.#rig;
    if (this.#coin()) return this.#coin() ? event.set() : event.clear();
    const options = { timeout: LONG_WAIT };
    const isSet = this.#coin() ? await event.wait(options) : event.waitSync(options);
    if (!isSet) this.#clerk.fault(`was not seen set for ${LONG_WAIT} ms`);
  }

  /** Meets whoever comes, in time; a barrier that a death or a timeout has broken is reset. */
  async #barrier(): Promise<void> {
    const { barrier, arrivals } = this.#rig;
    try {
      const index = this.#coin() ? await barrier.wait() : barrier.waitSync();
      Atomics.add(arrivals, 2 * this.#seat + index, 1);
    } catch (error) {
      this.#clerk.told(error, "BrokenBarrierError");
      if (barrier.broken) barrier.reset();
    }
  }

  async #acquired(lock: Acquirable, ledger: Ledger): Promise<Guard> {
    return await acquired(lock, ledger, () => this.#coin(), () => this.#clerk.noteTold("OwnerDiedError"));
  }

  #coin(): boolean {
    return this.#random.coin();
  }
}

/** Acquires until nobody who held it is found dead. */
export async function acquired(
  lock: Acquirable,
  ledger: Ledger,
  coin: () => boolean,
  told: () => void,
): Promise<Guard> {
  for (;;) {
    try {
      return coin() ? await lock.acquire() : lock.acquireSync();
    } catch (error) {
      if (!(error instanceof OwnerDiedError)) throw error;
      ledger.noteDeath();
      told();
    }
  }
}
