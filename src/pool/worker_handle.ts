// One worker as its pool sees it: the process, its channels, and what it says of itself in shared memory. The worker's own
// half is worker_main.ts.

import { WORKER_MAIN } from "../runtime/own_modules.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import type { Process } from "../process/process.ts";
import { pipedErrors, type PipedOutput } from "../process/output.ts";
import { Event } from "../synchronize/event.ts";
import { wait } from "../addon/waits.ts";
import type { Given as GivenFunction } from "../callable/reference.ts";
import type { PoolFunction } from "./calls/call.ts";
import type { CellTable } from "./cells.ts";
import type { ProcessClass } from "./options.ts";
import { Channel, ENDED, type Frame } from "./channel.ts";
import { LastWords } from "./last_words.ts";
import { CancelReason, Cell, type Desk, Kind, Mode, type WorkerSettings } from "./messages.ts";
import { clearTimeout, performance, setTimeout, unrefTimer } from "../runtime/timing.ts";

const WORKER = { module: WORKER_MAIN, name: "work" };

/** The head of a frame that belongs to no task. */
const QUIET = { flags: 0, task: 0, extra: 0, time: 0 };

/** Milliseconds that a worker has to end after SIGTERM. */
const TERMINATION_GRACE = 250;

/** What a member is made with. */
export interface MemberOptions {
  /** The class of its process. */
  readonly ProcessClass: ProcessClass;
  /** Where its standard error goes: through this process, which remembers the last of it, or straight there. */
  readonly stderr: "piped" | "inherit";
  readonly settings: Omit<WorkerSettings, "initializer">;
  readonly initializer: GivenFunction | null;
  /** Where the words come from that it shares with its pool. */
  readonly cells: CellTable;
  /** What all workers take their tasks from. */
  readonly tasks: Channel;
}

/** What a member reports. */
export interface MemberHost {
  /** There may be frames. */
  arrived(member: Member): void;
  /** What it has answered is to be received, and what nobody has taken to be taken back; nothing is given. */
  reckon(member: Member): void;
  /** The process has ended; what it had answered is still to be received. */
  ended(member: Member): void;
}

/**
 * | state | meaning | goes on to |
 * | --- | --- | --- |
 * | `starting` | the process exists | `ready`, `ended` |
 * | `ready` | its initializer has run: it may be given tasks | `stopping`, `ended` |
 * | `stopping` | it has been told to stop, or terminated | `ended` |
 * | `ended` | the process has ended | |
 */
export type MemberState = "starting" | "ready" | "stopping" | "ended";

/** A worker. */
export class Member {
  state: MemberState = "starting";
  /** How many tasks it has answered. */
  answered = 0;
  /** Its initializer has run. */
  wasReady = false;
  /** It was told to end. */
  isExpectedToEnd = false;
  /** It has more memory than it may have. */
  isOutgrown = false;
  /** Why it could not start. */
  unfit: unknown = null;
  /** Whether the process has begun its work, and if only to say that it cannot go on. */
  hasBegun = false;
  /** When it last answered, as the number of answers that all workers had given by then. */
  lastActive = 0;
  readonly process: Process;
  readonly pid: number;
  readonly #desk: Desk;
  readonly #cells: CellTable;
  /** The functions that it has been told of. */
  readonly #known = new Set<number>();
  #killer: ReturnType<typeof setTimeout> | undefined;
  /** The task that it is killed for, unless it ends in time. */
  #condemned = 0;
  #errors: PipedOutput | null = null;
  readonly #lastWords = new LastWords();
  readonly #ended = Promise.withResolvers<void>();

  readonly #host: MemberHost;
  readonly #maxTasks: number;
  #lastSign = 0;

  /** Starts a worker. */
  constructor(host: MemberHost, { ProcessClass, stderr, settings, initializer, cells, tasks }: MemberOptions) {
    this.#host = host;
    this.#cells = cells;
    this.#desk = {
      tasks,
      bell: new Channel().own(),
      functions: new Channel().own(),
      results: new Channel().own(),
      cancel: new Event(),
      cells: cells.take(),
      lingerer: cells.lingerer,
    };
    this.#maxTasks = settings.maxtasksperchild;
    try {
      this.process = new ProcessClass({
        target: WORKER,
        args: [this.#desk, { ...settings, initializer: initializer?.travel() ?? null } satisfies WorkerSettings],
        daemon: true,
        stderr,
      });
      this.process.name = this.process.name.replace("Process", "PoolWorker");
      this.process.start();
      this.pid = this.process.pid!;
    } catch (error) {
      this.#close();
      throw error;
    }
    this.#errors = pipedErrors.get(this.process) ?? null;
    void this.#errors?.follow((chunk) => this.#lastWords.hear(chunk));
    void this.#listen();
    void this.#watch();
  }

  /** Resolved when the process has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The last that it has written to its standard error, if that goes through here. */
  get lastWords(): string {
    return this.#lastWords.text;
  }

  /** Whether it takes no more tasks, and is to be replaced once it has answered the last. */
  get isRetired(): boolean {
    return this.isOutgrown || this.answered >= this.#maxTasks;
  }

  /** Its resident memory in bytes, as of its last look. */
  get memory(): number {
    return this.#desk.cells[Cell.memory] * 1024;
  }

