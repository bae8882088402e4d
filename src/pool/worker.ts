// The worker's half of a pool: what a worker process does, whatever kind of desk its pool has. The parent's half is
// engine.ts and worker_handle.ts.

import { ArrivedCallable } from "../callable/arrival.ts";
import type { TravellingReference } from "../callable/late.ts";
import type { Callable } from "../callable/types.ts";
import { current } from "../runtime/current.ts";
import { shownName } from "../runtime/harmless.ts";
import { dealWithUncaught, fail, tell } from "../runtime/uncaught.ts";
import { Attribution } from "./attribution.ts";
import { pack } from "./failures.ts";
import type { Frame } from "../queues/frame.ts";
import { ticksOf } from "./clock.ts";
import type { TaskServer, WorkerSide } from "./desk.ts";
import { type Failure, Flag, Kind, type WorkerSettings } from "./messages.ts";
import { type At, type Fn, type Outcome, runEach, unsendable, withoutUnsendable } from "./run.ts";
import { CancelWatch, RunningItem, RunningTask, runningTaskOf, type Surroundings } from "./running_task.ts";
import { type CurrentTask, findCurrentTask } from "./task.ts";
import { performance } from "../runtime/timing.ts";

/** Runs tasks until it is told to stop, and ends this process. */
export async function workAt(side: WorkerSide, settings: WorkerSettings): Promise<never> {
  if (settings.mayHaveChildren) current.daemon = false;
  const worker = new Worker(side, settings);
  // Not by the end of its event loop: what the user's functions have left in it may go on for ever.
  const isWell = await worker.run(await Attribution.begin()).catch(fail);
  Deno.exit(isWell ? 0 : 1);
}

/** What is said of a task besides what it has come to. */
interface Manner {
  /** When it was begun, as it travels. */
  readonly begun: number;
  readonly duration: number;
  /** `Flag.left`, or 0. */
  readonly flags: number;
}

const NO_MANNER: Manner = { begun: 0, duration: 0, flags: 0 };

/** What a task has come to that the pool does not wait for any longer. */
const NOTHING_CAME: Outcome = [Kind.failed, ["", null] satisfies Failure];

class Worker implements TaskServer {
  readonly #side: WorkerSide;
  readonly #settings: WorkerSettings;
  #attribution!: Attribution;
  readonly #surroundings: Surroundings;
  /** Those that run. */
  readonly #tasks = new Set<RunningTask>();
  /** Whether the pool counts on this worker. */
  #isReady = false;
  readonly #functions = new Map<number, { readonly fn: Fn; readonly label: string }>();
  #finalizer: Fn | null = null;
  #lastLook = -Infinity;

  constructor(side: WorkerSide, settings: WorkerSettings) {
    this.#side = side;
    this.#settings = settings;
    this.#surroundings = { side, watch: new CancelWatch(side) };
  }

