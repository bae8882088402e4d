// What CPython's test suite asserts of locks, conditions, events, barriers, queues, arrays and pools, of those of a manager.

import {
  Empty,
  Full,
  InvalidStateError,
  MaybeEncodingError,
  type Process,
  RemoteError,
  TimeoutError,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/shared_targets.ts";
import { ended } from "../support/children.ts";
import { PATIENCE } from "../support/helpers.ts";
import { testManaged } from "./managed.ts";

const patiently = { timeout: PATIENCE };
const PARTIES = 5;

testManaged("TestSemaphore.test_semaphore, test_bounded_semaphore, test_timeout", async ({ manager }) => {
  for (using it of [await manager.Semaphore(2), await manager.BoundedSemaphore(2)]) {
    assertEquals(await it.getValue(), 2);
    for (const value of [1, 0]) {
      assert(await it.acquire() !== null);
      assertEquals(it.sync.getValue(), value);
    }
    for (const value of [1, 2]) {
      await it.release();
      assertEquals(it.sync.getValue(), value);
    }
  }
  using none = await manager.Semaphore(0);
  assertEquals([await none.acquire({ block: false, timeout: 100_000 }), none.sync.tryAcquire()], [null, null]);
  const begin = performance.now();
  assertEquals(await none.acquire({ timeout: 30 }), null);
  assert(performance.now() - begin >= 29);
});

testManaged("TestCondition.test_notify, test_notify_n: as many go on as are notified", async ({ manager, started }) => {
  using condition = await manager.Condition();
  using sleeping = await manager.Semaphore(0);
  using woken = await manager.Semaphore(0);
  const sleepers = Array.from({ length: 6 }, () => started(targets.sleepAndSay, condition, sleeping, woken));
  for (const _ of sleepers) assert(await sleeping.acquire(patiently) !== null);
  const notify = async (n?: number) => {
    using _guard = await condition.acquire();
    await condition.notify(n);
  };
  await notify();
  assert(await woken.acquire(patiently) !== null);
  await notify(2);
  for (let i = 0; i < 2; i++) assert(await woken.acquire(patiently) !== null);
  assertEquals(await woken.acquire({ timeout: 20 }), null);
  await notify(4);
  for (let i = 0; i < 3; i++) assert(await woken.acquire(patiently) !== null);
  await notify(3);
  await ended(...sleepers);
  assertEquals(woken.sync.getValue(), 0);
});

testManaged("TestCondition.test_waitfor, test_waitfor_timeout, test_wait_result", async ({ manager, started }) => {
  using condition = await manager.Condition();
  using state = await manager.Value("i", -1);
  const counter = started(targets.countUp, condition, state);
  {
    using _guard = await condition.acquire();
    state.sync.value = 0;
    await condition.notify();
  }
  {
    using _guard = await condition.acquire();
    assertEquals(await condition.waitFor(() => state.sync.value === 4, patiently), true);
  }
  await ended(counter);
  {
    const vain = started(targets.notifyInVain, condition, 4);
    using _guard = await condition.acquire();
    const begin = performance.now();
    assertEquals(await condition.waitFor(() => state.sync.value === 5, { timeout: 300 }), false);
    assert(performance.now() - begin >= 299);
    condition.sync.release();
    await ended(vain);
    condition.sync.acquire();
  }
  using _guard = await condition.acquire();
  assertEquals([await condition.wait({ timeout: 0 }), await condition.wait({ timeout: 10 })], [false, false]);
  const controller = new AbortController();
  const waiting = condition.wait({ signal: controller.signal });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError, "enough");
});

testManaged("TestEvent.test_event: a child releases the parent", async ({ manager, started }) => {
  using event = await manager.Event();
  assertEquals([await event.wait({ timeout: 0 }), event.sync.isSet()], [false, false]);
  await event.set();
  assertEquals([await event.isSet(), await event.wait(), await event.wait({ timeout: 0 })], [true, true, true]);
  await event.clear();
  const child = started(targets.setEvent, event);
  assert(await event.wait(patiently));
  await ended(child);
});

testManaged("TestBarrier.test_barrier: all go on together", async ({ manager, started }) => {
  using barrier = await manager.Barrier(PARTIES);
  const counts: Parameters<typeof targets.meetTwice>[1] = [await manager.Value("i"), await manager.Value("i")];
  await ended(...Array.from({ length: PARTIES }, () => started(targets.meetTwice, barrier, counts)));
  assertEquals([await barrier.nWaiting, await barrier.broken], [0, false]);
});

