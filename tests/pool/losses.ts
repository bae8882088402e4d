// Workers that die: what is lost, and what is not.

import { type Pool, ProcessError, Queue, Value, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { freeze, isRunning, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

export function lossesOfPools({ pool: poolOf, test }: Suite): void {
  test("a worker that is killed costs its task, and nothing else (CPython hangs)", async () => {
    await using pool = poolOf(2);
    using queue = new Queue<number>();
    const doomed = pool.apply(targets.tellAndSpin, [queue]);
    const others = numbers(100).map((i) => pool.apply(targets.square, [i]));
    const pid = await queue.get();
    Deno.kill(pid, "SIGKILL");
    const error = await assertRejects(() => doomed, WorkerLostError);
    assertEquals([error.pid, error.exitcode, error.signal], [pid, -9, "SIGKILL"]);
    assertMatch(error.message, /^Cannot finish "tellAndSpin": its worker "\w+-\d+" \(pid \d+\) was ended by SIGKILL/);
    assertEquals(await Promise.all(others), numbers(100).map(targets.square));
    await until("the worker replaced", () => pool.stats().idle === 2);
    assertEquals(pool.stats().restarts, 1);
  });

  test("a lost worker's last words are in the error", async () => {
    await using pool = poolOf(1);
    const error = await assertRejects(() => pool.apply(targets.sayAndDie, ["goodbye"]), WorkerLostError);
    assertEquals(error.stderr, "goodbye");
    assertMatch(error.message, /was ended by SIGKILL; the last of its standard error:\ngoodbye$/);
    const long = await assertRejects(() => pool.apply(targets.sayAndDie, ["x\n".repeat(100_000)]), WorkerLostError);
    assertMatch(long.stderr, /^(x\n)*x$/);
    assert(long.stderr.length > 3000 && long.stderr.length <= 4096);
    await using inheriting = poolOf(1, { stderr: "inherit" });
    const silent = await assertRejects(() => inheriting.apply(targets.sayAndDie, [""]), WorkerLostError);
    assertEquals(silent.stderr, "");
  });

  const ends: Record<string, [run: (pool: Pool) => Promise<unknown>, exitcode: number, signal: string | null]> = {
    "Deno.exit": [(pool) => pool.apply(targets.exit, [7]), 7, null],
    "Deno.exit without a code": [(pool) => pool.apply(targets.exit, [0]), 0, null],
    "SIGKILL": [(pool) => pool.apply(targets.killSelf, ["SIGKILL"]), -9, "SIGKILL"],
    "SIGABRT": [(pool) => pool.apply(targets.killSelf, ["SIGABRT"]), -6, "SIGABRT"],
    "SIGTERM": [(pool) => pool.apply(targets.killSelf, ["SIGTERM"]), -15, "SIGTERM"],
    "an error in the background": [(pool) => pool.apply(targets.throwLater), 1, null],
  };
  for (const [way, [run, exitcode, signal]] of Object.entries(ends)) {
    test(`a worker that ends by ${way} costs its task, and is replaced`, async () => {
      await using pool = poolOf(1);
      const error = await assertRejects(() => run(pool), WorkerLostError);
      assertEquals([error.exitcode, error.signal], [exitcode, signal]);
      assertEquals(await pool.apply(targets.square, [3]), 9);
    });
  }

  for (const first of [0, 3]) {
    test(`a worker that closes its descriptors from ${first} on costs its task at most, and is replaced`, async () => {
      await using pool = poolOf(1);
      await pool.apply(targets.closeDescriptors, [first]).catch((error: unknown) => {
        if (!(error instanceof WorkerLostError)) throw error;
      });
      // It may take another task before it finds out.
      assertEquals(await pool.apply(targets.square, [3], { retries: 1 }), 9);
      assertEquals(await pool.apply(targets.square, [4]), 16);
    });
  }

  test("a worker that dies while it reads its task, or writes its result, costs that task", async () => {
    await using pool = poolOf(1);
    const reading = pool.apply(targets.same<unknown>, [new targets.Deadly("decoding")]);
    await assertRejects(() => reading, WorkerLostError, "SIGKILL");
    await assertRejects(() => pool.apply(targets.deadly), WorkerLostError, "SIGKILL");
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("a worker that dies in a map fails the map, after its other chunks", async () => {
    await using pool = poolOf(2);
    await assertRejects(() => pool.map(targets.exitAtThree, numbers(6), { chunksize: 1 }), WorkerLostError);
    assertEquals(pool.stats().done, 5);
    const results = pool.imap(targets.exitAtThree, numbers(6), { chunksize: 2 });
    assertEquals([(await results.next()).value, (await results.next()).value], [0, 1]);
    for (let i = 0; i < 2; i++) await assertRejects(() => results.next(), WorkerLostError);
    assertEquals([(await results.next()).value, (await results.next()).value], [16, 25]);
    assertEquals((await results.next()).done, true);
  });

  test("what a worker had answered before it died is not done again, however much it is", async () => {
    await using pool = poolOf(1);
    const value = Value("i", 0);
    await pool.map(targets.nothing, Array(1000), { chunksize: 1 }); // quick tasks are given ahead
    const [{ pid }] = pool.stats().workers;
    const results = numbers(100).map(() => pool.applyAsync(targets.countAndDie, [{ value, last: 100 }]));
    // All of it is to be read at once; unless the machine is so slow that not all was given ahead.
    for (const end = performance.now() + 1000; isRunning(pid) && performance.now() < end;);
    await Promise.all(results.map((result) => result.wait()));
    assertEquals([value.value, results.filter((it) => it.successful()).length], [100, 99]);
  });

  test("a worker that is killed while it is idle costs nothing", async () => {
    await using pool = poolOf(1);
    for (let i = 0; i < 12; i++) {
      const pid = await pool.apply(targets.pid);
      Deno.kill(pid, "SIGKILL");
      await until("another worker", () => pool.stats().idle === 1 && pool.stats().workers[0].pid !== pid);
    }
    assertEquals(await pool.apply(targets.square, [3]), 9);
    assertEquals(pool.stats().restarts, 12);
  });

  test("a worker that is stopped keeps no task from those that are free", async () => {
    await using pool = poolOf(2);
    for (const isAsleep of [true, false, true, false]) {
      const stopped = await pool.apply(targets.pid); // which is the one that would be called first
      if (isAsleep) await until("idle workers", () => pool.stats().idle === 2);
      await freeze(stopped);
      try {
        assertNotEquals(await pool.apply(targets.pid), stopped);
      } finally {
        Deno.kill(stopped, "SIGCONT");
      }
    }
  });

  test("calls that are ended while all workers are stopped end, and so do their tasks", async () => {
    await using pool = poolOf(2);
    await pool.map(targets.nothing, Array(1000), { chunksize: 1 }); // quick tasks are given ahead
    const { workers } = pool.stats();
    const abort = new AbortController();
    const calls = numbers(100).map((i) => pool.apply(targets.square, [i], { signal: abort.signal }));
    for (const { pid } of workers) Deno.kill(pid, "SIGSTOP");
    abort.abort();
    const outcomes = await Promise.allSettled(calls);
    assert(outcomes.every(({ status }) => status === "rejected"));
    for (const { pid } of workers) Deno.kill(pid, "SIGCONT");
    assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]);
  });

  test("a task with retries is begun anew", async () => {
    await using pool = poolOf(2);
    assertEquals(await pool.apply(targets.dieAtFirst, [2], { retries: 2 }), 2);
    await assertRejects(() => pool.apply(targets.dieAtFirst, [2], { retries: 1 }), WorkerLostError);
    await assertRejects(() => pool.apply(targets.square, [1], { retries: -1 }), RangeError, '"retries" is -1');
    assertEquals(await pool.map(targets.dieAtFirst, [1, 1, 0], { chunksize: 1, retries: 1 }), [1, 1, 0]);
  });

  test("workers that die one after the other cost their tasks, and no other", async () => {
    await using pool = poolOf(2);
    using orders = new Queue<number>();
    const other = pool.apply(targets.answerOf, [orders]);
    const results = numbers(15).map(() => pool.applyAsync(targets.exit, [3]));
    for (const result of results) await assertRejects(() => result.get(), WorkerLostError);
    orders.putSync(7);
    assertEquals(await other, 7);
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("workers that die one after the other of the same task end the pool", async () => {
    await using pool = poolOf(1, { name: "Doomed" });
    const result = pool.applyAsync(targets.exit, [3], { retries: 1000 });
    const error = await assertRejects(() => result.get(), ProcessError);
    const reason = '10 workers died of the same task; the last ended with exit code 3 in "exit"';
    assertEquals(error.message, `Cannot go on with "Doomed": ${reason}`);
  });
}
