// Queue: one process borrows 1 MiB of the queue, writes it and puts it, another reads it where it lies; per message.

import { Queue } from "@parallel/multiprocessing";
import { isRead, SIZE, WRITES } from "../channels/in_place.mjs";
import { iterations, race, report, type StartLine, timeLane, variant } from "./start_line.ts";

/** Messages that may wait: memory that is still in the processors' caches is written and read again. */
const MAXSIZE = 2;

function produce(queue: Queue<Uint8Array>, kind: keyof typeof WRITES, n: number): void {
  for (let i = 0; i < n; i++) {
    using slot = queue.loan(SIZE);
    WRITES[kind](slot.bytes, i);
    slot.putSync();
  }
}

function consume(queue: Queue<Uint8Array>, n: number): void {
  for (let i = 0; i < n; i++) {
    using view = queue.getViewSync();
    if (!isRead(view.bytes, i)) throw new Error("Cannot measure: the bytes are not those that were put");
  }
}

export function endOf(
  line: StartLine,
  lane: number,
  queue: Queue<Uint8Array>,
  kind: keyof typeof WRITES,
  n: number,
): void {
  const work = (n: number) => lane === 0 ? produce(queue, kind, n) : consume(queue, n);
  work(Math.ceil(n / 10));
  timeLane(line, lane, () => work(n));
}

if (import.meta.main) {
  const n = iterations();
  const kind = variant(WRITES);
  const lanes = race(endOf, 2, new Queue<Uint8Array>(MAXSIZE), kind, n);
  report(`queue_in_place ${kind}`, lanes[1] / n);
}