  /** Whether all went well: it was told to stop, and the finalizer has run; otherwise it has said what went wrong. */
  async run(attribution: Attribution): Promise<boolean> {
    this.#attribution = attribution;
    dealWithUncaught((error) => this.#deal(error));
    findCurrentTask(() => this.#current);
    if (!await this.#initialize()) return false;
    this.#lookAtMemory(performance.now());
    this.#isReady = true;
    this.#send(Kind.ready, 0, this.#side.clock);
    const isToldToStop = await this.#side.work(this);
    return isToldToStop ? await this.#finalize() : true; // otherwise the pool is gone
  }

  giveUp(number: number): void {
    this.#tasks.forEach((task) => task.number === number && task.leave(NOTHING_CAME));
  }

  async #initialize(): Promise<boolean> {
    const { initializer, initargs, finalizer } = this.#settings;
    try {
      if (finalizer !== null) this.#finalizer = await find(await this.#side.arrived(finalizer), this.#side);
      if (initializer === null) return true;
      const fn = await find(await this.#side.arrived(initializer), this.#side);
      await this.#attribution.run({ what: `the initializer "${initializer.label}"` }, () => fn(...initargs));
      return true;
    } catch (error) {
      this.#send(Kind.startFailed, 0, pack(error));
      return false;
    }
  }

  /** Runs the finalizer; whether it did not throw. The pool, which is told, ends this process if it takes too long. */
  async #finalize(): Promise<boolean> {
    const finalizer = this.#finalizer;
    if (finalizer === null) return true;
    const what = `the finalizer "${this.#settings.finalizer!.label}"`;
    try {
      this.#send(Kind.finalizing, 0, []);
      await this.#attribution.run({ what }, () => finalizer());
      return true;
    } catch (error) {
      tell(`Process ${shownName(current.name)}: ${what} has thrown:`, error);
      return false;
    }
  }

  /** An error that nobody has caught ends this process if it is of the task that runs, which may wait for ever now. */
  #deal(error: unknown): void {
    const owner = this.#attribution.ownerOf(error);
    if (!this.#isReady) {
      this.#send(Kind.startFailed, 0, pack(error));
      Deno.exit(1);
    }
    const task = runningTaskOf(owner);
    if (task !== null) return this.#dealWith(task, error);
    const running = Array.from(this.#tasks, ({ what }) => what);
    const whose = owner !== undefined
      ? `left behind by ${owner.what}`
      : `left behind by an earlier task${running.length === 0 ? "" : `, or of ${running.join(" or ")}`}`;
    tell(`Process ${shownName(current.name)}: an error that nobody caught, ${whose}:`, error);
    // It may be what a task waits for.
    if (owner === undefined && running.length > 0) Deno.exit(1);
  }

  /** An error that nobody has caught, of a task that runs, which may wait for ever now. Others must not suffer for that. */
  #dealWith(task: RunningTask, error: unknown): void {
    if (this.#settings.concurrency === 1) fail(error);
    if (task.cancelled) {
      tell(`Process ${shownName(current.name)}: an error that nobody caught, of ${task.what}:`, error);
    }
    task.leave([Kind.failed, pack(error)]);
  }

  /** The task of whoever asks. */
  get #current(): CurrentTask | null {
    const { owner } = this.#attribution;
    return (owner instanceof RunningTask || owner instanceof RunningItem) && !owner.isEnded ? owner : null;
  }

  /** Runs a task in the place of that slot, and answers it; when that was done. */
  async serve(frame: Frame, slot: number): Promise<number> {
    const begin = performance.now();
    const task = new RunningTask(frame, slot, this.#surroundings);
    this.#tasks.add(task);
    let outcome: Outcome;
    try {
      const run = this.#attribution.run(task, () => this.#run(frame, task));
      outcome = await (this.#settings.concurrency === 1 ? run : task.unlessLeft(run));
    } catch (error) {
      outcome = [Kind.failed, pack(error)];
    }
    task.end();
    this.#tasks.delete(task);
    const end = performance.now();
    if (end - this.#lastLook >= this.#settings.memoryEvery) this.#lookAtMemory(end);
    this.#answer(outcome, frame, { begun: ticksOf(begin), duration: end - begin, flags: task.isLeft ? Flag.left : 0 });
    return end;
  }

  async #run(frame: Frame, task: RunningTask): Promise<Outcome> {
    const { flags, fn: id } = frame;
    const list = frame.read();
    // Not before the frame is read.
    if ((flags & Flag.timed) !== 0) {
      this.#send(Kind.begun, frame.task, [], { ...NO_MANNER, begun: ticksOf(performance.now()) });
    }
    if (frame.parcel !== null) await frame.parcel.whole();
    const { fn, label } = this.#functions.get(id) ?? await this.#function(id);
    task.fn = label;
    if ((flags & Flag.each) === 0) return [Kind.done, [await fn(...list)]];
    const isEachHeard = (flags & Flag.heard) !== 0;
    const at: At | undefined = isEachHeard ? (place, act) => this.#attribution.run(task.item(place), act) : undefined;
    return await runEach(fn, list, { label: task.fn, flags, notes: task, at });
  }

  /** The function that a number means. */
  async #function(id: number): Promise<{ readonly fn: Fn; readonly label: string }> {
    const reference = await this.#side.reference(id);
    if (reference === null) throw new Error(`Cannot run function ${id}: it was not introduced`);
    const found = { fn: await find(reference, this.#side), label: reference.label };
    this.#functions.set(id, found);
    return found;
  }

  #answer([kind, list]: Outcome, { task, flags }: Frame, how: Manner): void {
    try {
      this.#send(kind, task, list, how);
    } catch (reason) {
      if (kind !== Kind.mixed && (flags & Flag.lenient) === 0) {
        this.#send(Kind.failed, task, unsendable(list, reason), how);
      } else this.#send(Kind.mixed, task, withoutUnsendable(kind, list), how);
    }
  }

  #send(kind: number, task: number, list: readonly unknown[], { begun, duration, flags } = NO_MANNER): void {
    this.#side.send({ kind, flags, task, fn: 0, begun, duration }, list);
  }

  #lookAtMemory(now: number): void {
    this.#lastLook = now;
    this.#side.noteMemory(Deno.memoryUsage().rss / 1024);
  }
}

async function find(reference: TravellingReference, side: WorkerSide): Promise<Fn> {
  const isTrusted = side.trusts(reference);
  const callable: Callable = await new ArrivedCallable(reference, { isTrusted }).get();
  return callable as Fn;
}
