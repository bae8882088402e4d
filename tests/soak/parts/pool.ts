// A pool whose workers are killed and stopped while it runs tasks of random length, by all of its methods and with options
// that the seed chooses. Every task must give its right result, or fail with an error that a death or its own time limit
// explains; none may be begun more often than its retries allow; and the pool must work at the end.

import { InvalidStateError, Pool, RawArray, WorkerLostError } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import type { Random } from "../random.ts";
import { pause, type Stage } from "../stage.ts";
import { type Item, keep, square, squareLater } from "../pool_tasks.ts";
import { signalled, stoppedFor } from "../victims.ts";

/** So many calls are under way at a time. */
const CALLS = 4;
/** The most items of a call. */
const MOST_ITEMS = 60;
/** Slots for beginnings; all of them have been in use before the first is used again. */
const SLOTS = 2 ** 15;
/** The most results after which a worker is killed. */
const MOST_BETWEEN_KILLS = 200;
/** Tasks of a pool that is terminated. */
const TASKS_TO_GO = 10_000;
/** What a slow task takes, which a limit ends. */
const SLOW = 100;

/** What the seed says of the pool of a round. */
interface Plan {
  readonly size: number | { min: number; max: number };
  readonly concurrency: number;
  readonly maxtasksperchild: number | null;
  readonly taskTimeout: number | null;
  /** The longest task, in milliseconds. */
  readonly longest: number;
}

function planned(random: Random): Plan {
  return {
    size: random.coin() ? random.between(2, 4) : { min: random.between(0, 1), max: random.between(2, 4) },
    concurrency: random.pick([1, 1, 2, 8]),
    maxtasksperchild: random.pick([null, 50, 300]),
    taskTimeout: random.pick([null, null, SLOW / 2]),
    longest: random.pick([2, 10]),
  };
}

/** Who the workers are, and what they run. */
export interface Workers {
  /** The row of the books. */
  readonly row: string;
  /** Milliseconds between two kills at least. */
  readonly gap: number;
  /** The Python that workers are; without it they are Deno's. */
  readonly python?: string;
  readonly keep: typeof keep;
  readonly square: typeof square;
  /** For workers that do several tasks at a time. */
  readonly squareLater?: typeof squareLater;
}

export async function pool(stage: Stage): Promise<void> {
  await pooled(stage, { row: "Pool", gap: 150, keep, square, squareLater });
}

export async function pooled(stage: Stage, workers: Workers): Promise<void> {
  const plan = planned(stage.random.of("plan"));
  await new Pools(stage, workers.squareLater ? plan : { ...plan, concurrency: 1 }, workers).run();
}

class Pools {
  readonly #stage: Stage;
  readonly #plan: Plan;
  readonly #workers: Workers;
  readonly #begun = RawArray("i32", SLOTS);
  readonly #pool: Pool;
  readonly #isAsync: boolean;
  #nextSlot = 0;
  #results = 0;
  #kills = 0;
  #lost = 0;

  constructor(stage: Stage, plan: Plan, workers: Workers) {
    this.#stage = stage;
    this.#plan = plan;
    this.#workers = workers;
    this.#isAsync = plan.concurrency > 1;
    const { size, concurrency, maxtasksperchild, taskTimeout } = plan;
    const { python } = workers;
    this.#pool = new Pool(size, {
      ...{ maxtasksperchild, taskTimeout, initializer: workers.keep, initargs: [this.#begun] },
      ...python === undefined ? { concurrency } : { python },
      ...typeof size === "number" ? {} : { idleTimeout: 300 },
      context: stage.context,
      stderr: "inherit",
      grace: 100,
    });
  }

  async run(): Promise<void> {
    const lanes = Array.from({ length: CALLS }, (_, lane) => this.#lane(this.#stage.random.of("lane", lane)));
    await Promise.all([...lanes, this.#kill(this.#stage.random.of("kills"))]);
    const items = this.#items(this.#stage.random.of("last"), 0);
    const results = await this.#stage.soon(this.#pool.map(this.#target, items, { retries: 5 }), "the pool at the end");
    assertEquals(results, items.map(([x]) => x * x));
    if (this.#stage.random.of("end").coin()) await this.#terminate();
    else this.#pool.close();
    await this.#stage.soon(this.#pool.join(), "the end of the pool");
    const { maxtasksperchild, taskTimeout, concurrency } = this.#plan;
    if (maxtasksperchild === null && taskTimeout === null && this.#lost > this.#kills * MOST_ITEMS * concurrency) {
      this.#stage.violate(`${this.#lost} items were lost by ${this.#kills} kills`);
    }
  }

  /** Ends the pool all of whose workers are busy, with many tasks to go. */
  async #terminate(): Promise<void> {
    const tasks = Array<Item>(TASKS_TO_GO).fill([0, 10_000, 0]);
    const result = this.#pool.mapAsync(this.#target, tasks, { chunksize: 1, taskTimeout: null });
    await this.#stage.soon(this.#pool.terminate(), "the end of a busy pool");
    const outcome = await this.#stage.soon(result.get().catch((error) => error), "the end of its tasks");
    if (!(outcome instanceof InvalidStateError)) this.#stage.violate(`terminate() ends a call with ${outcome}`);
  }

  get #target(): (item: Item) => number {
    // What is async gives a promise there, and a number here.
    return this.#isAsync ? this.#workers.squareLater as never : this.#workers.square;
  }

  async #lane(random: Random): Promise<void> {
    const ways = [this.#apply, this.#map, this.#settled, this.#imap];
    while (!this.#stage.isOver()) await this.#stage.soon(random.pick(ways).call(this, random), "a call of a pool");
  }

  #items(random: Random, longest = this.#plan.longest): Item[] {
    return Array.from({ length: random.between(1, MOST_ITEMS) }, () => {
      const slot = this.#nextSlot++ % SLOTS;
      this.#begun[slot] = 0;
      const isSlow = this.#plan.taskTimeout !== null && longest > 0 && random.oneIn(50);
      return [random.below(1000), isSlow ? SLOW : random.between(0, longest), slot];
    });
  }

  #options(random: Random) {
    return { retries: random.pick([0, 0, 2]), priority: random.between(-2, 2) };
  }

  async #apply(random: Random): Promise<void> {
    const items = this.#items(random);
    const options = this.#options(random);
    await Promise.all(items.map(async (item) => {
      const result = await this.#pool.apply(this.#target, [item], options).catch((error) => this.#told(error));
      this.#check(item, result, options.retries);
    }));
  }

