// What the two sides of a pool's desk on an engine both know.

import type { Frame } from "../../queues/frame.ts";

/** What a worker is told of its pool: the tree, the pool's id there, and which worker it is. */
export type PoolTicket = readonly [tree: string, pool: string, worker: number];

/** How the names of the initializer and the finalizer begin, which no task is run with. */
export const OWN_FUNCTIONS = "own-";

/** How many reports of a worker may be unread. */
export const MOST_UNREAD = 1024;

/** What the engine tells of a worker. */
export interface Told {
  /** The task that it has begun. */
  readonly begun: number | null;
  /** Its resident memory in KiB. */
  readonly memory: number | null;
  readonly frame: Frame | null;
}
