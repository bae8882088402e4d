// Which worker gets which task.
//
// Invariants:
//
// I1. No worker is idle while a task waits that has not begun: what lies in the channel of a busy worker is taken back
//     for an idle one.
// I2. A task is in one place: to come from its call, handed back (`#returned`), or given to one member.

import type { Call, Task } from "./calls.ts";
import type { Glance } from "./glance.ts";
import type { Member } from "./member.ts";
import { Flag } from "./messages.ts";
import { performance } from "../timing.ts";

/** What a dispatcher is made with. */
export interface DispatcherOptions {
  /** The workers. */
  readonly members: Iterable<Member>;
  readonly glance: Glance;
  /** A task cannot be sent to any worker: it has failed. */
  readonly refused: (task: Task, error: unknown) => void;
}

/** A worker is given so many milliseconds' worth of tasks ahead of its work, which covers being told of the results. */
const AHEAD = 2;
const LEAST_AHEAD = 2;
const MOST_AHEAD = 128;
/** No more than so many bytes of tasks wait in a worker's channel, unless it is one task … */
const MOST_BYTES = 8 * 2 ** 20;
/** … or two, for the third and later ones: what is more leaves the processors' caches before it is used, and then a task
 * of 1 MiB takes twice as long. */
const MOST_CACHED = 2 ** 20;
/** How much the last task says about the next. */
const NEWS = 0.2;

/** Gives the tasks of one pool to its workers. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** Calls that may have more tasks. */
  readonly #sources = new Set<Call>();
  /** Tasks to be given again, the first one last. */
  readonly #returned: Task[] = [];
  #taskCount = 0;
  #isDispatching = false;
  /** Tasks that members have. */
  #given = 0;
  /** How long a task takes, in milliseconds; `null` before the first. */
  #pace: number | null = null;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** How many tasks a worker is given at a time: more of quick ones. */
  get ahead(): number {
    if (this.#pace === null) return LEAST_AHEAD;
    return Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, 1 + Math.ceil(AHEAD / this.#pace)));
  }

  /** How many tasks members have. */
  get given(): number {
    return this.#given;
  }

  /** How many tasks no worker has begun; a call that may have more of them counts as one. */
  get waiting(): number {
    let waiting = this.#returned.length + this.#sources.size;
    for (const member of this.#options.members) waiting += member.waiting;
    return waiting;
  }

  /** Tasks may come from a call. */
  add(call: Call): void {
    this.#sources.add(call);
  }

  /** No more come from it. */
  remove(call: Call): void {
    this.#sources.delete(call);
  }

  /** Tasks are to be given again, the first of them first, if they are still wanted. */
  handBack(tasks: readonly Task[]): void {
    for (const task of tasks.toReversed()) if (!task.call.isOver) this.#returned.push(task);
  }

  /** Nothing is to be given any more. */
  clear(): void {
    this.#returned.length = 0;
    this.#sources.clear();
  }

  /** Gives tasks to workers for as long as there are both. */
  dispatch(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      for (let member = this.#roomiest(); member !== null; member = this.#roomiest()) {
        const task = this.#next() ?? (member.isIdle ? this.#steal(member) : null);
        if (task === null) break;
        this.#give(member, task);
      }
    } finally {
      this.#isDispatching = false;
    }
    if (this.#given === 1) this.#options.glance.soon();
  }

  /** The worker that has least to do; `null` if all have enough. */
  #roomiest(): Member | null {
    const limit = this.ahead;
    let best: Member | null = null;
    for (const member of this.#options.members) {
      if (member.state !== "ready" || member.isRetired) continue;
      const { size } = member.given;
      if (size >= limit || (size > 0 && member.bytes > (size < LEAST_AHEAD ? MOST_BYTES : MOST_CACHED))) continue;
      if (
        best === null || size < best.given.size || (size === best.given.size && member.lastActive > best.lastActive)
      ) {
        best = member;
      }
    }
    return best;
  }

  /** The next task of any call. */
  #next(): Task | null {
    while (this.#returned.length > 0) {
      const task = this.#returned.pop()!;
      if (!task.call.isOver) return task;
    }
    for (const call of this.#sources) {
      const task = call.take();
      if (call.isDry) this.#sources.delete(call);
      if (task !== null) return task;
    }
    return null;
  }

  /** A task that another worker has not begun, for an idle one. */
  #steal(thief: Member): Task | null {
    let victim: Member | null = null;
    for (const member of this.#options.members) {
      if (member === thief || member.state !== "ready") continue;
      if (member.waiting > (victim?.waiting ?? 0)) victim = member;
    }
    if (victim === null) return null;
    this.takeBack(victim, Math.ceil(victim.waiting / 2));
    return this.#next();
  }

  #give(member: Member, task: Task): void {
    this.#taskCount = (this.#taskCount + 1) % 2 ** 32 || 1;
    try {
      member.give(task, this.#taskCount);
    } catch (error) {
      this.#refused(task, error);
      return;
    }
    this.#given++;
    if (this.#given === 1) member.lastActive = performance.now();
  }

  /** A task that cannot be sent: of several items, only those that are to blame fail, if the call wants it so. */
  #refused(task: Task, error: unknown): void {
    const { call, first, list } = task;
    if ((call.flags & Flag.lenient) === 0 || list.length === 1) return this.#options.refused(task, error);
    this.handBack(list.map((item, i) => ({ call, first: first + i, list: [item], deaths: task.deaths })));
  }

  /** Takes back what a worker has not begun: so many tasks, or all. */
  takeBack(member: Member, most = Infinity): void {
    if (member.state === "ended") return;
    const tasks: Task[] = [];
    while (tasks.length < most) {
      const task = member.takeBack();
      if (task === null) break;
      tasks.push(task);
    }
    this.#given -= tasks.length;
    this.handBack(tasks);
  }

  /** A worker has answered a task, which took `time` milliseconds. */
  answered(member: Member, time: number): void {
    this.#pace = this.#pace === null ? time : (1 - NEWS) * this.#pace + NEWS * time;
    if (this.#given-- !== 1) return;
    const now = performance.now();
    this.#options.glance.answered(now - member.lastActive);
    member.lastActive = now;
  }

  /** A worker has ended with so many tasks. */
  bereaved(tasks: number): void {
    this.#given -= tasks;
  }
}