testManaged("TestBarrier.test_abort, test_abort_and_reset", async ({ manager, started }) => {
  using results = await manager.Queue<string>();
  using barrier = await manager.Barrier(PARTIES);
  await ended(...Array.from({ length: PARTIES }, () => started(targets.abortOrWait, barrier, results)));
  const all = [];
  while (!results.sync.empty()) all.push(results.sync.get());
  assertEquals(all.sort(), [
    "BrokenBarrierError",
    "BrokenBarrierError",
    "BrokenBarrierError",
    "BrokenBarrierError",
    "aborted",
  ]);
  assert(await barrier.broken);

  using second = await manager.Barrier(PARTIES);
  using again = await manager.Barrier(PARTIES);
  await ended(...Array.from({ length: PARTIES }, () => started(targets.resetAndMeet, again, second, results)));
  const met = [];
  while (!results.sync.empty()) met.push(results.sync.get());
  assertEquals(met.filter((it) => it === "met").length, PARTIES);
  assertEquals(met.filter((it) => it === "BrokenBarrierError").length, PARTIES);
  assertEquals([again.sync.broken, again.sync.nWaiting], [false, 0]);
});

testManaged("TestBarrier.test_timeout, test_default_timeout: one that is late breaks it for all", async (managed) => {
  const { manager, started } = managed;
  using results = await manager.Queue<string>();
  using plain = await manager.Barrier(PARTIES);
  using impatient = await manager.Barrier(PARTIES, { timeout: 1500 });
  for (const [barrier, timeout] of [[plain, 100], [impatient, null]] as const) {
    const parties: Process[] = [];
    for (let k = 0; k < PARTIES; k++) parties.push(started(targets.meetLate, barrier, timeout, k === 0, results));
    await ended(...parties);
    const all = [];
    while (!results.sync.empty()) all.push(results.sync.get());
    assertEquals(all, Array(PARTIES).fill("BrokenBarrierError"));
    assert(await barrier.broken);
  }
});

testManaged("TestBarrier.test_thousand: nobody is a round ahead", async ({ manager, started }) => {
  const rounds = 1000;
  using barrier = await manager.Barrier(PARTIES);
  using said = await manager.Queue<number>();
  const parties = Array.from({ length: PARTIES }, () => started(targets.sayRounds, barrier, rounds, said));
  for (let i = 0; i < rounds * PARTIES; i++) assertEquals(await said.get(patiently), Math.floor(i / PARTIES));
  await ended(...parties);
});

testManaged("TestQueue.test_put, test_qsize: a queue of six", async ({ manager, started }) => {
  using queue = await manager.Queue<number>(6);
  using start = await manager.Event();
  using done = await manager.Event();
  const child = started(targets.drainSix, queue, start, done);
  assertEquals([await queue.empty(), await queue.full()], [true, false]);
  await queue.put(1);
  await queue.put(2, { block: true });
  await queue.put(3, { block: true, timeout: null });
  await queue.put(4, { block: false });
  await queue.put(5, { block: false, timeout: null });
  await queue.putNowait(6);
  assertEquals([await queue.empty(), await queue.full(), await queue.qsize()], [false, true, 6]);
  await assertRejects(() => queue.put(7, { block: false }), Full);
  await assertRejects(() => queue.put(7, { block: false, timeout: 100_000 }), Full);
  await assertRejects(() => queue.putNowait(7), Full);
  for (const timeout of [20, 30]) {
    const begin = performance.now();
    await assertRejects(() => queue.put(7, { timeout }), Full);
    assert(performance.now() - begin >= timeout - 1);
  }
  await start.set();
  assert(await done.wait(patiently));
  assertEquals([await queue.empty(), await queue.full(), await queue.qsize()], [true, false, 0]);
  await ended(child);
});

testManaged(
  "TestQueue.test_fork, test_timeout: items of two processes, one after the other",
  async ({ manager, run }) => {
    using queue = await manager.Queue<number>();
    for (let i = 0; i < 10; i++) await queue.put(i);
    await run(targets.putSecondTen, queue);
    for (let i = 0; i < 20; i++) assertEquals(await queue.get(patiently), i);
    await assertRejects(() => queue.get({ block: false }), Empty);
    const begin = performance.now();
    await assertRejects(() => queue.get({ timeout: 30 }), Empty);
    assert(performance.now() - begin >= 29);
  },
);

testManaged("TestArray.test_array_from_size: zeroes, also where others were", async ({ manager }) => {
  for (let i = 0; i < 3; i++) {
    using array = await manager.Array("i", 10);
    assertEquals([...array.sync], Array(10).fill(0));
    await array.setSlice(0, Array.from({ length: 10 }, (_, k) => k + 1));
  }
});

