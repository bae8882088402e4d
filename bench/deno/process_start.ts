// Process: start and join one that runs an empty function, by spawn, one after
// another.

import { Process } from "@parallel/multiprocessing";
import { iterations, report, timeOf } from "./start_line.ts";

export function nothing(): void {}

function startAndJoin(n: number): void {
  for (let i = 0; i < n; i++) {
    const process = new Process({ target: nothing });
    process.start();
    process.joinSync();
    if (process.exitcode !== 0) {
      throw new Error(
        `Cannot measure: "${process.name}" ended with ${process.exitcode}`,
      );
    }
  }
}

if (import.meta.main) {
  const n = iterations();
  startAndJoin(2);
  report("process_start", timeOf(() => startAndJoin(n)) / n);
}
