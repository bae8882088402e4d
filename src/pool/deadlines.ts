// The time that each task may take, from its beginning in a worker on. The worker says when it begins such a task. When the
// time has passed, the task fails; the worker is told, and killed if it goes on.

import type { Task } from "./calls/call.ts";
import { timeOf } from "./clock.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { TimeoutError } from "../errors.ts";
import type { Frame } from "../queues/frame.ts";
import { Flag } from "./messages.ts";
import { tellMade, whereOf } from "./where.ts";
import type { WorkerHandle } from "./worker_handle.ts";
import { performance, setTimeout, unrefTimer } from "../runtime/timing.ts";

/** What the deadlines need of their pool. */
export interface DeadlinesOptions {
  readonly dispatcher: Pick<Dispatcher, "taskOf">;
  /** Milliseconds that a task has to end after its time, before its worker is killed. */
  readonly grace: number;
  /** Reads all that a worker has answered. */
  readonly read: (worker: WorkerHandle) => void;
  /** A task has failed. */
  readonly fail: (task: Task, error: TimeoutError) => void;
  /** There may be room for other tasks. */
  readonly dispatch: () => void;
}

/** The deadlines of the tasks of one pool. */
export class Deadlines {
  readonly #options: DeadlinesOptions;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
  }

  /** A worker has begun a task. */
  begun(worker: WorkerHandle, { task: number, begun }: Frame): void {
    const task = this.#options.dispatcher.taskOf(number);
    if (task === null) return;
    // It may have begun long ago, while this thread had other things to do.
    const now = performance.now();
    const left = timeOf(begun, now, worker.clockLag) + task.call.taskTimeout - now;
    task.clock = setTimeout(() => this.#late(worker, number), Math.max(0, left));
    unrefTimer(task.clock); // who waits for the call keeps the program alive
  }

  #late(worker: WorkerHandle, number: number): void {
    const { dispatcher, grace, read, fail, dispatch } = this.#options;
    read(worker); // an answer that is there has come in time
    const task = dispatcher.taskOf(number);
    if (task !== null && worker.state !== "ended") {
      // Also if its call is over: an iteration that was left lets its tasks end, but they have no more time than before.
      worker.killUnlessDone(number, grace);
      if (!task.call.isOver) {
        worker.cancel(number, true);
        task.isGivenUp = true;
        fail(task, late(task, worker));
      }
    }
    dispatch(); // also after what was but read: nobody else may be told of that
  }
}

function late(task: Task, worker: WorkerHandle): TimeoutError {
  const { call: { fn, flags, taskTimeout } } = task;
  const where = whereOf(task, null, worker);
  const what = (flags & Flag.each) === 0 ? "" : `, ${where.what}`;
  const error = new TimeoutError(`Cannot finish "${fn.given.label}"${what}: the task took more than ${taskTimeout} ms`);
  return tellMade(error, where);
}
