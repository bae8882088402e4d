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
