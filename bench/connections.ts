// Connection in promises beside Deno's own UNIX sockets: 64 bytes to another process and back, per round trip.
//
// usage: deno run -A bench/connections.ts

import { type Connection, EOFError, Pipe, Process } from "@parallel/multiprocessing";
import { many } from "./smoke.ts";
import { median } from "./results.ts";
import { aligned } from "./table.ts";

const REPEATS = many(3, 1);
const ROUNDS = many(2000, 20);
const PACKET = new Uint8Array(64).fill(7);

/** Sends back what comes, until the other end is closed. */
export async function answer(end: Connection): Promise<void> {
  try {
    for (;;) await end.sendBytes(await end.recvBytes());
  } catch (error) {
    if (!(error instanceof EOFError)) throw error;
  }
}

/** As {@linkcode answer}, over Deno's socket. */
export async function answerOverDeno(path: string): Promise<void> {
  using socket = await Deno.connect({ transport: "unix", path });
  const packet = new Uint8Array(64);
  while (await socket.read(packet) !== null) await socket.write(packet);
}

/** Microseconds of one round trip. */
async function timeOf(round: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < ROUNDS / 10; i++) await round();
  const begin = performance.now();
  for (let i = 0; i < ROUNDS; i++) await round();
  return (performance.now() - begin) * 1000 / ROUNDS;
}

async function ours(): Promise<number> {
  const [end, other] = Pipe();
  const child = new Process({ target: answer, args: [other] });
  child.start();
  other.close();
  const time = await timeOf(async () => {
    await end.sendBytes(PACKET);
    await end.recvBytes();
  });
  end.close();
  await child.join();
  return time;
}

async function denos(): Promise<number> {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  using listener = Deno.listen({ transport: "unix", path });
  const child = new Process({ target: answerOverDeno, args: [path] });
  child.start();
  const socket = await listener.accept();
  const reply = new Uint8Array(64);
  const time = await timeOf(async () => {
    await socket.write(PACKET);
    await socket.read(reply);
  });
  socket.close();
  await child.join();
  await Deno.remove(folder, { recursive: true });
  return time;
}

if (import.meta.main) {
  const times: [number, number][] = [];
  for (let i = 0; i < REPEATS; i++) times.push([await ours(), await denos()]);
  const medians = [0, 1].map((side) => `${median(times.map((pair) => pair[side])).toFixed(1)} us`);
  console.log(aligned([["work", "Connection", "Deno.connect"], ["64 bytes there and back, in promises", ...medians]]));
}