testManaged("TestPool.test_apply, test_map, test_starmap, test_async, test_async_timeout", async ({ manager }) => {
  await using pool = await manager.Pool(3);
  assertEquals(await pool.apply(targets.square, [5]), 25);
  assertEquals(await pool.apply(targets.withKwargs, [5], { kwargs: { y: 3 } }), 8);
  const numbers = Array.from({ length: 100 }, (_, k) => k);
  const squares = numbers.map((x) => x * x);
  assertEquals(await pool.map(targets.square, numbers), squares);
  assertEquals(await pool.map(targets.square, numbers, { chunksize: 20 }), squares);
  const pairs = numbers.map((x): [number, number] => [x, 1]);
  assertEquals(await pool.starmap(targets.add, pairs, { chunksize: 20 }), numbers.map((x) => x + 1));
  assertEquals(await (await pool.starmapAsync(targets.add, pairs)).get(), numbers.map((x) => x + 1));
  assertEquals(await (await pool.applyAsync(targets.square, [7])).get(), 49);
  const late = await pool.applyAsync(targets.later, [100_000]);
  await assertRejects(() => late.get({ timeout: 20 }), TimeoutError);
  assertEquals(await pool.map(targets.square, [], { chunksize: 1 }), []); // test_map_chunksize
  await assertRejects(() => pool.map(targets.square, [(() => {}) as never]), TypeError); // test_map_unplicklable
  // TestPool.test_traceback
  const error = await assertRejects(() => pool.apply(targets.fail, ["123"]), RangeError, "123");
  assert(error.cause instanceof RemoteError && error.cause.remoteStack.includes("shared_targets.ts"));
});

testManaged("TestPool.test_imap, test_imap_unordered, test_map_handle_iterable_exception", async ({ manager }) => {
  await using pool = await manager.Pool(2);
  const numbers = Array.from({ length: 1000 }, (_, k) => k);
  const squares = numbers.map((x) => x * x);
  assertEquals(await Array.fromAsync(pool.imap(targets.square, numbers, { chunksize: 100 })), squares);
  const unordered = await Array.fromAsync(pool.imapUnordered(targets.square, numbers, { chunksize: 53 }));
  assertEquals(unordered.sort((a, b) => a - b), squares);
  const iterator = pool.imap(targets.square, [1]);
  assertEquals([await iterator.next(), (await iterator.next()).done], [{ done: false, value: 1 }, true]);
  function* failing(after: number) {
    for (let i = 0; i < after; i++) yield i;
    throw new RangeError("no more");
  }
  for (const after of [0, 2]) {
    await assertRejects(() => pool.map(targets.square, failing(after)), RangeError, "no more");
    await assertRejects(() => pool.imap(targets.square, failing(after)).next(), RangeError, "no more");
  }
  assertEquals(await pool.apply(targets.square, [2]), 4);
});

testManaged("TestPool.test_make_pool, test_terminate, test_context, test_enter", async ({ manager }) => {
  for (const wrong of [-1, 0]) await assertRejects(() => manager.Pool(wrong), RangeError);
  for (const maxtasksperchild of [0, -1, 0.5]) {
    await assertRejects(() => manager.Pool(1, { maxtasksperchild }), RangeError, "maxtasksperchild");
  }
  const pool = await manager.Pool(3);
  assertEquals((await pool.stats()).workers.length, 3);
  const many = await pool.mapAsync(targets.later, Array(10_000).fill(100_000), { chunksize: 1 });
  await pool.terminate();
  assert(await pool.join(patiently));
  await assertRejects(() => many.get(patiently), InvalidStateError);
  await assertRejects(() => pool.apply(targets.square, [1]), InvalidStateError, "pool not running");
  await pool[Symbol.asyncDispose]();
  assertThrows(() => pool.sync.stats(), InvalidStateError, "the proxy is closed");
});

testManaged("TestPoolWorkerErrors.test_unpickleable_result: no worker is lost by it", async ({ manager }) => {
  await using pool = await manager.Pool(1);
  for (let i = 0; i < 20; i++) await assertRejects(() => pool.apply(targets.unsendable), MaybeEncodingError);
  assertEquals((await pool.stats()).restarts, 0);
});

testManaged("TestPoolWorkerLifetime.test_pool_worker_lifetime", async ({ manager }) => {
  await using pool = await manager.Pool(2, { maxtasksperchild: 10 });
  const names = new Set<string>();
  for (let i = 0; i < 60; i++) names.add(await pool.apply(targets.nameOfWorker));
  assert(names.size > 2);
  await pool.close();
  assert(await pool.join(patiently));
});
