// Processes that want the same lock all the time: pairs of acquire and release, all of them together.

import { Lock, RawArray, RLock, Semaphore } from "@parallel/multiprocessing";
import type { StartLine } from "../deno/start_line.ts";
import { given, lap, type Laps, sumOfLaps, tell } from "./program.ts";
import { compute } from "./work.ts";

interface Setting {
  readonly kind: keyof typeof KINDS;
  readonly processes: number;
  readonly hold: number;
  readonly seconds: number;
}

const KINDS = { Lock: () => new Lock(), RLock: () => new RLock(), Semaphore: () => new Semaphore(1) };
const STRETCH = 64;

export function contender(
  line: StartLine,
  lane: number,
  laps: Laps,
  lock: Lock | RLock | Semaphore,
  { hold, seconds }: Setting,
): void {
  lap(line, lane, laps, seconds, STRETCH, () => {
    lock.acquireSync();
    if (hold > 0) compute(hold);
    lock.release();
  });
}

if (import.meta.main) {
  const setting = given<Setting>();
  const { kind, processes } = setting;
  tell(sumOfLaps(contender, processes, RawArray("f64", processes), KINDS[kind](), setting));
}
