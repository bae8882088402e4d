// When a pool of `{ min, max }` starts workers: the rule alone, without processes. What becomes of it is in sizes.ts.

import { Pool } from "@parallel/multiprocessing";
import { assertEquals, assertThrows } from "@std/assert";
import { type Lack, worthStarting } from "../../src/pool/elastic.ts";

const quiet: Lack = { tasks: 1, workers: 1, pace: 0, lasted: 0, isMoving: false };

const CASES: [what: string, lack: Partial<Lack>, wanted: number][] = [
  ["the first task of a pool without workers", { workers: 0 }, 1],
  ["forty tasks, of which nobody knows how long they take", { workers: 0, tasks: 40 }, 1],
  ["forty tasks of 10 µs", { workers: 0, tasks: 40, pace: 0.01 }, 1],
  ["four tasks of 500 ms", { workers: 0, tasks: 4, pace: 500 }, 4],
  ["forty tasks of 10 µs beside a worker", { tasks: 40, pace: 0.01 }, 0],
  ["a task beside one that takes as long as the last, 500 ms", { pace: 500 }, 1],
  ["a task beside one that takes as long as the last, 20 ms", { pace: 20 }, 0],
  ["three tasks beside one, each of 20 ms", { tasks: 3, pace: 20 }, 2],
  ["a task that has just begun to wait", { lasted: 39 }, 0],
  ["a task that has waited for as long as a start takes", { lasted: 40 }, 1],
  ["many tasks, none of which is answered: the pool is doubled", { tasks: 40, workers: 2, lasted: 40 }, 2],
  ["a stream of quick tasks that one worker is not enough for", {
    tasks: 99,
    pace: 0.01,
    lasted: 40,
    isMoving: true,
  }, 1],
  ["work of 400 ms, in quick tasks", { tasks: 40_000, pace: 0.01 }, 10],
];

for (const [what, lack, wanted] of CASES) {
  Deno.test(`${wanted} workers are started for ${what}`, () => {
    assertEquals(worthStarting({ ...quiet, ...lack }), wanted);
  });
}

Deno.test("the sizes of a pool and its idleTimeout are checked", () => {
  const refused = (size: unknown, message: string, Refusal: typeof TypeError | typeof RangeError, options = {}) =>
    void assertThrows(() => new Pool(size as number, options), Refusal, message);
  refused({ min: 3, max: 2 }, '"processes.min" is 3, wanted at most "processes.max", which is 2', RangeError);
  refused({ min: -1, max: 2 }, '"processes.min" is -1', RangeError);
  refused({ min: 0, max: 0 }, '"processes.max" is 0', RangeError);
  refused({ min: "1", max: 2 }, '"processes.min" is "1"', TypeError);
  refused({ min: 1, max: 1e9 }, '"processes.max" is 1000000000, wanted at most', RangeError);
  refused({ min: 1, mxa: 2 }, '"mxa" is no option, wanted min, max; did you mean "max"?', TypeError);
  refused(2, '"idleTimeout" is given, but "processes" is 2, wanted { min, max }', TypeError, { idleTimeout: 5 });
  refused({ max: 2 }, '"idleTimeout" is -1, wanted milliseconds from 0 on, or null', RangeError, { idleTimeout: -1 });
  refused({ max: 2 }, '"idleTimeout" is "5"', TypeError, { idleTimeout: "5" });
});
