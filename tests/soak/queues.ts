// Four producers and four consumers of one queue, of whom one is killed every 100 ms and started anew. No message may
// be torn, doubled or reordered, none missing but what a killed consumer had just taken, nobody held up, nothing left.
//
// usage: deno run -A tests/soak/queues.ts [--seconds=120]

import { Process, Queue, RawArray } from "@parallel/multiprocessing";
import { native } from "../../src/addon/load.ts";
import { assertNothingLeft, belongings, PATIENCE, until } from "../support/helpers.ts";
import { consume, MOST_EACH, MOST_PRODUCERS, produce, type Rig } from "./parcels.ts";
import { type Outcome, runByHand } from "./command_line.ts";

const PRODUCERS = 4;
const SEATS = 2 * PRODUCERS;
/** So many messages may be in the queue. */
const MAXSIZE = 16;
/** Milliseconds between two kills. */
const KILL_EVERY = 100;
/** With fewer of one kind at work none of it is killed: there is to be somebody who can be disturbed. */
const LEAST_AT_WORK = 2;
/** Milliseconds between two looks at the heartbeats. */
const WATCH_EVERY = 20;
/** Milliseconds without a heartbeat that count as a hang. */
const HANG = 2000;
/** Seconds of the first run, of which nothing is told: after it, all that is made once is there. */
const WARM_UP = 1;
/** Blocks that only the garbage collector returns: those of the rig's typed arrays. */
const BOOKS = 6;
/** Bytes of memory that may be kept from one run to the next. */
const SLACK = 8 * 2 ** 20;

/** A process at its place, and what is known of its heart. */
interface Seat {
  process: Process;
  /** The last number of beats, and when it was first seen. */
  beats: number;
  since: number;
  /** Whether it has put or taken something, and so may be killed. */
  isAtWork: boolean;
}

function createRig(): Rig {
  return {
    queue: new Queue(MAXSIZE),
    begun: RawArray("i32", MOST_PRODUCERS),
    done: RawArray("i32", MOST_PRODUCERS),
    received: RawArray("u8", MOST_PRODUCERS * MOST_EACH),
    beats: RawArray("i32", SEATS),
    faults: RawArray("i32", SEATS),
    end: RawArray("i32", 1),
  };
}

/** One run. The seats of producers come first. */
class Soak {
  readonly #rig: Rig;
  readonly #seats: Seat[];
  readonly #violations: string[] = [];
  #producers = 0;
  #kills = { producers: 0, consumers: 0 };
  #longest = 0;

  constructor(rig: Rig) {
    this.#rig = rig;
    this.#seats = Array.from({ length: SEATS }, (_, index) => this.#start(index));
  }

