// Messages of bytes through a queue: so many processes put until the time is over, so many get.

import { Queue, RawArray } from "@parallel/multiprocessing";
import { begin, finish, lineUp, type StartLine } from "../deno/start_line.ts";
import { given, Meter, repeatFor, stretchFor, tell, warmUpFor } from "./program.ts";

interface Setting {
  readonly size: number;
  readonly producers: number;
  readonly consumers: number;
  readonly maxsize: number;
  readonly seconds: number;
}

type Messages = Queue<Uint8Array | null>;

/** As many as 64 MiB, but not too many: what waits in the queue is taken after the time is over. */
function bound({ size, maxsize }: Setting): number {
  return maxsize > 0 ? maxsize : Math.max(2, Math.min(10_000, Math.floor(2 ** 26 / Math.max(1, size))));
}

export function end(line: StartLine, lane: number, queue: Messages, setting: Setting, counts: Float64Array): void {
  const { size, producers, seconds } = setting;
  const message = new Uint8Array(size).fill(107);
  lineUp(line, lane);
  if (lane < producers) {
    repeatFor(warmUpFor(seconds) + seconds, stretchFor(size), () => queue.putSync(message));
    return;
  }
  const meter = new Meter(size, seconds);
  for (let got = queue.getSync(); got !== null; got = queue.getSync()) {
    if (got.length !== size) throw new Error(`Cannot measure: received ${got.length} bytes, wanted ${size}`);
    meter.hit();
  }
  const { operations, seconds: taken } = meter.measured;
  counts[lane] = operations;
  line.elapsed[lane] = taken;
}

if (import.meta.main) {
  const setting = given<Setting>();
  const { producers, consumers } = setting;
  const queue: Messages = new Queue(bound(setting));
  const counts = RawArray("f64", producers + consumers);
  const { line, processes } = begin(end, producers + consumers, queue, setting, counts);
  finish(processes.slice(0, producers));
  for (let i = 0; i < consumers; i++) queue.putSync(null);
  finish(processes.slice(producers));
  const operations = counts.subarray(producers).reduce((sum, it) => sum + it, 0);
  tell({ operations, seconds: Math.max(...line.elapsed.subarray(producers)) });
}
