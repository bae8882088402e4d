// What the processes of the soak do: visit each primitive in turn, by waits that block and waits that do not, and leave
// a trace in shared memory of what they are about. Any of them may be killed at any instruction.

import {
  Barrier,
  BrokenBarrierError,
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
import { type Fault, Ledger, ledgerLength } from "./ledger.ts";

/** The primitives, in the order of the summary. */
export const NAMES = ["Lock", "RLock", "Semaphore", "Condition", "Event", "Barrier", "Value", "Array"] as const;
export type Name = typeof NAMES[number];

/** What is counted under a lock. */
const COUNTED = ["Lock", "RLock", "made", "taken", "Value", "Array"] as const;
export type Counted = typeof COUNTED[number];

/** Permits of the semaphore: fewer than contenders. */
export const PERMITS = 3;

/** How a seat stands to the semaphore. A process killed while `unsure` may or may not have had a permit. */
export const Permit = { none: 0, unsure: 1, held: 2 } as const;

/** Milliseconds at one primitive. */
const STAY = 5;
/** Waits for what may never come, in milliseconds. */
const SHORT_WAIT = 100;
/** A wait for what certainly comes takes longer than this only if it was forgotten, in milliseconds. */
const LONG_WAIT = 1500;

/** All that the processes share. */
export interface Rig {
  readonly lock: Lock;
  readonly rlock: RLock;
  readonly semaphore: Semaphore;
  readonly condition: Condition;
  readonly event: Event;
  readonly barrier: Barrier;
  readonly value: Synchronized<number>;
  readonly array: SynchronizedArray<number>;
  /** One ledger each, in the order of `COUNTED`. */
  readonly ledgers: Int32Array[];
  /** By seat: goes up with every visit. */
  readonly beats: Int32Array;
  /** By seat: the primitive that is being visited. */
  readonly places: Int32Array;
  /** By seat: see {@linkcode Permit}. */
  readonly permits: Int32Array;
  /** By seat: how often it was first, and last, at the barrier. */
  readonly arrivals: Int32Array;
  /** By seat: visits of each primitive. */
  readonly visits: Int32Array;
  /** By seat: waits for the semaphore that came to nothing. */
  readonly dry: Int32Array;
  /** By seat: what was found wrong. */
  readonly faults: Int32Array;
  /** Not 0: it is time to end. */
  readonly end: Int32Array;
}

/** One of each primitive, and the books. */
export function createRig(seats: number): Rig {
  const words = (length: number) => RawArray("i32", length);
  return {
    lock: new Lock({ onOwnerDeath: "recover" }),
    rlock: new RLock(),
    semaphore: new Semaphore(PERMITS),
    condition: new Condition(new Lock()),
    event: new Event(),
    barrier: new Barrier(2, { timeout: SHORT_WAIT }),
    value: mp.Value("i32"),
    array: mp.Array("i32", 1),
    ledgers: COUNTED.map(() => words(ledgerLength(seats))),
    beats: words(seats),
    places: words(seats),
    permits: words(seats),
    arrivals: words(2 * seats),
    visits: words(NAMES.length * seats),
    dry: words(seats),
    faults: words(seats),
    end: words(1),
  };
}

/** Lets go of what {@linkcode createRig} made. */
export function disposeRig({ lock, rlock, semaphore, condition, event, barrier, value, array }: Rig): void {
  for (const it of [condition, lock, rlock, semaphore, event, barrier, value, array]) it[Symbol.dispose]();
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
export async function hammer(rig: Rig, seat: number): Promise<void> {
  const visitor = new Visitor(rig, seat);
  for (let turn = seat; rig.end[0] === 0; turn++) {
    const place = turn % NAMES.length;
    Atomics.store(rig.places, seat, place);
    const until = performance.now() + STAY;
    while (performance.now() < until && rig.end[0] === 0) {
      await visitor.visit(NAMES[place]);
      rig.visits[seat * NAMES.length + place]++;
      Atomics.add(rig.beats, seat, 1);
    }
  }
}

/** What is acquired here, in either manner. */
interface Acquirable {
  acquire(): Promise<Guard>;
  acquireSync(): Guard;
}

class Visitor {
  readonly #rig: Rig;
  readonly #seat: number;
  readonly #ledgers: Record<Counted, Ledger>;

  constructor(rig: Rig, seat: number) {
    this.#rig = rig;
    this.#seat = seat;
    this.#ledgers = ledgersOf(rig, (what) => this.#fault(what));
  }

  /** Does to the primitive what it is for. */
  async visit(name: Name): Promise<void> {
    switch (name) {
      case "Lock":
        return await this.#lock();
      case "RLock":
        return await this.#counted(this.#rig.rlock, "RLock");
      case "Semaphore":
        return await this.#semaphore();
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
    using guard = coin() ? await lock.acquire() : lock.acquireSync();
    this.#ledgers.Lock.settle(guard.ownerDied);
    this.#ledgers.Lock.count(this.#seat);
  }

  /** A recursive lock that throws: the one that is told lets go of it, so that another may come first. */
  async #counted(lock: Acquirable, counted: Counted): Promise<void> {
    const ledger = this.#ledgers[counted];
    using _outer = await acquired(lock, ledger);
    using _inner = lock.acquireSync();
    ledger.settle(null);
    ledger.count(this.#seat);
  }

  async #semaphore(): Promise<void> {
    const { semaphore, permits, dry } = this.#rig;
    Atomics.store(permits, this.#seat, Permit.unsure);
    const options = { timeout: SHORT_WAIT };
    const guard = coin() ? await semaphore.acquire(options) : semaphore.acquireSync(options);
    if (guard === null) {
      Atomics.store(permits, this.#seat, Permit.none);
      Atomics.add(dry, this.#seat, 1);
      return;
    }
    Atomics.store(permits, this.#seat, Permit.held);
    if (coin()) await Promise.resolve();
    Atomics.store(permits, this.#seat, Permit.unsure);
    guard.release();
    Atomics.store(permits, this.#seat, Permit.none);
  }

  /** Makes something, or waits for it and takes it. */
  async #condition(): Promise<void> {
    const { condition } = this.#rig;
    const { made, taken } = this.#ledgers;
    const settle = () => [made, taken].forEach((ledger) => ledger.settle(null));
    using _guard = await acquired(condition, made);
    settle();
    if (coin()) {
      made.count(this.#seat);
      condition.notify();
      return;
    }
    const until = performance.now() + SHORT_WAIT;
    while (made.total === taken.total) {
      const timeout = until - performance.now();
      if (timeout <= 0) return;
      try {
        await (coin() ? condition.wait({ timeout }) : condition.waitSync({ timeout }));
      } catch (error) {
        if (!(error instanceof OwnerDiedError)) throw error;
        made.noteDeath(); // and the lock is held again
      }
      settle();
    }
    taken.count(this.#seat);
  }

  /** Sets and clears, or waits for what the soak sets again and again: that must not be missed. */
  async #event(): Promise<void> {
    const { event } = this.#rig;
    if (coin()) return coin() ? event.set() : event.clear();
    const options = { timeout: LONG_WAIT };
    const isSet = coin() ? await event.wait(options) : event.waitSync(options);
    if (!isSet) this.#fault(`Event: was not seen set for ${LONG_WAIT} ms`);
  }

  /** Meets whoever comes, in time; a barrier that a death or a timeout has broken is reset. */
  async #barrier(): Promise<void> {
    const { barrier, arrivals } = this.#rig;
    try {
      const index = coin() ? await barrier.wait() : barrier.waitSync();
      Atomics.add(arrivals, 2 * this.#seat + index, 1);
    } catch (error) {
      if (!(error instanceof BrokenBarrierError)) throw error;
      if (barrier.broken) barrier.reset();
    }
  }

  #fault(what: string): void {
    Atomics.add(this.#rig.faults, this.#seat, 1);
    console.error(`fault: seat ${this.#seat}, process ${Deno.pid}: ${what}`);
  }
}

/** Acquires until nobody who held it is found dead. */
export async function acquired(lock: Acquirable, ledger: Ledger): Promise<Guard> {
  for (;;) {
    try {
      return coin() ? await lock.acquire() : lock.acquireSync();
    } catch (error) {
      if (!(error instanceof OwnerDiedError)) throw error;
      ledger.noteDeath();
    }
  }
}

function coin(): boolean {
  return Math.random() < 0.5;
}
