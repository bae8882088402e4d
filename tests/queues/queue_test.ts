// Queue and JoinableQueue: what goes in and out, limits, timeouts and aborts.

import { Empty, Full, InvalidStateError, JoinableQueue, Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/targets.ts";
import { PATIENCE, within } from "../support/helpers.ts";
import { ended, started } from "../support/children.ts";

const KINDS = [Queue, JoinableQueue];

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
    await ended(child);
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
  await ended(child);
});

for (const maxsize of [0, 1]) {
  Deno.test(`TestQueue.test_queue_feeder_donot_stop_onexc: what cannot be sent throws and takes no slot (CPython's join hangs; maxsize ${maxsize})`, async () => {
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
