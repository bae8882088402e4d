// Workers that run several tasks at a time.

import { Event, type Pool, Queue, RawArray, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/pool/pool_concurrency_targets.ts";
import { dieBeforeNoting } from "../fixtures/pool/pool_order_targets.ts";
import { pid, square, tellAndSpin } from "../fixtures/pool/pool_targets.ts";
import { isRunning, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** How many tasks each worker runs. */
function loads(pool: Pool): number[] {
  return pool.stats().workers.map(({ running }) => running).sort();
}

/** The next of a queue. */
function next<T>(log: Queue<T>, n: number): Promise<T[]> {
  return Promise.all(numbers(n).map(() => log.get()));
}

export function concurrencyOfPools({ pool: poolOf, test }: Suite): void {
  test("a worker runs as many tasks at a time as it may, and no more", async () => {
    await using pool = poolOf(1, { concurrency: 4 });
    const pids = await Promise.all(numbers(8).map(() => pool.apply(targets.meet, [4])));
    assertEquals(new Set(pids).size, 1);
    using log = new Queue<number>();
    using go = new Event();
    const held = numbers(6).map(() => pool.apply(targets.hold, [log, go]));
    await next(log, 4);
    const { busy, queued, workers: [{ running }] } = pool.stats();
    assertEquals([busy, queued, running, log.empty()], [1, 2, 4, true]);
    go.set();
    await Promise.all(held);
    assertEquals(loads(pool), [0]);
  });

  test("tasks go to the workers that run the fewest", async () => {
    await using pool = poolOf(2, { concurrency: 3 });
    using log = new Queue<number>();
    using go = new Event();
    await until("both workers", () => pool.stats().idle === 2);
    const begin: Record<string, (n: number) => Promise<unknown>[]> = {
      apply: (n) => numbers(n).map(() => pool.apply(targets.hold, [log, go])),
      map: (n) => [pool.map(targets.holdOne, Array(n).fill([log, go] as const))],
    };
    for (const [way, calls] of Object.entries(begin)) {
      // Not at the first attempt, perhaps: a worker that gets no processor for 50 ms is not waited for.
      for (let attempt = 0, found = ""; found !== "2,2"; attempt++) {
        assert(attempt < 10, `${way}: ${found}`);
        const held = calls(4);
        await next(log, 4);
        found = loads(pool).join();
        go.set();
        await Promise.all(held);
        go.clear();
      }
    }
  });

  test("a worker with room takes tasks without its pool, which is blocked", async () => {
    await using pool = poolOf(1, { concurrency: 4 });
    using log = new Queue<number>();
    await pool.apply(targets.tick, [log, 1]);
    const ticks = numbers(8).map(() => pool.apply(targets.tick, [log, 2]));
    for (let i = 0; i < 1 + 8; i++) log.getSync();
    await Promise.all(ticks);
  });

  test("a killed worker costs exactly the tasks that it had begun", async () => {
    await using pool = poolOf(1, { concurrency: 3 });
    using log = new Queue<number>();
    using go = new Event();
    const begun = numbers(3).map(() => pool.applyAsync(targets.hold, [log, go]));
    const [victim] = await next(log, 3);
    const waiting = numbers(4).map((i) => pool.apply(square, [i]));
    Deno.kill(victim, "SIGKILL");
    for (const one of begun) assertEquals((await assertRejects(() => one.get(), WorkerLostError)).pid, victim);
    assertEquals(await Promise.all(waiting), [0, 1, 4, 9]);
    const again = numbers(3).map(() => pool.apply(targets.attemptOf, [log, go], { retries: 1 }));
    const [second] = await next(log, 3);
    Deno.kill(second, "SIGKILL");
    await next(log, 3);
    go.set();
    assertEquals(await Promise.all(again), [1, 1, 1]);
    assertEquals(pool.stats().restarts, 2);
  });

  test("a worker of several tasks that is killed between taking one and noting it costs nothing", async () => {
    const left = RawArray("i32", [3]) as Int32Array;
    await using pool = poolOf(2, { concurrency: 4, initializer: dieBeforeNoting, initargs: [left] });
    const retries = 3; // of those that the same worker had begun
    const results = await pool.map(targets.pidLater, Array(60).fill(1), { chunksize: 1, retries });
    assertEquals(results.length, 60);
    assert(left[0] < 0 && pool.stats().restarts >= 3);
  });

  test("of several tasks in one worker the one that is aborted is told, and ends", async () => {
    await using pool = poolOf(1, { concurrency: 4, grace: 60_000 });
    using log = new Queue<string>();
    using go = new Event();
    const controllers = numbers(3).map(() => new AbortController());
    const calls = controllers.map(({ signal }) => pool.apply(targets.holdAndListen, [log, go], { signal }));
    await next(log, 3);
    for (const i of [1, 0]) {
      controllers[i].abort();
      await assertRejects(() => calls[i], DOMException);
      assertEquals(await log.get(), "AbortError true");
    }
    go.set();
    assertEquals(await calls[2], "told, and not cancelled");
    assertEquals([log.empty(), pool.stats().restarts], [true, 0]);
  });

  test("an aborted task that goes on is left, and the others of its worker are finished", async () => {
    await using pool = poolOf(1, { concurrency: 2, grace: 10 });
    using log = new Queue<number>();
    using never = new Event();
    using go = new Event();
    const controller = new AbortController();
    const other = pool.apply(targets.hold, [log, go]);
    const left = pool.apply(targets.hold, [log, never], { signal: controller.signal });
    const [worker] = await next(log, 2);
    controller.abort();
    await assertRejects(() => left, DOMException);
    assertEquals(await pool.apply(pid), worker); // in the place of the one that was left
    go.set();
    assertEquals(await other, worker);
    await until("the worker replaced", () => !isRunning(worker) && pool.stats().idle === 1);
    assertEquals(pool.stats().restarts, 1);
  });

  test("an aborted task that blocks its worker is killed, with the others that run there", async () => {
    await using pool = poolOf(1, { concurrency: 2, grace: 10 });
    using log = new Queue<number>();
    using never = new Event();
    const controller = new AbortController();
    const other = pool.apply(targets.hold, [log, never]);
    await log.get();
    const blocking = pool.apply(tellAndSpin, [log], { signal: controller.signal });
    const worker = await log.get();
    const lost = assertRejects(() => other, WorkerLostError);
    controller.abort();
    await assertRejects(() => blocking, DOMException);
    assertEquals((await lost).pid, worker);
    assertNotEquals(await pool.apply(pid), worker);
  });

  for (const way of ["timer", "promise"] as const) {
    test(`an error that nobody catches, by a ${way}, is that of its own task of several`, async () => {
      await using pool = poolOf(1, { concurrency: 3 });
      using log = new Queue<number>();
      using failing = new Event();
      using go = new Event();
      const before = pool.apply(targets.hold, [log, go]);
      const failed = pool.apply(targets.holdAndFail, [log, failing, way]);
      const after = pool.apply(targets.hold, [log, go]);
      const [worker] = await next(log, 3);
      failing.set();
      await assertRejects(() => failed, RangeError, `by a ${way}`);
      go.set();
      assertEquals(await Promise.all([before, after]), [worker, worker]);
      await until("the worker replaced", () => !isRunning(worker) && pool.stats().idle === 1);
    });
  }

  test("each of several tasks is told of itself by currentTask, after waits and in timers, until it ends", async () => {
    await using pool = poolOf(1, { concurrency: 3 });
    using answers = new Queue<unknown>();
    using go = new Event();
    const asked = numbers(3).map(() => pool.apply(targets.askLater, [answers, go]));
    go.set();
    assertEquals(await Promise.all(asked), Array(3).fill(Array(5).fill(true)));
    assertEquals(await next(answers, 3), [null, null, null]);
  });

  test("a worker that has had maxtasksperchild tasks finishes those that it runs", async () => {
    await using pool = poolOf(1, { concurrency: 3, maxtasksperchild: 4 });
    const pids = await Promise.all(numbers(20).map((i) => pool.apply(targets.pidLater, [i % 5])));
    for (const { length } of Map.groupBy(pids, (pid) => pid).values()) assert(length <= 4, `${length}`);
    assertEquals(pids.length, 20);
  });

  test("several tasks at a time give map and imap their order, and close() its end", async () => {
    const pool = poolOf(2, { concurrency: 5 });
    const items = numbers(50);
    const later = items.map((i) => [i, 5 - i % 5] as const);
    assertEquals(await pool.starmap(targets.valueLater, later), items);
    assertEquals(await pool.starmap(targets.valueLater, later, { chunksize: 1 }), items);
    assertEquals(await Array.fromAsync(pool.imap(square, items)), items.map(square));
    const unordered = await Array.fromAsync(pool.imapUnordered(targets.valueOfLater, later));
    assertEquals(unordered.sort((a, b) => a - b), items);
    const last = items.map((i) => pool.apply(targets.valueLater, [i, 5]));
    pool.close();
    assertEquals(await Promise.all(last), items);
    assert(await pool.join());
  });

  test("terminate() ends several tasks in one worker", async () => {
    const pool = poolOf(1, { concurrency: 8 });
    using log = new Queue<number>();
    using never = new Event();
    const held = numbers(8).map(() => assertRejects(() => pool.apply(targets.hold, [log, never]), Error, "terminated"));
    const [worker] = await next(log, 8);
    await pool.terminate();
    await Promise.all(held);
    assert(!isRunning(worker));
  });

  test("a concurrency that is no whole number from 1 to 1024 is refused", async () => {
    for (const concurrency of [0, -1, 1.5, 1025, Infinity]) {
      assertThrows(() => poolOf(1, { concurrency }), RangeError, `"concurrency" is ${concurrency}`);
    }
    assertThrows(() => poolOf(1, { concurrency: "2" as never }), TypeError, '"concurrency" is "2"');
    await using pool = poolOf(1, { concurrency: 1024 });
    assertEquals(await pool.map(square, numbers(100)), numbers(100).map(square));
  });
}
