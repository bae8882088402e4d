// Many small arrays live, half of them go, and others come; then large ones of changing sizes; with a count of 100 000,
// more than the system can have are wanted as well.
//
// usage: deno run -A --config deno.json tests/soak/views.ts [how many small arrays, 100000]

import * as mp from "@parallel/multiprocessing";
import { native } from "../../src/addon/load.ts";
import { collectUntil } from "../support/sharedctypes.ts";

/** From so many on, the limit is not far. */
const MANY = 50_000;

const mappings = () => Deno.readTextFileSync("/proc/self/maps").split("\n").length;

/** Collects garbage, and lets finalizers run. */
async function collect(): Promise<void> {
  native().collectGarbage();
  await new Promise((resolve) => setTimeout(resolve, 100));
}

async function small(count: number): Promise<(Int32Array | Uint8Array)[]> {
  const arrays: (Int32Array | Uint8Array)[] = Array.from({ length: count }, (_, k) => mp.RawArray("i32", [k, -k]));
  console.log("together", mappings());
  for (let k = 0; k < count; k += 2) arrays[k] = arrays[k + 1];
  await collect();
  console.log("apart", mappings(), native().memoryUsage().blocks);
  for (let k = 0; k < count; k += 2) arrays[k] = mp.RawArray("i32", [k, -k]);
  console.log("again", arrays.every((array, k) => array[0] === k && array[1] === -k));
  for (let k = 0; k < count / 10; k++) mp.RawArray("i32", 4);
  await collectUntil(() => native().memoryUsage().blocks < count * 1.06);
  console.log("end", native().memoryUsage().blocks);
  return arrays;
}

function untilRefused(arrays: (Int32Array | Uint8Array)[]): void {
  let error;
  try {
    for (;;) arrays.push(mp.RawArray("u8", 1));
  } catch (refused) {
    error = refused as Error;
  }
  const isRefused = error instanceof RangeError &&
    error.message.startsWith("Cannot share an array: this process has ");
  console.log("refused", isRefused, `(${arrays.length} live)`, error?.message);
  if (!isRefused) throw error;
}

/** Ten arrays that are 5 GB together, each of which is replaced `count / 10` times. */
export function churn(count: number): Uint8Array[] {
  const live: Uint8Array[] = [];
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let n = 0; n < count; n++) {
    if (live.length === 10) live.splice(Math.floor(random() * 10), 1);
    const array = mp.RawArray("u8", Math.ceil(random() * 1e9));
    array[array.length - 1] = 1;
    live.push(array);
  }
  return live;
}

if (import.meta.main) {
  const count = Number(Deno.args[0] ?? 100_000);
  const arrays = await small(count);
  if (count >= MANY) untilRefused(arrays);
  arrays.length = 0;
  console.log("churned", churn(count / 400 | 0).length);
}
