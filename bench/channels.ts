// The queue beside what else carries messages between threads of JavaScript: Deno's Worker, node's worker_threads, and
// the channel of npm's `multithreading`. All in one run, interleaved.
//
// usage: deno run -A bench/channels.ts

import { measure } from "./sides.ts";
import { many } from "./smoke.ts";
import { median } from "./results.ts";
import { aligned, amount } from "./table.ts";

const REPEATS = many(3, 1);
const MIB = 2 ** 20;

/** Kinds of messages, how many of them, and their bytes where the row is a throughput. */
const KINDS = [
  { kind: "int", iterations: many(50_000, 500) },
  { kind: "object", iterations: many(50_000, 500) },
  { kind: "1KiB", iterations: many(20_000, 200) },
  { kind: "1MiB", iterations: many(200, 10), bytes: MIB },
];

/** A channel: the command that measures it, but for the iterations and the kind. */
interface Channel {
  readonly name: string;
  readonly command: readonly string[];
  /** Kinds that it cannot carry, or so slowly that the measurement would not end. */
  readonly without?: readonly string[];
}

const here = (path: string) => `${import.meta.dirname}/${path}`;
const DENO = [Deno.execPath(), "run", "-A", `--config=${here("../deno.json")}`];

const CHANNELS: readonly Channel[] = [
  { name: "Queue", command: [...DENO, here("deno/queue_one_way.ts")] },
  { name: "Deno Worker", command: [...DENO, here("channels/deno_worker.ts")] },
  { name: "node worker_threads", command: ["node", here("channels/node_threads.mjs")] },
  // Carries JSON only.
  {
    name: "npm multithreading",
    command: [...DENO, here("channels/multithreading.ts")],
    without: ["1KiB", "1MiB"],
  },
];

/** The median; `undefined`, and a line that says why, if the channel does not run. */
async function timeOf({ name, command }: Channel, kind: string, iterations: number): Promise<number | undefined> {
  const times = [];
  try {
    for (let i = 0; i < REPEATS; i++) times.push(await measure([...command, `${iterations}`, kind]));
  } catch (error) {
    console.log(`skipped: ${name}, ${kind}: ${(error as Error).message.split("\n").slice(0, 2).join(" ")}`);
    return undefined;
  }
  return median(times);
}

async function main(): Promise<void> {
  const rows = [];
  const broken = new Set<Channel>();
  for (const { kind, iterations, bytes } of KINDS) {
    const row = [`one way, ${kind}`];
    for (const channel of CHANNELS) {
      const canRun = !broken.has(channel) && !channel.without?.includes(kind);
      const time = canRun ? await timeOf(channel, kind, iterations) : undefined;
      if (canRun && time === undefined) broken.add(channel);
      row.push(amount(time, bytes));
    }
    rows.push(row);
  }
  console.log(`per message, median of ${REPEATS} runs\n`);
  console.log(aligned([["", ...CHANNELS.map(({ name }) => name)], ...rows]));
}

if (import.meta.main) await main();
