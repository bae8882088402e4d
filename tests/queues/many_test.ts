// putMany and getMany: all or part, what cannot be sent or read, kills.

import {
  Empty,
  Full,
  InvalidStateError,
  JoinableQueue,
  Lock,
  OwnerDiedError,
  Pipe,
  Queue,
  RawArray,
  ShutDown,
  SimpleQueue,
} from "@parallel/multiprocessing";
import { dumps, register } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { PutStatus } from "../../src/addon/numbers.ts";
import { Batch } from "../../src/queues/batch.ts";
import { Transport } from "../../src/queues/transport.ts";
import * as targets from "../fixtures/queues/many_targets.ts";
import { begin, ended, killed, leavingNothing, started } from "../support/children.ts";
import { blocked, FIXTURES, PATIENCE, within } from "../support/helpers.ts";

Deno.test.beforeAll(begin);

const patiently = { timeout: PATIENCE };
const atOnce = { timeout: 0 };
const { Unreadable } = targets;
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Both ways to put many, and to get many, as promises. */
const WAYS = [
  {
    way: "promises",
    put: (queue: Queue, values: Iterable<unknown>, options?: { timeout: number }) => queue.putMany(values, options),
    get: (queue: Queue, max: number, options?: { timeout: number }) => queue.getMany(max, options),
  },
  {
    way: "threads",
    put: (queue: Queue, values: Iterable<unknown>, options?: { timeout: number }) =>
      Promise.try(() => queue.putManySync(values, options)),
    get: (queue: Queue, max: number, options?: { timeout: number }) =>
      Promise.try(() => queue.getManySync(max, options)),
  },
];

for (const { way, put, get } of WAYS) {
  const test = (what: string, run: () => Promise<void>) => Deno.test(`many values, by ${way}: ${what}`, run);

  test("come out in order, up to so many, and together with single ones", async () => {
    for (const Kind of [Queue, JoinableQueue]) {
      using queue = new Kind<unknown>();
      assertEquals(await put(queue, new Set(["a", "b"])), 2);
      queue.putSync("c");
      assertEquals(await put(queue, []), 0);
      assertEquals(await put(queue, [undefined, null, { d: 1n }]), 3);
      assertEquals([queue.qsize(), queue.getSync()], [6, "a"]);
      assertEquals(await get(queue, 3), ["b", "c", undefined]);
      assertEquals(await get(queue, Number.MAX_SAFE_INTEGER), [null, { d: 1n }]);
      await assertRejects(() => get(queue, 1, atOnce), Empty, "Cannot get from the queue: it is empty");
      await assertRejects(() => get(queue, 1, { timeout: 5 }), Empty, "it is empty, and was for 5 ms");
    }
  });

  test("of every length, short in runs and long by themselves", async () => {
    using queue = new Queue<unknown>();
    const lengths = [0, 1, 5, 4095, 4096, 16_000, 16_384, 65_500, 65_536, 70_000, 3 << 20, 1, 9000, 9000, 9000];
    const values = lengths.flatMap((n) => ["s".repeat(n), new Uint8Array(n).fill(7), n]);
    assertEquals(await put(queue, values), values.length);
    assertEquals(await get(queue, 7), values.slice(0, 7));
    assertEquals(await get(queue, 999), values.slice(7));
    assertEquals(await put(queue, upTo(30_000)), 30_000);
    assertEquals(await get(queue, 30_000), upTo(30_000));
  });

  test("are copied when the iterable gives them", async () => {
    using queue = new Queue<unknown>();
    const long = new Uint8Array(5000);
    await put(
      queue,
      (function* () {
        for (let i = 1; i < 4; i++) yield long.fill(i);
      })(),
    );
    long.fill(9);
    assertEquals((await get(queue, 3) as Uint8Array[]).map(([first]) => first), [1, 2, 3]);
  });

  test("of which one cannot be sent are refused, and none is put", async () => {
    using queue = new Queue<unknown>();
    using lock = new Lock();
    const [ours, theirs] = Pipe();
    const place = "Cannot put the value at index 3: Cannot serialise";
    await assertRejects(() => put(queue, [1, theirs, lock, { f() {} }, 5]), TypeError, place);
    const broken = (function* () {
      yield 1;
      yield theirs;
      throw new RangeError("no more");
    })();
    await assertRejects(() => put(queue, broken), RangeError, "no more");
    await assertRejects(() => put(queue, 5 as unknown as []), TypeError, "not iterable");
    assertEquals(queue.qsize(), 0);
    assertEquals(await put(queue, [theirs]), 1); // it was not given away
    const [arrived] = await get(queue, 1, patiently) as [typeof theirs];
    ours.sendSync("through");
    assertEquals(arrived.recvSync(), "through");
    for (const end of [ours, theirs, arrived]) end.close();
  });

  test("for which there is no room say how many are in the queue", async () => {
    using queue = new Queue<unknown>(3);
    const full = await assertRejects(() => put(queue, upTo(5), { timeout: 5 }), Full, "it is full, and was for 5 ms");
    assertEquals(full.put, 3);
    assertEquals((await assertRejects(() => put(queue, ["more"], atOnce), Full)).put, 0);
    assertEquals(await get(queue, 2), [0, 1]);
    queue.shutdown();
    assertEquals((await assertRejects(() => put(queue, [1]), ShutDown)).put, 0);
    assertEquals(await get(queue, 2), [2]);
    await assertRejects(() => get(queue, 2), ShutDown);
  });

  test("one of which cannot be read cost no other", async () => {
    using queue = new Queue<unknown>();
    using lock = new Lock();
    await put(queue, [1, 2, new Unreadable(), 4, [lock], 6, new Unreadable(), "x".repeat(70_000), new Unreadable()]);
    const [, , , [again], ...rest] = await get(queue, 9) as [1, 2, 4, [Lock], ...unknown[]];
    assertEquals([again.locked(), rest], [false, [6, "x".repeat(70_000)]]);
    again[Symbol.dispose]();
    assertEquals(queue.qsize(), 0);
    queue.putSync("later");
    await assertRejects(() => get(queue, 9), RangeError, "cannot be read");
    assertThrows(() => queue.getNowait(), RangeError, "cannot be read");
    await assertRejects(() => queue.get(), RangeError, "cannot be read");
    assertEquals(await get(queue, 9), ["later"]);
    await put(queue, [new Unreadable(), new Unreadable(), "x".repeat(70_000)]);
    await assertRejects(() => get(queue, 2), RangeError, "cannot be read");
    assertEquals(queue.qsize(), 1); // no more than so many are taken
    assertThrows(() => queue.getSync(), RangeError, "cannot be read");
    assertEquals(await get(queue, 9), ["x".repeat(70_000)]);
    await assertRejects(() => get(queue, 9, atOnce), Empty);
  });

  test("are refused by a closed queue, and a max that is none too", async () => {
    using queue = new Queue<unknown>();
    queue.putSync(1);
    for (const max of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
      await assertRejects(() => get(queue, max), RangeError, `"max" is ${max}, wanted a whole number from 1 to`);
    }
    await assertRejects(() => get(queue, "1" as unknown as number), TypeError, `"max" is "1"`);
    await assertRejects(() => get(queue, 1, { timeout: NaN }), RangeError);
    assertEquals(queue.qsize(), 1);
    queue.close();
    await assertRejects(() => get(queue, 1), InvalidStateError, "Cannot get from the queue");
    await assertRejects(() => put(queue, [1]), InvalidStateError, "Cannot put into the queue");
  });
}

