// One worker as its pool sees it: the process, its channels, and what it says of itself in shared memory. The worker's own
// half is worker_main.ts.
//
// | state | meaning | goes on to |
// | --- | --- | --- |
// | `starting` | the process exists, and its initializer has not run yet | `ready` (T1), `stopping` (T2), `ended` (T3) |
// | `ready` | it may be given tasks | `stopping` (T2), `ended` (T3) |
// | `stopping` | it has been told to stop, terminated or killed | `ended` (T3) |
// | `ended` | the process has ended | |
//
// T1. `noteReady`: its first frame has come, which says that the initializer has run.
// T2. `stop` (when its tasks are done), `terminate` (now), `kill` (at once, whatever it does). Each may follow one before.
// T3. `#watch`: the kernel says that the process has ended. This is the only way to `ended`, whatever was asked before.
//
// Beside its state it has killers, timers that kill it: armed by `terminate`, and by `killUnlessDone` for a task that is not
// wanted any more; disarmed by the answer to that task, and by the end of the process.

import { type FollowedOutput, pipedErrors } from "../process/output.ts";
import type { Given as GivenFunction } from "../callable/reference.ts";
import type { PoolFunction } from "./calls/call.ts";
import type { Desks, PoolSide, WorkerProcess, WorkerProcessClass } from "./desk.ts";
import type { PoolEvents } from "./events.ts";
import type { Frame } from "../queues/frame.ts";
import { Killers } from "./killers.ts";
import { LastWords } from "./last_words.ts";
import { Mode, type WorkerSettings } from "./messages.ts";
import { shownName } from "../runtime/harmless.ts";
import { tell } from "../runtime/notices.ts";
import { performance } from "../runtime/timing.ts";

/** Milliseconds that a worker has to end after SIGTERM. */
const TERMINATION_GRACE = 250;

/** Milliseconds that a worker has to say that it has given up a task, which it does at once if its thread is free. */
const GIVING_UP_GRACE = 250;

/** What a worker is made with. */
export interface WorkerOptions {
  /** The class of its process. */
  readonly ProcessClass: WorkerProcessClass;
  /** Where its standard error goes: through this process, which remembers the last of it, or straight there. */
  readonly stderr: "piped" | "inherit";
  readonly settings: Omit<WorkerSettings, "initializer" | "finalizer">;
  readonly initializer: GivenFunction | null;
  readonly finalizer: GivenFunction | null;
  /** Milliseconds that the finalizer has. */
  readonly grace: number;
  /** Where it meets its pool. */
  readonly desks: Desks;
}

/** What a worker is at: see the head of this file. */
export type WorkerState = "starting" | "ready" | "stopping" | "ended";

/** A worker. */
export class WorkerHandle {
  readonly process: WorkerProcess;
  readonly pid: number;
  #state: WorkerState = "starting";
  #wasReady = false;
  #wasToldToEnd = false;
  #startFailure: StartFailure | null = null;
  #answered = 0;
  #lastAnswer = 0;
  #hasOutgrown = false;
  #hasLeft = false;
  readonly #events: PoolEvents;
  readonly #options: WorkerOptions;
  readonly #settings: WorkerOptions["settings"];
  readonly #side: PoolSide;
  /** The functions that it has been told of. */
  readonly #known = new Set<number>();
  readonly #killers = new Killers();
  #errors: FollowedOutput | null = null;
  readonly #lastWords = new LastWords();
  /** When it was last called, or has answered. */
  lastSign = 0;
  #idleSince = 0;
  #calledFor = 0;
  /** What is added to the time of its clock for that of this process. */
  clockLag = 0;

