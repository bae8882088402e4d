// Keeps up the number of a pool's workers: each that ends is replaced, unless new ones fail again and again.

import { codeOf } from "../addon/translate.ts";
import { TimeoutError } from "../errors.ts";
import type { Task } from "./calls/call.ts";
import { isError } from "../runtime/stack.ts";
import { howItEnded, wordsOf } from "./failures.ts";
import { Beginners } from "./beginners.ts";
import { Elastic } from "./elastic.ts";
import type { PoolEvents } from "./events.ts";
import { tellExit, tellStart, type WorkerHooks } from "./hooks.ts";
import { WorkerHandle, type WorkerOptions } from "./worker_handle.ts";
import type { CheckedSize } from "./size.ts";
import type { WorkerStats } from "./stats.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What a crew is made with. */
export interface CrewOptions extends WorkerOptions {
  /** How many workers there are to be. */
  readonly size: CheckedSize;
  readonly hooks: WorkerHooks;
  /** Milliseconds that calls wait where there is no worker and none can be started. Default: 10 s. */
  readonly patience?: number;
}

/** How many workers in a row that cannot start end the pool. */
const MAX_FAILED_STARTS = 3;
/** How many workers in a row that die before they are ready end the pool, at least. */
const MAX_EARLY_DEATHS = 10;
/** In a pool of many workers it takes more: as many for each of them. */
const MAX_EARLY_DEATHS_EACH = 4;
/** How many workers that die of the same task, which is begun anew each time, end the pool. */
const MAX_DEATHS_OF_TASK = 10;
/** Milliseconds before a worker that could not start is replaced; twice as many after each further one. */
const BACK_OFF = 20;
/** How often they are doubled, at most. */
const MAX_BACK_OFFS = 6;
/** Milliseconds that calls wait where there is no worker and none can be started, by default. */
const PATIENCE = 10_000;

/** The workers of one pool. */
export class Crew implements Iterable<WorkerHandle> {
  readonly #events: PoolEvents;
  readonly #options: CrewOptions;
  /** All that have not ended. */
  readonly #workers = new Set<WorkerHandle>();
  /** What starts and ends workers as tasks want them; `null` if all stay. */
  readonly #elastic: Elastic | null;
  /** Those that are starting, of which there are only so many at a time. */
  readonly #beginners: Beginners;
  /** How many of the first are yet to be started. */
  #unstarted = 0;
  /** Whether some are missing because others are starting. */
  #isHeldUp = false;
  #restarts = 0;
  /** How many are to be replaced, or have gone for another reason than that they were idle. */
  #vacancies = 0;
  /** Those that have been told to end; whether somebody is to take their place is settled. */
  readonly #leaving = new WeakSet<WorkerHandle>();
  /** How many in a row could not start. */
  #failedStarts = 0;
  /** How many in a row have died before they were ready. */
  #earlyDeaths = 0;
  #backOff: ReturnType<typeof setTimeout> | undefined;
  /** How often in a row none could be started for want of something that others may give back, and since when. */
  #shortage: { times: number; readonly since: number } | null = null;

