// The full queues that this thread waits to put into, as a process that joins this one may see them: while it waits for
// the join, it does not take, and both might wait for ever.

import { native } from "../addon/load.ts";

/** The full queues that promises of this thread wait to put into. */
const puttingInto: number[] = [];

/** Notes that this thread waits to put into a queue. */
export function notePutting(queue: number): void {
  puttingInto.push(queue);
  native().queueNotePutting(queue);
}

/** Notes that it does so no longer. */
export function notePutDone(queue: number): void {
  puttingInto.splice(puttingInto.indexOf(queue), 1);
  native().queueNotePutting(puttingInto.at(-1) ?? 0);
}
