// What a queue does with many producers and consumers, when it is idle, and with a backlog of ten million messages.
//
// usage: deno run -A bench/queues.ts

import { Process, Queue, RawArray } from "@parallel/multiprocessing";
import { native } from "../src/addon/load.ts";
import { race, type StartLine, timeLane } from "./deno/start_line.ts";
import { isSmoke, many } from "./smoke.ts";
import { aligned } from "./table.ts";

const SIDES = isSmoke ? [1, 2] : [1, 2, 4, 8];
/** Messages per cell of the scaling table. */
const MESSAGES = many(240_000, 2_400);
const PINGS = many(500, 10);
/** Milliseconds between two messages into the idle queue: long enough for the consumer to fall asleep. */
const PAUSE = 4;
const BACKLOG = many(10_000_000, 10_000);
/** Milliseconds that a consumer waits in vain. */
const IDLE = many(10_000, 100);
/** Milliseconds of CPU time that it may take for it. */
const MOST_CPU = 10;

type Way = "get" | "getSync";

/** One lane of the scaling table: the first `producers` put, the others take. */
export function lane(line: StartLine, index: number, queue: Queue<number>, producers: number, consumers: number): void {
  timeLane(line, index, () => {
    if (index < producers) { for (let i = 0; i < MESSAGES / producers; i++) queue.putSync(i); }
    else for (let i = 0; i < MESSAGES / consumers; i++) queue.getSync();
  });
}

function scaling(): string[][] {
  return SIDES.map((producers) => [
    `${producers}`,
    ...SIDES.map((consumers) => {
      using queue = new Queue<number>();
      const lanes = race(lane, producers + consumers, queue, producers, consumers);
      return `${Math.round(MESSAGES / (Math.max(...lanes) / 1e9) / 1000)} k/s`;
    }),
  ]);
}

const now = () => performance.timeOrigin + performance.now();

/** Notes for each message how long it took, in milliseconds. */
export async function pong(queue: Queue<number>, way: Way, delays: Float64Array, ready: Queue): Promise<void> {
  ready.putSync("ready");
  for (let i = 0; i < PINGS; i++) {
    const sent = way === "get" ? await queue.get() : queue.getSync();
    delays[i] = now() - sent;
  }
}

async function latency(way: Way): Promise<string[]> {
  using queue = new Queue<number>();
  using ready = new Queue();
  const delays = RawArray("f64", PINGS);
  const consumer = new Process({ target: pong, args: [queue, way, delays, ready] });
  consumer.start();
  await ready.get();
  for (let i = 0; i < PINGS; i++) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
    queue.putSync(now());
  }
  await consumer.join();
  const sorted = delays.toSorted();
  const percentile = (percent: number) => `${(1000 * sorted[Math.floor((PINGS - 1) * percent / 100)]).toFixed(0)} us`;
  return [way, percentile(50), percentile(99)];
}

function backlog(): string[][] {
  const usage = () => native().memoryUsage();
  using queue = new Queue<number>();
  const before = usage();
  const begin = performance.now();
  for (let i = 0; i < BACKLOG; i++) queue.putSync(i);
  const put = performance.now();
  const full = usage();
  for (let i = 0; i < BACKLOG; i++) if (queue.getSync() !== i) throw new Error(`Cannot measure: ${i} is missing`);
  const taken = performance.now();
  const after = usage();
  return [
    ["time to put", `${((put - begin) / 1000).toFixed(2)} s`],
    ["time to take", `${((taken - put) / 1000).toFixed(2)} s`],
    ["memory per message", `${((full.resident - before.resident) / BACKLOG).toFixed(1)} bytes`],
    ["memory before", mebibytes(before.resident)],
    ["memory with all of them", mebibytes(full.resident)],
    ["memory after draining", mebibytes(after.resident)],
  ];
}

/** Waits in vain; tells the CPU time of the wait. */
export async function wait(queue: Queue, way: Way, told: Queue<number>): Promise<void> {
  const options = { timeout: IDLE };
  // What is compiled and opened at first.
  await queue.get({ timeout: 1 }).catch(() => {});
  const before = cpuTime();
  if (way === "get") await queue.get(options).catch(() => {});
  else await Promise.try(() => queue.getSync(options)).catch(() => {});
  told.putSync(cpuTime() - before);
}

/** Milliseconds of CPU time that all threads of this process have used, to the microsecond. */
function cpuTime(): number {
  let ns = 0;
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    ns += Number(Deno.readTextFileSync(`/proc/self/task/${name}/schedstat`).split(" ")[0]);
  }
  return ns / 1e6;
}

/** CPU time of a consumer that waits, in milliseconds. */
async function idle(way: Way): Promise<number> {
  using queue = new Queue();
  using told = new Queue<number>();
  const consumer = new Process({ target: wait, args: [queue, way, told] });
  consumer.start();
  const time = await told.get();
  await consumer.join();
  return time;
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

async function main(): Promise<boolean> {
  console.log(`${MESSAGES} small ints, messages per second: producers down, consumers across\n`);
  console.log(aligned([["", ...SIDES.map(String)], ...scaling()]));
  console.log(`\none message every ${PAUSE} ms into an idle queue, ${PINGS} times\n`);
  console.log(aligned([["consumer", "p50", "p99"], await latency("get"), await latency("getSync")]));
  console.log(`\n${BACKLOG} small ints put before any is taken\n`);
  console.log(aligned([["", ""], ...backlog()]));
  const times = { get: await idle("get"), getSync: await idle("getSync") };
  console.log(`\na consumer that waits for ${IDLE / 1000} s\n`);
  const rows = Object.entries(times).map(([way, time]) => [
    way,
    `${time.toFixed(2)} ms`,
    time < MOST_CPU ? "yes" : "NO",
  ]);
  console.log(aligned([["consumer", "CPU time", `< ${MOST_CPU} ms?`], ...rows]));
  return Object.values(times).every((time) => time < MOST_CPU);
}

if (import.meta.main) Deno.exit(await main() || isSmoke ? 0 : 1);
