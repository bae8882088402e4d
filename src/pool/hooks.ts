// What the user wants to be told of a pool's workers, and how it is told: by itself, so that nothing that the user's
// function does or throws comes between the steps of the pool.

import { signalName } from "../runtime/signals.ts";
import { queueMicrotask } from "../runtime/timing.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** A worker that was started. */
export interface WorkerStart {
  /** Its process id. */
  readonly pid: number;
  /** Its name, such as `PoolWorker-3`. */
  readonly name: string;
}

/** A worker that has ended. */
export interface WorkerExit extends WorkerStart {
  /** As of `Process.exitcode`: n of `Deno.exit(n)`, −n after signal n. */
  readonly exitcode: number | null;
  /** The signal that has ended it, such as `"SIGKILL"`; `null` if none has. */
  readonly signal: string | null;
  /** Whether the pool has ended it: when it was closed or terminated, because the worker had had its tasks or its memory,
   * was idle for long, or did not end a task that was not wanted any more. */
  readonly expected: boolean;
  /** How many tasks it has answered. */
  readonly tasks: number;
}

/** What the user wants to be told. */
export interface WorkerHooks {
  readonly onWorkerStart: ((worker: WorkerStart) => void) | null;
  readonly onWorkerExit: ((worker: WorkerExit) => void) | null;
}

/** Tells of a worker that was started. */
export function tellStart({ onWorkerStart }: WorkerHooks, { pid, process: { name } }: WorkerHandle): void {
  if (onWorkerStart !== null) call(onWorkerStart, { pid, name });
}

/** Tells of a worker that has ended. */
export function tellExit({ onWorkerExit }: WorkerHooks, worker: WorkerHandle): void {
  if (onWorkerExit === null) return;
  const { pid, process: { name, exitcode }, wasToldToEnd: expected, answered: tasks } = worker;
  call(onWorkerExit, { pid, name, exitcode, signal: signalName(exitcode), expected, tasks });
}

/** In a microtask: when the first workers are started, the program does not have the pool yet. */
function call<T>(hook: (worker: T) => void, worker: T): void {
  queueMicrotask(() => {
    try {
      hook(worker);
    } catch (error) {
      reportError(error);
    }
  });
}
