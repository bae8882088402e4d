// A pool of four whose workers are killed at random while it runs tasks of random length, by all of its methods. Every
// task must give its right result or fail with WorkerLostError; nobody may wait in vain, the pool must work at the end,
// and nothing may be left.
//
// usage: deno run -A tests/soak/pool.ts [--seconds=120]

import { Pool, WorkerLostError } from "@parallel/multiprocessing";
import { native } from "../../src/addon/load.ts";
import { spinAndSquare } from "../fixtures/pool/pool_targets.ts";
import { assertNothingLeft, belongings, isRunning, PATIENCE, until, within } from "../support/helpers.ts";
import { type Outcome, runByHand } from "./command_line.ts";

const PROCESSES = 4;
/** Milliseconds between two kills, on average. */
const KILL_EVERY = 100;
/** The longest task, in milliseconds. */
const LONGEST = 20;
/** So many calls are under way at a time. */
const CALLS = 6;
/** The most items of a call. */
const MOST_ITEMS = 60;
/** Tasks of the pool that is terminated. */
const TASKS_TO_GO = 10_000;
/** Blocks that only the garbage collector returns: a pool's cells, and what a killed process was just told. */
const SLACK = 16;

type Item = readonly [x: number, ms: number];

const random = (n: number) => Math.floor(Math.random() * n);
const someItems = (): Item[] => Array.from({ length: 1 + random(MOST_ITEMS) }, () => [random(1000), random(LONGEST)]);

/** One run. */
class Soak {
  readonly #pool = new Pool(PROCESSES, { maxtasksperchild: 500, stderr: "inherit" });
  readonly #violations: string[] = [];
  readonly #counts = { right: 0, lost: 0, kills: 0 };
  #longest = 0;

  /** Calls and kills for so many milliseconds. */
  async run(duration: number): Promise<Outcome> {
    const end = performance.now() + duration;
    const lanes = Array.from({ length: CALLS }, () => this.#call(end));
    const killer = this.#kill(end);
    await Promise.all([...lanes, killer]);
    const after = await within(this.#pool.map(spinAndSquare, [[3, 0], [4, 0]]), "the pool afterwards");
    if (after.join() !== "9,16") this.#violate(`the pool gives ${after} afterwards`);
    const { restarts, done } = this.#pool.stats();
    this.#pool.close();
    await within(this.#pool.join(), "the end of the pool");
    const { right, lost, kills } = this.#counts;
    if (lost > kills * MOST_ITEMS) this.#violate(`${lost} items lost by ${kills} kills`);
    return {
      violations: this.#violations,
      lines: [
        `${right} right results and ${lost} lost items in ${(duration / 1000).toFixed(0)} s`,
        `${done} tasks done; ${kills} workers killed, ${restarts} started in the place of others`,
        `longest call: ${this.#longest.toFixed(0)} ms`,
      ],
    };
  }

  async #call(end: number): Promise<void> {
    const ways = [() => this.#apply(), () => this.#map(), () => this.#imap(true), () => this.#imap(false)];
    while (performance.now() < end) {
      const begin = performance.now();
      try {
        await within(ways[random(ways.length)](), "a call");
      } catch (error) {
        this.#violate(String(error));
        if (performance.now() - begin >= PATIENCE) return;
      }
      this.#longest = Math.max(this.#longest, performance.now() - begin);
    }
  }

  async #apply(): Promise<void> {
    const items = someItems();
    await Promise.all(
      items.map(async (item) => this.#check([item], await this.#outcome(this.#pool.apply(spinAndSquare, [item])))),
    );
  }

  async #map(): Promise<void> {
    const items = someItems();
    const chunksize = [null, 1, 7][random(3)];
    const retries = random(2) * 3;
    const results = await this.#outcome(this.#pool.map(spinAndSquare, items, { chunksize, retries }));
    if (Array.isArray(results)) items.forEach((item, i) => this.#check([item], results[i]));
    else this.#check(items, results);
  }

  async #imap(ordered: boolean): Promise<void> {
    const items = someItems();
    const chunksize = 1 + random(4);
    const options = { chunksize, buffersize: 1 + random(40) };
    const results = this.#pool[ordered ? "imap" : "imapUnordered"](spinAndSquare, items, options);
    const seen: number[] = [];
    for (let i = 0;; i++) {
      const result = await this.#outcome(results.next());
      if (result instanceof WorkerLostError) {
        this.#counts.lost++;
        seen.push(-1);
        continue;
      }
      const { done, value } = result as IteratorResult<number>;
      if (done) break;
      if (ordered) this.#check([items[i]], value);
      else this.#counts.right++;
      seen.push(value);
    }
    if (seen.length !== items.length) this.#violate(`${seen.length} results of ${items.length} items`);
    const wanted = items.map(([x]) => x * x);
    for (const value of seen.filter((value) => value >= 0)) {
      const place = wanted.indexOf(value);
      if (place < 0) this.#violate(`an iteration gives ${value}, which is nobody's`);
      wanted.splice(place, 1);
    }
  }

  /** A result, or the error of a lost worker; any other error is thrown. */
  async #outcome<T>(promise: Promise<T>): Promise<T | WorkerLostError> {
    try {
      return await promise;
    } catch (error) {
      if (error instanceof WorkerLostError) return error;
      throw error;
    }
  }

  #check(items: readonly Item[], outcome: unknown): void {
    if (outcome instanceof WorkerLostError) this.#counts.lost += items.length;
    else if (items.length === 1 && outcome === items[0][0] ** 2) this.#counts.right++;
    else this.#violate(`${Deno.inspect(items)} gave ${Deno.inspect(outcome)}`);
  }

