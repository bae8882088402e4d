// What a process costs: `deno run` alone from its start to its end, which no child can be quicker than, what the import
// of the package adds to it, and what a child that does nothing takes; the memory of an idle child and of one that waits.
//
// usage: deno run -A bench/processes.ts

import { getContext, Queue } from "@parallel/multiprocessing";
import { native } from "../src/addon/load.ts";
import { many } from "./smoke.ts";
import { aligned } from "./table.ts";

const REPEATS = many(15, 1);
const CONFIG = `--config=${import.meta.dirname}/../deno.json`;

export function nothing(): void {}

export async function idle(said: Queue, orders: Queue): Promise<void> {
  said.putSync("here");
  await orders.get();
}

/** Milliseconds of each of several runs of a module, in turn with the others. */
async function runs(modules: readonly string[]): Promise<number[][]> {
  const times: number[][] = modules.map(() => []);
  for (let i = 0; i < REPEATS; i++) {
    for (const [k, module] of modules.entries()) {
      const begin = performance.now();
      await new Deno.Command(Deno.execPath(), { args: ["run", "-A", CONFIG, module] }).output();
      times[k].push(performance.now() - begin);
    }
  }
  return times;
}

/** Milliseconds of each of several starts and joins; with `forkserver` one is warm. */
async function startsAndJoins(method: "spawn" | "forkserver"): Promise<number[]> {
  const { Process } = getContext(method);
  const times: number[] = [];
  for (let i = -2; i < REPEATS; i++) {
    await new Promise((resolve) => setTimeout(resolve, method === "spawn" ? 0 : 300));
    const begin = performance.now();
    const child = new Process({ target: nothing });
    child.start();
    child.joinSync();
    if (i >= 0) times.push(performance.now() - begin);
  }
  return times;
}

/** Resident memory, and the part that is shared out among those who share it, in MiB. */
function memory(pid: number): { rss: number; pss: number } {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const field = (name: string) => Number(rollup.match(new RegExp(`^${name}: +(\\d+)`, "m"))![1]) / 1024;
  return { rss: field("Rss"), pss: field("Pss") };
}

async function main(): Promise<void> {
  const names = [
    "bare deno run",
    "with the package",
    "with its sources",
    "spawn, start + join",
    "one warm, start + join",
  ];
  const files = ["deno/bare.ts", "../dist/mod.js", "../mod.ts"];
  const modules = files.map((file) => `${import.meta.dirname}/${file}`);
  const all = [...await runs(modules), await startsAndJoins("spawn"), await startsAndJoins("forkserver")];
  const times = all.map((it) => it.sort((a, b) => a - b));
  const ms = (time: number) => `${time.toFixed(1)} ms`;
  const rows = times.map((it, k) => [names[k], ms(it[0]), ms(it[REPEATS >> 1])]);
  const added = [1, 2].map((side) => [
    side === 1 ? "added" : "added by the sources",
    ...[0, REPEATS >> 1].map((k) => ms(times[side][k] - times[0][k])),
  ]);
  console.log(aligned([["", "least", "median"], ...rows, ...added]));

  using said = new Queue();
  using orders = new Queue();
  const children = ["spawn", "forkserver"].map((method) => {
    const child = new (getContext(method).Process)({ target: idle, args: [said, orders] });
    child.start();
    return child;
  });
  for (const _ of children) await said.get();
  await new Promise((resolve) => setTimeout(resolve, 1000)); // those that wait have booted by then
  const named: [string, number][] = [
    ["this program", Deno.pid],
    ["idle child", children[0].pid!],
    ...native().warmProcesses().map((pid): [string, number] => ["waits for work", pid]),
  ];
  const mib = (size: number) => `${size.toFixed(0)} MiB`;
  console.log();
  console.log(aligned([
    ["", "RSS", "PSS"],
    ...named.map(([name, pid]) => [name, mib(memory(pid).rss), mib(memory(pid).pss)]),
  ]));
  for (const child of children) {
    child.kill();
    await child.join();
  }
}

if (import.meta.main) await main();
