// Shared objects of a manager as clients in other programs have them: each call is done by the server, which waits for
// nobody, and keeps who of them has a lock.

import {
  BrokenBarrierError,
  Empty,
  Full,
  InvalidStateError,
  Lock,
  OwnerDiedError,
  Queue,
  RemoteError,
} from "@parallel/multiprocessing";
import { SyncManager } from "@parallel/multiprocessing/managers";
import { register } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { KEY, mailbox, RemoteManager } from "../fixtures/managers/remote_targets.ts";
import * as targets from "../fixtures/managers/shared_targets.ts";
import { ended, started } from "../support/children.ts";
import { FIXTURES, PATIENCE, type Program, startProgram, until, within } from "../support/helpers.ts";

const patiently = { timeout: PATIENCE };

/** A manager, and this program as a client of it as another program would be. */
class Both implements AsyncDisposable {
  readonly owner = new RemoteManager({ address: ["127.0.0.1", 0], authkey: KEY });
  client!: RemoteManager;

  static async open(): Promise<Both> {
    const both = new Both();
    await both.owner.start();
    both.client = new RemoteManager({ address: both.owner.address, authkey: KEY });
    await both.client.connect();
    return both;
  }

  /** The object of a relative's proxy as a stranger has it. */
  async outside<T>(proxy: T): Promise<T> {
    await (await mailbox(this.owner, "sharedMailbox")).put([proxy]); // alone it would be its object
    const [outside] = await (await mailbox(this.client, "sharedMailbox")).get() as [T];
    return outside;
  }

