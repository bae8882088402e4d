// Locks, semaphores, conditions, events and barriers of a manager: used by processes without its server, and after it.

import { BrokenBarrierError, InvalidStateError, OwnerDiedError, RemoteError } from "@parallel/multiprocessing";
import type { BaseManager, LockProxy } from "@parallel/multiprocessing/managers";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/shared_targets.ts";
import { ended, killed } from "../support/children.ts";
import { blocked, PATIENCE, until } from "../support/helpers.ts";
import { testManaged } from "./managed.ts";

const patiently = { timeout: PATIENCE };

testManaged("TestSyncManagerTypes.test_event: a worker sees, waits and clears", async ({ manager, run }) => {
  using event = await manager.Event();
  assert(!await event.isSet());
  assertEquals(await event.wait({ timeout: 1 }), false);
  await event.set();
  await run(targets.useEvent, event);
  assert(!event.sync.isSet());
});

testManaged(
  "who uses only what is in shared memory is no client of the server",
  async ({ context, manager, started }) => {
    using said = new context.Queue();
    using lock = await manager.Lock();
    const holder = started(targets.holdForEver, lock, said);
    assertEquals(await said.get(patiently), "held");
    assertEquals((await manager.stats()).clients, 1, "this process");
    await killed(holder);
  },
);

testManaged("TestEvent.test_repr: a manager's event names the proxy type", async ({ manager }) => {
  using event = await manager.Event();
  assertMatch(String(event), /^<EventProxy object, typeid 'Event' at 0x[0-9a-f]+>$/);
  assertMatch(await event.describe(), /^<Event at 0x[0-9a-f]+ unset>$/);
  event.close();
  assertEquals(String(event), "<EventProxy object, typeid 'Event' (closed)>");
});

testManaged("TestSyncManagerTypes.test_lock: the parent releases what a worker acquired", async ({ manager, run }) => {
  using lock = await manager.Lock();
  await run(targets.acquire, lock);
  await lock.release();
  assert(!await lock.locked());
  await assertRejects(() => lock.release(), InvalidStateError, "released too many times");
  assertThrows(() => lock.sync.release(), InvalidStateError, "released too many times");
});

testManaged(
  "TestSyncManagerTypes.test_semaphore: the parent releases what a worker acquired",
  async ({ manager, run }) => {
    using semaphore = await manager.Semaphore();
    await run(targets.acquire, semaphore);
    assertEquals(await semaphore.getValue(), 0);
    await semaphore.release();
    assert(!semaphore.sync.locked());
    using bounded = await manager.BoundedSemaphore(3);
    await run(targets.holdOne, bounded);
    await assertRejects(() => bounded.release(2), InvalidStateError, "would exceed 3");
    bounded.sync.release();
    assertEquals(bounded.sync.getValue(), 3);
  },
);

testManaged("TestSyncManagerTypes.test_condition: a worker acquires and releases", async ({ manager, run }) => {
  using condition = await manager.Condition();
  await run(targets.acquireAndRelease, condition);
});

testManaged("TestSyncManagerTypes.test_barrier: a worker reads the parties and resets", async ({ manager, run }) => {
  using barrier = await manager.Barrier(5);
  await barrier.abort();
  assert(await barrier.broken);
  await run(targets.resetBarrier, barrier);
  assertEquals([await barrier.broken, await barrier.nWaiting, barrier.sync.broken], [false, 0, false]);
});

testManaged("TestLock.test_rlock: as many releases as acquisitions", async ({ manager }) => {
  using lock = await manager.RLock();
  for (let i = 0; i < 3; i++) assert(lock.sync.acquire() !== null);
  for (let i = 0; i < 2; i++) await lock.release();
  assert(await lock.locked());
  lock.sync.release();
  await assertRejects(() => lock.release(), InvalidStateError, "not owned");
  // TestLock.test_rlock_context
  {
    using guard = await lock.acquire();
    assert(guard !== null && !guard.ownerDied);
  }
  assert(!lock.sync.locked());
});

testManaged("the options of a call, and of with(), say how long it waits", async ({ manager }) => {
  using lock = await manager.Lock();
  using _guard = await lock.acquire();
  const soon = { timeout: 5 };
  assertEquals([await lock.acquire(soon), lock.sync.acquire(soon)], [null, null]);
  assertEquals([await lock.tryAcquire(), lock.sync.tryAcquire(), await lock.acquire({ block: false })], [
    null,
    null,
    null,
  ]);
  const quick = lock.with(soon);
  assertEquals([await quick.acquire(), quick.sync.acquire()], [null, null]);
  const controller = new AbortController();
  const waiting = lock.with({ signal: controller.signal }).acquire();
  controller.abort(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError, "enough");
  using event = await manager.Event();
  assertEquals([await event.with(soon).wait(), event.with(soon).sync.wait()], [false, false]);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => lock.acquire({ timeout: "5" } as any), TypeError, '"timeout"');
});

