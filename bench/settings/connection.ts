// Messages of bytes over a pipe: one process sends until the time is over; the other receives, or sends them back.

import { type Connection, Pipe, RawArray } from "@parallel/multiprocessing";
import { lineUp, race, type StartLine } from "../deno/start_line.ts";
import { given, type Measured, Meter, repeatFor, stretchFor, tell, warmUpFor } from "./program.ts";

interface Setting {
  readonly size: number;
  readonly way: "one-way" | "ping-pong";
  readonly seconds: number;
}

const END = new Uint8Array(0);

/** Receives until an empty message comes, and sends back where that is wanted. */
function receive(end: Connection, { size, way, seconds }: Setting): Measured {
  const meter = new Meter(size, seconds);
  for (;;) {
    const message = end.recvBytesSync();
    if (message.length === 0) return meter.measured;
    if (way === "ping-pong") end.sendBytesSync(message);
    meter.hit();
  }
}

function send(end: Connection, { size, way, seconds }: Setting): void {
  const message = new Uint8Array(size).fill(107);
  repeatFor(warmUpFor(seconds) + seconds, stretchFor(size), () => {
    end.sendBytesSync(message);
    if (way === "ping-pong") end.recvBytesSync();
  });
  end.sendBytesSync(END);
}

export function side(line: StartLine, lane: number, ends: Connection[], setting: Setting, count: Float64Array): void {
  lineUp(line, lane);
  if (lane === 0) return send(ends[0], setting);
  const { operations, seconds } = receive(ends[1], setting);
  count[0] = operations;
  line.elapsed[lane] = seconds;
}

if (import.meta.main) {
  const count = RawArray("f64", 1);
  const [, seconds] = race(side, 2, Pipe(), given<Setting>(), count);
  tell({ operations: count[0], seconds });
}
