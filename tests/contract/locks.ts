// The contract suite: locks and semaphores.

import { assert, assertEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { run, type Suite, timeout } from "./suite.ts";

export function locks({ test }: Suite): void {
  test("a lock keeps processes apart", async (context) => {
    using lock = new context.Lock();
    using number = context.Value("i32", 0);
    const process = new context.Process({ target: targets.increment, args: [lock, number, 200] });
    await run(process, () => targets.increment(lock, number, 200));
    assertEquals(number.value, 400);
  });

  for (const kind of ["Lock", "RLock"] as const) {
    test(`a held ${kind} is not free for others, and free again when its guard ends`, async (context) => {
      using lock = new context[kind]();
      using said = new context.Queue<boolean>();
      const ask = async () => {
        await run(new context.Process({ target: targets.isFree, args: [lock, said] }));
        return await said.get({ timeout });
      };
      {
        using guard = await lock.acquire();
        assertEquals([lock.locked(), guard.ownerDied, await ask()], [true, false, false]);
        const again = lock.acquireSync({ timeout: 0 });
        assertEquals(again !== null, kind === "RLock");
        again?.release();
        assert(lock.locked());
      }
      assertEquals([lock.locked(), await ask()], [false, true]);
      assertThrows(() => lock.release(), Error, "Cannot release");
    });
  }

  test("a semaphore counts; a bounded one is not released more often than acquired", async (context) => {
    using semaphore = new context.Semaphore(1);
    semaphore.acquireSync();
    assertEquals([semaphore.getValue(), semaphore.locked(), semaphore.tryAcquire()], [0, true, null]);
    assertEquals(await semaphore.acquire({ timeout: 1 }), null);
    const process = new context.Process({ target: targets.release, args: [semaphore, 2] });
    await run(process, async () => assert(await semaphore.acquire({ timeout }) !== null));
    assertEquals(semaphore.getValue(), 1);
    using bounded = new context.BoundedSemaphore(2);
    assertThrows(() => bounded.release(), Error);
    assertEquals(bounded.getValue(), 2);
  });
}