testManaged(
  "a lock whose holder is killed: the next one learns it, wherever it waits",
  async ({ context, manager, started }) => {
    using said = new context.Queue();
    using condition = await manager.Condition();
    for (using lock of [await manager.Lock(), await manager.RLock()]) {
      const holder = started(targets.holdForEver, lock, said);
      assertEquals(await said.get(patiently), "held");
      const waiter = started(targets.waitFor, lock, said);
      assertEquals(await said.get(patiently), "waits");
      const { name, pid } = holder;
      await blocked(waiter.pid!);
      await killed(holder);
      assertEquals(await said.get(patiently), [name, pid]);
      await ended(waiter);
      using guard = await lock.acquire(patiently);
      assert(guard !== null, "it is free again");
    }
    const holder = started(targets.holdForEver, condition, said);
    assertEquals(await said.get(patiently), "held");
    await killed(holder);
    const error = await assertRejects(() => condition.acquire(patiently), OwnerDiedError, "SIGKILL");
    assertEquals(error.processName, holder.name);
  },
);

testManaged('a lock with onOwnerDeath "recover" tells it by its guard', async ({ context, manager, started }) => {
  using said = new context.Queue();
  using lock = await manager.Lock({ onOwnerDeath: "recover" });
  const holder = started(targets.holdForEver, lock, said);
  assertEquals(await said.get(patiently), "held");
  await killed(holder);
  using guard = await lock.acquire(patiently);
  assertEquals(guard?.ownerDied, true);
});

testManaged("a waiter that is killed holds up nobody", async ({ context, manager, started }) => {
  using said = new context.Queue();
  using lock = await manager.Lock();
  using condition = await manager.Condition(lock);
  {
    using _guard = await lock.acquire();
    const waiter = started(targets.waitFor, lock, said);
    assertEquals(await said.get(patiently), "waits");
    await blocked(waiter.pid!);
    await killed(waiter);
  }
  const waiters = [started(targets.waitNotified, condition, said), started(targets.waitNotified, condition, said)];
  assertEquals([await said.get(patiently), await said.get(patiently)], ["waits", "waits"]);
  {
    using _guard = await condition.acquire(); // both wait now: they had the lock until they did
    await killed(waiters[0]);
    await condition.notify();
  }
  assertEquals(await said.get(patiently), true);
  await ended(waiters[1]);
});

testManaged(
  "a condition is made of a lock, of a proxy of one, here and from another manager",
  async ({ manager, another }) => {
    const other = await another();
    using lock = await manager.RLock();
    using there = await other.Lock();
    for (const given of [lock, there, await lock.getvalue() as never]) {
      using condition = await manager.Condition(given);
      using _guard = await condition.acquire();
      assertEquals(await condition.wait({ timeout: 1 }), false);
      condition.sync.notifyAll();
      assert((given === there ? there : lock).sync.locked());
    }
    const condition = await manager.Condition(lock);
    lock.close(); // the condition has its own share
    {
      using _guard = await condition.acquire();
      assertEquals(await condition.waitFor(() => "ready"), "ready");
      assertEquals(condition.sync.waitFor(() => 0, { timeout: 2 }), 0);
      assertThrows(() => condition.sync.waitFor(() => Promise.resolve(1)), TypeError, "promise");
    }
    await assertRejects(() => condition.wait(), InvalidStateError, "must acquire() condition");
    await assertRejects(() => condition.notify(), InvalidStateError, "not owned");
    condition.close();
    // deno-lint-ignore no-explicit-any
    await assertRejects(() => manager.Condition(3 as any), TypeError, '"lock" is 3');
  },
);

testManaged(
  "TestBarrier.test_wait_return: all go on together, one of them as number 0",
  async ({ context, manager, started }) => {
    using said = new context.Queue<[number, number]>();
    using barrier = await manager.Barrier(3, { action: targets.count });
    const parties = [0, 1].map(() => started(targets.pass, barrier, 10, said as never));
    const own: number[] = [];
    for (let round = 0; round < 10; round++) own.push(await barrier.wait(patiently));
    await ended(...parties);
    const all: number[][] = own.map((index) => [index]);
    for (let i = 0; i < 20; i++) {
      const [round, index] = await said.get(patiently);
      all[round].push(index);
    }
    for (const indices of all) assertEquals(indices.sort(), [0, 1, 2]);
    assertEquals(await barrier.nWaiting, 0);
  },
);

