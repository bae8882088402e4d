// What is done with Python workers by other ways than this package's: the same as in ../deno/python_workers.ts.

import { newestPython } from "../sides.ts";

/** A worker of another kind. */
export interface Worker {
  /** Sends a value; its answer. */
  ask(value: unknown): unknown;
  /** Ends it, and waits for that. */
  end(): Promise<unknown>;
}

/** Starts a worker that does what the word says; one that increments is asked much at a time. */
export type Start = (python: string, work: "echo" | "increment") => Promise<Worker>;

const SMALL = { id: 17, name: "Ada Lovelace", ok: true, score: 2.5, tags: ["a", "b", "c"] };
const LENGTH = 2 ** 17;
const WORKERS = 2;
/** Questions under way at a time, to each worker. */
const AT_A_TIME = 100;

async function asked(worker: Worker, question: unknown, times: number): Promise<number> {
  await worker.ask(question);
  const begin = performance.now();
  for (let i = 0; i < times; i++) await worker.ask(question);
  return (performance.now() - begin) * 1e6 / times;
}

/** Gives each worker its part of the numbers; nanoseconds for each number. */
async function shared(workers: readonly Worker[], numbers: readonly number[]): Promise<number> {
  const begin = performance.now();
  let next = 0;
  const lane = async (worker: Worker) => {
    while (next < numbers.length) {
      const part = numbers.slice(next, next += AT_A_TIME);
      const results = await Promise.all(part.map((number) => worker.ask(number)));
      if (results[0] !== part[0] + 1) throw new Error(`Cannot measure: ${results[0]} is the answer to ${part[0]}`);
    }
  };
  await Promise.all(workers.map(lane));
  return (performance.now() - begin) * 1e6 / numbers.length;
}

/** Measures what the command line says, and prints it; `floats`: what 1 MiB of numbers is to such a worker. */
export async function measure(start: Start, floats: (numbers: Float64Array) => unknown): Promise<void> {
  const [iterations, variant] = [Number(Deno.args[0]), Deno.args[1]];
  const python = (await newestPython())?.path ?? "python3";
  const isPool = variant === "tasks";
  const work = isPool ? "increment" : "echo";
  const workers = await Promise.all(Array.from({ length: isPool ? WORKERS : 1 }, () => start(python, work)));
  const numbers = Array.from({ length: iterations }, (_, i) => i);
  let ns: number;
  if (isPool) {
    await shared(workers, numbers.slice(0, iterations / 10 + 2));
    ns = await shared(workers, numbers);
  } else {
    // 1 MiB as text takes a fifth of a second: fewer of these tell as much.
    const times = variant === "small" ? iterations : Math.max(1, iterations / 20);
    const question = variant === "small" ? SMALL : floats(new Float64Array(LENGTH).map((_, i) => i / 7));
    ns = await asked(workers[0], question, times);
  }
  await Promise.all(workers.map((worker) => worker.end()));
  console.log(JSON.stringify({ work: `python_workers ${variant}`, ns }));
}
