// The contract suite: conditions, events and barriers.

import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { run, type Suite, timeout } from "./suite.ts";

export function waits({ test }: Suite): void {
  for (const kind of ["Lock", "RLock"] as const) {
    test(`a condition with a ${kind} wakes who waits for it`, async (context) => {
      using lock = new context[kind]();
      using condition = new context.Condition(lock);
      using number = context.Value("i32", 0);
      using said = new context.Queue<number>();
      const process = new context.Process({ target: targets.waitForNumber, args: [condition, number, said] });
      await run(process, async () => {
        assertEquals(await said.get({ timeout }), 0);
        {
          using _ = await condition.acquire(); // not before the other waits
          number.value = 9;
          condition.notifyAll();
        }
        assertEquals(await said.get({ timeout }), 9);
      });
      using _ = await condition.acquire();
      assertEquals([await condition.wait({ timeout: 1 }), condition.waitSync({ timeout: 1 })], [false, false]);
    });
  }

  test("what is written under a value's own lock is there for whom a condition wakes", async (context) => {
    using number = context.Value("i32", 0);
    using condition = new context.Condition(number.getLock());
    using said = new context.Queue<number>();
    const process = new context.Process({ target: targets.waitForNumber, args: [condition, number, said] });
    await run(process, async () => {
      assertEquals(await said.get({ timeout }), 0);
      {
        using _ = await condition.acquire();
        number.value = 9;
        condition.notifyAll();
        assertEquals(number.value, 9);
      }
      assertEquals(await said.get({ timeout }), 9);
    });
  });

  test("an event releases who waits for it", async (context) => {
    using first = new context.Event();
    using second = new context.Event();
    assertEquals([first.isSet(), await first.wait({ timeout: 1 })], [false, false]);
    await run(new context.Process({ target: targets.setWhenSet, args: [first, second] }), async () => {
      first.set();
      assert(await second.wait({ timeout }));
    });
    second.clear();
    assertEquals([first.isSet(), second.isSet(), second.waitSync({ timeout: 1 })], [true, false, false]);
  });

  test("a barrier lets go when all are there, and breaks for all", async (context) => {
    using barrier = new context.Barrier(2);
    using said = new context.Queue<number>();
    assertEquals([barrier.parties, barrier.nWaiting, barrier.broken], [2, 0, false]);
    await run(new context.Process({ target: targets.arrive, args: [barrier, said] }), async () => {
      const index = await barrier.wait({ timeout });
      assertEquals([index, await said.get({ timeout })].sort(), [0, 1]);
    });
    barrier.abort();
    assert(barrier.broken);
    await assertRejects(() => barrier.wait(), Error, "broken");
    barrier.reset();
    assert(!barrier.broken);
  });
}
