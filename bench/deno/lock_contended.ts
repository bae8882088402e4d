// Lock: two processes acquire and release the same one, time of the slower
// over all pairs.

import { Lock } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

function pairs(lock: Lock, n: number): void {
  for (let i = 0; i < n; i++) {
    lock.acquireSync();
    lock.release();
  }
}

export function contender(
  line: StartLine,
  lane: number,
  lock: Lock,
  n: number,
): void {
  pairs(lock, n / 10);
  timeLane(line, lane, () => pairs(lock, n));
}

if (import.meta.main) {
  const n = iterations();
  const lanes = race(contender, 2, new Lock(), n);
  report("lock_contended", Math.max(...lanes) / (2 * n), lanes);
}