Deno.test("many connections in values arrive in their order, and the one that is not there yet is waited for", async () => {
  using queue = new Queue<unknown>();
  const pipes = upTo(3).map(() => Pipe());
  queue.putManySync([0, pipes[0][1], 1, [pipes[1][1]], pipes[2][1], 2]);
  const got: unknown[] = [];
  while (got.length < 6) got.push(...await queue.getMany(9, patiently));
  const ends = [got[1], (got[3] as unknown[])[0], got[4]] as (typeof pipes)[0][0][];
  assertEquals([got[0], got[2], got[5]], [0, 1, 2]);
  pipes.forEach(([ours], i) => ours.sendSync(i));
  assertEquals(ends.map((end) => end.recvSync()), [0, 1, 2]);
  for (const end of [...pipes.flat(), ...ends]) end.close();
});

Deno.test("what a process takes beside a value that it cannot read is not hidden from others", async () => {
  using queue = new Queue<unknown>();
  using said = new Queue<unknown>();
  queue.putManySync([1, new Unreadable(), 3, 4]);
  const child = started(targets.takeAndStay, queue, said);
  assertEquals([await said.get(patiently), queue.qsize()], [[1, 3, 4], 0]);
  queue.putSync(5);
  await killed(child);
  assertEquals(queue.getManySync(9), [5]);
});

Deno.test("a get that waits is not told what a getMany beside it could not read", async () => {
  using jobs = new JoinableQueue<unknown>();
  for (const get of [() => jobs.get(), () => jobs.getMany(2)]) {
    const waiting = get();
    jobs.putManySync([1, new Unreadable(), 3, 4]);
    assertEquals(jobs.getManySync(9), [1, 3, 4]);
    jobs.putSync(5);
    assertEquals([await within(waiting)].flat(), [5]);
    assertThrows(() => jobs.getNowait(), RangeError, "cannot be read");
    for (let i = 0; i < 5; i++) jobs.taskDone();
    assert(jobs.joinSync(atOnce));
  }
});

