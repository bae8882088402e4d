// Workers of Python that die, are cancelled, or could not start: what is lost, and what is not.

import { Pool, ProcessError, TimeoutError, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { isRunning, startProgram, until } from "../support/helpers.ts";
import { each as eachOf, functions, MODULE, newest, oldest, test as testOf } from "./pools.ts";

// What dies is the same in all versions, but for what Python says of it.
const test: typeof testOf = (name, run, with_ = newest) => testOf(name, run, with_);
const each: typeof eachOf = (name, run, options, with_ = newest) => eachOf(name, run, options, with_);

/** Resolves with the first value that a task reports. */
function told<T>(): { first: Promise<T>; onReport: (value: unknown) => void } {
  const { promise, resolve } = Promise.withResolvers<T>();
  return { first: promise, onReport: (value) => resolve(value as T) };
}

test("a worker that is killed costs its task, and nothing else", async ({ path: python }) => {
  const { tell_and_wait, square } = functions;
  await using pool = new Pool(2, { python });
  const { first, onReport } = told<number>();
  const doomed = pool.apply(tell_and_wait, ["sleep"], { onReport });
  const others = Promise.all(Array.from({ length: 50 }, (_, i) => pool.apply(square, [i])));
  const pid = await first;
  Deno.kill(pid, "SIGKILL");
  const error = await assertRejects(() => doomed, WorkerLostError);
  assertEquals([error.pid, error.exitcode, error.signal], [pid, -9, "SIGKILL"]);
  assertEquals(await others, Array.from({ length: 50 }, (_, i) => i * i));
  await until("the worker replaced", () => pool.stats().idle === 2);
});

const ENDS: Record<string, [exitcode: number, says: string]> = {
  "segfault": [-11, 'pool_functions.py", line'], // faulthandler tells the line
  "_exit": [7, ""],
  "exit": [3, ""],
  "exit with text": [1, "enough"],
  "SIGABRT": [-6, ""],
  "SIGKILL": [-9, ""],
};

eachOf("each way to die costs the task, and the worker is replaced", async (pool) => {
  const { die, square } = functions;
  for (const [how, [exitcode, says]] of Object.entries(ENDS)) {
    const error = await assertRejects(() => pool.apply(die, [how]), WorkerLostError);
    assertEquals([how, error.exitcode], [how, exitcode]);
    assertStringIncludes(error.stderr, says);
    assertEquals(await pool.apply(square, [3]), 9);
  }
  const retried = await pool.apply(functions.die_once, ["SIGKILL"], { retries: 1 });
  assertEquals(retried, 1);
});

each("of a chunk, a death costs what was begun of it", async (pool) => {
  const all = await pool.map(functions.die_once, ["SIGKILL", "SIGKILL"], { settled: true, chunksize: 2 });
  assertEquals(all.map(({ status }) => status), ["rejected", "rejected"]);
});

each("a task is cancelled: politely, or with its worker", async (pool) => {
  const { tell_and_wait, square } = functions;
  for (const how of ["polite", "spin", "sleep"]) {
    const { first, onReport } = told<number>();
    const controller = new AbortController();
    const call = pool.apply(tell_and_wait, [how], { onReport, signal: controller.signal });
    const pid = await first;
    controller.abort(new Error("enough"));
    await assertRejects(() => call, Error, "enough");
    assertEquals(await pool.apply(square, [4]), 16);
    if (how !== "polite") await until("its end", () => !isRunning(pid));
    else assert(isRunning(pid));
  }
}, { grace: 200 });

each("a time-out of the call and of the task", async (pool) => {
  const { tell_and_wait, square } = functions;
  await assertRejects(() => pool.apply(tell_and_wait, ["spin"], { timeout: 50 }), TimeoutError);
  await assertRejects(() => pool.map(tell_and_wait, ["spin"], { taskTimeout: 50 }), TimeoutError);
  assertEquals(await pool.apply(square, [4]), 16);
}, { grace: 0 });

each("priorities and the limit of what waits", async (pool) => {
  const { tell_and_wait, echo } = functions;
  const { first, onReport } = told<number>();
  const controller = new AbortController();
  const blocker = pool.apply(tell_and_wait, ["polite"], { onReport, signal: controller.signal });
  blocker.catch(() => {});
  await first;
  const order: unknown[] = [];
  const note = (value: unknown) => order.push(value);
  const calls = [0, 2, 1].map((priority) => pool.apply(echo, [priority], { priority }).then(note));
  controller.abort();
  await Promise.all(calls);
  assertEquals(order, [2, 1, 0]);
});

test("the initializer runs once in each worker, and the finalizer at its end", async ({ path: python }) => {
  const { load, loaded, unload } = functions;
  const file = await Deno.makeTempFile();
  try {
    const options = { python, initializer: load, initargs: [file] as [string], finalizer: unload, maxtasksperchild: 2 };
    const pool = new Pool(1, options);
    const pids = new Set<number>();
    for (let i = 0; i < 5; i++) {
      const [model, pid] = await pool.apply(loaded);
      assertEquals(model, file);
      pids.add(pid);
    }
    assertEquals(pids.size, 3);
    pool.close();
    await pool.join();
    assertEquals(await Deno.readTextFile(file), "unloaded\n".repeat(3));
  } finally {
    await Deno.remove(file);
  }
});

test("an initializer that fails, exits or is absent ends the pool, with its reason", async ({ path: python }) => {
  const { load, square, echo } = functions;
  await using bad = new Pool(1, { python, initializer: load, initargs: ["bad"], stderr: "piped" });
  const error = await assertRejects(() => bad.apply(square, [1]), ProcessError);
  assertStringIncludes(error.message, "could not run the initializer: this model cannot be loaded");
  assertEquals((error.cause as { type?: string }).type, "ValueError");
  await using exits = new Pool(1, { python, initializer: load, initargs: ["exit"] });
  await assertRejects(() => exits.apply(echo, [1]), ProcessError, "the last ended with exit code 3");
});

test("a worker whose memory has grown is replaced", async ({ path: python }) => {
  await using pool = new Pool(1, { python, maxMemory: 80 * 2 ** 20 });
  const first = await pool.apply(functions.grow, [100 * 2 ** 20]);
  const [, second] = await pool.apply(functions.loaded);
  assert(first !== second);
});

each("close and join wait for what is under way; terminate does not", async (pool, { path: python }) => {
  const { square, ignore_signals } = functions;
  const results = pool.map(square, [1, 2, 3]);
  pool.close();
  await pool.join();
  assertEquals(await results, [1, 4, 9]);
  const other = new Pool(1, { python });
  const { first, onReport } = told<number>();
  const call = other.apply(ignore_signals, [], { onReport });
  const pid = await first;
  const ended = assertRejects(() => call);
  await other.terminate();
  await ended;
  assert(!isRunning(pid));
});

each("closed descriptors cost the worker at most", async (pool) => {
  for (const first of [0, 3]) {
    await pool.apply(functions.close_descriptors, [first]).catch((error: unknown) => {
      assert(error instanceof WorkerLostError, `${error}`);
    });
    assertEquals(await pool.apply(functions.square, [3]), 9);
  }
});

Deno.test({
  name: "what a signal to the program does to its workers",
  ignore: oldest === undefined,
  fn: async () => {
    for (const [signal, way] of [["SIGKILL", "alone"], ["SIGINT", "group"], ["SIGTERM", "group"]] as const) {
      await using program = startProgram(new URL("../fixtures/python/pool_program.ts", import.meta.url), {
        args: [oldest!.path, MODULE],
        detached: true,
      });
      const pids = JSON.parse(await program.said("begun ")) as number[];
      assertEquals(pids.length, 2);
      if (way === "alone") program.kill(signal);
      else program.killGroup(signal);
      if (way === "group") assertEquals(await program.said("results "), "[1,4,9]"); // it listens, and finishes
      await program.outcome();
      await until("the end of the workers", () => !pids.some(isRunning));
    }
  },
});

Deno.test({
  name: "what is printed comes out, also of a worker that is terminated",
  ignore: oldest === undefined,
  fn: async () => {
    await using program = startProgram(new URL("../fixtures/python/pool_program.ts", import.meta.url), {
      args: [oldest!.path, MODULE, "print"],
    });
    const { code, stdout, stderr } = await program.outcome();
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^o{2000000}\n/);
    assertEquals(stderr.match(/e/g)?.length, 2_000_000);
  },
});