  /** Another program that does something with the object. */
  async program(proxy: unknown, action: string): Promise<Program> {
    await (await mailbox(this.owner, "sharedMailbox")).put([proxy]); // alone it would be its object
    return startProgram(new URL("managers/stranger.ts", FIXTURES), {
      args: [JSON.stringify(this.owner.address), action],
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.shutdown();
    await this.owner.shutdown();
  }
}

function testBoth(name: string, run: (both: Both) => Promise<void>): void {
  Deno.test(name, async () => {
    await using both = await Both.open();
    await within(run(both), "the test", 2 * PATIENCE);
  });
}

testBoth("a stranger's lock excludes relatives, and theirs it", async (both) => {
  const inside = await both.owner.Lock();
  const lock = await both.outside(inside);
  assertMatch(String(lock), /^<LockProxy object, typeid 'Lock' at 0x/);
  {
    using guard = await lock.acquire();
    assert(guard !== null);
    assertEquals([await lock.locked(), lock.sync.locked(), inside.sync.locked()], [true, true, true]);
    assertEquals([await inside.tryAcquire(), await lock.tryAcquire(), lock.sync.acquire({ timeout: 1 })], [
      null,
      null,
      null,
    ]);
  }
  assert(!inside.sync.locked());
  inside.sync.acquire();
  const waiting = lock.acquire();
  assertEquals(await lock.with({ timeout: 1 }).acquire(), null);
  inside.sync.release();
  assert(await waiting !== null);
  inside.sync.release(); // anybody may
  await assertRejects(() => lock.release(), InvalidStateError, "released too many times");
  assertThrows(() => lock.sync.release(), InvalidStateError, "released too many times");
});

testBoth("a stranger goes deeper into its RLock, and nobody else releases it", async (both) => {
  const inside = await both.owner.RLock();
  const lock = await both.outside(inside);
  {
    using outer = await lock.acquire();
    using inner = lock.sync.acquire();
    assert(outer !== null && inner !== null);
    assertEquals(await inside.tryAcquire(), null);
    await assertRejects(() => inside.release(), InvalidStateError, "not owned");
  }
  assert(!await lock.locked());
  await assertRejects(() => lock.release(), InvalidStateError, "not owned");
  inside.sync.acquire();
  await assertRejects(() => lock.release(), InvalidStateError, "not owned");
  assertEquals(await lock.acquire({ block: false }), null);
});

testBoth("an acquisition that a stranger has given up takes nothing", async (both) => {
  for (const inside of [await both.owner.Lock(), await both.owner.Semaphore(1)]) {
    const it = await both.outside(inside);
    inside.sync.acquire();
    const controller = new AbortController();
    const waiting = it.acquire({ signal: controller.signal });
    assertEquals(await it.locked(), true); // the wait has begun at the server
    controller.abort(new RangeError("enough"));
    await assertRejects(() => waiting, RangeError, "enough");
    assertEquals(await it.locked(), true); // the server has heard of it
    inside.sync.release();
    using guard = await inside.acquire(patiently);
    assert(guard !== null);
  }
});

testBoth("what a client had when it was killed: the next one learns whose it was", async (both) => {
  for (const inside of [await both.owner.Lock(), await both.owner.RLock(), await both.owner.Condition()]) {
    await using holder = await both.program(inside, "hold");
    assertEquals(await holder.said("held"), "true");
    assertEquals(await inside.acquire({ timeout: 1 }), null);
    holder.kill();
    const error = await assertRejects(() => inside.acquire(patiently), OwnerDiedError, "has ended while it held it");
    assertMatch(error.processName!, /^127\.0\.0\.1:\d+$/);
    assertNotEquals(error.processName, `127.0.0.1:${both.owner.address![1]}`); // its own address, not the server's
    assertEquals([error.pid, error.exitcode], [0, null]);
    using guard = await inside.acquire(patiently);
    assert(guard !== null, "it is free again");
  }
});

Deno.test("a client that has no address of its own is told by its number and the server's", async () => {
  await using owner = new RemoteManager({ authkey: KEY });
  await owner.start();
  const lock = await owner.Lock();
  for (const number of [1, 2]) {
    await (await mailbox(owner, "sharedMailbox")).put([lock]);
    await using holder = startProgram(new URL("managers/stranger.ts", FIXTURES), {
      args: [JSON.stringify(owner.address), "hold"],
    });
    assertEquals(await holder.said("held"), "true");
    holder.kill();
    const error = await assertRejects(() => lock.acquire(patiently), OwnerDiedError);
    assertEquals(error.processName, `#${number} of ${String(owner.address).replace("\0", "@")}`);
  }
});

testBoth("the next one may be another client, or a process", async (both) => {
  using said = new Queue();
  const inside = await both.owner.Lock();
  {
    await using holder = await both.program(inside, "hold");
    await holder.said("held");
    await using next = await both.program(inside, "acquire");
    await next.said("waits");
    holder.kill();
    assertMatch(
      await next.said("acquired"),
      /Cannot acquire the Lock: the client "127\.0\.0\.1:\d+" has ended while it held it/,
    );
  }
  {
    await using holder = await both.program(inside, "hold");
    await holder.said("held");
    const child = started(targets.waitFor, inside, said);
    assertEquals(await said.get(patiently), "waits");
    holder.kill();
    const [name, pid] = await said.get(patiently) as [string, number];
    assertMatch(name, /^127\.0\.0\.1:\d+$/);
    assertEquals(pid, 0);
    await ended(child);
  }
});

testBoth("a client that waits for a lock when it is killed holds up nobody", async (both) => {
  const inside = await both.owner.Lock();
  inside.sync.acquire();
  await using waiter = await both.program(inside, "acquire");
  await waiter.said("waits");
  await using second = await both.program(inside, "acquire");
  await second.said("waits");
  waiter.kill();
  await waiter.outcome();
  await untilStrangers(both, 2);
  inside.sync.release();
  assertEquals(await second.said("acquired"), "true");
});

testBoth("a condition, by strangers and relatives", async (both) => {
  const lock = await both.owner.Lock();
  for (const inside of [await both.owner.Condition(), await both.owner.Condition(lock)]) {
    const condition = await both.outside(inside);
    await assertRejects(() => condition.wait(), InvalidStateError, "not owned");
    await assertRejects(() => condition.notify(), InvalidStateError, "not owned");
    {
      using _guard = await condition.acquire();
      assertEquals([await condition.wait({ timeout: 1 }), condition.sync.wait({ timeout: 1 })], [false, false]);
      await condition.notify();
      condition.sync.notifyAll();
    }
    // Either notifies the other.
    await using waiter = await both.program(inside, "wait");
    await waiter.said("waits");
    {
      using _guard = await inside.acquire(patiently); // it waits: it had the lock until then
      inside.sync.notify();
    }
    assertEquals(await waiter.said("notified"), "true");
    waiter.kill(); // it has the lock
    await assertRejects(() => condition.acquire(patiently), OwnerDiedError);
    let heard = false;
    const waiting = (async () => {
      using _guard = await inside.acquire(patiently);
      return await inside.waitFor(() => heard, patiently);
    })();
    {
      using _guard = await condition.acquire(patiently);
      heard = true;
      await condition.notifyAll();
    }
    assertEquals(await waiting, true);
  }
});

testBoth("a client that is killed while it waits with a condition leaves nothing of its wait", async (both) => {
  const inside = await both.owner.Condition();
  await using waiter = await both.program(inside, "wait");
  await waiter.said("waits");
  {
    using _guard = await inside.acquire(patiently);
  }
  waiter.kill();
  await waiter.outcome();
  await untilStrangers(both, 1);
  {
    // It holds nothing, and nobody waits any more.
    using guard = await inside.acquire(patiently);
    assert(guard !== null);
  }
  assertMatch(await inside.describe(), /, 0\)>$/);
});

testBoth("semaphores and events", async (both) => {
  const semaphore = await both.outside(await both.owner.BoundedSemaphore(2));
  {
    using _one = await semaphore.acquire();
    using _two = semaphore.sync.acquire();
    assertEquals([await semaphore.getValue(), semaphore.sync.getValue(), await semaphore.locked()], [0, 0, true]);
    assertEquals(await semaphore.tryAcquire(), null);
  }
  await assertRejects(() => semaphore.release(), InvalidStateError, "would exceed 2");
  assertThrows(() => semaphore.sync.release(2), InvalidStateError, "would exceed 2");
  const inside = await both.owner.Event();
  const event = await both.outside(inside);
  assertEquals([await event.isSet(), await event.wait({ timeout: 1 }), event.sync.wait({ timeout: 1 })], [
    false,
    false,
    false,
  ]);
  const waiting = event.wait();
  inside.sync.set();
  assertEquals([await waiting, event.sync.isSet()], [true, true]);
  await event.clear();
  assert(!inside.sync.isSet());
  event.sync.set();
  event.sync.clear();
  await event.set();
  assert(inside.sync.isSet());
});

testBoth("a barrier, which a client that is killed breaks", async (both) => {
  const inside = await both.owner.Barrier(2);
  const barrier = await both.outside(inside);
  assertEquals([await barrier.parties, barrier.sync.nWaiting, await barrier.broken], [2, 0, false]);
  const places = await Promise.all([barrier.wait(), inside.wait()]);
  assertEquals(places.sort(), [0, 1]);
  await using doomed = await both.program(inside, "arrive");
  await doomed.said("waits");
  const end = performance.now() + PATIENCE;
  while (inside.sync.nWaiting === 0 && performance.now() < end) await barrier.nWaiting;
  doomed.kill();
  await untilBroken();
  await assertRejects(() => inside.wait(patiently), BrokenBarrierError);
  await assertRejects(() => barrier.wait(), BrokenBarrierError);
  await barrier.reset();
  assert(!inside.sync.broken);
  barrier.sync.abort();
  barrier.sync.reset();
  await barrier.abort();
  assert(inside.sync.broken);

  async function untilBroken(): Promise<void> {
    await until("the broken barrier", () => inside.sync.broken);
  }
});

testBoth("queues", async (both) => {
  const inside = await both.owner.JoinableQueue<unknown>(2);
  const queue = await both.outside(inside);
  await queue.put({ a: 1 });
  queue.sync.put([2n]);
  await assertRejects(() => queue.put(3, { timeout: 1 }), Full);
  await assertRejects(() => queue.putNowait(3), Full);
  assertThrows(() => queue.sync.putNowait(3), Full);
  assertEquals([await queue.qsize(), queue.sync.qsize(), await queue.full(), queue.sync.empty()], [2, 2, true, false]);
  assertEquals([inside.sync.get(), await queue.get()], [{ a: 1 }, [2n]]);
  assertEquals(await queue.join({ timeout: 1 }), false);
  await queue.taskDone();
  queue.sync.taskDone();
  assertEquals([await queue.join(), queue.sync.join()], [true, true]);
  await assertRejects(() => queue.taskDone(), InvalidStateError, "too many times");
  await assertRejects(() => queue.getNowait(), Empty);
  assertThrows(() => queue.sync.get({ timeout: 1 }), Empty);
  const waiting = queue.get();
  await inside.put("late");
  assertEquals(await waiting, "late");
  await assertRejects(() => queue.put(() => {}), TypeError);
  await queue.put("last");
  await queue.shutdown();
  assertEquals(await Array.fromAsync(queue), ["last"]);
});

testBoth("a client that is killed while it waits for an item takes none", async (both) => {
  const inside = await both.owner.Queue<string>();
  await using waiter = await both.program(inside, "get");
  await waiter.said("waits");
  waiter.kill();
  await waiter.outcome();
  await untilStrangers(both, 1);
  await inside.put("kept");
  assertEquals(await inside.get(patiently), "kept");
});

testBoth("values and arrays, whose locks the server does not wait for", async (both) => {
  const lock = await both.owner.Lock();
  for (const options of [{}, { lock }]) {
    const inside = await both.owner.Value("i32", 1, options);
    const value = await both.outside(inside);
    assertEquals([await value.get(), value.sync.value, await value.value], [1, 1, 1]);
    const held = inside.sync.acquire();
    const waiting = value.set(5);
    assertEquals(await value.describe(), "1"); // the server goes on meanwhile
    held!.release();
    await waiting;
    {
      using guard = await value.acquire();
      assert(guard !== null);
      value.sync.value += 1; // its own lock does not hold it up
      assertEquals(await inside.acquire({ timeout: 1 }), null);
    }
    assertEquals(inside.sync.value, 6);
    await assertRejects(() => value.set(2 ** 31), RangeError);

    const array = await both.outside(await both.owner.Array("i8", [1, 2, 3], options));
    assertEquals([await array.length, await array.get(1), array.sync.length], [3, 2, 3]);
    await array.set(0, 7);
    array.sync.setSlice(1, [8, 9]);
    assertEquals([await array.slice(1), [...array.sync]], [Int8Array.of(8, 9), [7, 8, 9]]);
    {
      using _guard = await array.acquire();
      array.sync.set(0, 1);
    }
    assertEquals(await array.get(0), 1);
    await assertRejects(() => array.get(3), RangeError);
  }
});

testBoth("a stranger runs no functions", async (both) => {
  const pool = await both.outside(await both.owner.Pool(1));
  await assertRejects(() => pool.apply(targets.square, [2]), RemoteError, "from another program");
  await assertRejects(() => pool.terminate(), RemoteError, "from another program");
  await assertRejects(() => both.client.Pool(1), RemoteError, "from another program");
  await assertRejects(() => both.client.Barrier(2, { action: targets.count }), TypeError, "another program");
  using barrier = await both.client.Barrier(2);
  assertEquals(await barrier.parties, 2);
});

testBoth("a stranger makes objects of all types", async (both) => {
  const { client } = both;
  using lock = await client.RLock();
  using condition = await client.Condition(lock);
  {
    using _guard = await condition.acquire();
    assert(await lock.locked());
    assertEquals(await condition.wait({ timeout: 1 }), false);
  }
  using value = await client.Value("f64", 0.5, { lock });
  using array = await client.Array("f64", [0.5]);
  using queue = await client.Queue(1);
  await queue.put(await value.get() + await array.get(0));
  assertEquals(await queue.get(), 1);
  assert(client instanceof SyncManager);
});

testBoth("a stranger puts and gets many values in one request each", async ({ client }) => {
  using queue = await client.Queue<number>(3);
  assertEquals([await queue.putMany(new Set([1, 2])), await queue.getMany(9)], [2, [1, 2]]);
  const full = await assertRejects(() => queue.putMany([1, 2, 3, 4, 5], { timeout: 5 }), Full);
  assertEquals([full.put, queue.sync.getMany(2)], [3, [1, 2]]);
  assertEquals(assertThrows(() => queue.sync.putMany([4, 5, 6], { block: false }), Full).put, 2);
  await assertRejects(() => queue.putMany([() => {}] as unknown as number[]), TypeError);
  await assertRejects(() => queue.getMany(0), RangeError, '"max" is 0');
  const abortion = new AbortController();
  assertEquals(await queue.getMany(9), [3, 4, 5]);
  const getting = queue.getMany(2, { signal: abortion.signal });
  abortion.abort(new RangeError("enough"));
  await assertRejects(() => getting, RangeError, "enough");
  await queue.putMany([6]);
  assertEquals(await queue.getMany(2), [6]);
});

testBoth("a value that may not leave the tree costs a stranger's getMany no other", async (both) => {
  const inside = await both.owner.JoinableQueue<unknown>();
  const queue = await both.outside(inside);
  using lock = new Lock();
  const refused = "Cannot send a shared object to another program";
  inside.sync.putMany([1, lock, 3, "a".repeat(700_000), "b".repeat(700_000), 6]);
  assertEquals([await queue.getMany(9), await queue.qsize()], [[1], 4]);
  await assertRejects(() => queue.getMany(9), TypeError, refused);
  assertEquals((await queue.getMany(9) as unknown[]).map((it) => String(it)[0]), ["3", "a", "b"]);
  assertEquals(queue.sync.getMany(9), [6]);
  inside.sync.putMany([lock, 8, lock, 10]);
  assertThrows(() => queue.sync.getMany(9), TypeError, refused);
  assertEquals(queue.sync.getMany(9), [8]);
  await assertRejects(() => queue.get(), TypeError, refused);
  assertEquals([await queue.getMany(1), inside.sync.qsize()], [[10], 0]);
  await assertRejects(() => queue.getMany("1" as unknown as number), TypeError);
  for (let i = 0; i < 10; i++) queue.sync.taskDone();
  assert(await queue.join({ timeout: 0 }));
});

testBoth("a value that the server cannot read hides none from relatives", async (both) => {
  class Unreadable {}
  register(Unreadable, { name: "stranger_objects_test.Unreadable", reduce: () => 0, restore: () => new Unreadable() });
  const inside = await both.owner.Queue<unknown>();
  const queue = await both.outside(inside);
  inside.sync.putMany([1, new Unreadable(), 3, 4]);
  assertEquals(await queue.getMany(9), [1]);
  assertEquals(inside.sync.getMany(9), [3, 4]);
  await assertRejects(() => queue.getMany(9), Error, "stranger_objects_test.Unreadable");
});

testBoth("a stranger gets proxies by getMany", async (both) => {
  const inside = await both.owner.Queue<unknown>();
  const queue = await both.outside(inside);
  const [first, second] = [await both.owner.Event(), await both.owner.Event()];
  inside.sync.putMany([first, second, first]);
  const got = await queue.getMany(9) as (typeof first)[];
  await got[0].set();
  assertEquals([first.sync.isSet(), second.sync.isSet(), await got[2].isSet()], [true, false, true]);
});

async function untilStrangers(both: Both, count: number): Promise<void> {
  await until(`${count} strangers`, async () => (await both.owner.stats()).strangers === count);
}
