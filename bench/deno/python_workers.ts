// A program and its Python workers: a small object there and back, 1 MiB of float64 there and back, as a copy and in shared
// memory, and 10 000 small tasks through a pool of 2. What the workers do is the same code that CPython's side runs.

import { Pool, Process, python, Queue, RawArray } from "@parallel/multiprocessing";
import { newestPython } from "../sides.ts";
import { iterations, report, timeOf, variant } from "./start_line.ts";

const SIDE = "../python/python_worker_side.py";
const SMALL = { id: 17, name: "Ada Lovelace", ok: true, score: 2.5, tags: ["a", "b", "c"] };
const LENGTH = 2 ** 17;
const executable = (await newestPython())?.path;

type Asked = (jobs: Queue<unknown>, results: Queue<unknown>, ...shared: unknown[]) => void;

/** Nanoseconds for each of n questions that a worker answers. */
async function asked(name: string, question: unknown, n: number, ...shared: unknown[]): Promise<number> {
  const [jobs, results] = [new Queue<unknown>(), new Queue<unknown>()];
  const target = python<Asked>(SIDE, name, { executable });
  const worker = new Process({ target, args: [jobs, results, ...shared] });
  worker.start();
  const body = (times: number) => {
    for (let i = 0; i < times; i++) {
      jobs.putSync(question);
      results.getSync();
    }
  };
  body(Math.max(1, n / 10));
  const ns = timeOf(() => body(n)) / n;
  jobs.putSync(null);
  await worker.join();
  return ns;
}

async function tasks(n: number): Promise<number> {
  const increment = python<(number: number) => number>(SIDE, "increment", { executable });
  const numbers = Array.from({ length: n }, (_, i) => i);
  await using pool = new Pool(2, { python: executable });
  await pool.map(increment, numbers.slice(0, n / 10 + 2), { chunksize: 1 });
  const begin = performance.now();
  await pool.map(increment, numbers);
  return (performance.now() - begin) * 1e6 / n;
}

const floats = () => new Float64Array(LENGTH).map((_, i) => i / 7);

const VARIANTS: Record<string, (n: number) => Promise<number>> = {
  small: (n) => asked("echo", SMALL, n),
  copy: (n) => asked("echo", floats(), n),
  shared(n) {
    const numbers = RawArray("f64", LENGTH);
    numbers.set(floats());
    return asked("swap", 1, n, numbers);
  },
  tasks,
};

if (import.meta.main) {
  const kind = variant(VARIANTS);
  report(`python_workers ${kind}`, await VARIANTS[kind](iterations()));
}
