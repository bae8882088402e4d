// The parent's half of a pool: its calls and its workers, and what becomes of both at the end. Which workers there are is
// crew.ts; which of them gets which task is dispatcher.ts; what they answer is answers.ts.
//
// Invariants (I1 to I3 are in dispatcher.ts):
//
// I4. A worker that ends costs at most the tasks that it had begun; what it had taken and not begun is handed back.
// I5. The event loop is kept alive while a call waits for its results, and by nothing else here.
//
// | state | meaning | goes on to |
// | --- | --- | --- |
// | `running` | calls are accepted | `closed`, `terminated`, `broken` |
// | `closed` | calls that are under way are finished, then the workers are told to stop | `terminated`, `broken` |
// | `terminated` | calls have been ended, workers are being ended | |
// | `broken` | as `terminated`; no worker can do its work, and `#reason` says why | |

import { shownName } from "../runtime/harmless.ts";
import { headOf, partsOf, setStack } from "../runtime/stack.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import { Full, InvalidStateError, ProcessError } from "../errors.ts";
import { Finalize } from "../runtime/finalize.ts";
import { holdLoop, releaseLoop } from "../addon/waits.ts";
import { Answers } from "./answers.ts";
import { Attempts } from "./attempts.ts";
import type { Call, PoolFunction, Task } from "./calls/call.ts";
import { Crew, type CrewOptions } from "./crew.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Demand } from "./elastic.ts";
import type { PoolEvents } from "./events.ts";
import { lost, unsendable } from "./failures.ts";
import { FunctionTable } from "./functions.ts";
import { Idlers } from "./idlers.ts";
import { OnlyResult } from "./only_result.ts";
import { QueueLimit } from "./queue_limit.ts";
import type { PythonWorkers } from "./python.ts";
import { remainsOf } from "./remains.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import type { PoolStats } from "./stats.ts";
import { Sign } from "./sign.ts";
import { Strays } from "./strays.ts";
import { tellCaller, type Where } from "./where.ts";
import { Withdrawals } from "./withdrawals.ts";
import { performance } from "../runtime/timing.ts";

/** What a pool is made with, checked. */
export interface EngineOptions extends CrewOptions {
  readonly name: string;
  /** Milliseconds that a task has to end after it was cancelled, before its worker is killed. */
  readonly grace: number;
  /** Where the pool was made. */
  readonly site: Where["site"];
  /** Milliseconds that a task may take, if its call says nothing else. */
  readonly taskTimeout: number;
  /** How many calls may wait. */
  readonly maxQueue: number;
  /** What its workers run, if that is Python; else `null`. */
  readonly python: PythonWorkers | null;
}

export type EngineState = "running" | "closed" | "terminated" | "broken";

/** When a pool is terminated at the end of the program: before anything else ends, as in CPython. */
const AT_EXIT = 15;

/** The books of a pool. */
export class Engine implements PoolEvents {
  readonly #options: EngineOptions;
  readonly #functions: FunctionTable;
  readonly #onlyResult = new OnlyResult((timeout) => this.#look(timeout), () => this.#dispatcher.watch());
  readonly #crew: Crew;
  readonly #dispatcher: Dispatcher;
  readonly #answers: Answers;
  readonly #attempts: Attempts;
  readonly #strays: Strays;
  readonly #withdrawals: Withdrawals;
  readonly #limit: QueueLimit | null;
  readonly #sign: Sign;
  /** All that are not over. */
  readonly #calls = new Set<Call>();
  readonly #idlers = new Idlers(() => this.#calls.size === 0);
  #state: EngineState = "running";
  /** Terminates it if it is still there when the program ends. */
  #finalizer: Finalize | null = null;
  #reason: Error | null = null;
  #holds = 0;
  readonly #drained: (() => void)[] = [];

