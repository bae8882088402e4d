// How long the tasks of a pool have waited for a worker, and how long they have run.

import type { Task } from "./calls/call.ts";
import { timeOf } from "./clock.ts";
import type { Frame } from "../queues/frame.ts";
import { Histogram, type Percentiles } from "./histogram.ts";
import type { WorkerHandle } from "./worker_handle.ts";

/** The times of one pool. */
export class Times {
  readonly #run = new Histogram();
  readonly #wait = new Histogram();

  /** A worker has answered a task. */
  note({ lastSign, clockLag }: WorkerHandle, { since }: Task, { begun, duration }: Frame): void {
    this.#run.add(duration);
    this.#wait.add(Math.max(0, timeOf(begun, lastSign - duration, clockLag) - since));
  }

  get percentiles(): { readonly runTime: Percentiles; readonly waitTime: Percentiles } {
    return { runTime: this.#run.percentiles, waitTime: this.#wait.percentiles };
  }
}
