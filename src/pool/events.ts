// What the parts of a pool ask of its engine, and tell it. The engine is the only one that knows all of them: a part
// knows its own work, and this interface.

import type { Call, Task } from "./calls/call.ts";
import type { Demand } from "./elastic.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** The engine, as the parts of its pool see it. */
export interface PoolEvents {
  // Asked and told by the calls.

  /** How many tasks may run at a time. */
  readonly slots: number;
  /** How many of them share a CPU, as far as that is known; at least 1. */
  readonly crowding: number;
  /** How many workers there are to be, at most. */
  readonly processes: number;
  /** How many tasks a worker is given at a time: more of quick ones. */
  readonly ahead: number;
  /** Whether somebody waits for the end of all calls. */
  readonly isJoined: boolean;
  /** A call has tasks that it did not have before. */
  tasksAvailable(): void;
  /** Ends a call; tasks of it that run have a while to end. */
  cancel(call: Call, end: () => void): void;
  /** A call has its result; no more tasks come from it. */
  callOver(call: Call): void;
  /** Keeps the event loop alive until {@linkcode release}. */
  hold(): void;
  /** Undoes one {@linkcode hold}. */
  release(): void;

  // Told by the handle of a worker.

  /** There may be frames from it. */
  framesArrived(worker: WorkerHandle): void;
  /** Receive what it has answered, and take back what no worker has taken; give nothing to anybody. */
  catchUp(worker: WorkerHandle): void;
  /** Whether it runs a task whose call still wants the result, as far as its answers have been read. */
  runsWanted(worker: WorkerHandle): boolean;
  /** Its process has ended; what it had answered is still to be received. */
  workerEnded(worker: WorkerHandle): void;

  // Asked and told by the crew.

  /** Whether workers that have ended are to be replaced. */
  readonly needsWorkers: boolean;
  /** Whether a call is under way. */
  readonly hasCalls: boolean;
  /** How many tasks a worker runs, as far as its answers have been read. */
  running(worker: WorkerHandle): number;
  /** What the tasks want. */
  readonly demand: Demand;
  /** A worker has been started. */
  workerStarted(worker: WorkerHandle): void;
  /** Starting more workers leads nowhere: the pool is broken. */
  workersUseless(why: string, cause?: unknown): void;
  /** There is no worker, and for a long time none could be started: the calls that are under way fail. */
  workersLacking(why: string, cause: unknown): void;

  // Told by the dispatcher.

  /** A task cannot be sent to any worker: it has failed. */
  taskUnsendable(task: Task, error: unknown): void;
}
