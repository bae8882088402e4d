// Queues of a manager: used by processes without its server, and after it.

import { Empty, EOFError, Full, InvalidStateError, OwnerDiedError, ShutDown } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/shared_targets.ts";
import { ended, killed } from "../support/children.ts";
import { blocked, PATIENCE } from "../support/helpers.ts";
import { testManaged } from "./managed.ts";

const patiently = { timeout: PATIENCE };

for (const kind of ["Queue", "JoinableQueue"] as const) {
  const name = kind === "Queue" ? "TestSyncManagerTypes.test_queue" : "TestSyncManagerTypes.test_joinable_queue";
  testManaged(`${name}: a worker finds it full, and drains it`, async ({ manager, run }) => {
    using queue = await manager[kind]<string>(2);
    await queue.put("one");
    queue.sync.put("two");
    await run(targets.drainFull, queue);
    assert(await queue.empty());
    assert(!await queue.full() && !queue.sync.full() && queue.sync.empty());
  });
}

testManaged("puts and gets in promises and blocking, in order", async ({ manager }) => {
  using queue = await manager.Queue(2);
  await queue.put({ a: [1n, undefined] });
  await queue.putNowait(new Map([[1, new Date(5)]]));
  await assertRejects(() => queue.put(3, { timeout: 1 }), Full);
  await assertRejects(() => queue.putNowait(3), Full);
  assertThrows(() => queue.sync.put(3, { block: false }), Full);
  assertEquals(await queue.qsize(), 2);
  assertEquals([await queue.get(), await queue.getNowait()], [{ a: [1n, undefined] }, new Map([[1, new Date(5)]])]);
  await assertRejects(() => queue.getNowait(), Empty);
  await assertRejects(() => queue.with({ timeout: 1 }).get(), Empty);
  assertThrows(() => queue.sync.getNowait(), Empty);
  const waiting = queue.get();
  queue.sync.putNowait("late");
  assertEquals(await waiting, "late");
  const controller = new AbortController();
  const aborted = queue.get({ signal: controller.signal });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => aborted, RangeError, "enough");
});

testManaged("many values at once", async ({ manager }) => {
  using queue = await manager.JoinableQueue<number>(3);
  assertEquals([await queue.putMany([1, 2]), queue.sync.putMany(new Set([3]))], [2, 1]);
  assertEquals((await assertRejects(() => queue.putMany([4], { timeout: 1 }), Full)).put, 0);
  assertEquals([await queue.getMany(2), queue.sync.getMany(2)], [[1, 2], [3]]);
  await assertRejects(() => queue.with({ timeout: 1 }).getMany(1), Empty);
  await assertRejects(() => queue.getMany(0), RangeError);
  for (let i = 0; i < 3; i++) queue.sync.taskDone();
  assert(await queue.join({ timeout: 0 }));
});

testManaged("an item that cannot be sent throws where it is put, and takes no place", async ({ manager, run }) => {
  using queue = await manager.Queue(1);
  await assertRejects(() => queue.put(() => {}), TypeError);
  assert(queue.sync.empty());
  await run(targets.misuse, queue);
});

testManaged("each producer's items keep their order", async ({ manager, started }) => {
  using queue = await manager.Queue<[number, number]>(8);
  const producers = [0, 1].map((k) => started(targets.produce, queue, k, 200));
  const next = [0, 0];
  for (let i = 0; i < 400; i++) {
    const [producer, item] = await queue.get(patiently);
    assertEquals(item, next[producer]++);
  }
  await ended(...producers);
});

testManaged("join waits until all is dealt with, by others", async ({ manager, started }) => {
  using queue = await manager.JoinableQueue<number | null>();
  using sum = await manager.Value("i32", 0);
  for (let i = 1; i <= 100; i++) await queue.put(i);
  assertEquals([await queue.join({ timeout: 1 }), queue.sync.join({ timeout: 1 })], [false, false]);
  const consumers = [started(targets.consume, queue, sum), started(targets.consume, queue, sum)];
  assert(await queue.join(patiently));
  assertEquals(await sum.get(), 5050);
  for (const _ of consumers) await queue.put(null);
  assert(queue.sync.join(patiently));
  await ended(...consumers);
  await assertRejects(() => queue.taskDone(), InvalidStateError, "too many times");
});

testManaged("who is killed with an item leaves the others theirs", async ({ context, manager, started }) => {
  using said = new context.Queue();
  using queue = await manager.JoinableQueue<number>();
  await queue.put(1);
  await queue.put(2);
  const taker = started(targets.takeAndStop, queue, said);
  assertEquals(await said.get(patiently), 1);
  await killed(taker);
  assertEquals(await queue.get(patiently), 2);
  queue.sync.taskDone();
  const error = await assertRejects(() => queue.join(patiently), OwnerDiedError, "did not acknowledge");
  assertEquals(error.processName, taker.name);
});

testManaged("shut down, all are told, and what is inside still comes", async ({ context, manager, started }) => {
  using said = new context.Queue();
  using queue = await manager.Queue<number>();
  const waiter = started(targets.takeAll, queue, said);
  assertEquals(await said.get(patiently), "waits");
  await blocked(waiter.pid!);
  await queue.put(1);
  await queue.put(2);
  await queue.shutdown();
  assertEquals(await said.get(patiently), [1, 2]);
  await ended(waiter);
  await assertRejects(() => queue.put(3), ShutDown);
  assertEquals(await Array.fromAsync(queue), []);
});

testManaged("a queue goes on when the server is killed, and then says when nobody can put", async (managed) => {
  const { manager, run, killServer } = managed;
  using queue = await manager.Queue<string>(2);
  await killServer();
  await queue.put("one");
  await queue.put("two");
  await run(targets.drainFull, queue);
  assertThrows(() => queue.sync.get(), EOFError);
});

testManaged("proxies travel in a manager's queue, and keep what they stand for", async ({ manager }) => {
  const before = await manager.numberOfObjects();
  using queue = await manager.Queue();
  const inside = await manager.Event();
  await queue.put(inside);
  inside.close();
  assertEquals(await manager.numberOfObjects(), before + 2);
  using arrived = await queue.get() as typeof inside;
  await arrived.set();
  assert(arrived.sync.isSet());
});