Deno.test("a restore that gets a message with objects itself takes nothing of the run that it is in", () => {
  using inner = new Queue<unknown>();
  using outer = new Queue<unknown>();
  using lock = new Lock();
  class Getting {
    got: unknown;
  }
  register(Getting, {
    name: "many_test.Getting",
    reduce: () => null,
    restore: () => Object.assign(new Getting(), { got: inner.getSync() }),
  });
  const { blocks } = native().memoryUsage();
  for (let i = 0; i < 5; i++) {
    using other = new Lock();
    inner.putSync(lock);
    outer.putManySync([new Getting(), other]);
    const [getting, it] = outer.getManySync(9) as [Getting, Lock];
    assertEquals([String(getting.got), String(it)], [String(lock), String(other)]);
    it[Symbol.dispose]();
    (getting.got as Lock)[Symbol.dispose]();
  }
  assertEquals(native().memoryUsage().blocks, blocks);
});

Deno.test("no values are put at once, whoever waits for room", async () => {
  using queue = new Queue<number>(1);
  const putting = queue.putMany([1, 2]);
  assertEquals([await queue.putMany([], atOnce), await queue.putMany([]), queue.putManySync([])], [0, 0, 0]);
  assertEquals([await queue.get(), await putting, await queue.get()], [1, 2, 2]);
});

Deno.test("many values into a queue with little room cost no more than what is put", () => {
  const most: number[] = [];
  using batch = { it: Batch.of(upTo(500)), [Symbol.dispose]: () => batch.it.end() };
  const transport = new Transport(() => 0);
  transport.putRun = ({ begin, end }) => most.push(end - begin) && 1;
  assertEquals([batch.it.putBy(transport, 0), batch.it.put], [PutStatus.done, 500]);
  assert(most.slice(1).every((bytes) => bytes <= 2 * 16), `${most}`);
});

Deno.test("putMany waits for room, in the order of the calls, and puts the rest as it comes", async () => {
  using queue = new Queue<number>(2);
  const puts = [queue.putMany(upTo(7)), queue.put(7), queue.putMany([8, 9, 10])];
  const got: number[] = [];
  while (got.length < 11) got.push(...await queue.getMany(5, patiently));
  assertEquals([got, await Promise.all(puts)], [upTo(11), [7, undefined, 3]]);
});

Deno.test("an abort of putMany or getMany takes nothing back and takes nothing", async () => {
  using queue = new Queue<unknown>(2);
  const reason = new Error("enough");
  const abortion = new AbortController();
  const { signal } = abortion;
  const getting = queue.getMany(2, { signal }).catch((error) => error);
  const behind = queue.getMany(2, { signal }).catch((error) => error);
  abortion.abort(reason);
  queue.putSync(1);
  assertEquals([await getting, await behind, queue.qsize()], [reason, reason, 1]);
  await assertRejects(() => queue.putMany([2], { signal }), Error, "enough");
  for (const [values, put] of [[[2, 3, 4], 1], [[5], 0]] as const) {
    const later = new AbortController();
    const putting = queue.putMany(values, { signal: later.signal }).catch((error) => error);
    later.abort(reason);
    const error = await putting;
    if (put === 0) assertStrictEquals(error, reason);
    else assert(error instanceof Full && error.cause === reason && error.put === put);
  }
  assertEquals(queue.getManySync(9), [1, 2]);
});

Deno.test("a queue that is shut down or closed ends putMany in its midst, and says so to each", async () => {
  const queue = new Queue<number>(2);
  const shut = queue.putMany([1, 2, 3]).catch((error) => error);
  queue.shutdown();
  const error = await shut;
  assert(error instanceof ShutDown && error.put === 2);
  queue.close();
  const other = new Queue<number>(2);
  const puts = [other.putMany([1, 2, 3]), other.putMany([4])].map((put) => put.catch((error) => error));
  other.close();
  const errors = await Promise.all(puts);
  assertEquals(errors.map((it) => [it.name, it.put]), [["InvalidStateError", 2], ["InvalidStateError", 0]]);
});

Deno.test("putMany and getMany inside of what serialises and restores", () => {
  using inner = new Queue<unknown>();
  using outer = new Queue<unknown>();
  inner.putManySync(upTo(5));
  class Nested {
    constructor(readonly got: unknown[]) {}
  }
  register(Nested, {
    name: "many_test.Nested",
    reduce: () => inner.putManySync(["in", "between"]),
    restore: () => new Nested(inner.getManySync(3)),
  });
  outer.putManySync([1, new Nested([]), 2, new Nested([]), 3]);
  const got = outer.getManySync(9) as [number, Nested, number, Nested, number];
  assertEquals([got[0], got[2], got[4]], [1, 2, 3]);
  assertEquals([got[1].got, got[3].got], [[0, 1, 2], [3, 4, "in"]]);
  assertEquals(inner.getManySync(9), ["between", "in", "between"]);
});

