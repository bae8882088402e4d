// The order in which tasks begin, and that none waits while a worker is free.

import { type Pool, Queue, RawArray } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_order_targets.ts";
import { square } from "../fixtures/pool/pool_targets.ts";
import { until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/**
 * Puts and gets of which no more than `workers - 1` ever wait at a time, if they begin in this order: so all end. In any
 * other order all workers may wait for a put that none is left to do.
 */
function steps(n: number, workers: number): boolean[] {
  let level = 0; // messages in the queue, less those that wait for one
  const some = numbers(n).map(() => {
    const isPut = level === 1 - workers || Math.random() < 0.5;
    level += isPut ? 1 : -1;
    return isPut;
  });
  return [...some, ...Array<boolean>(Math.max(0, -level)).fill(true)];
}

/** All that is in a queue. */
function said(log: Queue<string>): string[] {
  const all: string[] = [];
  while (!log.empty()) all.push(log.getSync());
  return all;
}

/** Has the pool take each function of these tests for a quick one. */
async function warmUp(pool: Pool): Promise<void> {
  using queue = new Queue<number>();
  await pool.map(targets.step, Array(500).fill([queue, true] as const), { chunksize: 1 });
  await Promise.all(numbers(500).map(() => pool.apply(targets.stepLater, [queue, true])));
}

export function orderOfPools({ pool: poolOf, test }: Suite): void {
  for (const workers of [2, 3]) {
    test(`producers and consumers in ${workers} workers all end, fresh and warm, by every method`, async () => {
      const pool = poolOf(workers);
      const ways: Record<string, (queue: Queue<number>, isPut: boolean[]) => Promise<unknown>> = {
        apply: (queue, isPut) => Promise.all(isPut.map((it) => pool.apply(targets.step, [[queue, it]]))),
        async: (queue, isPut) => Promise.all(isPut.map((it) => pool.apply(targets.stepLater, [queue, it]))),
        map: (queue, isPut) => pool.map(targets.step, isPut.map((it) => [queue, it] as const), { chunksize: 1 }),
        starmap: (queue, isPut) =>
          pool.starmap(targets.stepLater, isPut.map((it) => [queue, it] as const), { chunksize: 1 }),
        imap: (queue, isPut) => Array.fromAsync(pool.imap(targets.step, isPut.map((it) => [queue, it] as const))),
        mixed: (queue, isPut) =>
          Promise.all(isPut.flatMap((it, i): Promise<unknown>[] => [
            i % 2 ? pool.apply(targets.step, [[queue, it]]) : pool.map(targets.step, [[queue, it]]),
            ...i % 5 === 0 ? [pool.apply(square, [i])] : [],
          ])),
      };
      for (const isWarm of [false, true]) {
        if (isWarm) await warmUp(pool);
        for (const way of Object.values(ways)) {
          using queue = new Queue<number>();
          await way(queue, steps(isWarm ? 200 : 40, workers));
        }
      }
      await pool.terminate();
    });
  }

  test("tasks of all calls begin in the order of submission, whatever they take", async () => {
    await using pool = poolOf(1);
    await warmUp(pool);
    using log = new Queue<string>();
    const calls: Promise<unknown>[] = [];
    for (const i of numbers(20)) {
      calls.push(
        pool.apply(targets.note, [[log, `${4 * i}`]]),
        pool.map(targets.note, [[log, `${4 * i + 1}`], [log, `${4 * i + 2}`]], { chunksize: 1 + i % 2 }),
        pool.apply(targets.noteAndWait, [log, `${4 * i + 3}`, i % 4]),
      );
    }
    await Promise.all(calls);
    assertEquals(said(log), numbers(80).map(String));
  });

  test("no task waits for one that has become slow after a thousand quick ones", async () => {
    await using pool = poolOf(2);
    await until("both workers", () => pool.stats().idle === 2);
    await warmUp(pool);
    using slow = new Queue<number>();
    using other = new Queue<number>();
    const blocked = pool.apply(targets.step, [[slow, false]]);
    // If one of these were behind it, this would never end.
    await Promise.all(numbers(300).map(() => pool.apply(targets.step, [[other, true]])));
    await pool.map(targets.step, Array(300).fill([other, true] as const));
    await Array.fromAsync(pool.imapUnordered(targets.step, Array(300).fill([other, true] as const)));
    slow.putSync(7);
    assertEquals(await blocked, 7);
  });

  test("a task that is begun anew comes before those behind it", async () => {
    await using pool = poolOf(1);
    await warmUp(pool);
    using log = new Queue<string>();
    const first = pool.apply(targets.noteAndDie, [log, "dies"], { retries: 1 });
    const others = pool.map(targets.note, numbers(30).map((i) => [log, `${i}`] as const), { chunksize: 1 });
    await Promise.all([first, others, pool.apply(targets.note, [[log, "last"]])]);
    assertEquals(said(log), ["dies 0", "dies 1", ...numbers(30).map(String), "last"]);
  });

  test("the order is kept where workers are replaced, and where calls are aborted", async () => {
    await using pool = poolOf(1, { maxtasksperchild: 3 });
    using log = new Queue<string>();
    using go = new Queue<string>();
    const first = pool.apply(targets.noteAndBlock, [log, "first", go]);
    const controller = new AbortController();
    const calls: Promise<unknown>[] = [first];
    for (const i of numbers(8)) {
      calls.push(pool.apply(targets.note, [[log, `${i}`]]));
      const doomed = pool.map(targets.note, [[log, "doomed"]], { signal: controller.signal });
      calls.push(assertRejects(() => doomed, RangeError, "enough"));
    }
    assertEquals(await log.get(), "first");
    controller.abort(new RangeError("enough"));
    go.putSync("on");
    await Promise.all(calls);
    assertEquals(said(log), numbers(8).map(String));
  });

  test("a worker killed between taking a task and noting it costs nothing", async () => {
    for (const workers of [1, 2]) {
      const left = RawArray("i32", [3]) as Int32Array;
      const pool = poolOf(workers, { initializer: targets.dieBeforeNoting, initargs: [left] });
      assertEquals(await pool.map(square, numbers(50), { chunksize: 1 }), numbers(50).map(square));
      assert(left[0] < 0 && pool.stats().restarts >= 3);
      await pool.terminate();
    }
  });
}
