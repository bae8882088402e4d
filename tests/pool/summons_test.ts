// Which workers are called for how many tasks.

import { assertEquals } from "@std/assert";
import { Mode } from "../../src/pool/messages.ts";
import { callWorkers } from "../../src/pool/summons.ts";
import type { WorkerHandle } from "../../src/pool/worker_handle.ts";

interface Worker {
  readonly runs?: number;
  readonly mode?: keyof typeof Mode;
  /** How many it was called for, in `called`. */
  readonly calledFor?: number;
  readonly lastAnswer?: number;
  readonly sinceSign?: number;
  readonly isRetired?: boolean;
}

/** How many tasks each of the workers is called for, and whether that is all that can be done. */
function calls(
  waiting: number,
  concurrency: number,
  workers: readonly Worker[],
): [calledFor: number[], isSure: boolean] {
  const given = new Map(Array.from({ length: waiting }, (_, i) => [i, null]));
  const called = workers.map(() => 0);
  const handles = workers.map(({ runs = 0, mode = "asleep", calledFor = 1, ...rest }, i) => {
    for (let n = 0; n < runs; n++) given.set(given.size, null);
    const handle = {
      state: "ready",
      isRetired: false,
      lastAnswer: 0,
      sinceSign: 0,
      calledFor,
      mode: Mode[mode],
      ...rest,
    };
    return { ...handle, countBegun: () => runs, call: (more: number) => called[i] = more } as Partial<WorkerHandle>;
  });
  return [called, callWorkers(given, handles as WorkerHandle[], concurrency)];
}

Deno.test("as many workers of one task are called as tasks are missing, those first that have worked last", () => {
  assertEquals(calls(2, 1, [{ lastAnswer: 3 }, { lastAnswer: 5 }, { lastAnswer: 4 }]), [[0, 1, 1], false]);
  assertEquals(calls(5, 1, [{}, {}]), [[1, 1], true]);
  assertEquals(calls(0, 1, [{}, {}]), [[0, 0], true]);
  assertEquals(calls(2, 1, [{}, { mode: "searching" }, {}]), [[1, 0, 0], false]);
  assertEquals(calls(1, 1, [{}, { mode: "called" }]), [[0, 0], false]);
  assertEquals(calls(1, 1, [{}, { mode: "called", sinceSign: 60 }]), [[1, 0], true]);
  assertEquals(calls(1, 1, [{}, { mode: "running", runs: 1 }]), [[1, 0], true]);
  assertEquals(calls(2, 1, [{ runs: 1 }, {}]), [[1, 1], true]); // it rests: its answer is yet to be read
  assertEquals(calls(2, 1, [{ isRetired: true }, {}]), [[0, 1], true]);
});

Deno.test("workers of several tasks are called for as many that all run the same number", () => {
  assertEquals(calls(4, 3, [{}, {}]), [[2, 2], false]);
  assertEquals(calls(2, 3, [{ runs: 2 }, { runs: 0 }]), [[0, 2], false]);
  assertEquals(calls(1, 3, [{ runs: 1 }, { runs: 2 }]), [[1, 0], false]);
  assertEquals(calls(9, 3, [{ runs: 1 }, { runs: 3 }]), [[2, 0], true]);
  assertEquals(calls(5, 4, [{}, { mode: "lingering" }]), [[3, 0], false]); // which takes one, and asks for the other
  assertEquals(calls(3, 4, [{ runs: 1 }, { mode: "called", calledFor: 3 }]), [[0, 0], false]);
  assertEquals(calls(3, 4, [{ runs: 1 }, { mode: "running", runs: 4 }]), [[3, 0], true]);
  assertEquals(calls(2, 4, [{ runs: 1 }, { mode: "away", runs: 1 }]), [[2, 0], false]);
});
