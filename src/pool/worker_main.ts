// The worker's half of a pool: what a worker process runs. The parent's half is engine.ts and worker_handle.ts.
//
// All workers of a pool take their tasks from one channel, one at a time: so tasks begin in the order in which they were
// put, and none lies behind another. Before a worker runs a task, it notes its number in shared memory: should it die,
// exactly that task is lost.

import { ArrivedCallable } from "../callable/arrival.ts";
import type { TravellingReference } from "../callable/late.ts";
import type { Callable } from "../callable/types.ts";
import { current } from "../runtime/current.ts";
import { shownName } from "../runtime/harmless.ts";
import { MaybeEncodingError } from "../errors.ts";
import { dumps } from "../reduction/serialise.ts";
import { discard } from "../reduction/registry.ts";
import { isThenable } from "../runtime/thenable.ts";
import { dealWithUncaught, fail, tell } from "../runtime/uncaught.ts";
import { Attribution, type Owner } from "./attribution.ts";
import { ENDED } from "../queues/channel.ts";
import { pack, printed } from "./failures.ts";
import type { Frame } from "../queues/frame.ts";
import {
  CancelReason,
  Cell,
  type Desk,
  type Failure,
  Flag,
  Kind,
  type Mixed,
  Mode,
  type WorkerSettings,
} from "./messages.ts";
import { cancellation, type CurrentTask, setCurrentTask } from "./task.ts";
import { performance, setTimeout } from "../runtime/timing.ts";

/**
 * Milliseconds that a worker blocks its thread for the next task before it lets its event loop go on. To be woken in
 * the kernel takes half as long as to be woken in a promise.
 */
const LINGER = 1;
/** Milliseconds after which the event loop gets a turn between two tasks: the user may have timers and sockets. */
const TURN_EVERY = 50;

type Fn = (...args: unknown[]) => unknown;

/** Runs tasks until it is told to stop. */
export async function work(desk: Desk, settings: WorkerSettings): Promise<void> {
  // A Ctrl-C reaches every process of a terminal; what becomes of the workers is their pool's to decide.
  Deno.addSignalListener("SIGINT", () => {});
  if (settings.mayHaveChildren) current.daemon = false;
  const worker = new Worker(desk, settings);
  // Not by the end of its event loop: what the user's functions have left in it may go on for ever.
  Deno.exit(await worker.run(await Attribution.begin()) ? 0 : 1);
}

/** A task that is being run, as its function may ask about it. */
class RunningTask implements CurrentTask, Owner {
  readonly attempt: number;
  /** The name of its function, once that is known. */
  fn = "a function";

  get what(): string {
    return `"${this.fn}"`;
  }

  readonly #number: number;
  readonly #desk: Desk;
  #controller: AbortController | null = null;
  readonly #ended = new AbortController();

  constructor(frame: Frame, desk: Desk) {
    this.#number = frame.task;
    this.attempt = frame.deaths;
    this.#desk = desk;
  }

