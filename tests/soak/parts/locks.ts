// Processes hammer one of each primitive of synchronisation, a value and an array. Nobody may be held up, no count may be
// lost outside of a killed holder's section, each death inside is told, and no permit is made or lost.

import { Crew } from "../crew.ts";
import { acquired, createRig, disposeRig, hammer, ledgersOf, NAMES, type Rig } from "../hammers.ts";
import { PermitBooks } from "../permits.ts";
import type { Stage } from "../stage.ts";
import { started } from "../victims.ts";

export async function locks(stage: Stage): Promise<void> {
  await hammered(stage, { rows: NAMES, gap: 100, targetAt: () => hammer });
}

/** How the primitives are hammered. */
export interface Hammering {
  /** The rows of the books, in the order of `NAMES`; each begins with such a name. */
  readonly rows: readonly string[];
  /** Milliseconds between two kills at least. */
  readonly gap: number;
  /** What the process at a seat runs. */
  targetAt(seat: number): typeof hammer;
}

export async function hammered(stage: Stage, hammering: Hammering): Promise<void> {
  const seats = stage.random.between(4, 6);
  const rig = createRig(seats);
  try {
    await new Locks(stage, rig, seats, hammering).run();
  } finally {
    disposeRig(rig);
  }
}

class Locks {
  readonly #rig: Rig;
  readonly #crew: Crew;
  readonly #stage: Stage;
  readonly #permits: PermitBooks[];
  #killsAtBarrier = 0;

  constructor(stage: Stage, rig: Rig, seats: number, { rows, gap, targetAt }: Hammering) {
    this.#rig = rig;
    this.#stage = stage;
    this.#permits = [rig.semaphore, rig.bounded].map((permits) => new PermitBooks(permits, stage.violate));
    this.#crew = new Crew(stage, rows, seats, { most: 300, gap, least: 2 }, (seat) => ({
      name: `hammer ${seat}`,
      kind: "hammer",
      start: (random) =>
        started(
          new stage.context.Process({ target: targetAt(seat), args: [rig, this.#crew.books, seat, random.path] }),
        ),
      killed: (row) => {
        for (const permits of this.#permits) permits.killed(seat);
        if (row.startsWith("Barrier")) this.#killsAtBarrier++;
      },
    }));
  }

  async run(): Promise<void> {
    await this.#crew.work(() => {
      this.#rig.event.set();
      for (const permits of this.#permits) permits.look();
    });
    this.#rig.end[0] = 1;
    this.#rig.event.set();
    await this.#crew.ended();
    await this.#judge();
  }

  /** The books, once all have ended. */
  async #judge(): Promise<void> {
    const { violate } = this.#stage;
    const rig = this.#rig;
    const ledgers = ledgersOf(rig, violate);
    const told = () => this.#stage.count("Value", { told: { OwnerDiedError: 1 } });
    // Nobody may have come to these since the last kill; reading their totals acquires them.
    for (const counted of ["Value", "Array"] as const) {
      const lock = (counted === "Value" ? rig.value : rig.array).getLock();
      (await this.#stage.soon(acquired(lock, ledgers[counted], () => true, told), `the lock of ${counted}`)).release();
    }
    for (const [name, ledger] of Object.entries(ledgers)) {
      ledger.settle(null);
      if (ledger.missing !== 0) violate(`${name}: ${ledger.missing} counts are missing at the end`);
      if (ledger.deaths > this.#crew.kills) violate(`${name}: ${ledger.deaths} deaths, ${this.#crew.kills} kills`);
    }
    for (const permits of this.#permits) permits.judge();
    const [first, last] = [0, 1].map((end) => rig.arrivals.filter((_, i) => i % 2 === end).reduce((a, b) => a + b));
    if (Math.abs(first - last) > this.#killsAtBarrier) violate(`Barrier: ${first} were first, ${last} last`);
    this.#stage.judgeFaults(this.#crew.books);
  }
}