  constructor(events: PoolEvents, options: CrewOptions) {
    this.#events = events;
    this.#options = options;
    const { size, desks: { breadth }, settings: { concurrency } } = options;
    this.#beginners = new Beginners(breadth, () => this.adapt());
    this.#elastic = size.min === size.max ? null : new Elastic({
      ...size,
      concurrency,
      workers: this,
      demand: () => events.demand,
      running: (worker) => events.running(worker),
      start: (count) => this.#startMore(count),
      end: (worker) => this.#endIdle(worker),
    });
  }

  /** All that have not ended. */
  [Symbol.iterator](): IterableIterator<WorkerHandle> {
    return this.#workers.values();
  }

  /** How many have not ended. */
  get size(): number {
    return this.#workers.size;
  }

  /** How many there are to be now: those that have not been told to end, or all if none comes and goes. */
  get present(): number {
    if (this.#elastic === null) return this.#options.size.max;
    return this.#count();
  }

  #count(): number {
    let count = 0;
    for (const { state } of this.#workers) if (state === "starting" || state === "ready") count++;
    return count;
  }

  /** How many were started in the place of others. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Starts all, or as many as there are means for now; where they are more than may start at a time, the others follow
   * when these have started.
   *
   * @throws What starting one of these throws, unless others have been started and there is hope; those are there.
   */
  start(): void {
    this.#unstarted = this.#options.size.min;
    while (this.#unstarted > 0 && this.#beginners.hasRoom(this.#workers)) {
      try {
        this.#startOne();
      } catch (error) {
        if (this.#workers.size === 0 || !isPassing(error)) throw error;
        return this.#cannotStart(error);
      }
      this.#unstarted--;
    }
    this.#isHeldUp = this.#unstarted > 0;
  }

  /** Starts those that are missing because others were starting, as far as there is room now. */
  #goOn(): void {
    // What could not be started is tried again when its time has come.
    if (this.#isHeldUp && this.#backOff === undefined && this.#shortage === null) this.replaceSoon();
  }

  #startOne(): void {
    const worker = new WorkerHandle(this.#events, this.#options);
    this.#workers.add(worker);
    this.#events.workerStarted(worker);
    tellStart(this.#options.hooks, worker);
  }

  /** Starts as many as are missing. */
  replace(): void {
    if (this.#events.needsWorkers) this.#startMore(this.#options.size.min - this.#count());
  }

  #startMore(count: number): void {
    // Nobody may be wanted of a pool that grows; that says nothing of whether one could be had.
    if (count <= 0 && this.#elastic !== null) {
      this.#isHeldUp = false;
      return;
    }
    try {
      for (; count > 0 && this.#beginners.hasRoom(this.#workers); count--) {
        this.#startOne();
        if (this.#unstarted > 0) {
          this.#unstarted--;
          continue;
        }
        if (this.#elastic !== null && this.#vacancies === 0) continue; // it is in nobody's place
        this.#vacancies--;
        this.#restarts++;
      }
      this.#isHeldUp = count > 0;
      this.#shortage = null;
    } catch (error) {
      this.#cannotStart(error);
    }
  }

  #endIdle(worker: WorkerHandle): void {
    this.#leaving.add(worker);
    worker.stop();
  }

  /** One has had as many tasks, or as much memory, as it may. */
  retire(worker: WorkerHandle): void {
    if (!this.#leaving.has(worker)) this.#vacancies++;
    this.#leaving.add(worker);
    worker.stop();
    this.replace();
  }

  /** Something has changed in what the tasks want. */
  adapt(): void {
    this.#goOn();
    if (this.#elastic === null) return;
    // What could not be started is tried again when its time has come.
    if (this.#backOff === undefined && this.#events.needsWorkers) this.#elastic.adapt();
  }

  /** Starts as many as are missing; not at once if the last ones could not begin. */
  replaceSoon(): void {
    if (this.#failedStarts === 0) return this.replace();
    this.#replaceIn(this.#failedStarts);
  }

  /** Somebody wants workers: those that could not be started are tried again. */
  provide(): void {
    if (this.#shortage !== null && this.#backOff === undefined) this.replace();
  }

  /** The others go on, and one is tried again: as long as somebody waits, in time; otherwise with the next call. */
  #cannotStart(error: unknown): void {
    if (!isPassing(error)) return this.#events.workersUseless(`a worker cannot be started: ${wordsOf(error)}`, error);
    const shortage = this.#shortage ??= { times: 0, since: performance.now() };
    const { patience = PATIENCE } = this.#options;
    if (this.#workers.size === 0 && performance.now() - shortage.since > patience) {
      this.#shortage = { times: 0, since: performance.now() };
      return this.#events.workersLacking(
        `for ${patience / 1000} s no worker could be started: ${wordsOf(error)}`,
        error,
      );
    }
    if (this.#events.hasCalls) this.#replaceIn(++shortage.times);
  }

  #replaceIn(times: number): void {
    if (this.#backOff !== undefined) return;
    this.#backOff = setTimeout(() => {
      this.#backOff = undefined;
      this.replace();
      this.adapt();
    }, BACK_OFF * 2 ** Math.min(times, MAX_BACK_OFFS));
    unrefTimer(this.#backOff);
  }

  /** One is ready for tasks. */
  ready(worker: WorkerHandle): void {
    this.#failedStarts = this.#earlyDeaths = 0;
    worker.noteReady();
  }

  /** One has ended. */
  remove(worker: WorkerHandle): void {
    this.#workers.delete(worker);
    if (!this.#leaving.has(worker)) this.#vacancies++;
    tellExit(this.#options.hooks, worker);
  }

  /** One has ended that was not told to, and was running `tasks`: if too many have ended in this way, the pool is told. */
  endedUnexpectedly(worker: WorkerHandle, tasks: readonly Task[]): void {
    const how = howItEnded(worker.process.exitcode);
    const { startFailure } = worker;
    if (startFailure !== null) {
      if (++this.#failedStarts < MAX_FAILED_STARTS) return;
      const { error, isOfInitializer } = startFailure;
      const what = isOfInitializer ? "run the initializer" : "start";
      const why = `${this.#failedStarts} workers in a row could not ${what}: ${wordsOf(error)}`;
      // What kept a process from its work is but text, which need not be told twice.
      this.#events.workersUseless(why, isOfInitializer ? error : undefined);
    } else if (tasks.length > 0) {
      const task = tasks.find(({ deaths }) => deaths >= MAX_DEATHS_OF_TASK);
      if (task === undefined) return; // each costs its own tasks, and no other
      const { label } = task.call.fn.given;
      this.#events.workersUseless(`${task.deaths} workers died of the same task; the last ${how} in "${label}"`);
    } else if (!worker.wasReady) {
      const most = Math.max(MAX_EARLY_DEATHS, MAX_EARLY_DEATHS_EACH * this.#options.size.max);
      if (++this.#earlyDeaths < most) return;
      this.#events.workersUseless(
        `${this.#earlyDeaths} workers in a row died before their first task; the last ${how}`,
      );
    } // else somebody has killed it while it was idle
  }

  /** Has each end itself when it has done its tasks. */
  stop(): void {
    this.#stopTimers();
    for (const worker of this.#workers) worker.stop();
  }

  /** Ends all. */
  terminate(): void {
    this.#stopTimers();
    for (const worker of this.#workers) worker.terminate();
  }

  #stopTimers(): void {
    clearTimeout(this.#backOff);
    this.#beginners.stop();
    this.#elastic?.stop();
  }

  /** What they are doing. */
  stats(): WorkerStats[] {
    const all: WorkerStats[] = [];
    for (const worker of this.#workers) {
      const { pid, process: { name }, state, answered: tasks, memory } = worker;
      if (state === "ended") continue;
      const running = this.#events.running(worker);
      const shown = state !== "ready" ? state : running > 0 ? "busy" : "idle";
      all.push({ pid, name, state: shown, running, tasks, memory });
    }
    return all;
  }
}

/** What the system has to start a process with may be used up for a moment: processes, memory, descriptors. */
const PASSING: ReadonlySet<unknown> = new Set(["OS:11", "OS:12", "OS:23", "OS:24", "EXHAUSTED"]);

/** Whether the next attempt may go well. */
function isPassing(error: unknown): boolean {
  if (!isError(error)) return false;
  if (error instanceof Deno.errors.WouldBlock || error instanceof TimeoutError) return true;
  return PASSING.has(codeOf(error));
}
