// The workers of a pool, as a number of them that is kept up: those that end are replaced, unless that leads nowhere.

import type { Task } from "./calls.ts";
import { howItEnded } from "./lost.ts";
import { Member, type MemberHost, type MemberOptions } from "./member.ts";
import type { WorkerStats } from "./stats.ts";
import { clearTimeout, setTimeout, unrefTimer } from "../timing.ts";

/** What a crew is made with. */
export interface CrewOptions extends MemberOptions {
  /** How many workers there are to be. */
  readonly processes: number;
}

/** What a crew needs of its pool. */
export interface CrewHost extends MemberHost {
  /** Whether workers that have ended are to be replaced. */
  readonly needsWorkers: boolean;
  /** Whether a worker runs a task. */
  isBusy(member: Member): boolean;
  /** One has been started. */
  joined(member: Member): void;
  /** It is of no use to start more workers, and why. */
  hopeless(why: string, cause?: unknown): void;
}

/** So many workers in a row that cannot start end the pool. */
const MOST_UNFIT = 3;
/** So many workers in a row that die before they are ready end the pool; or more, if there are many. */
const MOST_STILLBORN = 10;
const MOST_STILLBORN_PER_PROCESS = 4;
/** So many workers that die of the same task, which is to be begun anew, end the pool. */
const MOST_DEATHS = 10;
/** Milliseconds before a worker that could not start is replaced; twice as many after each more. */
const BACK_OFF = 20;

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
   * Starts all.
   *
   * @throws What starting one throws; those that were started before are there.
   */
  start(): void {
    for (let i = 0; i < this.#options.processes; i++) this.#startOne();
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
    } catch (error) {
      const why = error instanceof Error ? error.message : Deno.inspect(error);
      this.#host.hopeless(`a worker cannot be started: ${why}`, error);
    }
  }

  /** Starts as many as are missing; not at once if the last ones could not begin. */
  replaceSoon(): void {
    if (this.#unfit === 0) return this.replace();
    if (this.#backOff !== undefined) return;
    this.#backOff = setTimeout(() => {
      this.#backOff = undefined;
      this.replace();
    }, BACK_OFF * 2 ** this.#unfit);
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
      const { message } = member.unfit instanceof Error ? member.unfit : { message: Deno.inspect(member.unfit) };
      this.#host.hopeless(`${this.#unfit} workers in a row could not start: ${message}`, member.unfit);
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
    const members = [...this.#members].filter((it) => it.state !== "ended");
    return members.map((member) => ({
      pid: member.pid,
      name: member.process.name,
      state: member.state === "ready" ? (this.#host.isBusy(member) ? "busy" as const : "idle" as const) : member.state,
      tasks: member.answered,
      memory: member.memory,
    }));
  }
}