  /** Puts, takes and kills for so many milliseconds. */
  async run(duration: number): Promise<Outcome> {
    const end = performance.now() + duration;
    let nextKill = performance.now() + KILL_EVERY;
    for (let now = performance.now(); now < end; now = performance.now()) {
      if (now >= nextKill) {
        this.#kill();
        nextKill += KILL_EVERY;
      }
      this.#watch();
      await new Promise((resolve) => setTimeout(resolve, WATCH_EVERY));
    }
    await this.#end();
    return { lines: this.#judge(duration), violations: this.#violations };
  }

  #start(index: number): Seat {
    const process = isProducer(index)
      ? new Process({ target: produce, args: [this.#rig, index, this.#producers++], name: `producer-${index}` })
      : new Process({ target: consume, args: [this.#rig, index], name: `consumer-${index}` });
    process.start();
    return { process, beats: this.#rig.beats[index], since: performance.now(), isAtWork: false };
  }

  /** Kills a random process at work, and starts another in its place. */
  #kill(): void {
    const atWork = this.#seats.keys().filter((index) => this.#seats[index].isAtWork).toArray();
    const ofKind = (wanted: boolean) => atWork.filter((index) => isProducer(index) === wanted);
    const candidates = [true, false].map(ofKind).filter((kind) => kind.length > LEAST_AT_WORK).flat();
    if (candidates.length === 0 || this.#producers >= MOST_PRODUCERS) return;
    const index = candidates[Math.floor(Math.random() * candidates.length)];
    const { process } = this.#seats[index];
    process.kill();
    this.#kills[isProducer(index) ? "producers" : "consumers"]++;
    if (!process.joinSync({ timeout: PATIENCE })) this.#violate(`${process} was killed and does not end`);
    this.#seats[index] = this.#start(index);
  }

  /** Looks at the heartbeats. */
  #watch(): void {
    const now = performance.now();
    for (const [index, seat] of this.#seats.entries()) {
      const beats = Atomics.load(this.#rig.beats, index);
      if (beats !== seat.beats) {
        if (seat.isAtWork) this.#longest = Math.max(this.#longest, now - seat.since);
        Object.assign(seat, { beats, since: now, isAtWork: true });
      } else if (now - seat.since > (seat.isAtWork ? HANG : PATIENCE)) {
        this.#violate(`${seat.process} has done nothing for ${(now - seat.since).toFixed(0)} ms`);
        seat.since = now;
      }
      const { exitcode } = seat.process;
      if (exitcode === null) continue;
      if (exitcode !== 0 || !isProducer(index)) this.#violate(`${seat.process} ended by itself`);
      this.#seats[index] = this.#start(index);
    }
  }

  /** Has all of them end by themselves: the producers first, then, by a shutdown, the consumers. */
  async #end(): Promise<void> {
    this.#rig.end[0] = 1;
    await this.#ended(this.#seats.slice(0, PRODUCERS));
    this.#rig.queue.shutdown();
    await this.#ended(this.#seats.slice(PRODUCERS));
  }

  async #ended(seats: Seat[]): Promise<void> {
    for (const { process } of seats) {
      if (!await process.join({ timeout: PATIENCE })) {
        this.#violate(`${process} does not end`);
        process.kill();
        await process.join();
      } else if (process.exitcode !== 0) this.#violate(`${process} ended badly`);
    }
  }

  /** The books, once all have ended. */
  #judge(duration: number): string[] {
    const { begun, done, received, faults, queue } = this.#rig;
    let [put, missing, unsure] = [0, 0, 0];
    for (let producer = 0; producer < this.#producers; producer++) {
      put += done[producer];
      const times = received.subarray(producer * MOST_EACH, (producer + 1) * MOST_EACH);
      missing += times.subarray(0, done[producer]).filter((n) => n === 0).length;
      // A producer that was killed while it put may have put.
      unsure += begun[producer] - done[producer];
      if (times.subarray(begun[producer]).some((n) => n > 0)) this.#violate(`producer ${producer}: more than was put`);
    }
    const { producers, consumers } = this.#kills;
    if (missing > consumers) this.#violate(`${missing} messages are missing, ${consumers} consumers were killed`);
    if (unsure > producers) this.#violate(`${unsure} puts did not return, ${producers} producers were killed`);
    if (faults.some((n) => n > 0)) this.#violate(`${faults.reduce((sum, n) => sum + n)} faults in messages`);
    if (!queue.empty()) this.#violate(`${queue.qsize()} messages are still in the queue`);
    return [
      `${put} messages in ${(duration / 1000).toFixed(0)} s, ${(put / duration * 1000).toFixed(0)} a second`,
      `killed: ${producers} producers, ${unsure} of them while they put; ${consumers} consumers`,
      `missing: ${missing} messages, which consumers had taken when they were killed`,
      `longest time in which a process at work neither put nor took: ${this.#longest.toFixed(0)} ms`,
    ];
  }

  #violate(what: string): void {
    this.#violations.push(what);
  }
}

function isProducer(index: number): boolean {
  return index < PRODUCERS;
}

/** Soaks a queue for so many seconds, and a short while before. */
export async function soak(seconds: number): Promise<Outcome> {
  await soakOnce(WARM_UP);
  const before = belongings();
  const memory = native().memoryUsage();
  const { lines, violations } = await soakOnce(seconds);
  await assertNothingLeft(before).catch(({ message }: Error) => violations.push(`something is left: ${message}`));
  const left = () => native().memoryUsage().blocks - memory.blocks;
  await until("the blocks returned", () => left() <= BOOKS).catch(() => violations.push(`${left()} blocks are left`));
  const { resident } = native().memoryUsage();
  if (resident > memory.resident + SLACK) {
    violations.push(`the arena had ${memory.resident} bytes before and has ${resident} afterwards`);
  }
  return { lines: [...lines, `arena: ${memory.resident} bytes before, ${resident} afterwards`], violations };
}

async function soakOnce(seconds: number): Promise<Outcome> {
  const rig = createRig();
  using _queue = rig.queue;
  return await new Soak(rig).run(seconds * 1000);
}

if (import.meta.main) await runByHand("queues", "seconds", 120, soak);
