// What the workers of a pool say: each frame from a worker is read here, and becomes the result of a task, its failure, or
// news of the worker itself.

import type { Parcel } from "../connection/arrival.ts";
import { RemoteError } from "../errors.ts";
import type { Attempts } from "./attempts.ts";
import { noteItems, type Task } from "./calls/call.ts";
import type { Crew } from "./crew.ts";
import { lagOf, type Setting } from "./clock.ts";
import { Deadlines } from "./deadlines.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Frame } from "../queues/frame.ts";
import { isError } from "../runtime/stack.ts";
import { printed, unpack, unpackAll, wordsOf } from "./failures.ts";
import { originOf, tellMade, type Where, whereOf } from "./where.ts";
import { type Failure, Flag, Kind, type Mixed } from "./messages.ts";
import type { QueueLimit } from "./queue_limit.ts";
import type { FailureKind } from "./retries.ts";
import { Times } from "./times.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import { performance } from "../runtime/timing.ts";

/** Milliseconds for which frames are read before the event loop gets a turn. */
const MAX_READ = 8;
/** Frames of one worker that are read between two looks at the clock. */
const FRAMES_PER_LOOK = 64;

/** Whom the answers of one pool are told to. */
export interface AnswersOptions {
  readonly crew: Crew;
  readonly dispatcher: Dispatcher;
  readonly attempts: Attempts;
  /** Milliseconds that a task has to end after its time, before its worker is killed. */
  readonly grace: number;
  /** There may be room for other tasks. */
  readonly dispatch: () => void;
  /** Of the calls that wait; `null` if any number may. */
  readonly limit: QueueLimit | null;
}

/** Reads what the workers of one pool answer. */
export class Answers {
  readonly #crew: Crew;
  readonly #dispatcher: Dispatcher;
  readonly #attempts: Attempts;
  readonly #deadlines: Deadlines;
  readonly #limit: QueueLimit | null;
  /** Of the tasks that were answered. */
  readonly times = new Times();
  #done = 0;
  #failed = 0;

