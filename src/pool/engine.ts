// The parent's half of a pool: which worker has which task, and what happens when one ends.
//
// Invariants:
//
// I1. No worker is idle while a task waits that has not begun: what lies in the channel of a busy worker is taken back
//     for an idle one.
// I2. A task is in one place: to come from its call, handed back (`#returned`), or given to one member.
// I3. A worker that ends costs at most the task that it had begun; what it had not begun is handed back.
// I4. The event loop is kept alive while a call waits for its results, and by nothing else here.
//
// | state | meaning | goes on to |
// | --- | --- | --- |
// | `running` | calls are accepted | `closed`, `terminated`, `broken` |
// | `closed` | calls that are under way are finished, then the workers are told to stop | `terminated`, `broken` |
// | `terminated` | calls have been ended, workers are being ended | |
// | `broken` | as `terminated`; no worker can do its work, and `#reason` says why | |

import { reference } from "../callable.ts";
import type { Callable, ModuleExport } from "../callable_types.ts";
import { InvalidStateError, ProcessError, RemoteError } from "../errors.ts";
import { holdLoop, releaseLoop } from "../waits.ts";
import type { Call, CallHost, PoolFunction, Task } from "./calls.ts";
import type { Frame } from "./channel.ts";
import { unpack } from "./failures.ts";
import { howItEnded, lost } from "./lost.ts";
import { Member, type MemberHost, type MemberOptions } from "./member.ts";
import { type Failure, Flag, Kind, type Mixed } from "./messages.ts";
import type { PoolStats } from "./stats.ts";

/** What a pool is made with, checked. */
export interface EngineOptions extends MemberOptions {
  readonly name: string;
  readonly processes: number;
  /** Tasks after which a worker is replaced; `Infinity` for never. */
  readonly maxtasksperchild: number;
  /** Bytes of memory beyond which a worker is replaced after its task; `Infinity` for never. */
  readonly maxMemory: number;
  /** Milliseconds that a task has to end after it was cancelled, before its worker is killed. */
  readonly grace: number;
}

export type EngineState = "running" | "closed" | "terminated" | "broken";

/** A worker is given so many milliseconds' worth of tasks ahead of its work, which covers being told of the results. */
const AHEAD = 2;
const LEAST_AHEAD = 2;
const MOST_AHEAD = 128;
/** No more than so many bytes of tasks wait in a worker's channel, unless it is one task. */
const MOST_BYTES = 8 * 2 ** 20;

/**
 * Milliseconds that the thread may look out for the result of the only task there is, if the last came soon. To be
 * told in a promise costs about 60 µs.
 */
const GLANCE = 0.06;
/** A result that comes sooner than this, in milliseconds, makes the next one be looked out for. */
const HOT = 0.25;
/** For so many milliseconds results may be looked out for before the event loop gets a turn. */
const LONGEST_STARE = 5;
/** For so many milliseconds frames are read before the event loop gets a turn. */
const LONGEST_READ = 8;

/** So many workers in a row that cannot start end the pool. */
const MOST_UNFIT = 3;
/** So many workers in a row that die, with no task finished meanwhile, end the pool; or more, if there are many. */
const MOST_DEATHS = 10;
const MOST_DEATHS_PER_PROCESS = 4;
/** Milliseconds before a worker that could not start is replaced; twice as many after each more. */
const BACK_OFF = 20;

/** The books of a pool. */
export class Engine implements CallHost, MemberHost {
  readonly #options: EngineOptions;
  /** All that have not ended. */
  readonly #members = new Set<Member>();
  /** All that are not over, and those of them that may have more tasks. */
  readonly #calls = new Set<Call>();
  readonly #sources = new Set<Call>();
  /** Tasks to be given again, the first one last. */
  readonly #returned: Task[] = [];
  readonly #functions = new WeakMap<object, PoolFunction>();
  readonly #exports = new Map<string, PoolFunction>();
  #functionCount = 0;
  #taskCount = 0;
  #state: EngineState = "running";
  #reason: Error | null = null;
  #isDispatching = false;
  #holds = 0;
  /** Tasks that members have. */
  #given = 0;
  /** How long a task takes, in milliseconds; `null` before the first. */
  #pace: number | null = null;
  #unfit = 0;
  #deaths = 0;
  #backOff: ReturnType<typeof setTimeout> | undefined;
  #isHot = false;
  #isGlanceDue = false;
  /** When the event loop has last had a turn, as far as is known. */
  #lastTurn = 0;
  readonly #counts = { done: 0, failed: 0, restarts: 0 };
  readonly #drained: (() => void)[] = [];

