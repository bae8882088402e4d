// Queue: one process puts, another gets, per message: int, object, 200 rows,
// 1 KiB or 1 MiB of bytes.

import { Queue } from "@parallel/multiprocessing";
import { MESSAGES } from "../channels/messages.mjs";
import { iterations, race, report, type StartLine, timeLane, variant } from "./start_line.ts";

type Message = (i: number) => unknown;

function produce(queue: Queue<unknown>, message: Message, n: number): void {
  for (let i = 0; i < n; i++) queue.putSync(message(i));
}

function consume(queue: Queue<unknown>, n: number): unknown {
  let last: unknown;
  for (let i = 0; i < n; i++) last = queue.getSync();
  return last;
}

function sameMessage(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  return JSON.stringify(a) === JSON.stringify(b);
}

export function endOf(
  line: StartLine,
  lane: number,
  queue: Queue<unknown>,
  kind: keyof typeof MESSAGES,
  n: number,
): void {
  const message: Message = MESSAGES[kind];
  const warmUp = n / 10;
  if (lane === 0) {
    produce(queue, message, warmUp);
    timeLane(line, lane, () => produce(queue, message, n));
    return;
  }
  consume(queue, warmUp);
  timeLane(line, lane, () => consume(queue, n - 1));
  if (!sameMessage(consume(queue, 1), message(n - 1))) {
    throw new Error(
      "Cannot measure: the last message is not the one that was put last",
    );
  }
}

if (import.meta.main) {
  const n = iterations();
  const kind = variant(MESSAGES);
  const lanes = race(endOf, 2, new Queue<unknown>(), kind, n);
  // A producer may only hand over to its feeder: the consumer's time is the
  // transport's.
  report(`queue_one_way ${kind}`, lanes[1] / (n - 1));
}
