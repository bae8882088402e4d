// Condition: a turn passed by notify to a waiting process, and back, per round
// trip.

import { Condition, RawArray } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

function takeTurns(
  condition: Condition,
  turn: Int32Array,
  me: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    using _ = condition.acquireSync();
    while (turn[0] !== me) condition.waitSync();
    turn[0] = 1 - me;
    condition.notify();
  }
}

export function player(
  line: StartLine,
  lane: number,
  condition: Condition,
  turn: Int32Array,
  n: number,
): void {
  takeTurns(condition, turn, lane, n / 10);
  timeLane(line, lane, () => takeTurns(condition, turn, lane, n));
}

if (import.meta.main) {
  const n = iterations();
  const lanes = race(player, 2, new Condition(), RawArray("i32", 1), n);
  report("condition_ping_pong", Math.max(...lanes) / n, lanes);
}
