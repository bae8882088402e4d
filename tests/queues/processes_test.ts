// Queue and JoinableQueue between processes: nothing lost or doubled, shared objects, memory, kills.

import { Empty, InvalidStateError, JoinableQueue, Lock, Queue, RawArray, RLock } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as targets from "../fixtures/targets.ts";
import {
  assertNoMoreBlocks,
  assertNothingLeft,
  belongings,
  blocked,
  FIXTURES,
  outputOf,
  PATIENCE,
  within,
} from "../support/helpers.ts";
import { begin, ended, started } from "../support/children.ts";

Deno.test.beforeAll(begin);

Deno.test("TestQueue.test_fork: what parent and child put comes out in order, then Empty", async () => {
  using queue = new Queue();
  for (let i = 0; i < 10; i++) queue.putSync(i);
  const child = started(targets.putAll, queue, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  await ended(child);
  assertEquals(Array.from({ length: 20 }, () => queue.getNowait()), Array.from({ length: 20 }, (_, i) => i));
  assertThrows(() => queue.getNowait(), Empty);
});

Deno.test("TestStartMethod.test_nested_startmethod: a child hands the queue on to its own child", async () => {
  using queue = new Queue();
  const child = started(targets.delegate, queue, "from a grandchild");
  assertEquals(await queue.get({ timeout: PATIENCE }), "from a grandchild");
  await ended(child);
});

const STREAMS = [
  { producers: [targets.produce], consumers: [targets.consume, targets.consume], maxsize: 0, total: 50_000 },
  { producers: [targets.produce], consumers: [targets.consume, targets.consume], maxsize: 16, total: 20_000 },
  { producers: [targets.produceAsync], consumers: [targets.consumeAsync, targets.consume], maxsize: 8, total: 5000 },
  { producers: [targets.produce, targets.produceAsync], consumers: [targets.consumeAsync], maxsize: 1, total: 1000 },
];
for (const { producers, consumers, maxsize, total } of STREAMS) {
  const names = [...producers, ...consumers].map((target) => target.name).join(", ");
  Deno.test(`${total} values through ${names} with maxsize ${maxsize}: none lost or doubled`, async () => {
    const before = belongings();
    {
      using queue = new Queue<number | null>(maxsize);
      using said = new Queue<{ count: number; sum: number; grew: boolean }>();
      const readers = consumers.map((target) => started(target, queue, said));
      const share = total / producers.length;
      const writers = producers.map((target, i) => started(target, queue, i * share, (i + 1) * share));
      await ended(...writers);
      for (const _ of readers) await queue.put(null, { timeout: PATIENCE });
      const summaries = [];
      for (const _ of readers) summaries.push(await said.get({ timeout: PATIENCE }));
      assertEquals(summaries.reduce((sum, { count }) => sum + count, 0), total);
      assertEquals(summaries.reduce((all, { sum }) => all + sum, 0), total * (total - 1) / 2);
      if (producers.length === 1) assert(summaries.every(({ grew }) => grew), "each consumer sees the order");
      await ended(...readers);
    }
    await assertNothingLeft(before);
  });
}

Deno.test("shared objects travel in messages", async () => {
  using queue = new Queue();
  using said = new Queue();
  const lock = new Lock();
  const inner = new Queue();
  lock.acquireSync();
  queue.putSync(lock);
  queue.putSync({ inner });
  inner.putSync("here");
  const child = started(targets.useShared, queue, said);
  assertEquals(await said.get({ timeout: PATIENCE }), true);
  assertEquals(await inner.get({ timeout: PATIENCE }), "here");
  assertEquals(await inner.get({ timeout: PATIENCE }), "through the inner queue");
  assert(!lock.locked());
  await ended(child);
  lock[Symbol.dispose]();
  inner.close();
});

Deno.test("a shared object lives on in a message although nobody else has it any more", async () => {
  using queue = new Queue();
  const { blocks } = native().memoryUsage();
  {
    using inner = new Queue();
    using lock = new RLock();
    inner.putSync({ lock, text: "x".repeat(100_000) });
    queue.putSync([inner, inner]);
  }
  const [first, second] = await queue.get() as Queue[];
  assertStrictEquals(first, second);
  const { lock, text } = first.getSync() as { lock: RLock; text: string };
  assertEquals(text.length, 100_000);
  lock.acquireSync().release();
  lock[Symbol.dispose]();
  first.close();
  await assertNoMoreBlocks({ blocks });
});

Deno.test("what is in a queue that nobody has any more is freed with it", () => {
  const before = native().memoryUsage();
  for (let round = 0; round < 20; round++) {
    const queue = new Queue();
    using lock = new Lock();
    for (const value of [1, "x".repeat(1 << 20), new Uint8Array(4 << 20), { lock, queue: new Queue() }]) {
      queue.putSync(value);
    }
    queue.close();
  }
  const after = native().memoryUsage();
  // The queues inside the messages are ours until they are collected: three blocks each, once they were sent.
  assert(after.blocks <= before.blocks + 20 * 3, `${before.blocks} blocks became ${after.blocks}`);
  assert(after.bytes <= before.bytes + (8 << 20), `${before.bytes} bytes became ${after.bytes}`);
});

Deno.test("the memory of messages is returned when they are taken", () => {
  using queue = new Queue<Uint8Array>();
  for (let i = 0; i < 2; i++) {
    queue.putSync(new Uint8Array(64 << 20).fill(1));
    assertEquals(queue.getSync().length, 64 << 20);
  }
  const { resident, bytes } = native().memoryUsage();
  assert(resident < 32 << 20, `${resident} bytes are resident`);
  assert(bytes < 32 << 20, `${bytes} bytes are in use`);
});

Deno.test("an unbounded queue takes more than fits into one segment, and gives it back", () => {
  using queue = new Queue<string>();
  const before = native().memoryUsage().bytes;
  const text = "x".repeat(1000);
  for (let i = 0; i < 100_000; i++) queue.putSync(text);
  assertEquals(queue.qsize(), 100_000);
  for (let i = 0; i < 100_000; i++) assertEquals(queue.getSync().length, 1000);
  assert(queue.empty());
  const { bytes, resident } = native().memoryUsage();
  assert(bytes <= before + (32 << 20), `${before} bytes became ${bytes}`);
  assert(resident < 48 << 20, `${resident} bytes are resident`);
});

Deno.test("JoinableQueue: join waits for as many taskDone as there were puts", async () => {
  using queue = new JoinableQueue<number>();
  assert(queue.joinSync());
  assert(await queue.join());
  queue.putSync(1);
  await queue.put(2);
  assertEquals([queue.joinSync({ timeout: 20 }), await queue.join({ timeout: 20 })], [false, false]);
  queue.getSync();
  queue.getSync();
  queue.taskDone();
  assertEquals(queue.joinSync({ timeout: -1 }), false);
  const joining = queue.join();
  queue.taskDone();
  assert(await within(joining));
  assert(queue.joinSync());
});

Deno.test("JoinableQueue: taskDone once too often is refused", () => {
  using queue = new JoinableQueue<number>();
  assertThrows(() => queue.taskDone(), InvalidStateError, "task_done() called too many times");
  queue.putSync(1);
  queue.taskDone();
  assertThrows(() => queue.taskDone(), InvalidStateError, "task_done() called too many times");
  queue.getSync();
});

Deno.test("JoinableQueue: an abort of join rejects with its reason", async () => {
  using queue = new JoinableQueue<number>();
  queue.putSync(1);
  const reason = new Error("enough");
  await assertRejects(() => queue.join({ signal: AbortSignal.abort(reason) }), Error, "enough");
  const abortion = new AbortController();
  const joining = queue.join({ signal: abortion.signal }).catch((error) => error);
  abortion.abort(reason);
  assertStrictEquals(await joining, reason);
});

Deno.test("JoinableQueue: join in one process, taskDone in two others", async () => {
  using jobs = new JoinableQueue<number | null>(10);
  const workers = [0, 1].map(() => started(targets.work, jobs));
  for (let i = 0; i < 500; i++) await jobs.put(i, { timeout: PATIENCE });
  assert(await jobs.join({ timeout: PATIENCE }));
  for (const _ of workers) jobs.putSync(null, { timeout: PATIENCE });
  assert(jobs.joinSync({ timeout: PATIENCE }));
  await ended(...workers);
});

Deno.test("a producer that is killed in midstream costs at most the message it was putting", async () => {
  for (const size of [10, 5000, 300_000]) {
    using queue = new Queue<Uint8Array>(64);
    const child = started(targets.flood, queue, size);
    for (let i = 0; i < 100; i++) assertEquals((await queue.get({ timeout: PATIENCE }))[0], i % 256);
    child.kill();
    assert(await child.join({ timeout: PATIENCE }));
    let expected = 100;
    for (let left = queue.qsize(); left > 0; left--) {
      const got = await queue.get({ timeout: PATIENCE });
      assertEquals([got.length, got[0], got[size - 1]], [size, expected % 256, expected % 256]);
      expected++;
    }
    assert(queue.empty());
    for (let i = 0; i < 64; i++) queue.putSync(new Uint8Array(size), { timeout: PATIENCE });
    assert(queue.full());
  }
});

Deno.test("a consumer that is killed in midstream costs at most the message it had taken", async () => {
  using queue = new Queue<number>(8);
  for (let round = 0; round < 5; round++) {
    const taken = RawArray("i32", 1);
    const child = started(targets.drain, queue, taken);
    for (let i = 0; i < 200; i++) await queue.put(i, { timeout: PATIENCE });
    child.kill();
    assert(await child.join({ timeout: PATIENCE }));
    const lost = 200 - taken[0] - queue.qsize();
    assert(lost === 0 || lost === 1, `${lost} values are lost`);
    for (let i = 0; i < 8 - queue.qsize(); i++) queue.putSync(i, { timeout: PATIENCE });
    while (!queue.empty()) queue.getSync({ timeout: PATIENCE });
    for (let i = 0; i < 8; i++) queue.putSync(i, { timeout: PATIENCE });
    assert(queue.full());
    assertEquals(Array.from({ length: 8 }, () => queue.getSync({ timeout: PATIENCE })), [0, 1, 2, 3, 4, 5, 6, 7]);
  }
});

Deno.test("a consumer that is killed while it waits takes nothing", async () => {
  using queue = new Queue<string>();
  using said = new Queue();
  for (const target of [targets.block, targets.idle]) {
    const children = [started(target, said, queue), started(target, said, queue)];
    for (const _ of children) await said.get({ timeout: PATIENCE });
    if (target === targets.block) await Promise.all(children.map((child) => blocked(child.pid!)));
    for (const child of children) {
      child.kill();
      assert(await child.join({ timeout: PATIENCE }));
    }
    const getting = queue.get({ timeout: PATIENCE });
    queue.putSync("for those who live");
    assertEquals(await getting, "for those who live");
  }
});

Deno.test("a program ends although it has queues, if nobody waits for them", async () => {
  assertEquals(await outputOf(new URL("queues/queue_idle.ts", FIXTURES)), "end of the module\n");
});

Deno.test("a program goes on while a promise waits for a message, during module evaluation too", async () => {
  assertEquals(await outputOf(new URL("queues/queue_pending.ts", FIXTURES)), "got it\n");
});
