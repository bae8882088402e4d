// Pool of 2: apply, one after the other and 200 at a time, map, also by a pool of 64, imap with chunksize 1, and 1 MiB of bytes
// there and back; per item.

import { Pool, Semaphore } from "@parallel/multiprocessing";
import { iterations, report, variant } from "./start_line.ts";

export function ready(here: Semaphore): void {
  here.release();
}

export function square(x: number): number {
  return x * x;
}

export function same<T>(value: T): T {
  return value;
}

const AT_A_TIME = 200;
const WORKERS = 2;
/** Workers of a pool that has many more of them than there are CPUs, and the items that each is to have at least. */
const MANY_WORKERS = 64;
const EACH = 1_000;
const MIB = new Uint8Array(2 ** 20).fill(109);

const VARIANTS: Record<string, (pool: Pool, numbers: number[]) => Promise<void>> = {
  async apply(pool, numbers) {
    for (const i of numbers) await pool.apply(square, [i]);
  },
  async many(pool, numbers) {
    for (let i = 0; i < numbers.length; i += AT_A_TIME) {
      await Promise.all(numbers.slice(i, i + AT_A_TIME).map((it) => pool.apply(square, [it])));
    }
  },
  async map(pool, numbers) {
    await pool.map(square, numbers);
  },
  async "map by 64"(pool, numbers) {
    await pool.map(square, numbers);
  },
  async imap(pool, numbers) {
    for await (const _ of pool.imap(square, numbers)) { /* taken */ }
  },
  async imapUnordered(pool, numbers) {
    for await (const _ of pool.imapUnordered(square, numbers)) { /* taken */ }
  },
  async "1MiB"(pool, { length }) {
    for await (const _ of pool.imap(same<Uint8Array>, Array(length).fill(MIB))) { /* taken */ }
  },
};

if (import.meta.main) {
  const n = iterations();
  const kind = variant(VARIANTS);
  const run = VARIANTS[kind];
  const workers = kind === "map by 64" ? Math.min(MANY_WORKERS, Math.ceil(n / EACH)) : WORKERS;
  using here = new Semaphore(0);
  await using pool = new Pool(workers, { initializer: ready, initargs: [here] });
  for (let i = 0; i < workers; i++) await here.acquire();
  // Made before: Deno takes three times as long for it as for the rest of a map.
  const numbers = Array.from({ length: n }, (_, i) => i);
  await run(pool, numbers.slice(n / 2));
  const begin = performance.now();
  await run(pool, numbers);
  report(`pool_calls ${kind}`, (performance.now() - begin) * 1e6 / n);
}
