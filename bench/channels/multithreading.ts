// The channel of npm's `multithreading`: one worker sends, another receives, per message. It carries JSON only.
//
// usage: deno run -A bench/channels/multithreading.ts <iterations> <kind>

import { channel, move, type Receiver, type Sender, shutdown, spawn } from "multithreading";

// The functions are serialised by source: all that they use is inside.

async function produce(sender: Sender<unknown>, messages: string, kind: string, n: number): Promise<void> {
  const { MESSAGES } = await import(messages);
  for (let i = 0; i < n; i++) sender.blockingSend(MESSAGES[kind](i));
}

function consume(receiver: Receiver<unknown>, n: number): number {
  const warmUp = n / 10;
  for (let i = 0; i < warmUp; i++) receiver.blockingRecv();
  const begin = performance.now();
  for (let i = 0; i < n; i++) receiver.blockingRecv();
  return (performance.now() - begin) * 1e6 / n;
}

const [n, kind] = [Number(Deno.args[0]), Deno.args[1]];
const [sender, receiver] = channel<unknown>();
const messages = new URL("messages.mjs", import.meta.url).href;
const producer = spawn(move(sender, messages, kind, n + n / 10), produce);
const consumer = await spawn(move(receiver, n), consume).join();
await producer.join();
if (!consumer.ok) throw consumer.error;
console.log(JSON.stringify({ work: `multithreading ${kind}`, ns: consumer.value }));
shutdown();
