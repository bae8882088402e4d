// Keeps up the number of a pool's workers: each that ends is replaced, unless new ones fail again and again.

import type { Task } from "./calls/call.ts";
import { howItEnded } from "./failures.ts";
import { Member, type MemberHost, type MemberOptions } from "./worker_handle.ts";
import type { WorkerStats } from "./stats.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What a crew is made with. */
export interface CrewOptions extends MemberOptions {
  /** How many workers there are to be. */
  readonly processes: number;
  /** Milliseconds that calls wait where there is no worker and none can be started. Default: 10 s. */
  readonly patience?: number;
}

/** What a crew needs of its pool. */
export interface CrewHost extends MemberHost {
  /** Whether workers that have ended are to be replaced. */
  readonly needsWorkers: boolean;
  /** Whether a worker runs a task. */
  isBusy(member: Member): boolean;
  /** One has been started. */
  joined(member: Member): void;
  /** Whether a call is under way. */
  readonly isWanted: boolean;
  /** It is of no use to start more workers, and why. */
  hopeless(why: string, cause?: unknown): void;
  /** There is no worker, and for a long time none could be started: the calls that are under way have failed. */
  starved(why: string, cause: unknown): void;
}

/** So many workers in a row that cannot start end the pool. */
const MOST_UNFIT = 3;
/** So many workers in a row that die before they are ready end the pool; or more, if there are many. */
const MOST_STILLBORN = 10;
const MOST_STILLBORN_PER_PROCESS = 4;
/** So many workers that die of the same task, which is to be begun anew, end the pool. */
const MOST_DEATHS = 10;
/** Milliseconds before a worker that could not start is replaced; twice as many after each more … */
const BACK_OFF = 20;
/** … up to 2 ** 6 times as many. */
const MOST_BACK_OFFS = 6;
/** Milliseconds that calls wait where there is no worker and none can be started, by default. */
const PATIENCE = 10_000;

/** The workers of one pool. */
export class Crew implements Iterable<Member> {
  readonly #host: CrewHost;
  readonly #options: CrewOptions;
  /** All that have not ended. */
  readonly #members = new Set<Member>();
  #restarts = 0;
  /** How many in a row could not start. */
  #unfit = 0;
  /** How many in a row have died before they were ready. */
  #stillborn = 0;
  #backOff: ReturnType<typeof setTimeout> | undefined;
  /** How often in a row none could be started for want of something that others may give back, and since when. */
  #shortage: { times: number; readonly since: number } | null = null;