  /** Starts a worker. */
  constructor(events: PoolEvents, options: WorkerOptions) {
    const { ProcessClass, stderr, settings, desks } = options;
    this.#events = events;
    this.#options = options;
    this.#settings = settings;
    const side = this.#side = desks.open();
    try {
      this.process = new ProcessClass({
        target: side.target,
        args: [side.far, settingsOf(options)],
        daemon: true,
        ...desks.canPipe ? { stderr } : {},
      });
      this.process.name = this.process.name.replace("Process", "PoolWorker");
      side.label(this.process.name);
      this.process.start();
      this.pid = this.process.pid!;
    } catch (error) {
      side.close(null);
      throw error;
    }
    this.#errors = pipedErrors.get(this.process) ?? null;
    void this.#errors?.follow((chunk) => this.#lastWords.hear(chunk));
    side.listen(() => {
      if (this.#state !== "ended") this.#events.framesArrived(this);
    });
    void this.#watch();
  }

  get state(): WorkerState {
    return this.#state;
  }

  /** Whether its initializer has run. */
  get wasReady(): boolean {
    return this.#wasReady;
  }

  /** Whether it was told to end, so that its end says nothing about it. */
  get wasToldToEnd(): boolean {
    return this.#wasToldToEnd;
  }

  /** Why it could not start; `null` if it could, or nobody knows. */
  get startFailure(): StartFailure | null {
    return this.#startFailure;
  }

  /** How many tasks it has answered. */
  get answered(): number {
    return this.#answered;
  }

  /** When it last answered, as the number of answers that all workers had given by then. */
  get lastAnswer(): number {
    return this.#lastAnswer;
  }

  /** The last that it has written to its standard error, if that goes through here. */
  get lastWords(): string {
    return this.#lastWords.text;
  }

  /** Whether it takes no more tasks, and is to be replaced once it has answered the last. */
  get isRetired(): boolean {
    return this.#hasOutgrown || this.#answered >= this.#settings.maxtasksperchild;
  }

  /** Whether it is to be replaced as soon as it runs nothing. */
  get isDue(): boolean {
    return this.#hasLeft || this.isRetired;
  }

  /** Its resident memory in bytes, as of its last look. */
  get memory(): number {
    return this.#side.memory;
  }

  /** The numbers of the tasks that it has begun last, one for each that it may run at a time; 0 for none yet. */
  get begun(): number[] {
    return this.#side.begun;
  }

  /** How many items of one of these it has begun, if that is a lenient one of several. */
  itemsBegun(number: number): number {
    return this.#side.itemsBegun(number);
  }

  /** How many of these it runs, or has run last. */
  countBegun(numbers: ReadonlyMap<number, unknown>): number {
    return this.#side.countBegun(numbers);
  }

  /** What it does between its tasks, one of `Mode`. */
  get mode(): number {
    return this.#side.mode;
  }

  /** Whether it may have taken a task without having noted that. */
  get isInDoubt(): boolean {
    const { mode } = this;
    return mode !== Mode.running && mode !== Mode.asleep && mode !== Mode.away;
  }

  /** Milliseconds since it was last called, or has answered. */
  get sinceSign(): number {
    return performance.now() - this.lastSign;
  }

  /** When something has come from it last: if it is idle, since when. */
  get idleSince(): number {
    return this.#idleSince;
  }

  /** Whether an answer is just being read, in which user code may run. */
  get isBusy(): boolean {
    return this.#side.isBusy;
  }

  /** How many tasks it was called for last. */
  get calledFor(): number {
    return this.#calledFor;
  }

  /** Tells it of a function, before a task that needs it can be taken. */
  introduce(fn: PoolFunction): void {
    if (this.#known.has(fn.id) || this.#state === "ended") return;
    this.#known.add(fn.id);
    this.#side.introduce(fn);
  }

  /** Has it look for so many tasks, if it rests. */
  call(tasks: number): void {
    const before = this.#calledFor;
    this.#calledFor = tasks; // before it may come
    if (this.#side.call(tasks)) this.lastSign = performance.now();
    else this.#calledFor = before;
  }

  /** The next frame from it, waiting up to `timeout` milliseconds. */
  receive(timeout: number): Frame | null {
    return this.#side.receive(timeout);
  }

  /** Notes that something has come from it. */
  noteSign(now: number): void {
    this.lastSign = this.#idleSince = now;
  }

  /** Its initializer has run. */
  noteReady(): void {
    this.#wasReady = true;
    if (this.#state === "starting") this.#state = "ready"; // it may have been told to end meanwhile
  }

  /** It says that it cannot start. */
  noteStartFailure(error: unknown): void {
    // Its main module may throw late, too.
    this.#startFailure = { error, isOfInitializer: this.#options.initializer !== null };
  }

  /** It has answered a task, as the answer of that number of all workers'. */
  noteAnswer(task: number, answer: number): void {
    this.#answered++;
    this.#lastAnswer = answer;
    if (this.memory > this.#settings.maxMemory) this.#hasOutgrown = true;
    this.#killers.disarm(task);
  }

  /** It has room for more tasks; whether it is to take any is seen to when its frames have been read. */
  noteRoom(): void {
    this.#side.noteRoom();
  }

  /** A report of it has been read. */
  noteHeard(): void {
    this.#side.noteHeard();
  }

  /** Something of a task goes on in it that was answered. */
  noteLeft(): void {
    this.#hasLeft = true;
  }

  /** Tells a task that it runs that it is not wanted any more; whether it runs it, or has run it last. */
  cancel(number: number, timedOut: boolean): boolean {
    return this.#side.cancel(number, timedOut);
  }

  /**
   * Kills it, unless it has ended the task that it runs within `grace` milliseconds. If it runs others that are wanted, it
   * is told first to answer that one and let it go on: unless its thread is blocked, they need not suffer for it.
   */
  killUnlessDone(task: number, grace: number): void {
    if (this.#state === "ended" || this.#killers.has(task)) return;
    this.#killUnless(task, grace, () => {
      if (this.#settings.concurrency === 1 || !this.#events.runsWanted(this)) return this.kill();
      this.#side.giveUp(task);
      this.#killUnless(task, GIVING_UP_GRACE, () => this.kill());
    });
  }

  #killUnless(task: number, delay: number, act: () => void): void {
    this.#killers.arm(task, delay, {
      // It may have ended the task long ago, while this thread had other things to do. As long as it has not, it takes no
      // other, unless it runs several; and there is none that it could take between this look and its end.
      look: () => this.#events.catchUp(this),
      act,
      after: () => this.#events.framesArrived(this),
    });
  }

  /** Has it end itself when it has done its tasks. */
  stop(): void {
    if (this.#state === "stopping" || !this.#tellToEnd()) return;
    this.#side.stop();
  }

  /** It has done its tasks, and runs the finalizer. */
  noteFinalizing(): void {
    if (this.#state === "ended" || this.#killers.areForAll) return; // it is terminated
    const { grace, finalizer } = this.#options;
    this.#killers.armForAll(grace, () => {
      const { pid, process: { name } } = this;
      tell(
        `The finalizer "${finalizer?.label}" of "${shownName(name)}" (pid ${pid}) did not end in ${grace} ms: killed`,
      );
      this.kill();
    });
  }

  /** Ends it: asks, and insists soon after. */
  terminate(): void {
    if (!this.#tellToEnd()) return;
    this.#signal(() => this.process.terminate());
    this.#killers.armForAll(TERMINATION_GRACE, () => this.kill());
  }

  /** Ends it. */
  kill(): void {
    if (this.#tellToEnd()) this.#signal(() => this.process.kill());
  }

  /** Sends its process a signal. Where the desks are broken, that may be out of reach as well, and ends by itself. */
  #signal(send: () => void): void {
    try {
      send();
    } catch (error) {
      if (!this.#options.desks.isBroken) throw error;
    }
  }

  /** Whether it has not ended yet; then it is `stopping` now. */
  #tellToEnd(): boolean {
    if (this.#state === "ended") return false;
    this.#state = "stopping";
    this.#wasToldToEnd = true;
    return true;
  }

  async #watch(): Promise<void> {
    await this.#side.ended(this.process);
    this.#killers.disarmAll();
    try {
      // Reaps it, and says what it could not begin with.
      await this.process.join();
    } catch (error) {
      this.#startFailure = { error, isOfInitializer: false };
    }
    const rest = this.#errors?.tellRest();
    if (rest instanceof Promise) await rest;
    this.#state = "ended";
    this.#killers.disarmAll(); // again: it may have been terminated meanwhile
    this.#events.workerEnded(this);
    this.#side.close(this.pid);
  }
}

/** Why a worker could not start: what its initializer has thrown, or why the process could not begin its work. */
export interface StartFailure {
  readonly error: unknown;
  readonly isOfInitializer: boolean;
}

/** What a worker is told. */
function settingsOf({ settings, initializer, finalizer, desks }: WorkerOptions): WorkerSettings {
  const travel = (given: GivenFunction | null) => given === null ? null : desks.travel(given);
  return { ...settings, initializer: travel(initializer), finalizer: travel(finalizer) };
}