Deno.test("a SimpleQueue puts and gets many", async () => {
  using queue = new SimpleQueue<number>();
  assertEquals([await queue.putMany([1, 2]), queue.putManySync([3])], [2, 1]);
  assertEquals([await queue.getMany(2), queue.getManySync(2)], [[1, 2], [3]]);
});

Deno.test("each value of a putMany is a task", async () => {
  using jobs = new JoinableQueue<number>();
  jobs.putManySync(upTo(5));
  for (const _ of await jobs.getMany(3)) jobs.taskDone();
  assert(!await jobs.join(atOnce));
  for (const _ of jobs.getManySync(3)) jobs.taskDone();
  assert(jobs.joinSync(atOnce));
});

for (const maxsize of [0, 9]) {
  Deno.test(`several producers and consumers of many at once, maxsize ${maxsize}: none lost or doubled`, async () => {
    await leavingNothing(async () => {
      using queue = new Queue<[number, number, string]>(maxsize);
      using said = new Queue<[number, number][]>();
      const total = maxsize === 0 ? 5000 : 1500;
      const consumers = [true, false].map((inPromises) => started(targets.consumeMany, queue, said, inPromises));
      await ended(...upTo(2).map((k) => started(targets.produceMany, queue, k, total)));
      queue.shutdown();
      const seen = [await said.get(patiently), await said.get(patiently)];
      await ended(...consumers);
      for (const producer of [0, 1]) {
        const parts = seen.map((all) => all.filter(([it]) => it === producer).map(([, n]) => n));
        for (const part of parts) assert(part.every((n, i) => i === 0 || n > part[i - 1]), "each sees the order");
        assertEquals(parts.flat().sort((a, b) => a - b), upTo(total));
      }
    });
  });
}

Deno.test("a producer that is killed within putMany leaves its first values, whole and in order, and others go on", async () => {
  for (const maxsize of [0, 64]) {
    using queue = new Queue<[number, number, string]>(maxsize);
    const child = started(targets.floodMany, queue, 1);
    let next = 0;
    const look = (values: [number, number, string][]) => {
      for (const value of values) assertEquals(value, targets.valueOf(1, next++));
    };
    while (next < 500) look(await queue.getMany(40, patiently));
    await killed(child);
    while (!queue.empty()) look(queue.getManySync(999, patiently));
    assertEquals(queue.putManySync(upTo(50).map((n) => targets.valueOf(2, n)), patiently), 50);
    assertEquals(queue.getManySync(99), upTo(50).map((n) => targets.valueOf(2, n)));
  }
});

Deno.test("a consumer that is killed within getMany has taken the first values at most, and leaves the others", async () => {
  using jobs = new JoinableQueue<number>();
  const taken = RawArray("i32", 1);
  const child = started(targets.drainMany, jobs, taken);
  let put = 0;
  // There is always more than it takes, so that it is killed while it takes.
  while (Atomics.load(taken, 0) < 500) {
    if (jobs.qsize() < 20_000) put += jobs.putManySync(upTo(100).map((i) => put + i));
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  put += jobs.putManySync(upTo(5000).map((i) => put + i));
  child.kill();
  await child.join(patiently);
  const left: number[] = [];
  while (!jobs.empty()) left.push(...jobs.getManySync(1000));
  const lost = put - left.length;
  assert(lost >= taken[0] && lost <= taken[0] + 10, `${lost} are gone, ${taken[0]} were taken`);
  assertEquals(left, upTo(left.length).map((i) => lost + i));
  for (const _ of left) jobs.taskDone();
  await assertRejects(() => jobs.join(patiently), OwnerDiedError, `after it took ${lost} values`);
});

Deno.test("a process that waits in getMany and is killed takes nothing", async () => {
  using queue = new Queue<string>();
  using said = new Queue<string>();
  for (const inPromises of [false, true]) {
    const child = started(targets.waitForMany, said, queue, inPromises);
    await said.get(patiently);
    if (!inPromises) await blocked(child.pid!);
    await killed(child);
    const getting = queue.getMany(5, patiently);
    queue.putManySync(["for", "others"]);
    assertEquals(await within(getting), ["for", "others"]);
  }
});

Deno.test("a Worker that waits in getMany and is terminated takes nothing", async () => {
  using queue = new Queue<string>();
  const worker = new Worker(new URL("queues/many_worker.ts", FIXTURES), { type: "module" });
  const { promise, resolve } = Promise.withResolvers<void>();
  worker.onmessage = () => resolve();
  const message = dumps(queue);
  worker.postMessage(message.bytes);
  await within(promise);
  assert(message.bytes.length > 0); // what a message offers is taken back when its bytes are collected
  worker.terminate();
  queue.putManySync(["for", "others"]);
  assertEquals(await queue.getMany(5, patiently), ["for", "others"]);
});
