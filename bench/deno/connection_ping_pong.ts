// Connection: a message goes to another process and back, per round trip: 64
// bytes or a small object.

import { type Connection, Pipe } from "@parallel/multiprocessing";
import { MESSAGES } from "../channels/messages.mjs";
import { iterations, race, report, type StartLine, timeLane, variant } from "./start_line.ts";

const PACKET = new Uint8Array(64).fill(7);

/** Sends and receives, once. */
type Turns = readonly [send: (end: Connection, i: number) => void, receive: (end: Connection) => unknown];

const TURNS = {
  "64 bytes": [(end) => end.sendBytesSync(PACKET), (end) => end.recvBytesSync()],
  object: [(end, i) => end.sendSync(MESSAGES.object(i)), (end) => end.recvSync()],
} satisfies Record<string, Turns>;

function ask(end: Connection, [send, receive]: Turns, n: number): void {
  for (let i = 0; i < n; i++) {
    send(end, i);
    receive(end);
  }
}

function answer(end: Connection, [send, receive]: Turns, n: number): void {
  for (let i = 0; i < n; i++) {
    receive(end);
    send(end, i);
  }
}

export function player(line: StartLine, lane: number, ends: Connection[], kind: keyof typeof TURNS, n: number): void {
  const play = lane === 0 ? ask : answer;
  play(ends[lane], TURNS[kind], n / 10);
  timeLane(line, lane, () => play(ends[lane], TURNS[kind], n));
}

if (import.meta.main) {
  const n = iterations();
  const kind = variant(TURNS);
  const lanes = race(player, 2, Pipe(), kind, n);
  report(`connection_ping_pong ${kind}`, lanes[0] / n);
}