  async #map(random: Random): Promise<void> {
    const items = this.#items(random);
    const options = { ...this.#options(random), chunksize: random.pick([null, 1, 7]) };
    const results = await this.#pool.map(this.#target, items, options).catch((error) => this.#told(error));
    items.forEach((item, i) => this.#check(item, results === null ? null : results[i], options.retries));
  }

  async #settled(random: Random): Promise<void> {
    const items = this.#items(random);
    const options = { ...this.#options(random), chunksize: random.pick([1, 5]), settled: true } as const;
    const results = await this.#pool.map(this.#target, items, options);
    for (const [i, item] of items.entries()) {
      const it = results[i];
      if (it.index !== i) this.#stage.violate(`the outcome of item ${i} says that it is of ${it.index}`);
      this.#check(item, it.status === "fulfilled" ? it.value : this.#told(it.reason), options.retries);
    }
  }

  async #imap(random: Random): Promise<void> {
    const items = this.#items(random);
    const isOrdered = random.coin();
    const options = { ...this.#options(random), chunksize: random.between(1, 4), buffersize: random.between(1, 40) };
    const results = this.#pool[isOrdered ? "imap" : "imapUnordered"](this.#target, items, options);
    const wanted = items.map(([x]) => x * x);
    let seen = 0;
    for (;; seen++) {
      const result = await results.next().catch((error) => this.#told(error));
      if (result?.done) break;
      if (result === null) continue;
      if (isOrdered) {
        this.#check(items[seen], result.value, options.retries);
        continue;
      }
      const place = wanted.indexOf(result.value);
      if (place < 0) this.#stage.violate(`an iteration gives ${result.value}, which is nobody's`);
      wanted[place] = NaN;
      this.#done();
    }
    if (seen !== items.length) this.#stage.violate(`${seen} results of ${items.length} items`);
  }

  /** `null` in the place of a result, if the error is one that may be. */
  #told(error: unknown): null {
    const isLimited = this.#plan.taskTimeout !== null;
    this.#stage.told(this.#workers.row, error, "WorkerLostError", ...isLimited ? ["TimeoutError"] as const : []);
    if (error instanceof WorkerLostError) this.#lost++;
    return null;
  }

  /** Judges what has become of one item; `null`: it failed, as it may. */
  #check([x, , slot]: Item, result: number | null, retries: number): void {
    if (result !== null && result !== x * x) this.#stage.violate(`the square of ${x} is told to be ${result}`);
    const begun = this.#begun[slot];
    if (begun > 1 + retries) this.#stage.violate(`a task with ${retries} retries was begun ${begun} times`);
    if (result !== null && begun === 0) this.#stage.violate(`a task has a result and was not begun`);
    this.#done();
  }

  #done(): void {
    this.#results++;
    this.#stage.count(this.#workers.row, { operations: 1 });
  }

  async #kill(random: Random): Promise<void> {
    while (!this.#stage.isOver()) {
      const after = this.#results + random.between(1, MOST_BETWEEN_KILLS);
      const [choice, isStop, ms] = [random.next(), random.oneIn(6), random.between(5, 250)];
      await pause(this.#workers.gap);
      while (this.#results < after && !this.#stage.isOver()) await pause(5);
      const alive = this.#pool.stats().workers.filter(({ state }) => state === "busy" || state === "idle");
      if (alive.length === 0) continue;
      const { pid } = alive[Math.floor(choice * alive.length)];
      if (isStop) await this.#stop(pid, ms);
      else if (signalled(pid, "SIGKILL")) {
        this.#kills++;
        this.#stage.count(this.#workers.row, { kills: 1 });
      }
    }
  }

  async #stop(pid: number, ms: number): Promise<void> {
    this.#stage.count(this.#workers.row, { stops: 1 });
    await stoppedFor(pid, ms);
  }
}