  async #kill(end: number): Promise<void> {
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 2 * KILL_EVERY * Math.random()));
      const alive = this.#pool.stats().workers.filter(({ state }) => state === "busy" || state === "idle");
      if (alive.length < 2) continue; // somebody is to work
      Deno.kill(alive[random(alive.length)].pid, "SIGKILL");
      this.#counts.kills++;
    }
  }

  #violate(what: string): void {
    this.#violations.push(what);
  }
}

/** Ends a pool all of whose workers spin, with many tasks to go; milliseconds. */
async function endBusyPool(violations: string[]): Promise<number> {
  const pool = new Pool(PROCESSES);
  const tasks = Array<Item>(TASKS_TO_GO).fill([0, Infinity]);
  const result = pool.mapAsync(spinAndSquare, tasks, { chunksize: 1 });
  const pids = pool.stats().workers.map(({ pid }) => pid);
  await until("all at work", () => pool.stats().busy === PROCESSES);
  const begin = performance.now();
  await within(pool.terminate(), "the end of the busy pool");
  const time = performance.now() - begin;
  const left = pids.filter(isRunning);
  if (left.length > 0) violations.push(`${left} still run after terminate()`);
  if (await result.wait() && result.successful()) violations.push("a call was finished by terminate()");
  return time;
}

/** Soaks a pool for so many seconds, and a short while before. */
export async function soak(seconds: number): Promise<Outcome> {
  await new Soak().run(1000);
  const before = belongings();
  const memory = native().memoryUsage();
  const { lines, violations } = await new Soak().run(seconds * 1000);
  await assertNothingLeft(before).catch(({ message }: Error) => violations.push(`something is left: ${message}`));
  const left = native().memoryUsage().blocks - memory.blocks;
  const ending = await endBusyPool(violations);
  if (left > SLACK) violations.push(`${left} blocks are left`);
  lines.push(`${left} blocks more than before`);
  lines.push(`terminate() with ${TASKS_TO_GO} tasks to go and all workers spinning: ${ending.toFixed(0)} ms`);
  return { lines, violations };
}

if (import.meta.main) await runByHand("pool", "seconds", 120, soak);
