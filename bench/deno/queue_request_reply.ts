// Queue: a small int goes to a server process and its reply comes back, per
// round trip.

import { Queue } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

type Numbers = Queue<number>;

function ask(requests: Numbers, replies: Numbers, n: number): void {
  for (let i = 0; i < n; i++) {
    requests.putSync(i);
    replies.getSync();
  }
}

function serve(requests: Numbers, replies: Numbers, n: number): void {
  for (let i = 0; i < n; i++) replies.putSync(requests.getSync());
}

export function player(
  line: StartLine,
  lane: number,
  requests: Numbers,
  replies: Numbers,
  n: number,
): void {
  const turns = lane === 0 ? ask : serve;
  turns(requests, replies, n / 10);
  timeLane(line, lane, () => turns(requests, replies, n));
}

if (import.meta.main) {
  const n = iterations();
  const queues = [new Queue<number>(), new Queue<number>()] as const;
  const lanes = race(player, 2, ...queues, n);
  report("queue_request_reply", lanes[0] / n);
}
