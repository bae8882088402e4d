// Event: set here wakes a wait there, and back, per round trip.

import { Event } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

function serve(mine: Event, theirs: Event, n: number): void {
  for (let i = 0; i < n; i++) {
    theirs.set();
    mine.waitSync();
    mine.clear();
  }
}

function answer(mine: Event, theirs: Event, n: number): void {
  for (let i = 0; i < n; i++) {
    mine.waitSync();
    mine.clear();
    theirs.set();
  }
}

export function player(
  line: StartLine,
  lane: number,
  events: Event[],
  n: number,
): void {
  const [mine, theirs] = [events[lane], events[1 - lane]];
  const turns = lane === 0 ? serve : answer;
  turns(mine, theirs, n / 10);
  timeLane(line, lane, () => turns(mine, theirs, n));
}

if (import.meta.main) {
  const n = iterations();
  const lanes = race(player, 2, [new Event(), new Event()], n);
  report("event_ping_pong", Math.max(...lanes) / n, lanes);
}
