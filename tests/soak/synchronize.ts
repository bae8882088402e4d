// Eight processes hammer one of each primitive while one of them is killed every 50 ms and started anew. Nobody may be
// held up, no count may be lost outside of a killed holder's section, and nothing may be left.
//
// usage: deno run -A tests/soak/synchronize.ts [--seconds=60]

import { Process } from "@parallel/multiprocessing";
import { native } from "../../src/addon/load.ts";
import { assertNothingLeft, belongings, PATIENCE } from "../support/helpers.ts";
import { acquired, createRig, disposeRig, hammer, ledgersOf, NAMES, Permit, PERMITS, type Rig } from "./hammers.ts";
import { type Outcome, runByHand } from "./command_line.ts";

const SEATS = 8;
/** Milliseconds between two kills. */
const KILL_EVERY = 50;
/** With fewer at work nobody is killed: where cores are few, processes start more slowly than they could be killed. */
const LEAST_AT_WORK = SEATS / 2;
/** Milliseconds between two looks at the heartbeats. */
const WATCH_EVERY = 25;
/** Milliseconds without a heartbeat that count as a hang. */
const HANG = 2000;
/** The part of the time after which memory is to stay as it is. */
const WARM = 0.4;
/** Bytes by which objects may grow after that: a few processes more that are just being started. */
const OBJECT_SLACK = 16 * 1024;
/** And the memory: each process takes the next entry of the table of threads, which is touched for the first time. */
const RESIDENT_SLACK = 256 * 1024 + OBJECT_SLACK;

/** A process at its place, and what is known of its heart. */
interface Seat {
  process: Process;
  /** The last number of beats, and when it was first seen. */
  beats: number;
  since: number;
  /** Whether it has made a visit, and so may be killed. */
  isAtWork: boolean;
}

/** One run. */
class Soak {
  readonly #rig: Rig;
  readonly #seats: Seat[];
  readonly #violations: string[] = [];
  #kills = 0;
  /** Permits that were given back for the dead, and those of which nobody knows. */
  #unsure = 0;
  #given = 0;
  #dry = 0;
  #killsAt = NAMES.map(() => 0);
  #longest = NAMES.map(() => 0);

  constructor(rig: Rig) {
    this.#rig = rig;
    this.#seats = Array.from({ length: SEATS }, (_, index) => this.#start(index));
  }

