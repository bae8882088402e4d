// One worker as its pool sees it: the process, its channels, and the tasks it has been given. The worker's own half is
// worker.ts.

import { native, translated } from "../native.ts";
import type { Process } from "../process.ts";
import { pipedErrors, type PipedOutput } from "../process/output.ts";
import { Event } from "../synchronize/event.ts";
import { wait } from "../waits.ts";
import type { Call, Task } from "./calls.ts";
import type { CellTable } from "./cells.ts";
import { Channel, ENDED, type Frame } from "./channel.ts";
import { LastWords } from "./last_words.ts";
import { CancelReason, Cell, type Desk, Kind, type WorkerSettings } from "./messages.ts";
import { clearTimeout, setTimeout, unrefTimer } from "../timing.ts";

const WORKER = { module: new URL("./worker.ts", import.meta.url), name: "work" };

/** Milliseconds that a worker has to end after SIGTERM. */
const TERMINATION_GRACE = 250;

/** A task that a worker has been given. */
export interface Given {
  readonly task: Task;
  /** Bytes that it has in the channel. */
  readonly bytes: number;
}

/** What a member is made with. */
export interface MemberOptions {
  /** Tasks after which it is replaced; `Infinity` for never. */
  readonly maxtasksperchild: number;
  /** The class of its process. */
  readonly ProcessClass: typeof Process;
  /** Where its standard error goes: through this process, which remembers the last of it, or straight there. */
  readonly stderr: "piped" | "inherit";
  readonly settings: WorkerSettings;
  /** Where the words come from that it shares with its pool. */
  readonly cells: CellTable;
}

/** What a member reports. */
export interface MemberHost {
  /** There may be frames. */
  arrived(member: Member): void;
  /** What it has answered is to be received, and what it has not begun to be taken back; it is given nothing. */
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
  /** The tasks it has and has not answered, in the order in which it was given them. */
  readonly given = new Map<number, Given>();
  /** How many tasks it was given and did not lose to others. */
  assigned = 0;
  /** How many it has answered. */
  answered = 0;
  /** Bytes of the tasks that it has. */
  bytes = 0;
  /** Its initializer has run. */
  wasReady = false;
  /** It was told to end. */
  isExpectedToEnd = false;
  /** It has more memory than it may have. */
  isOutgrown = false;
  /** Why it could not start. */
  unfit: unknown = null;
  /** When it was last given something, or answered. */
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

  /** Starts a worker. */
  constructor(host: MemberHost, { maxtasksperchild, ProcessClass, stderr, settings, cells }: MemberOptions) {
    this.#host = host;
    this.#cells = cells;
    this.#desk = {
      tasks: new Channel().own(),
      functions: new Channel().own(),
      results: new Channel().own(),
      cancel: new Event(),
      cells: cells.take(),
    };
    this.#maxTasks = maxtasksperchild;
    try {
      this.process = new ProcessClass({
        target: WORKER,
        args: [this.#desk, settings],
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

  /** Whether it has nothing to do. */
  get isIdle(): boolean {
    return this.given.size === 0;
  }

  /** Whether it is not to be given any more tasks; unless it loses some that it has not begun. */
  get isRetired(): boolean {
    return this.isOutgrown || this.assigned >= this.#maxTasks;
  }

  /** Its resident memory in bytes, as of its last look. */
  get memory(): number {
    return this.#desk.cells[Cell.memory] * 1024;
  }

  /** The number of the task that it has begun last. */
  get #begun(): number {
    return Atomics.load(this.#desk.cells, Cell.begun) >>> 0;
  }

  /** Whether one of its channels is just in use. */
  get isBusy(): boolean {
    return this.#desk.tasks.isBusy || this.#desk.results.isBusy;
  }

  /** Whether it has tasks of a call. */
  has(call: Call): boolean {
    for (const { task } of this.given.values()) if (task.call === call) return true;
    return false;
  }

  /** The task that it was given last, of those that it has. */
  get newest(): { number: number; task: Task } | null {
    const last = [...this.given].at(-1);
    return last === undefined ? null : { number: last[0], task: last[1].task };
  }

  /** How many of its tasks it has not begun. */
  get waiting(): number {
    return this.given.size - (this.given.has(this.#begun) ? 1 : 0);
  }

  /**
   * Gives it a task.
   *
   * @throws {TypeError} If the task cannot be serialised; then it has not been given.
   */
  give(task: Task, number: number): void {
    const { fn, flags } = task.call;
    if (!this.#known.has(fn.id)) {
      const head = { kind: Kind.function, flags: 0, task: 0, extra: fn.id, time: 0 };
      this.#desk.functions.send(head, [fn.reference]);
      this.#known.add(fn.id);
    }
    const head = { kind: Kind.task, flags, task: number, extra: fn.id, time: task.deaths };
    const bytes = this.#desk.tasks.send(head, task.list);
    this.given.set(number, { task, bytes });
    this.bytes += bytes;
    this.assigned++;
  }

  /** Takes back a task that it has not begun; `null` if there is none. */
  takeBack(): Task | null {
    // Whoever is just being serialised may not be disturbed; there will be another moment.
    if (this.state === "ended" || this.#desk.tasks.isBusy) return null;
    const frame = this.#desk.tasks.receive(0);
    if (frame === null || frame === ENDED) return null;
    frame.drop();
    if (frame.kind === Kind.stop) {
      this.#sendStop(); // the last of all, and it stays there
      return null;
    }
    this.assigned--;
    return this.#forget(frame.task)?.task ?? null;
  }

  /** The next frame from it, waiting up to `timeout` milliseconds. */
  receive(timeout: number): Frame | null {
    if (this.#desk.results.isBusy) return null;
    const frame = this.#desk.results.receive(timeout);
    return frame === ENDED ? null : frame;
  }

  /** Notes that it has answered a task, which is returned. */
  settle(number: number): Task | undefined {
    const given = this.#forget(number);
    if (given === undefined) return undefined;
    this.answered++;
    return given.task;
  }

  #forget(number: number): Given | undefined {
    const given = this.given.get(number);
    if (given === undefined) return undefined;
    this.given.delete(number);
    this.bytes -= given.bytes;
    if (number === this.#condemned) this.#pardon();
    return given;
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
    this.#sendStop();
  }

  #sendStop(): void {
    this.#desk.tasks.send({ kind: Kind.stop, flags: 0, task: 0, extra: 0, time: 0 }, []);
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

  /** What it was running when it died, and what it had not begun. To be asked once all its frames are received. */
  estate(): { lost: Task | null; left: Task[] } {
    const begun = this.given.get(this.#begun);
    const left = [...this.given.values()].filter((given) => given !== begun).map(({ task }) => task);
    this.given.clear();
    return { lost: begun?.task ?? null, left };
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
    this.#desk.tasks.close();
    this.#desk.functions.close();
    this.#desk.results.close();
    this.#desk.cancel[Symbol.dispose]();
    this.#cells.giveBack(this.#desk.cells);
  }
}
