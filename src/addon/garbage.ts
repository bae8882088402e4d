// Shared memory that is used up: garbage may have some of it.

import { native } from "./load.ts";

/**
 * What `make` makes. Where no memory is left, garbage is collected first: arrays that nobody has any more may have it,
 * and V8 does not know how little there is.
 */
export function collecting<T>(make: () => T): T {
  for (const pause of PAUSES) {
    try {
      return make();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EXHAUSTED") throw error;
    }
    native().collectGarbage();
    makeGarbage();
    Atomics.wait(sleeper ??= new Int32Array(new SharedArrayBuffer(4)), 0, 0, pause);
  }
  collectEverything();
  Atomics.wait(sleeper!, 0, 0, PAUSES.at(-1));
  native().viewLookAgain();
  return make();
}

/** What Node's modules offer for it; they take 15 ms to load, so this is the last resort. */
interface NodeProcess {
  getBuiltinModule(name: "node:v8"): { setFlagsFromString(flags: string): void };
  getBuiltinModule(name: "node:vm"): { runInNewContext(code: string): unknown };
}

/** A full collection, which nothing else in Deno gives at once. */
function collectEverything(): void {
  const { process } = globalThis as unknown as { process: NodeProcess };
  process.getBuiltinModule("node:v8").setFlagsFromString("--expose-gc");
  (process.getBuiltinModule("node:vm").runInNewContext("gc") as () => void)();
}

/** 24 MB of it: V8 collects the young several times, and comes to the end of what {@linkcode collecting} has begun. */
function makeGarbage(): void {
  for (let i = 0; i < 3_000; i++) garbage = new Array(1_000).fill(i);
  garbage = [];
}

/** Keeps V8 from leaving out what nobody reads. */
export let garbage: number[] = [];

/** How long to wait, in milliseconds, for the thread in which V8 unmaps what it has collected. */
const PAUSES = [1, 10, 100];
let sleeper: Int32Array | undefined;
