// The contract suite: queues.

import { Empty, Full, ShutDown } from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { run, type Suite, timeout } from "./suite.ts";

export function queues({ test }: Suite): void {
  test("a queue keeps the order of values across processes, and ends by shutdown", async (context) => {
    using numbers = new context.Queue<number>(2);
    using doubled = new context.Queue<number>();
    await run(new context.Process({ target: targets.double, args: [numbers, doubled] }), async () => {
      for (let i = 1; i <= 5; i++) await numbers.put(i, { timeout });
      numbers.shutdown();
      assertEquals(await Array.fromAsync(doubled), [2, 4, 6, 8, 10]);
    });
    await assertRejects(() => numbers.put(6), ShutDown);
    await assertRejects(() => doubled.get(), ShutDown);
  });

  test("a queue that is empty or full says so, at once or in time", async (context) => {
    using queue = new context.Queue<string>(1);
    assertEquals([queue.empty(), queue.full(), queue.qsize()], [true, false, 0]);
    assertThrows(() => queue.getNowait(), Empty);
    await assertRejects(() => queue.get({ timeout: 1 }), Empty);
    assertThrows(() => queue.getSync({ timeout: 1 }), Empty);
    queue.putNowait("only");
    assertEquals([queue.empty(), queue.full(), queue.qsize()], [false, true, 1]);
    assertThrows(() => queue.putNowait("more"), Full);
    await assertRejects(() => queue.put("more", { timeout: 1 }), Full);
    assertThrows(() => queue.putSync("more", { timeout: 1 }), Full);
    assertEquals(queue.getSync({ timeout }), "only");
    queue.close();
    assertThrows(() => queue.putNowait("more"), Error, "closed");
    await queue.joinThread();
  });

  test("many values are put and taken at once, all or as many as there is room for", async (context) => {
    using many = new context.Queue<number>();
    using few = new context.Queue<number>(2);
    using jobs = new context.JoinableQueue<number>();
    using simple = new context.SimpleQueue<number>();
    for (const queue of [many, jobs, simple]) {
      assertEquals([await queue.putMany(new Set([1, 2, 3])), queue.putManySync([4, 5])], [3, 2]);
      assertEquals([await queue.getMany(2), queue.getManySync(1), await queue.getMany(99)], [[1, 2], [3], [4, 5]]);
      await assertRejects(() => queue.putMany([6, (() => {}) as unknown as number]), TypeError, "the value at index 1");
      assert(queue.empty());
      await assertRejects(() => queue.getMany(0), RangeError, '"max" is 0');
    }
    for (let i = 0; i < 5; i++) jobs.taskDone();
    assert(await jobs.join({ timeout: 0 }));
    assertEquals((await assertRejects(() => few.putMany([1, 2, 3], { timeout: 1 }), Full)).put, 2);
    assertEquals(assertThrows(() => few.putManySync([3], { block: false }), Full).put, 0);
    assertEquals(await few.getMany(1, { timeout }), [1]);
    const signal = AbortSignal.abort(new RangeError("enough"));
    await assertRejects(() => few.getMany(1, { signal }), RangeError, "enough");
    assertEquals(few.getManySync(3, { timeout }), [2]);
    await assertRejects(() => few.getMany(3, { timeout: 1 }), Empty);
    assertThrows(() => few.getManySync(3, { block: false }), Empty);
  });

  test("many values pass through a bounded queue and a process, in order, up to the end", async (context) => {
    using from = new context.Queue<number>(3);
    using to = new context.Queue<number>();
    await run(new context.Process({ target: targets.doubleMany, args: [from, to] }), async () => {
      assertEquals(await from.putMany(Array.from({ length: 20 }, (_, i) => i), { timeout }), 20);
      from.shutdown();
      assertEquals(await Array.fromAsync(to), Array.from({ length: 20 }, (_, i) => 2 * i));
    });
    const error = await assertRejects(() => from.putMany([1]), ShutDown);
    assertEquals(error.put, 0);
  });

  test("a class of queues may be extended", async (context) => {
    class Counting extends context.Queue<number> {
      puts = 0;
      override putSync(value: number): void {
        this.puts++;
        super.putSync(value);
      }
    }
    using queue = new Counting();
    queue.putSync(5);
    assertEquals([await queue.get({ timeout }), queue.puts], [5, 1]);
    assertInstanceOf(queue, context.Queue);
  });

  test("a joinable queue is joined when every value is acknowledged", async (context) => {
    using jobs = new context.JoinableQueue<string | null>();
    for (const job of ["a", "b", null]) jobs.putSync(job);
    assertEquals([await jobs.join({ timeout: 1 }), jobs.joinSync({ timeout: 1 })], [false, false]);
    await run(new context.Process({ target: targets.acknowledge, args: [jobs] }), async () => {
      assert(await jobs.join({ timeout }));
    });
    assert(jobs.joinSync({ timeout: 0 }));
    assertThrows(() => jobs.taskDone(), Error, "too many times");
  });

  test("a simple queue takes and gives", async (context) => {
    using to = new context.SimpleQueue<string>();
    using from = new context.SimpleQueue<string>();
    assert(from.empty());
    await run(new context.Process({ target: targets.passOn, args: [to, from] }), async () => {
      await to.put("through");
      assertEquals(await from.get(), "through");
    });
    to.close();
    assertThrows(() => to.putSync("more"), Error, "closed");
  });
}
