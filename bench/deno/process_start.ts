// Process: start and join one that runs an empty function. "spawn" and "forkserver" leave time between two, so that what
// is started ahead is ready; "forkserver at once" does not, and so is bounded by how fast Deno boots.

import { getContext } from "@parallel/multiprocessing";
import { iterations, report, variant } from "./start_line.ts";

/** Milliseconds between two processes; the CPython side has the same. */
const PAUSES = { "spawn": 0, "forkserver": 300, "forkserver at once": 0 };

export function nothing(): void {}

/** Milliseconds that it takes, without the pauses. */
async function startAndJoin(n: number, kind: keyof typeof PAUSES): Promise<number> {
  const { Process } = getContext(kind.split(" ")[0]);
  let elapsed = 0;
  for (let i = 0; i < n; i++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSES[kind]));
    const begin = performance.now();
    const process = new Process({ target: nothing });
    process.start();
    process.joinSync();
    elapsed += performance.now() - begin;
    if (process.exitcode !== 0) throw new Error(`Cannot measure: "${process.name}" ended with ${process.exitcode}`);
  }
  return elapsed;
}

if (import.meta.main) {
  const n = iterations();
  const kind = variant(PAUSES);
  await startAndJoin(2, kind);
  report("process_start", await startAndJoin(n, kind) * 1e6 / n);
}
