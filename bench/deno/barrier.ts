// Barrier of four processes, per round.

import { Barrier } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

const PARTIES = 4;

function rounds(barrier: Barrier, n: number): void {
  for (let i = 0; i < n; i++) barrier.waitSync();
}

export function party(
  line: StartLine,
  lane: number,
  barrier: Barrier,
  n: number,
): void {
  rounds(barrier, n / 10);
  timeLane(line, lane, () => rounds(barrier, n));
}

if (import.meta.main) {
  const n = iterations();
  const lanes = race(party, PARTIES, new Barrier(PARTIES), n);
  report("barrier", Math.max(...lanes) / n, lanes);
}