  constructor(host: CrewHost, options: CrewOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** All that have not ended. */
  [Symbol.iterator](): IterableIterator<Member> {
    return this.#members.values();
  }

  /** How many have not ended. */
  get size(): number {
    return this.#members.size;
  }

  /** How many were started in the place of others. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Starts all, or as many as there are means for now.
   *
   * @throws What starting one throws, unless others have been started and there is hope; those are there.
   */
  start(): void {
    for (let i = 0; i < this.#options.processes; i++) {
      try {
        this.#startOne();
      } catch (error) {
        if (i === 0 || !isPassing(error)) throw error;
        return this.#cannotStart(error);
      }
    }
  }

  #startOne(): void {
    const member = new Member(this.#host, this.#options);
    this.#members.add(member);
    this.#host.joined(member);
  }

  /** Starts as many as are missing. */
  replace(): void {
    if (!this.#host.needsWorkers) return;
    let missing = this.#options.processes;
    for (const { state } of this.#members) if (state === "starting" || state === "ready") missing--;
    try {
      for (; missing > 0; missing--) {
        this.#startOne();
        this.#restarts++;
      }
      this.#shortage = null;
    } catch (error) {
      this.#cannotStart(error);
    }
  }

  /** Starts as many as are missing; not at once if the last ones could not begin. */
  replaceSoon(): void {
    if (this.#unfit === 0) return this.replace();
    this.#replaceIn(this.#unfit);
  }

  /** Somebody wants workers: those that could not be started are tried again. */
  provide(): void {
    if (this.#shortage !== null && this.#backOff === undefined) this.replace();
  }

  /** The others go on, and one is tried again: as long as somebody waits, in time; otherwise with the next call. */
  #cannotStart(error: unknown): void {
    if (!isPassing(error)) return this.#host.hopeless(`a worker cannot be started: ${wordsOf(error)}`, error);
    const shortage = this.#shortage ??= { times: 0, since: performance.now() };
    const { patience = PATIENCE } = this.#options;
    if (this.#members.size === 0 && performance.now() - shortage.since > patience) {
      this.#shortage = { times: 0, since: performance.now() };
      return this.#host.starved(`for ${patience / 1000} s no worker could be started: ${wordsOf(error)}`, error);
    }
    if (this.#host.isWanted) this.#replaceIn(++shortage.times);
  }

  #replaceIn(times: number): void {
    if (this.#backOff !== undefined) return;
    this.#backOff = setTimeout(() => {
      this.#backOff = undefined;
      this.replace();
    }, BACK_OFF * 2 ** Math.min(times, MOST_BACK_OFFS));
    unrefTimer(this.#backOff);
  }

  /** One is ready for tasks. */
  ready(member: Member): void {
    this.#unfit = this.#stillborn = 0;
    member.wasReady = true;
    if (member.state === "starting") member.state = "ready";
  }

  /** One has ended. */
  remove(member: Member): void {
    this.#members.delete(member);
  }

  /** Judges one that ended unexpectedly; `victim` is the task that it was running. */
  judge(member: Member, victim: Task | null): void {
    const how = howItEnded(member.process.exitcode);
    if (member.unfit !== null) {
      if (++this.#unfit < MOST_UNFIT) return;
      const { unfit, hasBegun } = member;
      // What kept a process from its work is but text, which need not be told twice.
      const cause = hasBegun ? unfit : undefined;
      this.#host.hopeless(`${this.#unfit} workers in a row could not start: ${wordsOf(unfit)}`, cause);
    } else if (victim !== null) {
      if (victim.deaths < MOST_DEATHS) return; // otherwise each costs its own task, and no other
      const { label } = victim.call.fn.given;
      this.#host.hopeless(`${victim.deaths} workers died of the same task; the last ${how} in "${label}"`);
    } else if (!member.wasReady) {
      const most = Math.max(MOST_STILLBORN, MOST_STILLBORN_PER_PROCESS * this.#options.processes);
      if (++this.#stillborn < most) return;
      this.#host.hopeless(`${this.#stillborn} workers in a row died before their first task; the last ${how}`);
    } // else somebody has killed it while it was idle
  }

  /** Has each end itself when it has done its tasks. */
  stop(): void {
    clearTimeout(this.#backOff);
    for (const member of this.#members) member.stop();
  }

  /** Ends all. */
  terminate(): void {
    clearTimeout(this.#backOff);
    for (const member of this.#members) member.terminate();
  }

  /** What they are doing. */
  stats(): WorkerStats[] {
    const all: WorkerStats[] = [];
    for (const member of this.#members) {
      const { pid, process: { name }, state, answered: tasks, memory } = member;
      if (state === "ended") continue;
      const shown = state !== "ready" ? state : this.#host.isBusy(member) ? "busy" : "idle";
      all.push({ pid, name, state: shown, tasks, memory });
    }
    return all;
  }
}

/** What the system has to start a process with may be used up for a moment: processes, memory, descriptors. */
const PASSING: ReadonlySet<unknown> = new Set(["OS:11", "OS:12", "OS:23", "OS:24", "EXHAUSTED"]);

/** Whether the next attempt may go well. */
function isPassing(error: unknown): boolean {
  if (error instanceof Deno.errors.WouldBlock) return true;
  return error instanceof Error && PASSING.has((error.cause as { code?: unknown } | undefined)?.code);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : Deno.inspect(error);
}
