// Semaphore: acquire and release with nobody else there, per pair.

import { Semaphore } from "@parallel/multiprocessing";
import { iterations, report, timeOf } from "./start_line.ts";

function pairs(semaphore: Semaphore, n: number): void {
  for (let i = 0; i < n; i++) {
    semaphore.acquireSync();
    semaphore.release();
  }
}

if (import.meta.main) {
  const n = iterations();
  const semaphore = new Semaphore(1);
  pairs(semaphore, n / 10);
  report("semaphore_uncontended", timeOf(() => pairs(semaphore, n)) / n);
}