  /** Hammers and kills for so many milliseconds. */
  async run(duration: number): Promise<Outcome> {
    const begin = performance.now();
    let nextKill = begin + KILL_EVERY;
    const warm = { bytes: 0, resident: 0 };
    const peak = { bytes: 0, resident: 0 };
    for (;;) {
      const now = performance.now();
      if (now >= begin + duration) break;
      if (now >= nextKill) {
        this.#kill();
        nextKill += KILL_EVERY;
      }
      this.#watch();
      this.#rig.event.set();
      this.#replenish();
      raise(now < begin + duration * WARM ? warm : peak, native().memoryUsage());
      await new Promise((resolve) => setTimeout(resolve, WATCH_EVERY));
    }
    await this.#end();
    const arena = `${warm.bytes} bytes of objects in ${warm.resident} bytes of memory while warming up, ` +
      `${peak.bytes} in ${peak.resident} afterwards`;
    if (peak.bytes > warm.bytes + OBJECT_SLACK || peak.resident > warm.resident + RESIDENT_SLACK) {
      this.#violate(`the arena grew: ${arena}`);
    }
    return { lines: [...await this.#judge(), "", `arena: at most ${arena}`], violations: this.#violations };
  }

  #start(index: number): Seat {
    const process = new Process({ target: hammer, args: [this.#rig, index], name: `seat-${index}` });
    process.start();
    return { process, beats: this.#rig.beats[index], since: performance.now(), isAtWork: false };
  }

  /** Kills a random process at work, settles what only the living could, and starts another in its place. */
  #kill(): void {
    const atWork = this.#seats.keys().filter((index) => this.#seats[index].isAtWork).toArray();
    if (atWork.length < LEAST_AT_WORK) return;
    const index = atWork[Math.floor(Math.random() * atWork.length)];
    const { process } = this.#seats[index];
    process.kill();
    this.#kills++;
    this.#joined(process, index, -9);
    this.#killsAt[this.#rig.places[index]]++;
    const { permits, semaphore } = this.#rig;
    const permit = Atomics.exchange(permits, index, Permit.none);
    if (permit === Permit.held) semaphore.release();
    if (permit === Permit.unsure) this.#unsure++;
    this.#seats[index] = this.#start(index);
  }

  /** Gives back a permit that a dead process may have had, once others miss it. */
  #replenish(): void {
    const dry = this.#rig.dry.reduce((sum, each) => sum + each, 0);
    if (dry > this.#dry && this.#given < this.#unsure) {
      this.#rig.semaphore.release();
      this.#given++;
    }
    this.#dry = dry;
    const held = this.#rig.permits.filter((permit) => permit === Permit.held).length;
    if (held > PERMITS + this.#given) this.#violate(`${held} have one of ${PERMITS + this.#given} permits`);
  }

  /** Looks at the heartbeats. */
  #watch(): void {
    const now = performance.now();
    for (const [index, seat] of this.#seats.entries()) {
      const beats = Atomics.load(this.#rig.beats, index);
      if (beats !== seat.beats) {
        Object.assign(seat, { beats, since: now, isAtWork: true });
      } else if (seat.isAtWork) {
        const place = this.#rig.places[index];
        this.#longest[place] = Math.max(this.#longest[place], now - seat.since);
      } else if (now - seat.since > PATIENCE) {
        this.#violate(`seat ${index} does not begin to work`);
      }
      if (seat.process.exitcode !== null) {
        this.#violate(`seat ${index} ended by itself with ${seat.process.exitcode}`);
        this.#seats[index] = this.#start(index);
      }
    }
  }

  /** Has all of them end by themselves. */
  async #end(): Promise<void> {
    this.#rig.end[0] = 1;
    this.#rig.event.set();
    await Promise.all(this.#seats.map(({ process }, index) => {
      return process.join({ timeout: PATIENCE }).then(() => this.#joined(process, index, 0));
    }));
  }

  #joined(process: Process, index: number, wanted: number): void {
    if (!process.joinSync({ timeout: HANG })) process.kill();
    process.joinSync();
    const { exitcode } = process;
    if (exitcode !== wanted) this.#violate(`seat ${index} ended with ${exitcode} instead of ${wanted}`);
  }

  /** The books, once all have ended. */
  async #judge(): Promise<string[]> {
    const rig = this.#rig;
    const ledgers = ledgersOf(rig, (what) => this.#violate(what));
    // Nobody may have come to these since the last kill; reading their totals acquires them.
    for (const counted of ["Value", "Array"] as const) {
      const lock = (counted === "Value" ? rig.value : rig.array).getLock();
      (await acquired(lock, ledgers[counted])).release();
    }
    const sum = (words: Int32Array, every: number, from: number) =>
      words.reduce((sum, word, index) => index % every === from ? sum + word : sum, 0);
    for (const [name, ledger] of Object.entries(ledgers)) {
      ledger.settle(null);
      if (ledger.missing !== 0) this.#violate(`${name}: ${ledger.missing} counts are missing at the end`);
      if (ledger.deaths > this.#kills) this.#violate(`${name}: ${ledger.deaths} deaths, ${this.#kills} kills`);
    }
    const faults = sum(rig.faults, 1, 0);
    if (faults > 0) this.#violate(`${faults} faults were found by the processes`);

    const value = rig.semaphore.getValue();
    const most = PERMITS + this.#given;
    if (value > most || value < most - this.#unsure) {
      this.#violate(`Semaphore: ${value} permits, wanted ${most - this.#unsure} to ${most}`);
    }
    const [first, last] = [0, 1].map((index) => sum(rig.arrivals, 2, index));
    if (Math.abs(first - last) > this.#killsAt[NAMES.indexOf("Barrier")]) {
      this.#violate(`Barrier: ${first} were first, ${last} last`);
    }
    for (const [place, longest] of this.#longest.entries()) {
      if (longest > HANG) this.#violate(`${NAMES[place]}: somebody waited for ${longest.toFixed(0)} ms`);
    }

    const counts: Record<typeof NAMES[number], string> = {
      Lock: told(ledgers.Lock),
      RLock: told(ledgers.RLock),
      Semaphore: `${value} of ${most} permits, ${this.#unsure} deaths that may have cost one`,
      Condition: `${told(ledgers.made)}; ${ledgers.taken.total} taken, ${ledgers.taken.repairs} half written`,
      Event: "none missed",
      Barrier: `${first} first, ${last} last`,
      Value: told(ledgers.Value),
      Array: told(ledgers.Array),
    };
    const rows = NAMES.map((name, place) => [
      name,
      `${sum(rig.visits, NAMES.length, place)}`,
      `${this.#killsAt[place]}`,
      `${this.#longest[place].toFixed(0)} ms`,
      counts[name],
    ]);
    const head = ["primitive", "visits", "kills", "longest wait", "counts"];
    return [`${this.#kills} processes killed`, "", ...aligned([head, ...rows])];
  }

  #violate(what: string): void {
    this.#violations.push(what);
  }
}

/** Raises the first to the second where that is higher. */
function raise(most: { bytes: number; resident: number }, now: { bytes: number; resident: number }): void {
  most.bytes = Math.max(most.bytes, now.bytes);
  most.resident = Math.max(most.resident, now.resident);
}

function told({ total, deaths, repairs }: { total: number; deaths: number; repairs: number }): string {
  return `${total} counted, ${deaths} deaths told, ${repairs} half written`;
}

function aligned(rows: string[][]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd());
}

/** Soaks the primitives for so many seconds, and a short while before: after that, all that is made once is there. */
export async function soak(seconds: number): Promise<Outcome> {
  await soakOnce(WARM_UP);
  const before = belongings();
  const { blocks } = native().memoryUsage();
  const outcome = await soakOnce(seconds);
  try {
    await assertNothingLeft(before);
    const left = native().memoryUsage().blocks - blocks;
    if (left > BOOKS) outcome.violations.push(`${left} blocks are left`);
  } catch (error) {
    outcome.violations.push(`something is left: ${(error as Error).message}`);
  }
  return outcome;
}

/** Seconds of the first run, of which nothing is told. Deno itself opens sockets while it looks for a newer Deno. */
const WARM_UP = 1;
/** Blocks that only the garbage collector returns: those of the rig's typed arrays. */
const BOOKS = 16;

async function soakOnce(seconds: number): Promise<Outcome> {
  const rig = createRig(SEATS);
  try {
    return await new Soak(rig).run(seconds * 1000);
  } finally {
    disposeRig(rig);
  }
}

if (import.meta.main) await runByHand("synchronize", "seconds", 60, soak);
