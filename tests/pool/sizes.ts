// Pools that grow and shrink with their tasks.

import {
  Barrier,
  cpuCount,
  Event,
  type Pool,
  ProcessError,
  Queue,
  type WorkerExit,
  WorkerLostError,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_size_targets.ts";
import { isRunning, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

/** How many workers start at a time. */
const breadth = () => Math.max(4, cpuCount());

const sizeIn = (pool: object) => Number(String(pool).match(/pool_size=(\d+)/)![1]);

export function sizesOfPools({ pool: poolOf, test }: Suite): void {
  test("a pool of { min: 0 } starts a worker with the first task, ends it when it is idle, and starts another", async () => {
    const exits: WorkerExit[] = [];
    const onWorkerExit = (worker: WorkerExit) => void exits.push(worker);
    await using pool = poolOf({ min: 0, max: 3 }, { idleTimeout: 1, onWorkerExit });
    const { processes, min, workers } = pool.stats();
    assertEquals([processes, min, workers, sizeIn(pool)], [3, 0, [], 0]);
    const first = await pool.apply(targets.pid);
    await until("the end of the worker", () => exits.length === 1);
    const { pid, exitcode, expected, tasks } = exits[0];
    assertEquals([pid, exitcode, expected, tasks, isRunning(first)], [first, 0, true, 1, false]);
    assertEquals([pool.stats().workers, sizeIn(pool)], [[], 0]);
    assert(await pool.apply(targets.pid) !== first);
    assertEquals(pool.stats().restarts, 0); // it is in nobody's place
  });

  test("a pool grows while tasks wait behind others, up to its max, and shrinks to its min: the longest idle go", async () => {
    using together = new Barrier(3);
    const sizes: [number, number][] = [];
    const onWorkerStart = () => void sizes.push([pool.stats().workers.length, sizeIn(pool)]);
    await using pool: Pool = poolOf({ min: 1, max: 3 }, { idleTimeout: 20, onWorkerStart });
    assertEquals([pool.stats().workers.length, sizeIn(pool)], [1, 1]);
    const pids = await Promise.all([1, 2, 3].map(() => pool.apply(targets.meet, [together])));
    assertEquals(new Set(pids).size, 3);
    assertEquals(sizes.at(-1), [3, 3]); // by now one of them may have been idle for long enough
    const last = await pool.apply(targets.pid);
    await until("one that is left", () => sizeIn(pool) === 1);
    await until("the end of the others", () => pids.filter(isRunning).length === 1);
    assertEquals(await pool.apply(targets.pid), last);
  });

  test("a pool of many begins with a few, can be used at once, and has all of them in the end", async () => {
    const [few, many] = [breadth(), breadth() + 3];
    const starts: number[] = [];
    await using pool = poolOf(many, { onWorkerStart: ({ pid }) => void starts.push(pid) });
    assertEquals([pool.stats().workers.length, sizeIn(pool)], [few, many]);
    assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]);
    await until("all of them", () => pool.stats().idle === many);
    assertEquals([pool.stats().restarts, new Set(starts).size], [0, many]);
  });

  test("workers of a pool of many that wait for each other before they are ready do so not in vain", async () => {
    const many = breadth() + 1;
    using together = new Barrier(many);
    await using pool = poolOf(many, { initializer: targets.meet, initargs: [together] });
    assertEquals(await pool.apply(targets.square, [3]), 9);
    assertEquals([pool.stats().workers.length, pool.stats().restarts], [many, 0]);
  });

  test("one that dies while others are yet to be started is replaced", async () => {
    const many = breadth() + 2;
    await using pool = poolOf(many);
    Deno.kill(pool.stats().workers[0].pid, "SIGKILL");
    await until("all of them", () => pool.stats().idle === many);
    assertEquals([pool.stats().workers.length, pool.stats().restarts], [many, 1]);
  });

  test("more than max workers are never started", async () => {
    using go = new Event();
    using said = new Queue<number>();
    await using pool = poolOf({ min: 0, max: 2 });
    const tasks = [1, 2, 3, 4, 5].map(() => pool.apply(targets.wait, [said, go]));
    await said.get();
    await said.get();
    const { processes, workers } = pool.stats();
    assertEquals([processes, workers.length, said.empty()], [2, 2, true]);
    go.set();
    assertEquals(new Set(await Promise.all(tasks)).size, 2);
  });

  test("a task that is given while its worker decides to end is not lost", async () => {
    await using pool = poolOf({ min: 0, max: 1 }, { idleTimeout: 0 });
    for (let i = 0; i < 8; i++) {
      assertEquals(await pool.apply(targets.square, [i]), i * i);
      // Around the moment when the worker is told to end.
      await new Promise((resolve) => setTimeout(resolve, i % 4));
    }
    const tasks = Array.from({ length: 50 }, (_, i) => pool.apply(targets.square, [i]));
    assertEquals(await Promise.all(tasks), Array.from({ length: 50 }, (_, i) => i * i));
  });

  test("a killed worker costs its task, and another comes for what waits", async () => {
    using said = new Queue<number>();
    using go = new Event();
    await using pool = poolOf({ min: 0, max: 1 });
    const lost = assertRejects(() => pool.apply(targets.wait, [said, go]), WorkerLostError);
    const waiting = pool.map(targets.square, [1, 2, 3], { chunksize: 1 });
    Deno.kill(await said.get(), "SIGKILL");
    await lost;
    assertEquals([await waiting, pool.stats().restarts], [[1, 4, 9], 1]);
    const again = pool.apply(targets.wait, [said, go], { retries: 1 });
    Deno.kill(await said.get(), "SIGKILL");
    const second = await said.get();
    go.set();
    assertEquals(await again, second);
  });

  test("a worker killed while it is idle is not missed until there is a task", async () => {
    await using pool = poolOf({ min: 0, max: 2 });
    const pid = await pool.apply(targets.pid);
    Deno.kill(pid, "SIGKILL");
    await until("no worker", () => pool.stats().workers.length === 0);
    assert(await pool.apply(targets.pid) !== pid);
  });

  test("maxtasksperchild replaces workers as long as there are tasks", async () => {
    await using pool = poolOf({ min: 0, max: 1 }, { maxtasksperchild: 1 });
    assertEquals(new Set(await pool.map(targets.pid, [1, 2, 3], { chunksize: 1 })).size, 3);
    await until("the end of the last", () => pool.stats().workers.length === 0);
    assertEquals(pool.stats().restarts, 2);
  });

  test("workers that cannot start break a pool of { min: 0 }, too", async () => {
    await using pool = poolOf({ min: 0, max: 2 }, { initializer: targets.refuseToStart });
    await assertRejects(
      () => pool.apply(targets.square, [3]),
      ProcessError,
      "3 workers in a row could not run the initializer",
    );
  });

  test("close() lets all tasks be done by a pool that has yet to start a worker", async () => {
    const pool = poolOf({ min: 0, max: 2 });
    const results = pool.map(targets.square, [1, 2, 3, 4]);
    pool.close();
    assert(await pool.join());
    assertEquals(await results, [1, 4, 9, 16]);
    const empty = poolOf({ min: 0, max: 2 });
    empty.close();
    assert(await empty.join());
  });
}
