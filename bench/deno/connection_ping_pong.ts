// Connection: a message to another process and back, per round trip: 64 bytes
// or a small object.

import { type Connection, Pipe } from "@parallel/multiprocessing";
import {
  iterations,
  race,
  report,
  type StartLine,
  timeLane,
  variant,
} from "./start_line.ts";

const BYTES = new Uint8Array(64).fill(98);
const OBJECT = { id: 7, path: "texts/ca01.txt", words: 2242, done: false };

const TURNS = {
  bytes: [askBytes, answerBytes],
  object: [askObject, answerObject],
};

function askBytes(connection: Connection, n: number): void {
  for (let i = 0; i < n; i++) {
    connection.sendBytesSync(BYTES);
    connection.recvBytesSync();
  }
}

function answerBytes(connection: Connection, n: number): void {
  for (let i = 0; i < n; i++) {
    connection.sendBytesSync(connection.recvBytesSync());
  }
}

function askObject(connection: Connection, n: number): void {
  for (let i = 0; i < n; i++) {
    connection.sendSync(OBJECT);
    connection.recvSync();
  }
}

function answerObject(connection: Connection, n: number): void {
  for (let i = 0; i < n; i++) connection.sendSync(connection.recvSync());
}

export function player(
  line: StartLine,
  lane: number,
  connections: Connection[],
  kind: keyof typeof TURNS,
  n: number,
): void {
  const connection = connections[lane];
  const turns = TURNS[kind][lane];
  turns(connection, n / 10);
  timeLane(line, lane, () => turns(connection, n));
}

if (import.meta.main) {
  const n = iterations();
  const kind = variant(TURNS);
  const lanes = race(player, 2, Pipe(), kind, n);
  report(`connection_ping_pong ${kind}`, lanes[0] / n, lanes);
}
