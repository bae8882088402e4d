// What a worker that has died leaves of a task: of several items, those that it had begun are lost, and the others are
// to be run, as nobody has begun them.

import type { Task } from "./calls/call.ts";
import { Flag } from "./messages.ts";

/** The parts of a task. */
export interface Remains {
  /** What the worker had begun: its results are lost, those of finished items among them. */
  readonly lost: Task[];
  /** What it had not. */
  readonly unbegun: Task[];
}

/** What is left of a task whose worker has died when it had begun so many of the items. */
export function remainsOf(task: Task, begun: number): Remains {
  const { list, call: { flags } } = task;
  // One error fails the whole of any other call.
  if ((flags & Flag.lenient) === 0 || list.length === 1) {
    task.deaths++;
    return { lost: [task], unbegun: [] };
  }
  const single = (i: number) => task.part(i, i + 1);
  // It has died of reading them, perhaps: which of them it was shows when each is read alone.
  if (begun === 0) return { lost: [], unbegun: Array.from(list, (_, i) => single(i)) };
  const lost = Array.from({ length: Math.min(begun, list.length) }, (_, i) => single(i));
  for (const each of lost) each.deaths++;
  return { lost, unbegun: begun < list.length ? [task.part(begun, list.length)] : [] };
}