  /**
   * Starts the workers.
   *
   * @throws What starting one throws; then those that have started are ended.
   */
  constructor(options: EngineOptions) {
    this.#options = options;
    try {
      for (let i = 0; i < options.processes; i++) this.#start();
    } catch (error) {
      this.terminate();
      throw error;
    }
  }

  get state(): EngineState {
    return this.#state;
  }

  get name(): string {
    return this.#options.name;
  }

  get processes(): number {
    return this.#options.processes;
  }

  get ahead(): number {
    if (this.#pace === null) return LEAST_AHEAD;
    return Math.min(MOST_AHEAD, Math.max(LEAST_AHEAD, 1 + Math.ceil(AHEAD / this.#pace)));
  }

  get pids(): number[] {
    return [...this.#members].map((member) => member.pid);
  }

  /** Throws unless calls are accepted. */
  requireRunning(action: string): void {
    if (this.#state === "running") return;
    const why = this.#reason === null ? `it is ${this.#state}` : `it is broken: ${this.#reason.message}`;
    const options = this.#reason === null ? undefined : { cause: this.#reason };
    throw new InvalidStateError(`Cannot ${action} with "${this.name}": pool not running, ${why}`, options);
  }

  /** The function that workers are to run. */
  functionOf(target: Callable | ModuleExport): PoolFunction {
    const known = typeof target === "function" ? this.#functions.get(target) : undefined;
    if (known !== undefined) return known;
    const made = { id: this.#functionCount + 1, reference: reference(target) };
    if (typeof target === "function") this.#functions.set(target, made);
    else {
      const key = `${made.reference.modules[0]} ${made.reference.name}`;
      const same = this.#exports.get(key);
      if (same !== undefined) return same;
      this.#exports.set(key, made);
    }
    this.#functionCount++;
    return made;
  }

  /** Begins a call. */
  submit(call: Call): void {
    this.#calls.add(call);
    this.#sources.add(call);
    this.dispatch();
  }

  /** Ends a call with an error, or without; tasks of it that run have a while to end, if they are to be ended at all. */
  cancel(call: Call, end: () => void, { timedOut = false, kill = true } = {}): void {
    if (call.isOver) return;
    end();
    const { grace } = this.#options;
    for (const member of this.#members) {
      for (const [number, { task }] of member.given) {
        if (task.call !== call || !member.isRunning(number)) continue;
        member.cancel(number, timedOut);
        if (kill) member.condemn(number, grace);
      }
      this.#takeAllBack(member);
    }
    this.dispatch();
  }

  /** A call is over. */
  settled(call: Call): void {
    this.#calls.delete(call);
    this.#sources.delete(call);
    if (this.#state === "closed" && this.#calls.size === 0) this.#stopAll();
  }

  hold(): void {
    if (this.#holds++ === 0) holdLoop();
  }

  release(): void {
    if (--this.#holds === 0) releaseLoop();
  }

  /** Accepts no more calls; the workers end when those under way are finished. */
  close(): void {
    if (this.#state !== "running") return;
    this.#state = "closed";
    if (this.#calls.size === 0) this.#stopAll();
  }

  /** Ends everything now. */
  terminate(): void {
    this.#endAll("terminated", () => new InvalidStateError(`Cannot finish the call: "${this.name}" was terminated`));
  }

  /** Resolves when all workers have ended. */
  async join(): Promise<void> {
    if (this.#isOver()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained.push(resolve);
    this.hold();
    try {
      await promise;
    } finally {
      this.release();
    }
  }

  stats(): PoolStats {
    const members = [...this.#members].filter((it) => it.state !== "ended");
    const workers = members.map((member) => ({
      pid: member.pid,
      name: member.process.name,
      state: member.state === "ready" ? (member.isIdle ? "idle" as const : "busy" as const) : member.state,
      tasks: member.answered,
      memory: member.memory,
    }));
    const waiting = members.reduce((sum, member) => sum + member.waiting, 0);
    return {
      processes: this.processes,
      busy: workers.filter(({ state }) => state === "busy").length,
      idle: workers.filter(({ state }) => state === "idle").length,
      queued: waiting + this.#returned.length + this.#sources.size,
      ...this.#counts,
      workers,
    };
  }

  /** Gives tasks to workers for as long as there are both. */
  dispatch(): void {
    if (this.#isDispatching || this.#isEnded) return;
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
    if (this.#isHot && this.#given === 1) this.#glanceSoon();
  }

  /** The worker that has least to do; `null` if all have enough. */
  #roomiest(): Member | null {
    const limit = this.ahead;
    let best: Member | null = null;
    for (const member of this.#members) {
      if (member.state !== "ready" || member.isRetired) continue;
      const { size } = member.given;
      if (size >= limit || (size > 0 && member.bytes > MOST_BYTES)) continue;
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
    for (const member of this.#members) {
      if (member === thief || member.state !== "ready") continue;
      if (member.waiting > (victim?.waiting ?? 0)) victim = member;
    }
    if (victim === null) return null;
    const tasks: Task[] = [];
    for (let n = Math.ceil(victim.waiting / 2); n > 0; n--) {
      const task = victim.takeBack();
      if (task === null) break;
      tasks.push(task);
    }
    this.#given -= tasks.length;
    this.#returned.push(...tasks.reverse());
    return this.#returned.length > 0 ? this.#next() : null;
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
    if (member.assigned >= this.#options.maxtasksperchild) member.isRetired = true;
  }

  /** A task that cannot be sent: of several items, only those that are to blame fail, if the call wants it so. */
  #refused(task: Task, error: unknown): void {
    const { call, first, list } = task;
    if ((call.flags & Flag.lenient) === 0 || list.length === 1) {
      this.#counts.failed++;
      call.failed(task, error);
      return;
    }
    const single = list.map((item, i) => ({ call, first: first + i, list: [item], deaths: task.deaths }));
    this.#returned.push(...single.reverse());
  }

  /** Hands back what a worker has not begun. */
  #takeAllBack(member: Member): void {
    if (member.state !== "ready") return;
    const tasks: Task[] = [];
    for (let task = member.takeBack(); task !== null; task = member.takeBack()) tasks.push(task);
    this.#given -= tasks.length;
    this.#returned.push(...tasks.reverse());
  }

  /** Frames may have come from `first`, and so from others. */
  arrived(first: Member): void {
    const begin = this.#lastTurn = performance.now();
    const members = [first, ...[...this.#members].filter((member) => member !== first && !member.isIdle)];
    for (const member of members) {
      for (let frame = member.receive(0), n = 1; frame !== null; frame = member.receive(0), n++) {
        this.#handle(member, frame);
        // What is left makes the wait that follows end at once.
        if (n % 64 === 0 && performance.now() - begin > LONGEST_READ) break;
      }
    }
    this.dispatch();
  }

  #glanceSoon(): void {
    if (this.#isGlanceDue) return;
    this.#isGlanceDue = true;
    // So that of many calls in a row only the last looks.
    queueMicrotask(() => {
      this.#isGlanceDue = false;
      if (this.#given !== 1 || performance.now() - this.#lastTurn > LONGEST_STARE) return;
      for (const member of this.#members) {
        if (member.isIdle) continue;
        const frame = member.receive(GLANCE);
        if (frame === null) this.#isHot = false;
        else {
          this.#handle(member, frame);
          this.dispatch();
        }
        return;
      }
    });
  }

  #handle(member: Member, frame: Frame): void {
    if (frame.kind === Kind.ready) {
      frame.drop();
      this.#unfit = 0;
      member.wasReady = true;
      if (member.state === "starting") member.state = "ready";
      return;
    }
    if (frame.kind === Kind.unfit) {
      member.unfit = unpack(frame.read() as Failure);
      return;
    }
    const task = member.settle(frame.task);
    if (task === undefined) return frame.drop();
    this.#note(member, frame.time);
    if (task.call.isOver) frame.drop();
    else this.#answer(task, frame);
    if (member.memory > this.#options.maxMemory) {
      member.isRetired = true;
      this.#takeAllBack(member);
    }
    if (member.isRetired && member.isIdle) {
      member.stop();
      this.#replace();
    }
  }

  /** Notes how long a task took. */
  #note(member: Member, time: number): void {
    this.#deaths = 0;
    this.#pace = this.#pace === null ? time : 0.8 * this.#pace + 0.2 * time;
    if (this.#given-- === 1) {
      const now = performance.now();
      this.#isHot = now - member.lastActive < HOT;
      member.lastActive = now;
    }
  }

  #answer(task: Task, frame: Frame): void {
    const { call } = task;
    let list: unknown[];
    try {
      list = frame.read();
    } catch (cause) {
      this.#counts.failed++;
      const { name } = call.fn.reference;
      const { message } = cause as Error;
      return call.failed(task, new RemoteError(`Cannot read the result of "${name}": ${message}`, { cause }));
    }
    if (frame.kind === Kind.done) {
      this.#counts.done++;
      return call.done(task, list);
    }
    this.#counts.failed++;
    if (frame.kind === Kind.failed) return call.failed(task, unpack(list as Failure));
    const [results, places, failures] = list as Mixed;
    call.mixed(task, results, places, failures.map(unpack));
  }

  #start(): void {
    this.#members.add(new Member(this, this.#options));
  }

  /** Starts as many workers as are missing. */
  #replace(): void {
    if (this.#state !== "running" && !(this.#state === "closed" && this.#calls.size > 0)) return;
    let missing = this.processes;
    for (const member of this.#members) if (member.state === "starting" || member.state === "ready") missing--;
    try {
      for (; missing > 0; missing--) {
        this.#start();
        this.#counts.restarts++;
      }
    } catch (error) {
      this.#break("a worker cannot be started", error);
    }
  }

  /** A worker has ended. */
  ended(member: Member): void {
    this.#members.delete(member);
    this.#bury(member);
    if (!this.#isOver()) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #bury(member: Member): void {
    const { exitcode } = member.process;
    const { lost: victim, left } = member.estate();
    this.#given -= left.length + (victim === null ? 0 : 1);
    this.#returned.push(...left.filter((task) => !task.call.isOver).reverse());
    if (victim !== null && !victim.call.isOver) this.#mourn(victim, member, exitcode);
    if (this.#isEnded) return;
    if (!member.isExpectedToEnd) this.#countDeath(member, victim, exitcode);
    if (this.#isEnded) return;
    this.#replaceSoon();
    this.dispatch();
  }

  /** The task that a dead worker was running is begun anew, or fails. */
  #mourn(task: Task, member: Member, exitcode: number | null): void {
    task.deaths++;
    if (task.deaths <= task.call.retries) {
      this.#returned.push(task);
      return;
    }
    this.#counts.failed++;
    const { name } = task.call.fn.reference;
    task.call.failed(task, lost(name, member, exitcode));
  }

  /** Workers that die one after the other end the pool. */
  #countDeath(member: Member, victim: Task | null, exitcode: number | null): void {
    if (member.unfit !== null) {
      if (++this.#unfit >= MOST_UNFIT) {
        const { message } = member.unfit instanceof Error ? member.unfit : { message: Deno.inspect(member.unfit) };
        this.#break(`${this.#unfit} workers in a row could not start: ${message}`, member.unfit);
      }
      return;
    }
    if (victim === null && member.wasReady) return; // killed by somebody while it was idle
    const most = Math.max(MOST_DEATHS, MOST_DEATHS_PER_PROCESS * this.processes);
    if (++this.#deaths < most) return;
    const task = victim === null ? "before its first task" : `in "${victim.call.fn.reference.name}"`;
    this.#break(
      `${this.#deaths} workers in a row died and no task was finished; the last ${howItEnded(exitcode)} ${task}`,
    );
  }

  #replaceSoon(): void {
    if (this.#unfit === 0) return this.#replace();
    if (this.#backOff !== undefined) return;
    this.#backOff = setTimeout(() => {
      this.#backOff = undefined;
      this.#replace();
    }, BACK_OFF * 2 ** this.#unfit);
    Deno.unrefTimer(this.#backOff);
  }

  #break(why: string, cause?: unknown): void {
    this.#reason = new ProcessError(`Cannot go on with "${this.name}": ${why}`, cause === undefined ? {} : { cause });
    const reason = this.#reason;
    this.#endAll("broken", () => reason);
  }

  #endAll(state: "terminated" | "broken", error: () => Error): void {
    if (this.#isEnded) return;
    this.#state = state;
    clearTimeout(this.#backOff);
    this.#returned.length = 0;
    for (const call of [...this.#calls]) call.end(error());
    for (const member of this.#members) member.terminate();
  }

  #stopAll(): void {
    for (const member of this.#members) member.stop();
  }

  /** Whether nothing is done any more. */
  get #isEnded(): boolean {
    return this.#state === "terminated" || this.#state === "broken";
  }

  /** Whether there are no workers, and will be none. */
  #isOver(): boolean {
    return this.#members.size === 0 && this.#state !== "running" && this.#calls.size === 0;
  }
}
