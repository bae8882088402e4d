// Pool of 2: apply, map, imap with chunksize 1, and 1 MiB of bytes there and back; per item.

import { Pool } from "@parallel/multiprocessing";
import { iterations, report, variant } from "./start_line.ts";

export function square(x: number): number {
  return x * x;
}

export function same<T>(value: T): T {
  return value;
}

const MIB = new Uint8Array(2 ** 20).fill(109);

const VARIANTS: Record<string, (pool: Pool, n: number) => Promise<void>> = {
  async apply(pool, n) {
    for (let i = 0; i < n; i++) await pool.apply(square, [i]);
  },
  async map(pool, n) {
    await pool.map(square, Array.from({ length: n }, (_, i) => i));
  },
  async imap(pool, n) {
    for await (const _ of pool.imap(square, Array(n).keys())) { /* taken */ }
  },
  async imapUnordered(pool, n) {
    for await (const _ of pool.imapUnordered(square, Array(n).keys())) { /* taken */ }
  },
  async "1MiB"(pool, n) {
    for await (const _ of pool.imap(same<Uint8Array>, Array(n).fill(MIB))) { /* taken */ }
  },
};

if (import.meta.main) {
  const n = iterations();
  const kind = variant(VARIANTS);
  const run = VARIANTS[kind];
  await using pool = new Pool(2);
  await run(pool, Math.ceil(n / 2));
  const begin = performance.now();
  await run(pool, n);
  report(`pool_calls ${kind}`, (performance.now() - begin) * 1e6 / n);
}
