// Floor of the free lock: a compare-exchange and an exchange of one word of shared memory, per pair.

import { RawArray } from "@parallel/multiprocessing";
import { iterations, report, timeOf } from "./start_line.ts";

function pairs(words: Int32Array, n: number): void {
  for (let i = 0; i < n; i++) {
    if (Atomics.compareExchange(words, 0, 0, 1) !== 0) throw new Error("Cannot measure: the word is taken");
    Atomics.exchange(words, 0, 0);
  }
}

if (import.meta.main) {
  const n = iterations();
  const words = RawArray("i32", 1);
  pairs(words, n / 10);
  report("atomics_pair", timeOf(() => pairs(words, n)) / n);
}
