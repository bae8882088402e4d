// Queue: one process puts small integers, 100 at a time, another gets up to 100 at a time, per integer.

import { Queue } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

const SIZE = 100;

function produce(queue: Queue<number>, n: number): void {
  const batch: number[] = [];
  for (let i = 0; i < n; i++) {
    batch.push(i);
    if (batch.length < SIZE && i < n - 1) continue;
    queue.putManySync(batch);
    batch.length = 0;
  }
}

function consume(queue: Queue<number>, n: number): number {
  let last = -1;
  for (let left = n; left > 0;) {
    const batch = queue.getManySync(Math.min(SIZE, left));
    left -= batch.length;
    last = batch[batch.length - 1];
  }
  return last;
}

export function endOf(line: StartLine, lane: number, queue: Queue<number>, n: number): void {
  const warmUp = n / 10;
  if (lane === 0) {
    produce(queue, warmUp);
    timeLane(line, lane, () => produce(queue, n));
    return;
  }
  consume(queue, warmUp);
  timeLane(line, lane, () => consume(queue, n - 1));
  if (consume(queue, 1) !== n - 1) {
    throw new Error("Cannot measure: the last message is not the one that was put last");
  }
}

if (import.meta.main) {
  const n = iterations();
  const lanes = race(endOf, 2, new Queue<number>(), n);
  report("queue_by_100", lanes[1] / (n - 1));
}
