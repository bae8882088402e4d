// What calls give: apply, map, starmap and their Async forms.

import { InvalidStateError, Lock, Queue, RawArray, TimeoutError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertGreater, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { FIXTURES, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const MODULE = new URL("pool/pool_targets.ts", FIXTURES);

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
const squares = (n: number) => numbers(n).map(targets.square);

export function callsOfPools({ pool: poolOf, test }: Suite): void {
  test("TestPool.test_apply: apply with arguments, with keywords, with none, of an async function", async () => {
    await using pool = poolOf();
    assertEquals(await pool.apply(targets.add, [3, 4]), 7);
    assertEquals(await pool.apply(targets.greet, ["ann"], { kwargs: { loud: true } }), "ANN");
    assertEquals(await pool.apply(targets.nothing), undefined);
    assertEquals(await pool.apply(targets.later, [5, 1]), 5);
    assertEquals(await pool.apply({ module: MODULE, name: "add" }, [3, 4]), 7);
    assertEquals(await pool.apply<number>({ module: "../fixtures/pool/pool_targets.ts", name: "square" }, [3]), 9);
  });

  test("TestPool.test_map: equals the local map, with and without a chunksize", async () => {
    await using pool = poolOf(4);
    assertEquals(await pool.map(targets.square, numbers(10)), squares(10));
    for (const chunksize of [1, 20, 1000]) {
      assertEquals(await pool.map(targets.square, numbers(100), { chunksize }), squares(100));
    }
    assertEquals(await pool.map(targets.square, numbers(5000)), squares(5000));
    assertEquals(await pool.map(targets.square, new Set([1, 2])), [1, 4]);
    assertEquals(await pool.map(targets.square, []), []);
    const results = await pool.map(targets.later as (n: number) => Promise<number>, [1, 2, 3]);
    assertEquals(results, [1, 2, 3]);
  });

  test("TestPool.test_starmap: arrays of arguments are spread", async () => {
    await using pool = poolOf();
    const pairs = numbers(100).map((i) => [i, 2 * i] as const);
    const sums = numbers(100).map((i) => 3 * i);
    assertEquals(await pool.starmap(targets.add, pairs), sums);
    assertEquals(await pool.starmap(targets.add, pairs, { chunksize: 20 }), sums);
    assertEquals(await pool.starmap<number>({ module: MODULE, name: "add" }, [[1, 2]]), [3]);
  });

  test("TestPool.test_starmap_async: the same through get()", async () => {
    await using pool = poolOf();
    const result = pool.starmapAsync(targets.add, [[1, 2], [3, 4]]);
    assertEquals(await result.get(), [3, 7]);
    assertEquals(await pool.mapAsync(targets.square, numbers(10)).get(), squares(10));
  });

  test("TestPool.test_map_chunksize: an empty input with a chunksize gives nothing, at once", async () => {
    await using pool = poolOf();
    assertEquals(await pool.mapAsync(targets.square, [], { chunksize: 1 }).get({ timeout: 60_000 }), []);
  });

  test("TestPool.test_async: get() waits for the result, and so does await", async () => {
    await using pool = poolOf();
    const result = pool.applyAsync(targets.later, [7, 20]);
    assert(!result.ready());
    assertThrows(() => result.successful(), InvalidStateError, "not ready");
    assertEquals(await result.get(), 7);
    assertEquals(await result, 7);
    assert(result.ready() && result.successful());
    assertEquals(await result.wait({ timeout: 0 }), true);
  });

  test("TestPool.test_async_timeout: get() with a timeout throws TimeoutError, and loses nothing", async () => {
    await using pool = poolOf();
    using queue = new Queue<number | string>();
    const result = pool.applyAsync(targets.tellAndPoll, [queue]);
    await queue.get();
    const begin = performance.now();
    await assertRejects(() => result.get({ timeout: 50 }), TimeoutError, "within 50 ms");
    assertGreater(performance.now() - begin, 45);
    assertEquals(await result.wait({ timeout: -1 }), false);
    await assertRejects(() => result.get({ signal: AbortSignal.abort("enough") }));
  });

  test("callbacks get the result or the error, before the result is ready", async () => {
    await using pool = poolOf();
    const seen: unknown[] = [];
    const result = pool.applyAsync(targets.square, [3], { callback: (value) => seen.push(value, result.ready()) });
    await result;
    const bad = pool.mapAsync(targets.squareNotThree, [1, 3], {
      callback: () => seen.push("never"),
      errorCallback: (error) => seen.push((error as Error).message),
    });
    await bad.wait();
    const list = pool.mapAsync(targets.square, [1, 2], { callback: (value) => seen.push(value) });
    await list;
    assertEquals(seen, [9, false, "three", [1, 4]]);
    assert(!bad.successful());
  });

  test("a callback that throws is the result's error, and the pool goes on (CPython hangs)", async () => {
    await using pool = poolOf();
    const callback = () => {
      throw new SyntaxError("in the callback");
    };
    await assertRejects(() => pool.applyAsync(targets.square, [3], { callback }).get(), SyntaxError, "in the callback");
    const bad = pool.applyAsync(targets.fail, [], { errorCallback: callback });
    await assertRejects(() => bad.get(), SyntaxError, "in the callback");
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("many calls at once are all done", async () => {
    await using pool = poolOf(3);
    const results = await Promise.all(numbers(3000).map((i) => pool.apply(targets.square, [i])));
    assertEquals(results, squares(3000));
    const stats = pool.stats();
    assertEquals([stats.processes, stats.done, stats.failed, stats.queued, stats.restarts], [3, 3000, 0, 0, 0]);
    assertEquals(stats.workers.reduce((sum, { tasks }) => sum + tasks, 0), 3000);
    // Two workers may have done them all before the third has come.
    await until("idle workers", () => pool.stats().workers.every(({ state }) => state === "idle"));
    assert(pool.stats().workers.every(({ memory }) => memory > 2 ** 20));
  });

  test("a call waits for nobody who is behind it: two tasks that need each other both run", async () => {
    await using pool = poolOf(2);
    await pool.map(targets.square, numbers(1000), { chunksize: 1 }); // now much is given ahead
    using to = new Queue<string>();
    using from = new Queue<string>();
    // Six short ones, then a pair that only ends if its halves run at the same time.
    const short = numbers(6).map((i) => pool.apply(targets.square, [i]));
    const halves = [pool.apply(targets.handshake, [to, from]), pool.apply(targets.handshake, [from, to])];
    await Promise.all([...short, ...halves]);
  });

  test("large arguments and results, shared memory and primitives", async () => {
    await using pool = poolOf();
    for (const length of [0, 1, 4095, 4096, 65_000, 65_536, 2 ** 20 + 1, 2 ** 24]) {
      const bytes = await pool.apply(targets.bytes, [length]);
      assertInstanceOf(bytes, Uint8Array);
      assertEquals([bytes.length, bytes[0], bytes.at(-1)], [length, length ? 7 : undefined, length ? 7 : undefined]);
      assertEquals(await pool.apply(targets.sumOf, [bytes]), 7 * length);
    }
    const lists = numbers(10).map((i) => new Uint8Array(5000 + i).fill(i));
    assertEquals(await pool.map(targets.same, lists), lists);
    assertEquals(await pool.apply(targets.same, [{ nested: lists }]), { nested: lists });
    const text = "ä".repeat(200_000);
    assertEquals(await pool.apply(targets.same, [text]), text);
    const shared = RawArray("i32", 4) as Int32Array;
    await pool.starmap(targets.increment, numbers(100).map((i) => [shared, i % 4] as const));
    assertEquals([...shared], [25, 25, 25, 25]);
    using lock = new Lock();
    const [same] = await pool.map(targets.same<Lock>, [lock]);
    using _ = lock.acquireSync();
    assert(same.locked());
  });

  test("long byte arrays that come are each in a buffer of their own", async () => {
    await using pool = poolOf(1);
    for (const array of await pool.map(targets.bytes, [100_000, 100_000], { chunksize: 2 })) {
      assertEquals([array.byteOffset, array.buffer.byteLength], [0, 100_000]);
    }
    using lock = new Lock();
    using _ = lock.acquireSync();
    for (const length of [100_000, 3 * 2 ** 20]) {
      const seen = await pool.apply(targets.lookAt, [lock, new Uint8Array(length).fill(9), "and more"]);
      assertEquals(seen, [true, length, length, 9, "and more"]);
    }
  });

  test("long byte arrays of one length that go from worker to worker keep their bytes", async () => {
    await using pool = poolOf(3);
    const items = numbers(60).map((i) => new Uint8Array(200_000).fill(i));
    const results = pool.imap(targets.firstLater, items, { buffersize: 60 });
    assertEquals(await Array.fromAsync(results), numbers(60));
  });

  test("a callback may be async: the result is ready after it, and what it rejects with is the error", async () => {
    await using pool = poolOf(1);
    const reject = async () => {
      await Promise.resolve();
      throw new SyntaxError("later");
    };
    const result = pool.applyAsync(targets.square, [3], { callback: reject });
    await assertRejects(() => result.get(), SyntaxError, "later");
    const failed = pool.applyAsync(targets.fail, [], { errorCallback: reject });
    await assertRejects(() => failed.get(), SyntaxError, "later");
  });
}