  /**
   * Starts the workers.
   *
   * @throws What starting one throws; then those that have started are ended.
   */
  constructor(options: EngineOptions) {
    this.#options = options;
    this.#functions = new FunctionTable(options);
    const { desks: { tasks }, settings: { concurrency } } = options;
    options.desks.label(options.name);
    this.#sign = new Sign(options.name, { processes: this.processes, concurrency });
    const workers = this.#crew = new Crew(this, options);
    const dispatcher = this.#dispatcher = new Dispatcher({
      workers,
      tasks,
      concurrency,
      onlyResult: this.#onlyResult,
      events: this,
    });
    const dispatch = () => this.tasksAvailable();
    this.#attempts = new Attempts({ dispatcher, dispatch });
    const read = (worker: WorkerHandle) => this.#answers.readAll(worker);
    const { grace, maxQueue: most } = options;
    const limited = { most, processes: this.processes, concurrency, workers, dispatcher };
    const limit = this.#limit = most === Infinity ? null : new QueueLimit(limited);
    this.#answers = new Answers({ crew: workers, dispatcher, attempts: this.#attempts, grace, dispatch, limit });
    this.#withdrawals = new Withdrawals({ workers, dispatcher, grace, dispatch });
    this.#strays = new Strays({ workers, dispatcher, read });
    options.desks.whenBroken((reason) => this.workersUseless(reason.message, reason));
    try {
      this.#crew.start();
    } catch (error) {
      this.terminate();
      throw error;
    }
    this.#tell();
    this.#finalizer = new Finalize(() => this.terminate(), { priority: AT_EXIT, name: options.name });
  }

  get state(): EngineState {
    return this.#state;
  }

  get name(): string {
    return this.#options.name;
  }

  get processes(): number {
    return this.#options.size.max;
  }

  /** How many workers there are, of a pool that grows and shrinks; else how many there are to be. */
  get poolSize(): number {
    return this.#crew.present;
  }

  /** Whether its workers run Python. */
  get isPython(): boolean {
    return this.#options.python !== null;
  }

  get taskTimeout(): number {
    return this.#options.taskTimeout;
  }

  get slots(): number {
    return this.processes * this.#options.settings.concurrency;
  }

  get crowding(): number {
    return Math.max(1, this.slots / this.#options.desks.breadth);
  }

  get ahead(): number {
    return this.#dispatcher.ahead;
  }

  /** Whether its tasks take hardly any time. */
  get isQuick(): boolean {
    return this.#dispatcher.isQuick;
  }

  get pids(): number[] {
    return Array.from(this.#crew, (worker) => worker.pid);
  }

  /** Throws unless calls are accepted. */
  requireRunning(action: string): void {
    if (this.#state === "running") return;
    const why = this.#reason === null ? `it is ${this.#state}` : `it is broken: ${this.#reason.message}`;
    const options = this.#reason === null ? undefined : { cause: this.#reason };
    throw new InvalidStateError(`Cannot ${action} with "${shownName(this.name)}": pool not running, ${why}`, options);
  }

  /** Throws if as many calls wait as may. */
  requireRoom(action: string): void {
    if (this.#limit === null || !this.#limit.isFull) return;
    // What workers have answered, and nobody has read yet, may make room.
    this.#answers.readFrom([...this.#crew], performance.now());
    this.tasksAvailable();
    if (!this.#limit.isFull) return;
    const { name, maxQueue } = this.#options;
    const wait = maxQueue === 0 ? "no worker is free" : maxQueue === 1 ? "1 call waits" : `${maxQueue} calls wait`;
    throw new Full(
      `Cannot ${action} with "${shownName(name)}": ${wait}, and its maxQueue is ${maxQueue}; call again when another ` +
        "call has ended, or give the pool more workers or a larger maxQueue",
    );
  }

  /** The function that workers are to run. */
  functionOf(target: Callable | ModuleExport): PoolFunction {
    return this.#functions.get(target);
  }

  /** Begins a call. */
  submit(call: Call): void {
    if (this.#state !== "running") {
      // The user's code that the call was made of has ended the pool.
      return call.end(
        new InvalidStateError(`Cannot begin a call with "${shownName(this.name)}": it is ${this.#state}`),
      );
    }
    this.#calls.add(call);
    this.#limit?.add(call);
    this.#dispatcher.add(call);
    this.#crew.provide();
    this.tasksAvailable();
  }

  /** Ends a call with an error, or without; tasks of it that run have a while to end, if they are to be ended at all. */
  cancel(call: Call, end: () => void, { timedOut = false, kill = true } = {}): void {
    const wasOver = call.isOver;
    if (!wasOver) call.isWithdrawn = true;
    end();
    if (!wasOver) this.#withdrawals.begin(call, { timedOut, kill });
  }

  callOver(call: Call): void {
    this.#calls.delete(call);
    this.#dispatcher.remove(call);
    this.#attempts.callOver(call);
    this.#limit?.remove(call);
    if (this.#calls.size === 0) this.#idlers.tell();
    if (this.#state === "closed" && this.#calls.size === 0) this.#crew.stop();
    this.#endIfOver();
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
    if (this.#calls.size === 0) this.#crew.stop();
    this.#endIfOver();
  }

  /** Ends everything now. */
  terminate(): void {
    const message =
      `Cannot finish the call: "${shownName(this.name)}" was terminated, by terminate() or by the end of ` +
      "`await using`; await the call before";
    this.#endAll("terminated", () => new InvalidStateError(message));
  }

  get isJoined(): boolean {
    return this.#drained.length > 0;
  }

  /** Resolves when all workers have ended. This wait keeps the event loop alive. */
  async join(): Promise<void> {
    if (this.#isOver()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained.push(resolve);
    this.tasksAvailable(); // calls may go on that have waited for their results to be taken
    await promise;
  }

  /**
   * Waits until no call is under way; `false` if that took longer than `timeout` milliseconds.
   *
   * @throws {InvalidStateError} If the pool is broken.
   * @throws What `signal` was aborted with.
   */
  async idle(timeout: number, signal?: AbortSignal): Promise<boolean> {
    const isIdle = await this.#idlers.wait(timeout, signal);
    if (this.#state === "broken") this.requireRunning("wait for the calls");
    return isIdle;
  }

  stats(): PoolStats {
    const workers = this.#crew.stats();
    return {
      processes: this.processes,
      min: this.#options.size.min,
      busy: workers.filter(({ state }) => state === "busy").length,
      idle: workers.filter(({ state }) => state === "idle").length,
      queued: this.#dispatcher.waiting + this.#attempts.waiting,
      ...this.#answers.counts,
      ...this.#answers.times.percentiles,
      restarts: this.#crew.restarts,
      workers,
    };
  }

  /** Gives tasks to workers for as long as there are both. */
  tasksAvailable(): void {
    if (this.#isEnded) return;
    this.#dispatcher.dispatch();
    this.#crew.adapt();
    this.#tell();
  }

  /** Tells who looks from outside how things are. */
  #tell(): void {
    const { given, backlog } = this.#dispatcher;
    const { done, failed } = this.#answers.counts;
    this.#sign.tell({ present: this.poolSize, given, backlog: backlog + this.#attempts.waiting, done, failed });
  }

  /** Frames may have come from `first`, and so from others. */
  framesArrived(first: WorkerHandle): void {
    const begin = performance.now();
    this.#onlyResult.turned(begin);
    const others = [...this.#crew].filter((worker) => worker !== first && this.#dispatcher.isBusy(worker));
    this.#answers.readFrom([first, ...others], begin);
    this.tasksAvailable();
  }

  catchUp(worker: WorkerHandle): void {
    this.#dispatcher.takeBack();
    this.#answers.readAll(worker);
  }

  running(worker: WorkerHandle): number {
    return this.#dispatcher.running(worker);
  }

  get demand(): Demand {
    return this.#dispatcher.demand;
  }

  runsWanted(worker: WorkerHandle): boolean {
    return this.#dispatcher.runsWanted(worker);
  }

  workerStarted(worker: WorkerHandle): void {
    this.#dispatcher.joined(worker);
  }

  taskUnsendable(task: Task, error: unknown): void {
    this.#answers.failForGood(task, unsendable(task, error));
  }

  /** Looks out for the result of the only task. */
  #look(timeout: number): boolean | null {
    const runner = this.#dispatcher.given === 1 ? this.#dispatcher.runner : null;
    if (runner === null) return null;
    if (!this.#answers.readNext(runner, timeout)) return false;
    this.tasksAvailable();
    return true;
  }

  get needsWorkers(): boolean {
    return this.#state === "running" || (this.#state === "closed" && this.#calls.size > 0);
  }

  workerEnded(worker: WorkerHandle): void {
    this.#answers.readAll(worker); // what is not read counts as not done
    this.#crew.remove(worker);
    this.#bury(worker);
    this.#endIfOver();
  }

  /** Settles what a worker has left: the tasks that it was running, and its place. */
  #bury(worker: WorkerHandle): void {
    const tasks: Task[] = [];
    for (const number of worker.begun) {
      const task = this.#dispatcher.forget(number);
      if (task !== null) tasks.push(...this.#part(task, worker, worker.itemsBegun(number)));
    }
    if (worker.isInDoubt) this.#strays.search();
    if (this.#isEnded) return;
    if (!worker.wasToldToEnd) this.#crew.endedUnexpectedly(worker, tasks);
    if (this.#isEnded) return;
    this.#crew.replaceSoon();
    this.tasksAvailable();
  }

  /** What a dead worker had begun of a task is lost, and the rest is given to others; what it has died of. */
  #part(task: Task, worker: WorkerHandle, items: number): Task[] {
    const { lost: begun, unbegun } = remainsOf(task, items);
    if (task.isGivenUp) return begun;
    task.isGivenUp = true; // a report of it may still arrive, or fail to
    this.#dispatcher.handBack(unbegun);
    for (const each of begun) if (!task.call.isOver) this.#answers.fail(each, lost(each, worker), "lost");
    return begun;
  }

  get hasCalls(): boolean {
    return this.#calls.size > 0;
  }

  workersUseless(why: string, cause?: unknown): void {
    const reason = this.#reason = this.#cannotGoOn(why, cause);
    if (!Iterator.from(this.#calls).some((call) => call.isAwaited())) this.#tellAll(reason);
    this.#endAll("broken", () => reason);
  }

  /** Later calls may do better. */
  workersLacking(why: string, cause: unknown): void {
    const reason = this.#cannotGoOn(why, cause);
    for (const call of [...this.#calls]) call.end(reason);
  }

  #cannotGoOn(why: string, cause: unknown): ProcessError {
    const { head, frames } = partsOf(why); // it may be the text of an error of a process that could not begin
    const message = `Cannot go on with "${shownName(this.name)}": ${head.trimEnd()}`;
    const { site } = this.#options;
    const error = tellCaller(new ProcessError(message, cause === undefined ? {} : { cause }), site);
    if (frames.length > 0) setStack(error, headOf(error), [...new Set([...frames, ...site?.frames ?? []])]);
    return error;
  }

  /** Nobody waits to whom it could be told: the program says it, and fails. */
  #tellAll({ message, stack }: Error): void {
    console.error([message, ...partsOf(stack ?? "", message).frames].join("\n"));
    if (Deno.exitCode === 0) Deno.exitCode = 1;
  }

  #endAll(state: "terminated" | "broken", error: () => Error): void {
    if (this.#isEnded) return;
    this.#state = state;
    this.#dispatcher.clear();
    this.#strays.stop();
    this.#crew.terminate();
    for (const call of [...this.#calls]) {
      call.isWithdrawn = true;
      if (state === "broken") call.end(error());
      else call.abandon(tellCaller(error(), call.begun?.site ?? null));
    }
    this.#endIfOver();
  }

  /** Whether nothing is done any more. */
  get #isEnded(): boolean {
    return this.#state === "terminated" || this.#state === "broken";
  }

  /** Tells those who wait for the end, if this is it: that of the last worker, or of the last call if there is no worker. */
  #endIfOver(): void {
    if (!this.#isOver()) return;
    this.#finalizer?.cancel();
    this.#options.desks.tasks.close();
    this.#sign.close();
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Whether there are no workers, and will be none. */
  #isOver(): boolean {
    return this.#crew.size === 0 && this.#state !== "running" && this.#calls.size === 0;
  }
}
