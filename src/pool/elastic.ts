// A pool of `{ min, max }` workers: starts workers when tasks want them, and ends those that are idle.
//
// A worker that is started takes some tens of milliseconds of a processor, before it does anything. So one is started
// when the tasks that nobody is free for have waited, and are likely to wait, for about as long: known by how long the
// last tasks took, or else by waiting. So no task waits for longer than twice the time of a start because of that.
//
// Both timers run only while there is something to wait for, and neither keeps the program alive.

import type { WorkerHandle } from "./worker_handle.ts";
import type { CheckedSize } from "./size.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What the tasks of a pool want. */
export interface Demand {
  /** How many tasks no worker has begun; a call that may have more of them counts as one. */
  readonly waiting: number;
  /** How many of them are given, so that any worker may take them. */
  readonly given: number;
  /** How long a task takes, in milliseconds; 0 while nobody knows. */
  readonly pace: number;
  /** How many tasks have been answered so far. */
  readonly answers: number;
}

/** What the size of a pool depends on. */
export interface ElasticOptions extends CheckedSize {
  /** How many tasks a worker runs at a time. */
  readonly concurrency: number;
  readonly workers: Iterable<WorkerHandle>;
  readonly demand: () => Demand;
  /** How many tasks a worker runs. */
  readonly running: (worker: WorkerHandle) => number;
  /** Starts so many workers, or fewer. */
  readonly start: (count: number) => void;
  /** Has an idle worker end itself. */
  readonly end: (worker: WorkerHandle) => void;
}

/** Milliseconds of waiting that are worth a worker: about what a start takes. */
const WORTH = 40;

/** Tasks that wait for a worker, beyond those for whom one is free or starts. */
export interface Lack {
  /** How many. */
  readonly tasks: number;
  /** How many workers there are. */
  readonly workers: number;
  /** How long a task takes, in milliseconds; 0 while nobody knows. */
  readonly pace: number;
  /** For how many milliseconds there have been such tasks, while no worker was about to start. */
  readonly lasted: number;
  /** Whether a task was answered in that time. */
  readonly isMoving: boolean;
}

/** How many workers are to be started: a number from 0 on. */
export function worthStarting({ tasks, workers, pace, lasted, isMoving }: Lack): number {
  if (workers === 0) return Math.max(1, Math.min(tasks, Math.ceil(tasks * pace / WORTH)));
  const likely = tasks * pace / workers;
  if (lasted + likely < WORTH) return 0;
  const byPace = Math.ceil(tasks * pace / WORTH);
  // If no task is answered, each may take as long as those that run have taken so far; but nobody knows, and the pool is
  // doubled at most.
  const byWaiting = isMoving ? 1 : Math.min(workers, Math.ceil(tasks * lasted / WORTH));
  return Math.min(tasks, Math.max(1, byPace, byWaiting));
}

/** The workers that are not told to end. */
interface Present {
  readonly starting: number;
  /** Ready, and with nothing to do: the one that has been so for the longest time first. */
  readonly idle: readonly WorkerHandle[];
  /** How many more tasks the others would take. */
  readonly room: number;
  readonly count: number;
}

/** Keeps a pool as large as its tasks want it. */
export class Elastic {
  readonly #options: ElasticOptions;
  /** Since when tasks have waited although nobody is about to start, and how many had been answered then. */
  #pressure: { readonly since: number; readonly answers: number } | null = null;
  #grower: ReturnType<typeof setTimeout> | undefined;
  #shrinker: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ElasticOptions) {
    this.#options = options;
  }

  /** Looks whether there are enough workers, or too many. Call it whenever something has changed. */
  adapt(): void {
    const demand = this.#options.demand();
    const present = this.#present();
    const lacking = demand.waiting - present.starting * this.#options.concurrency - present.idle.length - present.room;
    if (lacking <= 0) this.#pressure = null;
    else if (present.count < this.#options.max) this.#grow(demand, present, lacking);
    if (this.#shrinker === undefined && this.#mayShrink(demand, present)) this.#shrinkIn(this.#options.idleTimeout);
  }

  /** Nothing is wanted any more. */
  stop(): void {
    clearTimeout(this.#grower);
    clearTimeout(this.#shrinker);
  }

  #present(): Present {
    const { workers, running, concurrency } = this.#options;
    const idle: WorkerHandle[] = [];
    let [starting, room, count] = [0, 0, 0];
    for (const worker of workers) {
      if (worker.state !== "starting" && worker.state !== "ready") continue;
      count++;
      if (worker.state === "starting") starting++;
      else if (!worker.isRetired) {
        const tasks = running(worker);
        if (tasks === 0) idle.push(worker);
        room += tasks === 0 ? concurrency - 1 : concurrency - tasks;
      }
    }
    idle.sort((a, b) => a.idleSince - b.idleSince);
    return { starting, idle, room, count };
  }

  /** There are `lacking` tasks for which nobody is there, nor about to be. */
  #grow({ pace, answers }: Demand, { starting, count }: Present, lacking: number): void {
    // What a worker that just starts will be good for, is seen when it is ready.
    if (starting > 0) this.#pressure = null;
    else this.#pressure ??= { since: performance.now(), answers };
    const lasted = this.#pressure === null ? 0 : performance.now() - this.#pressure.since;
    const isMoving = this.#pressure !== null && this.#pressure.answers !== answers;
    const wanted = worthStarting({ tasks: lacking, workers: count, pace, lasted, isMoving });
    if (wanted > 0) {
      this.#pressure = null;
      this.#options.start(Math.min(wanted, this.#options.max - count));
    } else if (this.#pressure !== null) this.#growIn(WORTH - lasted);
  }

  #growIn(delay: number): void {
    if (this.#grower !== undefined) return;
    this.#grower = setTimeout(() => {
      this.#grower = undefined;
      this.adapt();
    }, Math.max(1, Math.ceil(delay)));
    unrefTimer(this.#grower);
  }

  /** Whether somebody may end who is idle: of those that are needed for what may still come, none. */
  #mayShrink({ waiting, given }: Demand, { idle, count }: Present): boolean {
    return idle.length > 0 && given === 0 && count > this.#least(waiting) && this.#options.idleTimeout < Infinity;
  }

  #least(waiting: number): number {
    return Math.max(this.#options.min, waiting > 0 ? 1 : 0);
  }

  #shrinkIn(delay: number): void {
    this.#shrinker = setTimeout(() => {
      this.#shrinker = undefined;
      this.#shrink();
    }, Math.max(1, Math.ceil(delay)));
    unrefTimer(this.#shrinker);
  }

  /** Ends those whose time is over, the longest idle first. */
  #shrink(): void {
    const { demand, idleTimeout, end } = this.#options;
    const wanted = demand();
    const present = this.#present();
    if (!this.#mayShrink(wanted, present)) return;
    let spare = present.count - this.#least(wanted.waiting);
    for (const worker of present.idle) {
      if (spare-- === 0) return;
      const left = worker.idleSince + idleTimeout - performance.now();
      if (left > 0) return this.#shrinkIn(left);
      end(worker);
    }
  }
}
