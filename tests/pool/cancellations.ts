// Calls that are aborted, or whose time passes.

import { InvalidStateError, Queue, TimeoutError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { assertAllReject, isRunning, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

export function cancellationsOfPools({ pool: poolOf, test }: Suite): void {
  test("an aborted call drops its tasks, tells the running one, and lets it end", async () => {
    await using pool = poolOf(1, { grace: 60_000 });
    using queue = new Queue<number | string>();
    const controller = new AbortController();
    const call = pool.apply(targets.tellAndWait, [queue], { signal: controller.signal });
    const pid = await queue.get();
    const dropped = pool.map(targets.pid, numbers(10), { signal: controller.signal });
    const kept = pool.apply(targets.pid);
    controller.abort(new SyntaxError("enough"));
    await assertAllReject([call, dropped], SyntaxError, "enough");
    assertEquals(await queue.get(), "AbortError true");
    assertEquals(await kept, pid); // the worker was not killed
    assertEquals(pool.stats().done, 1);
    await assertRejects(() => pool.apply(targets.pid, [], { signal: AbortSignal.abort(new SyntaxError("before")) }));
  });

  test("a call whose time has passed ends with TimeoutError, and its task is told", async () => {
    await using pool = poolOf(1, { grace: 60_000 });
    using queue = new Queue<number | string>();
    await pool.apply(targets.pid);
    const call = pool.apply(targets.tellAndWait, [queue], { timeout: 2000 });
    await assertRejects(() => call, TimeoutError, 'Cannot finish "tellAndWait": it took more than 2000 ms');
    assertEquals([typeof await queue.get(), await queue.get()], ["number", "TimeoutError true"]);
  });

  test("an input that never gives its next item ends with its call", async () => {
    await using pool = poolOf(1);
    async function* stuck(): AsyncGenerator<number> {
      yield* numbers(5);
      await new Promise(() => {});
    }
    await assertRejects(() => pool.map(targets.square, stuck(), { timeout: 50 }), TimeoutError);
    const aborting = new AbortController();
    const aborted = pool.map(targets.square, stuck(), { signal: aborting.signal });
    aborting.abort(new RangeError("enough"));
    await assertRejects(() => aborted, RangeError, "enough");
    const results = pool.imap(targets.square, stuck());
    for (const i of numbers(5)) assertEquals((await results.next()).value, i * i);
    const next = results.next();
    await results.return();
    assertEquals(await next, { value: undefined, done: true });
    const last = pool.mapAsync(targets.square, stuck());
    await pool.terminate();
    await assertRejects(() => last.get(), InvalidStateError, "was terminated");
  });

  test("a call that its own input or argument aborts ends with the reason", async () => {
    await using pool = poolOf(1, { grace: 20 });
    const calls: Record<string, (signal: AbortSignal, abort: () => number) => Promise<unknown>> = {
      map: (signal, abort) => pool.map(targets.spin, [Infinity, Infinity].values().map(abort), { signal }),
      imap: (signal, abort) => pool.imap(targets.spin, [Infinity, 1].values().map(abort), { signal }).next(),
      apply: (signal, abort) =>
        pool.apply(targets.spinAsSaid, [{
          get ms() {
            return abort();
          },
        }], { signal }),
    };
    for (const [name, call] of Object.entries(calls)) {
      const controller = new AbortController();
      const abort = () => {
        controller.abort(new SyntaxError("by itself"));
        return Infinity;
      };
      await assertRejects(() => call(controller.signal, abort), SyntaxError, "by itself", name);
      assertEquals(await pool.apply(targets.square, [3]), 9);
    }
  });

  test("a task that never awaits can ask whether it is wanted", async () => {
    await using pool = poolOf(1, { grace: 60_000 });
    using queue = new Queue<number | string>();
    await pool.apply(targets.pid);
    const call = pool.apply(targets.tellAndPoll, [queue], { timeout: 2000 });
    await assertRejects(() => call, TimeoutError);
    assertEquals([typeof await queue.get(), await queue.get()], ["number", "cancelled"]);
  });

  test("a task that goes on after it was cancelled is killed with its worker, which is replaced", async () => {
    await using pool = poolOf(1, { grace: 20 });
    using queue = new Queue<number>();
    const controller = new AbortController();
    const call = pool.apply(targets.tellAndSpin, [queue], { signal: controller.signal });
    const pid = await queue.get();
    const other = pool.apply(targets.pid);
    controller.abort();
    await assertRejects(() => call, DOMException);
    assertNotEquals(await other, pid);
    await until("the worker killed", () => !isRunning(pid));
    assertEquals(pool.stats().restarts, 1);
  });

  test("an iteration can be aborted, and have a time", async () => {
    await using pool = poolOf(2, { grace: 20 });
    const controller = new AbortController();
    const results = pool.imap(targets.spin, [1, Infinity, 1], { signal: controller.signal });
    assertEquals((await results.next()).value, 1);
    const next = results.next();
    controller.abort(new SyntaxError("enough"));
    await assertRejects(() => next, SyntaxError, "enough");
    assertEquals((await results.next()).done, true);
    const late = pool.imapUnordered(targets.spin, [Infinity], { timeout: 50 });
    await assertRejects(() => late.next(), TimeoutError, "more than 50 ms");
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("a task that is aborted at whatever moment of its beginning frees its worker", async () => {
    await using pool = poolOf(1, { grace: 0 });
    for (let i = 0; i < 40; i++) {
      for (let k = 0; k < 3; k++) await pool.apply(targets.square, [1]); // so that the worker takes the next at once
      const controller = new AbortController();
      const call = pool.apply(targets.spin, [Infinity], { signal: controller.signal });
      targets.spin(0.06 * i / 40);
      controller.abort();
      await assertRejects(() => call, DOMException);
      assertEquals(await pool.apply(targets.square, [3]), 9);
    }
  });

  test("a worker whose cancelled task has ended in time is not killed, however late that is noticed", async () => {
    await using pool = poolOf(1, { grace: 100 });
    const pid = await pool.apply(targets.pid);
    using queue = new Queue<string | number>();
    const controller = new AbortController();
    const call = pool.apply(targets.tellAndPoll, [queue], { signal: controller.signal });
    await queue.get();
    controller.abort();
    const next = pool.apply(targets.pidAfter, [500]);
    const rejected = assertRejects(() => call, DOMException);
    targets.spin(300); // beyond the grace, and into the next task
    await rejected;
    assertEquals(await next, pid);
  });

  test("a worker that is killed for a cancelled task takes no other with it, whenever that ends", async () => {
    await using pool = poolOf(1, { grace: 2 });
    for (let i = 0; i < 20; i++) {
      using queue = new Queue<number>();
      const controller = new AbortController();
      const call = pool.apply(targets.tellAndLinger, [queue, 1.5 + i / 10], { signal: controller.signal });
      const others = Promise.all(numbers(5).map((n) => pool.apply(targets.square, [n])));
      await queue.get();
      controller.abort();
      await Promise.allSettled([call]); // it may have ended just before
      assertEquals(await others, numbers(5).map(targets.square));
    }
  });

  test("what is aborted after close() leaves nothing to do for the workers", async () => {
    const pool = poolOf(1, { grace: 20 });
    using queue = new Queue<string | number>();
    const controller = new AbortController();
    const { signal } = controller;
    const first = pool.apply(targets.tellAndPoll, [queue], { signal });
    const others = pool.map(targets.spin, Array(10).fill(Infinity), { chunksize: 1, signal });
    await queue.get();
    pool.close();
    controller.abort();
    await assertAllReject([first, others], DOMException);
    assert(await pool.join());
  });

  test("an aborted map with a spinning task frees the worker for others", async () => {
    await using pool = poolOf(2, { grace: 20 });
    await assertRejects(() => pool.map(targets.spin, Array(100).fill(Infinity), { timeout: 200 }), TimeoutError);
    assertEquals(await pool.map(targets.square, numbers(10)), numbers(10).map(targets.square));
  });
}
