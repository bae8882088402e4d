// Pool: how long it takes to have so many workers that have run their initializer ("all", for each), or the first result of
// a pool of so many ("first").

import { Pool, Semaphore } from "@parallel/multiprocessing";
import { iterations, report, variant } from "./start_line.ts";

export function ready(here: Semaphore): void {
  here.release();
}

export function nothing(): void {}

if (import.meta.main) {
  const n = iterations();
  const kind = variant({ all: 0, first: 0 });
  const here = new Semaphore(0);
  const begin = performance.now();
  const pool = new Pool(n, { initializer: ready, initargs: [here] });
  let elapsed: number;
  if (kind === "first") {
    await pool.apply(nothing);
    elapsed = performance.now() - begin;
  } else {
    for (let i = 0; i < n; i++) await here.acquire();
    elapsed = (performance.now() - begin) / n;
  }
  pool.terminate();
  await pool.join();
  report("pool_start", elapsed * 1e6);
}
