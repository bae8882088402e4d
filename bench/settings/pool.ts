// Calls of a pool, again and again until the time is over.

import { Pool } from "@parallel/multiprocessing";
import { given, type Measured, repeatLater, tell } from "./program.ts";
import { compute } from "./work.ts";

interface Setting {
  readonly workers: number;
  readonly call: "apply" | "map" | "imap" | "imapUnordered";
  readonly items: number;
  readonly chunksize: number;
  readonly work: number;
  readonly size: number;
  readonly seconds: number;
}

/** Computes for so many steps, and gives back what it got. */
export function task(work: number, payload: Uint8Array | number): Uint8Array | number {
  compute(work);
  return payload;
}

/** As {@linkcode task}, of one argument. */
export function item([work, payload]: [number, Uint8Array | number]): Uint8Array | number {
  return task(work, payload);
}

async function measure(pool: Pool, { call, items, chunksize, work, size, seconds }: Setting): Promise<Measured> {
  const payload = size > 0 ? new Uint8Array(size).fill(107) : 1;
  if (call === "apply") {
    return await repeatLater(
      seconds,
      items,
      () => Promise.all(Array.from({ length: items }, () => pool.apply(task, [work, payload]))),
    );
  }
  const all = Array.from({ length: items }, (): [number, Uint8Array | number] => [work, payload]);
  const options = chunksize > 0 ? { chunksize } : {};
  return await repeatLater(seconds, items, async () => {
    if (call === "map") await pool.map(item, all, options);
    else for await (const _ of pool[call](item, all, options)) { /* taken */ }
  });
}

if (import.meta.main) {
  const setting = given<Setting>();
  await using pool = new Pool(setting.workers);
  await pool.map(item, Array.from({ length: 4 * setting.workers }, (): [number, number] => [setting.work, 1]), {
    chunksize: 1,
  });
  tell(await measure(pool, setting));
}
