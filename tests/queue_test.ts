// Queue and JoinableQueue, between processes and promises.

import {
  Empty,
  Full,
  InvalidStateError,
  JoinableQueue,
  Lock,
  Process,
  Queue,
  RawArray,
  RLock,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../src/native.ts";
import * as targets from "./fixtures/targets.ts";
import { assertNothingLeft, belongings, blocked, FIXTURES, outputOf, PATIENCE, within } from "./helpers.ts";

const KINDS = [Queue, JoinableQueue];

/** Waits for the end of processes, which must be good. */
async function assertEnd(...children: Process[]): Promise<void> {
  for (const child of children) {
    assert(await child.join({ timeout: PATIENCE }), `${child} has not ended`);
    assertEquals(child.exitcode, 0, child.name);
  }
}

/** Starts a process. */
function started<A extends unknown[]>(target: (...args: A) => unknown, ...args: A): Process {
  const child = new Process({ target, args });
  child.start();
  return child;
}

/** Every way to put, as a function that throws when there is no room. */
const PUTS: Record<string, (queue: Queue, value: unknown) => unknown> = {
  put: (queue, value) => queue.put(value, { timeout: 0 }),
  "put, without blocking": (queue, value) => queue.put(value, { block: false }),
  "put, for some time": (queue, value) => queue.put(value, { timeout: 20 }),
  putSync: (queue, value) => queue.putSync(value, { timeout: -1 }),
  "putSync, without blocking": (queue, value) => queue.putSync(value, { block: false, timeout: 1e9 }),
  "putSync, for some time": (queue, value) => queue.putSync(value, { timeout: 20 }),
  putNowait: (queue, value) => queue.putNowait(value),
};

/** Every way to get, as a function that throws when there is nothing. */
const GETS: Record<string, (queue: Queue) => unknown> = {
  get: (queue) => queue.get({ timeout: 0 }),
  "get, without blocking": (queue) => queue.get({ block: false, timeout: 1e9 }),
  "get, for some time": (queue) => queue.get({ timeout: 20 }),
  getSync: (queue) => queue.getSync({ timeout: -1 }),
  "getSync, without blocking": (queue) => queue.getSync({ block: false }),
  "getSync, for some time": (queue) => queue.getSync({ timeout: 20 }),
  getNowait: (queue) => queue.getNowait(),
};

for (const Kind of KINDS) {
  const test = (what: string, run: () => void | Promise<void>) => Deno.test(`${Kind.name}: ${what}`, run);

  Deno.test(`TestQueue.test_put: every way to put fills a ${Kind.name} of 7, and then is Full`, async () => {
    using queue = new Kind(Object.keys(PUTS).length);
    assert(queue.empty() && !queue.full());
    for (const [name, put] of Object.entries(PUTS)) await put(queue, name);
    assert(!queue.empty() && queue.full());
    for (const put of Object.values(PUTS)) {
      await assertRejects(async () => await put(queue, "too many"), Full, "Cannot put into the queue: it is full");
    }
    using said = new Queue();
    const child = started(targets.takeAll, queue, said, 7);
    assertEquals(await said.get({ timeout: PATIENCE }), Object.keys(PUTS));
    assert(queue.empty() && !queue.full());
    await assertEnd(child);
  });

  test("every way to get takes what is there, in order, and then is Empty", async () => {
    using queue = new Kind();
    const names = Object.keys(GETS);
    names.forEach((name) => queue.putSync(name));
    for (const [name, get] of Object.entries(GETS)) assertEquals(await get(queue), name);
    for (const get of Object.values(GETS)) {
      await assertRejects(async () => await get(queue), Empty, "Cannot get from the queue: it is empty");
    }
  });

  test("after close every use but another close is refused", async () => {
    const queue = new Kind();
    queue.putSync("something");
    queue.close();
    queue.close();
    const uses = [
      ...Object.values(PUTS).map((put) => () => put(queue, 1)),
      ...Object.values(GETS).map((get) => () => get(queue)),
      () => queue.qsize(),
      () => queue.empty(),
      () => queue.full(),
      () => queue[Symbol.asyncIterator]().next(),
      () => new Queue().putSync(queue),
    ];
    for (const use of uses) {
      await assertRejects(async () => await use(), InvalidStateError, `the ${Kind.name} is closed`);
    }
    queue.joinThreadSync();
    await queue.joinThread();
    queue.cancelJoinThread();
  });
}

Deno.test("TestQueue.test_qsize: qsize counts at once", async () => {
  using queue = new Queue();
  const sizes = [queue.qsize()];
  queue.putSync(1);
  sizes.push(queue.qsize());
  await queue.put(2);
  sizes.push(queue.qsize());
  await queue.get();
  sizes.push(queue.qsize());
  queue.getSync();
  sizes.push(queue.qsize());
  assertEquals(sizes, [0, 1, 2, 1, 0]);
});

Deno.test("TestQueue.test_timeout: get waits as long as it was told, and its error says so", async () => {
  using queue = new Queue();
  for (const get of [() => Promise.try(() => queue.getSync({ timeout: 150 })), () => queue.get({ timeout: 150 })]) {
    const begin = performance.now();
    const error = await assertRejects(get, Empty) as Empty;
    assert(performance.now() - begin >= 148);
    assertEquals(error.message, "Cannot get from the queue: it is empty, and was for 150 ms");
  }
});

Deno.test("put waits as long as it was told, and its error says so", async () => {
  using queue = new Queue(1);
  queue.putSync(1);
  for (
    const put of [() => Promise.try(() => queue.putSync(2, { timeout: 150 })), () => queue.put(2, { timeout: 150 })]
  ) {
    const begin = performance.now();
    const error = await assertRejects(put, Full) as Full;
    assert(performance.now() - begin >= 148);
    assertEquals(error.message, "Cannot put into the queue: it is full, and was for 150 ms");
  }
  assertEquals([queue.qsize(), queue.getNowait()], [1, 1]);
});

Deno.test("a timeout that is no number of milliseconds is refused, and nothing put or taken", async () => {
  using queue = new Queue();
  queue.putSync("kept");
  const refused: [unknown, typeof TypeError | typeof RangeError][] = [["1", TypeError], [{}, TypeError], [
    NaN,
    RangeError,
  ]];
  for (const [wrong, ErrorClass] of refused) {
    const timeout = wrong as number;
    assertThrows(() => queue.putSync(1, { timeout }), ErrorClass, '"timeout"');
    assertThrows(() => queue.getSync({ timeout }), ErrorClass, '"timeout"');
    await assertRejects(() => queue.put(1, { timeout }), ErrorClass, '"timeout"');
    await assertRejects(() => queue.get({ timeout }), ErrorClass, '"timeout"');
  }
  assertEquals(queue.qsize(), 1);
});

Deno.test("maxsize is a whole number; 0 and less mean no limit", () => {
  for (const maxsize of [0, -1, -5, undefined]) {
    using queue = new Queue(maxsize);
    for (let i = 0; i < 100; i++) queue.putNowait(i);
    assert(!queue.full());
  }
  for (const maxsize of [0.5, NaN, Infinity, 2 ** 31]) {
    assertThrows(() => new Queue(maxsize), RangeError, '"maxsize"');
  }
  for (const maxsize of ["3", null] as unknown as number[]) {
    assertThrows(() => new Queue(maxsize), TypeError, '"maxsize"');
  }
  using one = new Queue(1);
  one.putNowait(1);
  assert(one.full());
  using largest = new Queue(2 ** 31 - 1);
  assert(!largest.full());
});

Deno.test("values arrive as copies, in the order in which they were put", () => {
  using queue = new Queue();
  const shared = { n: 1 };
  const values = [
    undefined,
    null,
    0,
    -0,
    NaN,
    2n ** 70n,
    "",
    "é\u0000\ud800",
    [shared, shared],
    new Map([[1, new Set([2])]]),
    new Date(5),
    /a/gu,
    new Float64Array([1.5]),
    new Uint8Array(0),
    new URL("file:///a%20b"),
  ];
  for (const value of values) queue.putSync(value);
  shared.n = 2;
  const got = values.map(() => queue.getSync());
  values[8] = [{ n: 1 }, { n: 1 }];
  assertEquals(got, values);
  const [first, second] = got[8] as object[];
  assertStrictEquals(first, second);
});

Deno.test("a value may change as soon as put has returned its promise", async () => {
  using queue = new Queue<unknown>(1);
  queue.putSync("first");
  for (const value of [{ n: 1 }, new Uint8Array(10_000).fill(1)]) {
    const waiting = queue.put(value);
    if (value instanceof Uint8Array) value.fill(2);
    else value.n = 2;
    await queue.get();
    await waiting;
    assertEquals(queue.qsize(), 1);
    const arrived = value instanceof Uint8Array ? new Uint8Array(10_000).fill(1) : { n: 1 };
    assertEquals(await queue.get(), arrived);
    queue.putSync("next");
  }
});

Deno.test("messages of every size arrive whole, from 0 bytes to 64 MiB", async () => {
  using there = new Queue<Uint8Array>();
  const sizes = [0, 1, 63, 64, 4095, 4096, 4097, 65_535, 65_536, 65_537, 1 << 20, (1 << 20) + 1, 64 << 20];
  for (const size of sizes) {
    const bytes = new Uint8Array(size);
    for (let i = 0; i < size; i += 4093) bytes[i] = i % 251;
    if (size % 2 === 0) there.putSync(bytes);
    else await there.put(bytes);
    const got = size % 3 === 0 ? there.getSync() : await there.get();
    assertEquals(got.length, size);
    for (let i = 0; i < size; i += 4093) if (got[i] !== i % 251) throw new Error(`byte ${i} of ${size} is ${got[i]}`);
  }
});

Deno.test("long texts and deep objects arrive whole in another process, and come back", async () => {
  using there = new Queue();
  using back = new Queue();
  const values = [
    "x".repeat(70_000),
    "ü".repeat(3 << 20),
    Array.from({ length: 50_000 }, (_, i) => ({ i, t: `${i}` })),
  ];
  const child = started(targets.takeAll, there, back, values.length);
  for (const value of values) await there.put(value);
  assertEquals(await back.get({ timeout: PATIENCE }), values);
  await assertEnd(child);
});

for (const maxsize of [0, 1]) {
  Deno.test(`TestQueue.test_queue_feeder_donot_stop_onexc: what cannot be sent throws and takes no slot (${maxsize})`, async () => {
    using queue = new JoinableQueue<unknown>(maxsize);
    const unsendable = [() => {}, Symbol("s"), { deep: [new WeakMap()] }, Promise.resolve(), new Process()];
    for (const value of unsendable) {
      assertThrows(() => queue.putSync(value), TypeError);
      assertThrows(() => queue.putNowait(value), TypeError);
      await assertRejects(() => queue.put(value), TypeError);
    }
    assertEquals(queue.qsize(), 0);
    assert(await queue.join({ timeout: 0 }));
    queue.putNowait("sendable");
    await assertRejects(() => queue.put(() => {}, { timeout: 5000 }), TypeError);
    assertEquals(queue.getNowait(), "sendable");
  });
}

Deno.test("joinThread wants a closed queue", async () => {
  using queue = new Queue();
  assertThrows(() => queue.joinThreadSync(), InvalidStateError, "not closed");
  await assertRejects(() => queue.joinThread(), InvalidStateError, "not closed");
});

Deno.test("waiting gets are served in the order of their calls", async () => {
  using queue = new Queue<number>();
  const order: [number, number][] = [];
  const waiting = Array.from({ length: 50 }, async (_, i) => order.push([i, await queue.get()]));
  for (let i = 0; i < 50; i++) queue.putSync(i);
  await within(Promise.all(waiting));
  assertEquals(order, Array.from({ length: 50 }, (_, i) => [i, i]));
});

Deno.test("waiting puts are done in the order of their calls", async () => {
  using queue = new Queue<number>(1);
  const waiting = Array.from({ length: 50 }, (_, i) => queue.put(i));
  const got = [];
  for (let i = 0; i < 50; i++) got.push(await queue.get({ timeout: PATIENCE }));
  await within(Promise.all(waiting));
  assertEquals(got, Array.from({ length: 50 }, (_, i) => i));
});

Deno.test("a get that waits in line gives up in time, and the next in line is served", async () => {
  using queue = new Queue<string>();
  const first = queue.get();
  const second = assertRejects(() => queue.get({ timeout: 30 }), Empty);
  const third = queue.get();
  await second;
  queue.putSync("a");
  queue.putSync("b");
  assertEquals(await within(Promise.all([first, third])), ["a", "b"]);
});

Deno.test("an abort of a waiting get rejects with its reason and takes nothing", async () => {
  using queue = new Queue<string>();
  const reason = new Error("enough");
  for (const place of [0, 1]) {
    const abortion = new AbortController();
    const gets = [0, 1].map((i) => i === place ? queue.get({ signal: abortion.signal }) : queue.get());
    abortion.abort(reason);
    const outcome = await gets[place].catch((error) => error);
    assertStrictEquals(outcome, reason);
    queue.putSync("kept");
    assertEquals(await within(gets[1 - place]), "kept");
  }
  await assertRejects(() => queue.get({ signal: AbortSignal.abort(reason) }), Error, "enough");
  assertEquals(queue.qsize(), 0);
});

Deno.test("an abort that races with a put loses no value", async () => {
  using queue = new Queue<number>();
  for (let round = 0; round < 300; round++) {
    const abortion = new AbortController();
    const waiting = queue.get({ signal: abortion.signal }).catch(() => null);
    queue.putSync(round);
    if (round % 3 > 0) await new Promise((resolve) => setTimeout(resolve));
    abortion.abort();
    const got = await waiting ?? queue.getNowait();
    assertEquals(got, round);
  }
  assert(queue.empty());
});

Deno.test("an abort of a waiting put rejects with its reason and puts nothing", async () => {
  using queue = new Queue<string>(1);
  queue.putSync("first");
  const abortion = new AbortController();
  const waiting = queue.put("second", { signal: abortion.signal });
  const after = queue.put("third");
  const reason = new Error("enough");
  abortion.abort(reason);
  assertStrictEquals(await waiting.catch((error) => error), reason);
  assertEquals([await queue.get(), await within(queue.get())], ["first", "third"]);
  await after;
  assert(queue.empty());
});

Deno.test("a promise that waits is rejected when the queue is closed", async () => {
  const queue = new Queue(1);
  const getting = queue.get();
  queue.close();
  await assertRejects(() => within(getting), InvalidStateError, "the Queue is closed");
});

Deno.test("TestQueue.test_fork: what parent and child put comes out in order, then Empty", async () => {
  using queue = new Queue();
  for (let i = 0; i < 10; i++) queue.putSync(i);
  const child = started(targets.putAll, queue, [10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  await assertEnd(child);
  assertEquals(Array.from({ length: 20 }, () => queue.getNowait()), Array.from({ length: 20 }, (_, i) => i));
  assertThrows(() => queue.getNowait(), Empty);
});

Deno.test("TestStartMethod.test_nested_startmethod: a child hands the queue on to its own child", async () => {
  using queue = new Queue();
  const child = started(targets.delegate, queue, "from a grandchild");
  assertEquals(await queue.get({ timeout: PATIENCE }), "from a grandchild");
  await assertEnd(child);
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
      await assertEnd(...writers);
      for (const _ of readers) await queue.put(null, { timeout: PATIENCE });
      const summaries = [];
      for (const _ of readers) summaries.push(await said.get({ timeout: PATIENCE }));
      assertEquals(summaries.reduce((sum, { count }) => sum + count, 0), total);
      assertEquals(summaries.reduce((all, { sum }) => all + sum, 0), total * (total - 1) / 2);
      if (producers.length === 1) assert(summaries.every(({ grew }) => grew), "each consumer sees the order");
      await assertEnd(...readers);
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
  await assertEnd(child);
  lock[Symbol.dispose]();
  inner.close();
});

Deno.test("a shared object lives on in a message although nobody else has it any more", async () => {
  using queue = new Queue();
  const usage = native().memoryUsage().blocks;
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
  assertEquals(native().memoryUsage().blocks, usage);
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
  // The queues inside the messages are ours until they are collected.
  assert(after.blocks <= before.blocks + 20 * 2, `${before.blocks} blocks became ${after.blocks}`);
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
  await assertEnd(...workers);
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
  assertEquals(await outputOf(new URL("queue_idle.ts", FIXTURES)), "end of the module\n");
});

Deno.test("a program goes on while a promise waits for a message, during module evaluation too", async () => {
  assertEquals(await outputOf(new URL("queue_pending.ts", FIXTURES)), "got it\n");
});
