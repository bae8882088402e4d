// The tasks that lie between their calls and the workers.
//
// All workers take from one channel, so that tasks begin in the order in which they were put there. Some more are put
// than there are workers: then a worker that has ended a task need not wait for this process to notice.
//
// Invariants (I1 to I3 are here, I4 and I5 in engine.ts):
//
// I1. No worker rests while a task waits in the channel, once `dispatch` has returned: as many are called as are missing.
// I2. A task is in one place: to come from its call or handed back (backlog.ts), or given (`#given`): then it is in the
//     channel, or a worker has it.
// I3. A task that is handed back, or of a higher priority, is put before all later tasks, which are taken back for that.

import { Backlog } from "./backlog.ts";
import type { Call, Task } from "./calls/call.ts";
import { ENDED } from "../queues/channel.ts";
import type { TaskList } from "./desk.ts";
import type { Demand } from "./elastic.ts";
import type { PoolEvents } from "./events.ts";
import type { OnlyResult } from "./only_result.ts";
import { callWorkers, comingTo, SIGN_LASTS } from "./summons.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import { Flag, Kind, Mode } from "./messages.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What a dispatcher is made with. */
export interface DispatcherOptions {
  /** The workers. */
  readonly workers: Iterable<WorkerHandle>;
  /** What they take from. */
  readonly tasks: TaskList;
  /** How many tasks a worker runs at a time. */
  readonly concurrency: number;
  readonly onlyResult: OnlyResult;
  readonly events: PoolEvents;
}

/** A task that is given. */
interface Given {
  readonly task: Task;
  /** How many bytes it has in the channel. */
  readonly bytes: number;
  /** Whether a worker has certainly taken it; most are not looked at for that. */
  isTaken: boolean;
}

/** Milliseconds' worth of tasks that are put for each worker, which covers being told of the results. */
const AHEAD = 2;
/** The fewest tasks that are put for each that may run, however long they take. */
const MIN_AHEAD = 2;
/** The most. */
const MAX_AHEAD = 128;
/** The most bytes of tasks that wait for each worker, unless it is one task. */
const MAX_BYTES = 8 * 2 ** 20;
/** The same for the third and later tasks of each worker: what is more leaves the processors' caches
 * before it is used, and then a task of 1 MiB takes twice as long. */
const MAX_CACHED = 2 ** 20;
/** Milliseconds that a quick task takes: ten times as long as it takes to note the line of a call. */
const QUICK = 0.05;
/** The weight of the last task in the moving average of how long a task takes. */
const SMOOTHING = 0.2;