testManaged("a party that is killed while it waits breaks the barrier", async ({ context, manager, started }) => {
  using said = new context.Queue();
  using barrier = await manager.Barrier(3);
  const doomed = started(targets.arrive, barrier, said);
  assertEquals(await said.get(patiently), "arrives");
  const broken = assertRejects(() => barrier.wait(patiently), BrokenBarrierError);
  await until("both at the barrier", () => barrier.sync.nWaiting === 2);
  await killed(doomed);
  await broken;
});

testManaged(
  "what is in shared memory goes on when the server is killed",
  async ({ context, manager, started, killServer }) => {
    using said = new context.Queue();
    using lock = await manager.Lock();
    using event = await manager.Event();
    await killServer();
    await assertRejects(() => manager.Lock(), Error);
    {
      using guard = await lock.acquire();
      assert(guard !== null);
    }
    const holder = started(targets.holdForEver, lock, said);
    assertEquals(await said.get(patiently), "held");
    await killed(holder);
    await assertRejects(() => lock.acquire(patiently), OwnerDiedError);
    event.sync.set();
    assert(await event.wait());
  },
);

testManaged("objects go when nobody has a proxy of them any more", async ({ manager, run }) => {
  const before = await manager.numberOfObjects();
  const all = [
    await manager.Lock(),
    await manager.RLock(),
    await manager.Semaphore(),
    await manager.Condition(),
    await manager.Event(),
    await manager.Barrier(2),
  ];
  assertEquals(await manager.numberOfObjects(), before + all.length);
  await run(targets.acquireAndRelease, all[3] as never);
  for (const it of all) it.close();
  assertEquals(await manager.numberOfObjects(), before);
  for (const it of all) {
    assertThrows(() => it.sync.callmethod("acquire"), InvalidStateError, "the proxy is closed");
    it.close(); // again
  }
});

testManaged("callmethod does by name what the methods do, and nothing else", async ({ manager }) => {
  using lock = await manager.Lock();
  const guard = await lock.callmethod("acquire", [{ timeout: 5 }]) as Disposable;
  assertEquals([await lock.callmethod("locked"), lock.sync.callmethod("locked")], [true, true]);
  guard[Symbol.dispose]();
  await assertRejects(() => lock.callmethod("constructor"), RemoteError, "does not expose it");
  assertThrows(() => lock.sync.callmethod("[direct]"), RemoteError, "does not expose it");
  using barrier = await manager.Barrier(4);
  assertEquals([await barrier.callmethod(".parties"), barrier.sync.callmethod(".parties")], [4, 4]);
});

testManaged("what made no sense is said before anything is made", async ({ manager }) => {
  const before = await manager.numberOfObjects();
  await assertRejects(() => manager.Semaphore(-1), RangeError, '"value" is -1');
  await assertRejects(() => manager.Barrier(0), RangeError, "parties must be >= 1");
  await assertRejects(() => manager.Barrier(2, { action: () => {} }), TypeError, "no module exports it");
  // deno-lint-ignore no-explicit-any
  const wrong = { onOwnerDeath: "never" } as any;
  await assertRejects(() => manager.Lock(wrong), TypeError, '"onOwnerDeath" is "never"');
  await assertRejects(
    () => (manager as BaseManager).create("Barrier", 2, { action: { module: "data:text/javascript,", name: "x" } }),
    TypeError,
    '"action" is no option',
  );
  assertEquals(await manager.numberOfObjects(), before);
});

testManaged("a proxy that says that it is of a shared object of another kind is refused", async ({ manager }) => {
  using lock = await manager.Lock();
  using event = await manager.Event();
  const of = (proxy: { callmethod: unknown }) => dumps(proxy).bytes;
  // The same length, so that the text of one can be put in the place of the other's.
  const forged = replaced(of(event), "Event", "RLock");
  assertThrows(() => loads(forged), RangeError, "malformed");
  using same = loads(of(lock)) as LockProxy;
  assert(!same.sync.locked());
});

/** Bytes in which a text that is there as the name of a type is another one. */
function replaced(bytes: Uint8Array, text: string, other: string): Uint8Array {
  const all = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const at = all.indexOf(String.fromCharCode(0xa0 + text.length) + text);
  assert(at >= 0);
  const copy = bytes.slice();
  copy.set(new TextEncoder().encode(other), at + 1);
  return copy;
}
