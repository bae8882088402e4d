// Connection: one process sends 1 MiB of bytes, another receives, per message.

import { type Connection, Pipe } from "@parallel/multiprocessing";
import { iterations, race, report, type StartLine, timeLane } from "./start_line.ts";

const MIB = new Uint8Array(1 << 20).fill(109);

function send(end: Connection, n: number): void {
  for (let i = 0; i < n; i++) end.sendBytesSync(MIB);
}

function receive(end: Connection, n: number): void {
  for (let i = 0; i < n; i++) {
    const { length } = end.recvBytesSync();
    if (length !== MIB.length) throw new Error(`Cannot measure: received ${length} bytes, wanted ${MIB.length}`);
  }
}

export function endOf(line: StartLine, lane: number, ends: Connection[], n: number): void {
  const work = lane === 0 ? send : receive;
  work(ends[lane], n / 10);
  timeLane(line, lane, () => work(ends[lane], n));
}

if (import.meta.main) {
  const n = iterations();
  const lanes = race(endOf, 2, Pipe(), n);
  report("connection_one_way", lanes[1] / n);
}