/** Gives the tasks of one pool to its workers. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** What is to come. */
  readonly #backlog = new Backlog();
  /** Tasks that are in the channel or with a worker, by their numbers. */
  readonly #given = new Map<number, Given>();
  /** Their bytes. */
  #bytes = 0;
  /** None of them that is in the channel has a lower priority. */
  #least = Infinity;
  #taskCount = 0;
  /** How many tasks all workers have answered. */
  #answers = 0;
  #callCount = 0;
  #isDispatching = false;
  /** When tasks are given that are just being given; 0 if nobody has looked at the clock yet. */
  #now = 0;
  /** When the only task that is given was put. */
  #onlySince = 0;
  /** How long a task takes, in milliseconds; `null` before the first. */
  #pace: number | null = null;
  /** How long the last one took. */
  #last = 0;
  /** Looks again whether the workers have come that were counted on, while others rest. */
  #recheck: ReturnType<typeof setTimeout> | undefined;
  /** The functions that all workers have been told of. */
  readonly #introduced = new Set<number>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** How many tasks are given for each worker: more of quick ones. */
  get ahead(): number {
    const { concurrency } = this.#options;
    const least = MIN_AHEAD * concurrency;
    if (this.#pace === null) return least;
    return Math.max(least, Math.min(MAX_AHEAD, concurrency * (1 + Math.ceil(AHEAD / this.#pace))));
  }

  /** Whether its tasks take no longer than what may be noted of each. */
  get isQuick(): boolean {
    return this.#pace !== null && this.#pace < QUICK;
  }

  /** How many tasks are given. */
  get given(): number {
    return this.#given.size;
  }

  /** How many are still to be given; a call that may have more of them counts as one. */
  get backlog(): number {
    return this.#backlog.size;
  }

  /** How many tasks no worker has begun; a call that may have more of them counts as one. */
  get waiting(): number {
    let waiting = this.#backlog.size + this.#given.size;
    for (const worker of this.#options.workers) waiting -= this.running(worker);
    return waiting;
  }

  /** What the tasks want of the workers. */
  get demand(): Demand {
    const { waiting } = this;
    const given = waiting - this.#backlog.size;
    // The first task of a function takes longer, since its module is imported.
    const pace = this.#answers < 2 ? 0 : Math.min(this.#pace ?? 0, this.#last);
    return { waiting, given, pace, answers: this.#answers };
  }

  /** How many tasks a worker runs, as far as its answers have been read. */
  running(worker: WorkerHandle): number {
    return worker.countBegun(this.#given);
  }

  /** Whether it runs any. */
  isBusy(worker: WorkerHandle): boolean {
    return this.running(worker) > 0;
  }

  /** Whether it runs one whose result is still wanted. */
  runsWanted(worker: WorkerHandle): boolean {
    return worker.begun.some((number) => {
      const task = this.#given.get(number)?.task;
      return task !== undefined && !task.call.isOver && !task.isGivenUp;
    });
  }

  /** Whether the channel is in use: a task is being serialised, in which the user's code may run. */
  get isWriting(): boolean {
    return this.#options.tasks.isBusy;
  }

  /** Tasks may come from a call. */
  add(call: Call): void {
    call.order = ++this.#callCount;
    call.since = this.#now = performance.now();
    this.#backlog.add(call);
  }

  /** No more come from it. */
  remove(call: Call): void {
    this.#backlog.remove(call);
  }

  /** The numbers of the tasks of a call that are given. */
  numbersOf(call: Call): number[] {
    const numbers: number[] = [];
    for (const [number, { task }] of this.#given) if (task.call === call) numbers.push(number);
    return numbers;
  }

  /** The task of that number; `null` if it is not given. */
  taskOf(number: number): Task | null {
    return this.#given.get(number)?.task ?? null;
  }

  /** How many tasks are given, or are to be given again. */
  get due(): number {
    return this.#given.size + this.#backlog.returned;
  }

  /** The calls of the first `n` tasks that are given. */
  *firstCalls(n: number): Generator<Call> {
    for (const { task } of this.#given.values()) {
      if (n-- <= 0) return;
      yield task.call;
    }
  }

  /** The numbers of all tasks that are given. */
  get numbers(): Set<number> {
    return new Set(this.#given.keys());
  }

  /** Another worker is there, and may take what is in the channel. */
  joined(worker: WorkerHandle): void {
    this.#introduced.clear();
    for (const { task } of this.#given.values()) worker.introduce(task.call.fn);
  }

  /** Tasks are to be given again, in their order, if they are still wanted. */
  handBack(tasks: readonly Task[]): void {
    this.#backlog.handBack(tasks);
  }

  /** Takes back what no worker has taken. */
  takeBack(): void {
    const { tasks } = this.#options;
    if (this.isWriting) return; // there will be another moment
    const back: Task[] = [];
    for (let frame = tasks.receive(0); frame !== null && frame !== ENDED; frame = tasks.receive(0)) {
      frame.drop();
      const task = this.forget(frame.task);
      if (task !== null) back.push(task);
    }
    // Nothing is there; what else is given has been begun, or was answered and nobody has read it.
    for (const given of this.#given.values()) given.isTaken = true;
    this.#least = Infinity;
    this.handBack(back);
  }

  /** Nothing is to be given any more, and nothing was. */
  clear(): void {
    this.#backlog.clear();
    for (const number of this.numbers) this.forget(number);
    this.#bytes = 0;
    this.#stopRechecking();
  }

  /** Puts tasks for as long as there are some, and room for them; then calls the workers that are missing. */
  dispatch(): void {
    if (this.#isDispatching) return;
    this.#isDispatching = true;
    try {
      while (!this.#backlog.isEmpty) {
        this.#overtake();
        const task = this.#hasRoom() ? this.#backlog.next() : null;
        if (task === null) break;
        this.#give(task);
      }
    } finally {
      this.#isDispatching = false;
      this.#now = 0;
    }
    const isSure = this.#callWorkers();
    if (this.#given.size === 1 && this.#options.onlyResult.soon()) return;
    if (!isSure) this.#recheckSoon();
  }

  /** The only task was not answered as soon as was hoped. */
  watch(): void {
    if (!this.#callWorkers()) this.#recheckSoon();
  }

  /** Whether more tasks are to be put. */
  #hasRoom(): boolean {
    let workers = 0;
    for (const { state, isRetired } of this.#options.workers) if (state === "ready" && !isRetired) workers++;
    const { size } = this.#given;
    if (size < workers) return true;
    if (size >= workers * this.ahead) return false;
    const { concurrency } = this.#options;
    const most = workers * (size < MIN_AHEAD * workers * concurrency ? MAX_BYTES : MAX_CACHED);
    return this.#bytes <= most || (concurrency > 1 && this.#bytes - this.#bytesBegun <= most);
  }

  /** How many of the bytes are in no channel any more. */
  get #bytesBegun(): number {
    let bytes = 0;
    for (const { begun } of this.#options.workers) {
      for (const number of begun) bytes += this.#given.get(number)?.bytes ?? 0;
    }
    return bytes;
  }

  /**
   * If a task is to come that has a higher priority than one in the channel, those there are taken back. That comes to an
   * end: what is taken back is given again from the highest priority down, and what is known to be taken counts no more.
   */
  #overtake(): void {
    if (this.#backlog.highest <= this.#least) return; // as always where no call has a priority
    this.#least = this.#leastInChannel();
    const task = this.#backlog.highest > this.#least ? this.#backlog.next(this.#least) : null;
    if (task === null) return;
    this.takeBack();
    this.handBack([task]);
  }

  /** No task that is in the channel has a lower priority: of those that are given, some are not there any more. */
  #leastInChannel(): number {
    const begun = new Set([...this.#options.workers].flatMap(({ begun }) => begun));
    let least = Infinity;
    for (const [number, { task, isTaken }] of this.#given) {
      if (!isTaken && !begun.has(number)) least = Math.min(least, task.call.priority);
    }
    return least;
  }

  #give(task: Task): void {
    const { fn, flags } = task.call;
    const number = this.#taskCount = (this.#taskCount + 1) % 2 ** 32 || 1;
    const head = { kind: Kind.task, flags, task: number, fn: fn.id, begun: task.attempts, duration: 0 };
    this.#introduce(task); // before anybody can take it
    let bytes: number;
    try {
      bytes = this.#options.tasks.send(head, task.list);
    } catch (error) {
      this.#unsendable(task, error);
      return;
    }
    this.#given.set(number, { task, bytes, isTaken: false });
    this.#bytes += bytes;
    if (task.call.priority < this.#least) this.#least = task.call.priority;
    if (this.#now === 0) this.#now = performance.now(); // once for all of them
    if (task.since === 0) task.since = this.#now;
    if (this.#given.size === 1) this.#onlySince = this.#now;
  }

  #introduce({ call: { fn } }: Task): void {
    if (this.#introduced.has(fn.id)) return;
    for (const worker of this.#options.workers) worker.introduce(fn);
    this.#introduced.add(fn.id);
  }

  /** A task that cannot be sent: of several items, only those that are to blame fail, if the call wants it so. */
  #unsendable(task: Task, error: unknown): void {
    const { call, list } = task;
    if ((call.flags & Flag.lenient) === 0 || list.length === 1) return this.#options.events.taskUnsendable(task, error);
    this.handBack(list.map((_, i) => task.part(i, i + 1)));
  }

  /**
   * Calls as many of the workers that rest as there are tasks that nobody has taken, nor is about to. Whether that is all
   * that can be done: none rests while another is but counted on.
   */
  #callWorkers(): boolean {
    // Before anything else is asked: it is called for every item of an imap.
    if (this.#given.size === 0 || !this.#doesAnyRest()) return true;
    return callWorkers(this.#given, this.#options.workers, this.#options.concurrency);
  }

  #doesAnyRest(): boolean {
    for (const { mode } of this.#options.workers) if (mode === Mode.resting || mode === Mode.asleep) return true;
    return false;
  }

  /** If a worker that is counted on does not come, perhaps because it was stopped, another is to be called. */
  #recheckSoon(): void {
    if (this.#recheck !== undefined) return;
    this.#recheck = setTimeout(() => {
      this.#recheck = undefined;
      this.watch();
    }, SIGN_LASTS);
    unrefTimer(this.#recheck);
  }

  #stopRechecking(): void {
    if (this.#recheck === undefined) return;
    clearTimeout(this.#recheck);
    this.#recheck = undefined;
  }

  /** The worker that has the only task, or is most likely to take it. */
  get runner(): WorkerHandle | null {
    let coming: WorkerHandle | null = null;
    for (const worker of this.#options.workers) {
      if (this.isBusy(worker)) return worker;
      // The last word of one that has just ended a task, and finds this one, may still be that it rests.
      if (comingTo(worker, 0) > 0 || (coming === null && worker.mode === Mode.resting)) coming = worker;
    }
    return coming;
  }

  /** A worker has answered the task of that number, which took `duration` milliseconds; `null` if it was not given. */
  answered(worker: WorkerHandle, number: number, duration: number): Task | null {
    const task = this.forget(number);
    if (task === null) return null;
    worker.noteAnswer(number, ++this.#answers);
    this.#last = duration;
    this.#pace = this.#pace === null ? duration : (1 - SMOOTHING) * this.#pace + SMOOTHING * duration;
    if (this.#given.size === 0) {
      this.#options.onlyResult.answered(performance.now() - this.#onlySince);
      this.#stopRechecking();
    }
    return task;
  }

  /** The task of that number is not given any more; `null` if it was not. */
  forget(number: number): Task | null {
    const given = this.#given.get(number);
    if (given === undefined) return null;
    this.#given.delete(number);
    this.#bytes -= given.bytes;
    const { task } = given;
    if (task.clock !== undefined) clearTimeout(task.clock);
    return task;
  }
}
