// Lock: acquire and release with nobody else there, per pair.

import { Lock } from "@parallel/multiprocessing";
import { iterations, report, timeOf } from "./start_line.ts";

function pairs(lock: Lock, n: number): void {
  for (let i = 0; i < n; i++) {
    lock.acquireSync();
    lock.release();
  }
}

if (import.meta.main) {
  const n = iterations();
  const lock = new Lock();
  pairs(lock, n / 10);
  report("lock_uncontended", timeOf(() => pairs(lock, n)) / n);
}
