// An array in shared memory: each process copies into its part of it, or adds up its numbers, until the time is over. An
// operation is one time over one part.

import { RawArray } from "@parallel/multiprocessing";
import type { StartLine } from "../deno/start_line.ts";
import { given, lap, type Laps, sumOfLaps, tell } from "./program.ts";

interface Setting {
  readonly processes: number;
  readonly size: number;
  readonly way: "copy" | "sum";
  readonly seconds: number;
}

export function worker(line: StartLine, lane: number, laps: Laps, array: Float64Array, setting: Setting): void {
  const { processes, way, seconds } = setting;
  const length = Math.floor(array.length / processes);
  const part = array.subarray(lane * length, (lane + 1) * length);
  const source = new Float64Array(length).fill(lane);
  lap(line, lane, laps, seconds, 1, way === "copy" ? () => part.set(source) : () => sum(part));
}

function sum(part: Float64Array): void {
  let total = 0;
  for (let i = 0; i < part.length; i++) total += part[i];
  if (Number.isNaN(total)) throw new Error("Cannot measure: the sum is no number");
}

if (import.meta.main) {
  const setting = given<Setting>();
  const { processes, size } = setting;
  const array = RawArray("f64", Math.floor(size / 8));
  tell(sumOfLaps(worker, processes, RawArray("f64", processes), array, setting));
}
