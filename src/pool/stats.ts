// What `Pool.stats` says.

import type { Percentiles } from "./histogram.ts";

/** What one worker of a pool is doing. */
export interface WorkerStats {
  /** Its process id. */
  readonly pid: number;
  /** Its name, such as `PoolWorker-3`. */
  readonly name: string;
  /** What it does: it boots, waits for work, works, or ends. */
  readonly state: "starting" | "idle" | "busy" | "stopping";
  /** How many tasks it runs: at most the pool's `concurrency`. */
  readonly running: number;
  /** How many tasks it has finished. */
  readonly tasks: number;
  /** Its resident memory in bytes, as of the end of one of its last tasks. */
  readonly memory: number;
}

/** What a pool is doing. A task is one call of `apply`, or one chunk of items. */
export interface PoolStats {
  /** How many workers it is to have, at most: fewer are there while it starts, and of a pool of
   * `{ min, max }` while it has little to do. */
  readonly processes: number;
  /** How many it has at least: as many as `processes`, unless it is one of `{ min, max }`. */
  readonly min: number;
  /** How many workers have a task. */
  readonly busy: number;
  /** How many have none. */
  readonly idle: number;
  /** How many tasks wait for a worker; a call whose input has not ended counts as one more. */
  readonly queued: number;
  /** How many tasks have been finished. */
  readonly done: number;
  /** How many have failed. */
  readonly failed: number;
  /** How long tasks have run, in milliseconds, as far as workers have answered them. A percentile is within 2 % of what it
   * is; all are 0 before the first answer. */
  readonly runTime: Percentiles;
  /** How long they have waited before, likewise, to about 0.1 ms: from the call on, or from when their items were taken
   * from the input, to their beginning in a worker. */
  readonly waitTime: Percentiles;
  /** How many workers have been started in the place of others. */
  readonly restarts: number;
  /** The workers. */
  readonly workers: readonly WorkerStats[];
}
