// Processes that are started, do nothing, and are joined, until the time is over.

import { getContext } from "@parallel/multiprocessing";
import { given, repeatLater, tell } from "./program.ts";

interface Setting {
  readonly method: "spawn" | "forkserver";
  readonly together: number;
  readonly seconds: number;
}

export function nothing(): void {}

if (import.meta.main) {
  const { method, together, seconds } = given<Setting>();
  const { Process } = getContext(method);
  tell(
    await repeatLater(seconds, together, async () => {
      const all = Array.from({ length: together }, () => new Process({ target: nothing }));
      for (const process of all) process.start();
      for (const process of all) await process.join();
      const failed = all.find(({ exitcode }) => exitcode !== 0);
      if (failed) throw new Error(`Cannot measure: "${failed.name}" ended with ${failed.exitcode}`);
    }),
  );
}
