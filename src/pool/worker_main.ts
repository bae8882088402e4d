// What a worker process runs whose desk is in the memory that it shares with its pool.
//
// All workers of a pool take their tasks from one channel, one at a time (task_source.ts): so tasks begin in the order in
// which they were put, and none lies behind another. Before a worker runs a task, it notes its number in shared memory:
// should it die, exactly the tasks that it runs are lost. As a rule that is one; slots.ts is how it runs several.

import { LocalSide } from "./local_side.ts";
import type { Desk, WorkerSettings } from "./messages.ts";
import { workAt } from "./worker.ts";

/** Runs tasks until it is told to stop. */
export async function work(desk: Desk, settings: WorkerSettings): Promise<void> {
  await workAt(new LocalSide(desk, settings), settings);
}