  get cancelled(): boolean {
    return Atomics.load(this.#desk.cells, Cell.cancelled) >>> 0 === this.#number;
  }

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      this.#watch(this.#controller).catch(() => {}); // the task has ended
    }
    return this.#controller.signal;
  }

  /** Waits for the pool to say that a task is not wanted any more, until it means this one. */
  async #watch(controller: AbortController): Promise<void> {
    while (!this.cancelled) {
      await this.#desk.cancel.wait({ signal: this.#ended.signal });
      this.#desk.cancel.clear(); // before the look: what is said after it sets the event again
    }
    controller.abort(cancellation(Atomics.load(this.#desk.cells, Cell.reason) === CancelReason.timedOut));
  }

  end(): void {
    if (this.#controller !== null) this.#ended.abort();
  }
}

class Worker {
  readonly #desk: Desk;
  readonly #settings: WorkerSettings;
  #attribution!: Attribution;
  /** The task that runs. */
  #task: RunningTask | null = null;
  /** Whether the pool counts on this worker. */
  #isReady = false;
  readonly #references = new Map<number, TravellingReference>();
  readonly #functions = new Map<number, Fn>();
  #lastTurn = performance.now();
  #lastLook = -Infinity;
  /** How long it blocks its thread for the next task, or its bell. */
  #linger = 0;
  #served = 0;

  constructor(desk: Desk, settings: WorkerSettings) {
    this.#desk = desk;
    this.#settings = settings;
  }

  /** Whether it was told to stop; otherwise it could not start, and has said why. */
  async run(attribution: Attribution): Promise<boolean> {
    this.#attribution = attribution;
    dealWithUncaught((error) => this.#deal(error));
    if (!await this.#initialize()) return false;
    this.#lookAtMemory(performance.now());
    this.#isReady = true;
    this.#send(Kind.ready, 0, []);
    for (;;) {
      const frame = this.#search();
      if (frame === ENDED) return true;
      if (frame !== null) await this.#serve(frame);
      else if (!await this.#rest()) return true;
    }
  }

  /** The first task there is. If there is none, the pool has been told that this worker rests. */
  #search(): Frame | null | typeof ENDED {
    const { tasks, cells } = this.#desk;
    if (this.#isRetired) {
      Atomics.store(cells, Cell.mode, Mode.away);
      return null;
    }
    // At once, as a rule: the word of who lingers is all workers', and would go from one processor to the next each time.
    Atomics.store(cells, Cell.mode, Mode.searching);
    const next = tasks.receive(0) ?? this.#lingerAtTasks();
    if (next !== null) return next;
    Atomics.store(cells, Cell.mode, Mode.resting);
    // Again: whatever was put before the pool could see that this worker rests, it rings no bell for.
    const last = tasks.receive(0);
    if (last === null) Atomics.compareExchange(cells, Cell.mode, Mode.resting, Mode.asleep);
    return last;
  }

  /**
   * Waits a moment for the next task, which then wakes this worker at once: half as long as by its bell. One at a time,
   * so that the pool knows whose answer to look out for, and nobody is woken for what another takes.
   */
  #lingerAtTasks(): Frame | null | typeof ENDED {
    const { tasks, cells, lingerer } = this.#desk;
    if (this.#linger === 0 || Atomics.compareExchange(lingerer, 0, 0, Deno.pid) !== 0) return null;
    Atomics.store(cells, Cell.mode, Mode.lingering);
    const next = tasks.receive(this.#linger);
    Atomics.store(lingerer, 0, 0);
    this.#linger = 0;
    return next;
  }

  /** Whether it has had as many tasks, or as much memory, as it may. */
  get #isRetired(): boolean {
    const { maxtasksperchild, maxMemory } = this.#settings;
    return this.#served >= maxtasksperchild || this.#desk.cells[Cell.memory] * 1024 > maxMemory;
  }

  /** Waits for its bell; whether it is to go on. */
  async #rest(): Promise<boolean> {
    const { bell } = this.#desk;
    for (;;) {
      const frame = bell.receive(this.#linger);
      if (frame === ENDED) return false;
      if (frame !== null) {
        frame.drop();
        return frame.kind !== Kind.stop;
      }
      this.#linger = 0;
      await bell.filled({ inBackground: false });
      this.#lastTurn = performance.now();
    }
  }

  async #initialize(): Promise<boolean> {
    const { initializer, initargs } = this.#settings;
    if (initializer === null) return true;
    try {
      const fn = await find(initializer);
      await this.#attribution.run({ what: `the initializer "${initializer.label}"` }, () => fn(...initargs));
      return true;
    } catch (error) {
      this.#send(Kind.startFailed, 0, pack(error));
      return false;
    }
  }

  /** An error that nobody has caught ends this process if it is of the task that runs, which may wait for ever now. */
  #deal(error: unknown): void {
    const owner = this.#attribution.ownerOf(error);
    const task = this.#task;
    if (!this.#isReady) {
      this.#send(Kind.startFailed, 0, pack(error));
      Deno.exit(1);
    }
    if (owner !== undefined && owner === task) fail(error);
    const whose = owner !== undefined
      ? `left behind by ${owner.what}`
      : `left behind by an earlier task${task === null ? "" : `, or of ${task.what}`}`;
    tell(`Process ${shownName(current.name)}: an error that nobody caught, ${whose}:`, error);
    // It may be what the task waits for.
    if (owner === undefined && task !== null) Deno.exit(1);
  }

  async #serve(frame: Frame): Promise<void> {
    Atomics.store(this.#desk.cells, Cell.begun, frame.task | 0);
    Atomics.store(this.#desk.cells, Cell.mode, Mode.running);
    this.#served++;
    this.#linger = LINGER;
    const begin = performance.now();
    const task = new RunningTask(frame, this.#desk);
    setCurrentTask(task);
    this.#task = task;
    let kind: number = Kind.done;
    let list: unknown[];
    try {
      [kind, list] = await this.#attribution.run(task, () => this.#run(frame, task));
    } catch (error) {
      kind = Kind.failed;
      list = pack(error);
    }
    task.end();
    setCurrentTask(null);
    this.#task = null;
    const end = performance.now();
    if (end - this.#lastLook >= this.#settings.memoryEvery) this.#lookAtMemory(end);
    this.#answer(kind, frame, list, end - begin);
    if (end - this.#lastTurn < TURN_EVERY) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#lastTurn = performance.now();
  }

  async #run(frame: Frame, task: RunningTask): Promise<[kind: number, list: unknown[]]> {
    const { flags, fn: id } = frame;
    const list = frame.read();
    if (frame.parcel !== null) await frame.parcel.whole();
    const fn = this.#functions.get(id) ?? await this.#function(id);
    task.fn = this.#references.get(id)!.label;
    if ((flags & Flag.each) === 0) return [Kind.done, [await fn(...list)]];
    const isStar = (flags & Flag.star) !== 0;
    const { label } = this.#references.get(id)!;
    if ((flags & Flag.lenient) !== 0) return await runLeniently(fn, list);
    // The results take the places of the items.
    for (let i = 0; i < list.length; i++) {
      const result = isStar ? fn(...argumentsOf(list[i], label)) : fn(list[i]);
      list[i] = isThenable(result) ? await result : result;
    }
    return [Kind.done, list];
  }

  /** The function that a number means. */
  async #function(id: number): Promise<Fn> {
    while (!this.#references.has(id)) {
      const frame = this.#desk.functions.receive(0);
      if (frame === null || frame === ENDED) throw new Error(`Cannot run function ${id}: it was not introduced`);
      this.#references.set(frame.fn, frame.read()[0] as TravellingReference);
    }
    const fn = await find(this.#references.get(id)!);
    this.#functions.set(id, fn);
    return fn;
  }

  #answer(kind: number, { task, flags }: Frame, list: unknown[], duration: number): void {
    try {
      this.#send(kind, task, list, duration);
    } catch (reason) {
      if (kind !== Kind.mixed && (flags & Flag.lenient) === 0) {
        this.#send(Kind.failed, task, unsendable(list, reason), duration);
      } else this.#send(Kind.mixed, task, withoutUnsendable(kind, list), duration);
    }
  }

  #send(kind: number, task: number, list: readonly unknown[], duration = 0): void {
    this.#desk.results.send({ kind, flags: 0, task, fn: 0, deaths: 0, duration }, list);
  }

  #lookAtMemory(now: number): void {
    this.#lastLook = now;
    Atomics.store(this.#desk.cells, Cell.memory, Deno.memoryUsage().rss / 1024);
  }
}

/** Calls the function for each item, whatever becomes of the others. */
async function runLeniently(fn: Fn, list: unknown[]): Promise<[kind: number, list: unknown[]]> {
  const places: number[] = [];
  const failures: Failure[] = [];
  for (let i = 0; i < list.length; i++) {
    try {
      const result = fn(list[i]);
      list[i] = isThenable(result) ? await result : result;
    } catch (error) {
      list[i] = null;
      places.push(i);
      failures.push(pack(error));
    }
  }
  if (places.length === 0) return [Kind.done, list];
  const mixed: Mixed = [list, places, failures];
  return [Kind.mixed, mixed];
}

/** The arguments that an item of `starmap` is. */
function argumentsOf(item: unknown, name: string): Iterable<unknown> {
  if (typeof (item as Partial<Iterable<unknown>> | null | undefined)?.[Symbol.iterator] === "function") {
    return item as Iterable<unknown>;
  }
  throw new TypeError(`Cannot call "${name}" with the item ${printed(item)}: wanted an array of its arguments`);
}

async function find(reference: TravellingReference): Promise<Fn> {
  // It comes from the pool, which has started this process: nobody else has been given the channel of functions.
  const callable: Callable = await new ArrivedCallable(reference, { isTrusted: true }).get();
  return callable as Fn;
}

/** Why a value cannot be sent; `null` if it can. */
function whyNot(value: unknown): unknown {
  try {
    discard(dumps(value).attachments);
    return null;
  } catch (error) {
    return error;
  }
}

function encodingError(value: unknown, reason: unknown): Failure {
  return pack(new MaybeEncodingError(reason instanceof Error ? reason.message : printed(reason), printed(value)));
}

/** The failure of a task whose results cannot be sent: the first that is to blame is named. */
function unsendable(list: readonly unknown[], reason: unknown): Failure {
  for (const value of list) {
    const why = whyNot(value);
    if (why !== null) return encodingError(value, why);
  }
  return encodingError(list, reason);
}

/** The results of a lenient task, with failures for those that cannot be sent. */
function withoutUnsendable(kind: number, list: unknown[]): Mixed {
  const [results, places, failures] = kind === Kind.mixed ? list as Mixed : [list, [], []] as Mixed;
  for (let i = 0; i < results.length; i++) {
    const why = whyNot(results[i]);
    if (why === null) continue;
    places.push(i);
    failures.push(encodingError(results[i], why));
    results[i] = null;
  }
  return [results, places, failures];
}