  constructor({ crew, dispatcher, attempts, grace, dispatch, limit }: AnswersOptions) {
    this.#crew = crew;
    this.#dispatcher = dispatcher;
    this.#attempts = attempts;
    this.#limit = limit;
    this.#deadlines = new Deadlines({
      dispatcher,
      grace,
      dispatch,
      read: (worker) => this.readAll(worker),
      fail: (task, error) => this.fail(task, error, "late"),
    });
  }

  /** How many tasks have been finished, and how many have failed. */
  get counts(): { readonly done: number; readonly failed: number } {
    return { done: this.#done, failed: this.#failed };
  }

  /** Reads what has come from these workers, for as long as the event loop can do without a turn from `begin` on. */
  readFrom(workers: Iterable<WorkerHandle>, begin: number): void {
    for (const worker of workers) {
      let frame = worker.receive(0);
      if (frame !== null) worker.noteSign(begin);
      for (let n = 1; frame !== null; frame = worker.receive(0), n++) {
        this.#handle(worker, frame);
        // What is left makes the wait that follows end at once.
        if (n % FRAMES_PER_LOOK === 0 && performance.now() - begin > MAX_READ) break;
      }
    }
  }

  /** Reads all that a worker has answered, however long that takes. */
  readAll(worker: WorkerHandle): void {
    let frame = worker.receive(0);
    if (frame !== null) worker.noteSign(performance.now());
    for (; frame !== null; frame = worker.receive(0)) this.#handle(worker, frame);
  }

  /** Reads the next frame from a worker, blocking the thread for up to `timeout` milliseconds; whether one came. */
  readNext(worker: WorkerHandle, timeout: number): boolean {
    const frame = worker.receive(timeout);
    if (frame === null) return false;
    worker.noteSign(performance.now());
    this.#handle(worker, frame);
    return true;
  }

  /** A task has failed as a whole: it is begun anew, if its call wants that. */
  fail(task: Task, error: unknown, kind: FailureKind = "error"): void {
    const last = this.#attempts.failed(task, error, kind);
    if (last !== null) this.failForGood(task, last.error);
  }

  /** A task has failed, and would fail again. */
  failForGood(task: Task, error: unknown): void {
    if (task.call.isOver) return;
    this.#failed++;
    task.call.failed(task, error);
  }

  #handle(worker: WorkerHandle, frame: Frame): void {
    if (frame.kind !== Kind.done && this.#heard(worker, frame)) return;
    const task = this.#dispatcher.answered(worker, frame.task, frame.duration);
    if ((frame.flags & Flag.left) !== 0) worker.noteLeft();
    if (task === null) return frame.drop();
    this.times.note(worker, task, frame);
    if ((task.call.flags & Flag.each) !== 0) noteItems(task.call.fn, task.list.length, frame.duration);
    this.#limit?.remove(task.call);
    if (task.call.isOver || task.isGivenUp) frame.drop();
    else {
      try {
        this.#answer(worker, task, frame);
      } catch (cause) {
        this.fail(task, unreadable(worker, task, cause)); // it costs this task, and the reading goes on
      }
    }
    if (worker.isDue && !this.#dispatcher.isBusy(worker)) {
      this.#crew.retire(worker);
    }
  }

  /** Takes notice of a frame that is no answer; whether it is none. */
  #heard(worker: WorkerHandle, frame: Frame): boolean {
    switch (frame.kind) {
      case Kind.ready:
        worker.clockLag = lagOf(frame.read() as unknown as Setting);
        this.#crew.ready(worker);
        return true;
      case Kind.startFailed:
        worker.noteStartFailure(unpack(frame.read() as Failure, undefined, whereOfInitializer(worker)));
        return true;
      case Kind.finalizing:
        frame.drop();
        worker.noteFinalizing();
        return true;
      case Kind.begun:
        frame.drop();
        this.#deadlines.begun(worker, frame);
        return true;
      case Kind.room:
        frame.drop();
        worker.noteRoom();
        return true;
      case Kind.report:
        this.#report(worker, frame);
        return true;
    }
    return false;
  }

  /** A task reports something, which its call is told, once the connections in it have arrived. */
  #report(worker: WorkerHandle, frame: Frame): void {
    worker.noteHeard();
    const task = this.#dispatcher.taskOf(frame.task);
    if (task === null || task.call.isOver || task.isGivenUp) return frame.drop();
    const { call, first, attempts: attempt } = task;
    const fail = (cause: unknown) => {
      if (call.isOver || task.isGivenUp) return;
      task.isGivenUp = true; // its result is not waited for
      this.fail(task, unreadable(worker, task, cause));
    };
    const report = { index: first + frame.fn, attempt, pid: worker.pid };
    let value: unknown;
    try {
      [value] = frame.read();
    } catch (cause) {
      return fail(cause);
    }
    const { parcel } = frame;
    if (parcel === null) return call.hear(value, report);
    const hear = () => call.isOver ? parcel.close() : call.hear(value, report);
    task.arriving = Promise.all([parcel.whole(), task.arriving]).then(hear, fail);
  }

  #answer(worker: WorkerHandle, task: Task, frame: Frame): void {
    const { call } = task;
    let list: unknown[];
    try {
      list = frame.read();
    } catch (cause) {
      return this.fail(task, unreadable(worker, task, cause));
    }
    if (frame.kind === Kind.done && frame.parcel === null && task.arriving === undefined) {
      return this.#finish(task, list);
    }
    const tell = (act: () => void) => this.#tell(worker, task, frame.parcel, act);
    if (frame.kind === Kind.done) return tell(() => this.#finish(task, list));
    if (frame.kind === Kind.failed) {
      const whereItWas = () => whereOf(task, (list as Failure)[2] ?? null, worker);
      const all = { failures: [list as Failure], whereOf: whereItWas };
      return unpackAll(all, ([error]) => tell(() => this.fail(task, error)));
    }
    const [results, places, failures] = list as Mixed;
    unpackAll({ failures, whereOf: (i) => whereOf(task, places[i], worker) }, (errors) =>
      tell(() => {
        if (call.retries.isOfErrors) {
          return this.#divide(task, results, new Map(places.map((it, i) => [it, errors[i]])));
        }
        this.#failed++;
        call.mixed(task, results, places, errors);
      }));
  }

  #finish(task: Task, results: unknown[]): void {
    // What was restored just now may have ended it.
    if (task.call.isOver || task.isGivenUp) return;
    this.#done++;
    task.call.done(task, results);
  }

  /** What of a task is done is told; the items that have failed, by their places, become tasks of their own. */
  #divide(task: Task, results: readonly unknown[], failures: ReadonlyMap<number, unknown>): void {
    this.#done++;
    let begin = 0;
    for (let i = 0; i <= results.length; i++) {
      if (i < results.length && !failures.has(i)) continue;
      if (i > begin) task.call.done(task.part(begin, i), results.slice(begin, i));
      if (i < results.length) this.fail(task.part(i, i + 1), failures.get(i));
      begin = i + 1;
    }
  }

  /** Tells what a task has come to, once the connections in it, and in what the task has reported before, have arrived. */
  #tell(worker: WorkerHandle, task: Task, parcel: Parcel | null, act: () => void): void {
    const isWanted = () => !task.call.isOver && !task.isGivenUp;
    if (parcel === null && task.arriving === undefined) {
      if (isWanted()) act();
      return;
    }
    void Promise.all([parcel?.whole(), task.arriving]).then(
      () => isWanted() ? act() : parcel?.close(),
      (cause) => isWanted() && this.fail(task, unreadable(worker, task, cause)),
    );
  }
}

/** The error of a task whose answer cannot be read: the user's code, which may throw anything, restores what is in it. */
function unreadable(worker: WorkerHandle, task: Task, cause: unknown): RemoteError {
  const why = isError(cause) ? wordsOf(cause) : `${printed(cause)} was thrown`;
  const where = whereOf(task, null, worker);
  const { index, argument } = where;
  const { pid, name: processName } = originOf(worker);
  const message = `Cannot read the result of "${task.call.fn.given.label}": ${why}`;
  return tellMade(new RemoteError(message, { cause, index, argument, pid, processName }), where);
}

/** Where an initializer fails. */
function whereOfInitializer(worker: WorkerHandle): Where {
  return { what: "initializer", index: null, argument: null, worker: originOf(worker), site: null };
}