  /** The number of the task that it has begun last. */
  get begun(): number {
    return Atomics.load(this.#desk.cells, Cell.begun) >>> 0;
  }

  /** What it does between its tasks, one of `Mode`. */
  get mode(): number {
    return Atomics.load(this.#desk.cells, Cell.mode);
  }

  /** Whether it may have taken a task without having noted that. */
  get isInDoubt(): boolean {
    const { mode } = this;
    return mode !== Mode.running && mode !== Mode.asleep && mode !== Mode.away;
  }

  /** Milliseconds since it was last called, or has answered. */
  get sinceSign(): number {
    return performance.now() - this.#lastSign;
  }

  /** Whether an answer is just being read, in which user code may run. */
  get isBusy(): boolean {
    return this.#desk.results.isBusy;
  }

  /** Tells it of a function, before a task that needs it can be taken. */
  introduce(fn: PoolFunction): void {
    if (this.#known.has(fn.id) || this.state === "ended") return;
    this.#known.add(fn.id);
    this.#desk.functions.send({ ...QUIET, kind: Kind.function, extra: fn.id }, [fn.given.travel()]);
  }

  /** Has it look for tasks, if it rests. */
  call(): void {
    const { cells } = this.#desk;
    for (const mode of [Mode.asleep, Mode.resting]) {
      if (Atomics.compareExchange(cells, Cell.mode, mode, Mode.called) !== mode) continue;
      this.#lastSign = performance.now();
      this.#desk.bell.send({ ...QUIET, kind: Kind.call }, []);
      return;
    }
  }

  /** The next frame from it, waiting up to `timeout` milliseconds. */
  receive(timeout: number): Frame | null {
    if (this.#desk.results.isBusy) return null;
    const frame = this.#desk.results.receive(timeout);
    return frame === ENDED ? null : frame;
  }

  /** Notes that something has come from it. */
  heard(now: number): void {
    this.#lastSign = now;
  }

  /** Notes that it has answered a task. */
  settled(number: number): void {
    this.answered++;
    if (number === this.#condemned) this.#pardon();
  }

  /** Tells a task that it runs that it is not wanted any more. */
  cancel(number: number, timedOut: boolean): void {
    if (this.state === "ended") return;
    Atomics.store(this.#desk.cells, Cell.reason, timedOut ? CancelReason.timedOut : CancelReason.aborted);
    Atomics.store(this.#desk.cells, Cell.cancelled, number | 0);
    this.#desk.cancel.set();
  }

  /** Kills it, unless it has ended the task that it runs within `grace` milliseconds. */
  condemn(number: number, grace: number): void {
    if (this.state === "ended") return;
    // It is being terminated, or has been condemned for the same; what it was condemned for before, it has ended.
    if (this.#killer !== undefined && (this.#condemned === 0 || this.#condemned === number)) return;
    clearTimeout(this.#killer);
    this.#condemned = number;
    this.#killer = setTimeout(() => {
      // It may have ended the task long ago, while this thread had other things to do. As long as it has not, it takes no
      // other; and there is none that it could take between this look and its end.
      this.#host.reckon(this);
      if (this.#condemned === number) this.kill();
      this.#host.arrived(this);
    }, grace);
    unrefTimer(this.#killer);
  }

  #pardon(): void {
    clearTimeout(this.#killer);
    this.#killer = undefined;
    this.#condemned = 0;
  }

  /** Has it end itself when it has done its tasks. */
  stop(): void {
    if (this.state === "stopping" || this.state === "ended") return;
    this.state = "stopping";
    this.isExpectedToEnd = true;
    this.#desk.bell.send({ ...QUIET, kind: Kind.stop }, []);
  }

  /** Ends it: asks, and insists soon after. */
  terminate(): void {
    if (this.state === "ended") return;
    this.state = "stopping";
    this.isExpectedToEnd = true;
    this.process.terminate();
    this.#pardon();
    this.#killer = setTimeout(() => this.kill(), TERMINATION_GRACE);
    unrefTimer(this.#killer);
  }

  /** Ends it. */
  kill(): void {
    if (this.state === "ended") return;
    this.state = "stopping";
    this.isExpectedToEnd = true;
    this.process.kill();
  }

  async #listen(): Promise<void> {
    while (!this.#desk.results.isClosed) {
      await this.#desk.results.filled({ inBackground: true });
      if (this.state !== "ended") this.#host.arrived(this);
    }
  }

  async #watch(): Promise<void> {
    await wait(() => translated(() => native().childAwait(this.pid)), { inBackground: true });
    clearTimeout(this.#killer);
    this.hasBegun ||= hasBegun(this.pid);
    try {
      // Reaps it, and says what it could not begin with.
      await this.process.join();
    } catch (error) {
      this.unfit = error;
    }
    this.#errors?.tellRest();
    this.state = "ended";
    this.#pardon(); // again: it may have been terminated meanwhile
    this.#host.ended(this);
    this.#close();
    this.#ended.resolve();
  }

  #close(): void {
    this.#desk.bell.close();
    this.#desk.functions.close();
    this.#desk.results.close();
    this.#desk.cancel[Symbol.dispose]();
    Atomics.compareExchange(this.#desk.lingerer, 0, this.pid, 0);
    this.#cells.giveBack(this.#desk.cells);
  }
}

/** Whether a process that has ended had begun its work, as far as that is still known. */
function hasBegun(pid: number): boolean {
  try {
    return native().childHadBegun(pid);
  } catch {
    return true; // somebody else has asked for its exit code
  }
}
