// What arrays in shared memory cost beside ordinary ones, in one run.
//
// usage: deno run -A bench/views.ts

import * as mp from "@parallel/multiprocessing";
import { aligned } from "./table.ts";

const LENGTH = 1_000_000;
const ROUNDS = 7;
const MADE = 5_000;

type Numbers = Float64Array;
type Kind = (length: number) => Numbers;

/** The least of several measurements: what else runs on the machine only adds. */
function least(body: () => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    body();
    best = Math.min(best, performance.now() - begin);
  }
  return best;
}

/** Each anew, so that the compiled code has seen no other kind of array. */
function uses(): Record<string, (make: Kind) => number> {
  const source = Float64Array.from({ length: LENGTH }, () => Math.random());
  const each = (make: Kind, body: (array: Numbers) => void) => {
    const array = make(LENGTH);
    array.set(source);
    return least(() => body(array)) * 1e6 / LENGTH;
  };
  return {
    "read and write an element": (make) =>
      each(make, (array) => {
        for (let i = 0; i < array.length; i++) array[i] += 1;
      }),
    "Atomics.add of an element": (make) => {
      const words = new Int32Array(make(LENGTH).buffer, 0, LENGTH);
      return least(() => {
        for (let i = 0; i < LENGTH; i++) Atomics.add(words, i, 1);
      }) * 1e6 / LENGTH;
    },
    "set, an element": (make) => each(make, (array) => array.set(source)),
    "fill, an element": (make) => each(make, (array) => array.fill(1)),
    "sort, an element": (make) =>
      each(make, (array) => {
        array.set(source);
        array.sort();
      }),
    "for…of, an element": (make) =>
      each(make, (array) => {
        let sum = 0;
        for (const item of array) sum += item;
        array[0] = sum;
      }),
    "make one of 64 bytes, kept": (make) => {
      const kept: Numbers[] = [];
      return least(() => {
        for (let i = 0; i < MADE; i++) kept.push(make(8));
      }) * 1e6 / MADE;
    },
    "make one of 64 bytes, and have it collected": (make) =>
      least(() => {
        for (let i = 0; i < MADE; i++) make(8);
      }) * 1e6 / MADE,
  };
}

/** There and back, in nanoseconds. */
async function posted(make: Kind): Promise<number> {
  const code = "onmessage = ({ data }) => { data[0]++; postMessage(data); }";
  const worker = new Worker(URL.createObjectURL(new Blob([code])), { type: "module" });
  const array = make(LENGTH);
  const once = () =>
    new Promise<void>((resolve) => {
      worker.onmessage = () => resolve();
      worker.postMessage(array);
    });
  let best = Infinity;
  for (let round = 0; round < 4 * ROUNDS; round++) {
    const begin = performance.now();
    await once();
    best = Math.min(best, performance.now() - begin);
  }
  worker.terminate();
  return best * 1e6;
}

const kinds: Record<string, Kind> = {
  ordinary: (length) => new Float64Array(length),
  shared: (length) => mp.RawArray("f64", length),
};

/** Runs this module for one kind, in a process of its own. */
async function inProcess(kind: string): Promise<Record<string, number>> {
  const args = ["run", "-A", `--config=${import.meta.dirname}/../deno.json`, import.meta.filename!, kind];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  if (!success) throw new Error(`Cannot measure ${kind} arrays: their process failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

function time(ns: number): string {
  return ns < 1e3 ? `${ns.toFixed(2)} ns` : `${(ns / 1e3).toFixed(1)} µs`;
}

if (import.meta.main) {
  const [kind] = Deno.args;
  if (kind === undefined) {
    const [ordinary, shared] = [await inProcess("ordinary"), await inProcess("shared")];
    const rows = Object.keys(ordinary).map((what) => [what, time(ordinary[what]), time(shared[what])]);
    console.log(aligned([["", "Float64Array", "RawArray"], ...rows]));
  } else {
    const make = kinds[kind];
    const times = Object.entries(uses()).map(([what, use]) => [what, use(make)]);
    times.push([`to a Worker and back, ${LENGTH} elements`, await posted(make)]);
    console.log(JSON.stringify(Object.fromEntries(times)));
  }
}
