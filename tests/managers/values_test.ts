// Value and Array of a manager: used by processes without its server, and after it.

import { InvalidStateError, OwnerDiedError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/shared_targets.ts";
import { ended, killed } from "../support/children.ts";
import { PATIENCE } from "../support/helpers.ts";
import { testManaged } from "./managed.ts";

const patiently = { timeout: PATIENCE };

testManaged("TestSyncManagerTypes.test_value: value, get and set agree", async ({ manager, run }) => {
  using value = await manager.Value("i", 1);
  await run(targets.useValue, value);
  assertEquals([await value.value, await value.get(), value.sync.value, await value.getvalue()], [2, 2, 2, 2]);
  await value.set(3);
  value.sync.value += 1;
  assertEquals(value.sync.get(), 4);
  await assertRejects(() => value.set(2 ** 31), RangeError);
  // deno-lint-ignore no-explicit-any
  assertThrows(() => value.sync.set("5" as any), TypeError);
  assertEquals(await value.describe(), "4");
});

testManaged("an Array's elements, slices and length", async ({ manager, run }) => {
  using array = await manager.Array("i", [1, 2, 3]);
  await run(targets.useArray, array);
  assertEquals([await array.get(1), array.sync.get(2), await array.length], [20, 30, 3]);
  assertEquals([await array.slice(-2), array.sync.slice(0, 1)], [Int32Array.of(20, 30), Int32Array.of(1)]);
  await array.setSlice(0, [7, 8]);
  await array.set(2, 9);
  assertEquals([...array.sync], [7, 8, 9]);
  assertEquals(await Array.fromAsync(array), [7, 8, 9]);
  assertEquals(await array.getvalue(), Int32Array.of(7, 8, 9));
  await assertRejects(() => array.get(3), RangeError);
  assertThrows(() => array.sync.set(0, 1.5), Error);
  using zeroes = await manager.Array("q", 2);
  assertEquals([...zeroes.sync], [0n, 0n]);
  using text = await manager.Array("u", "héllo");
  assertEquals([await text.slice(1, 3), await text.get(0)], ["él", "h"]);
  using given = await manager.Array("f64", Float64Array.of(0.5));
  assertEquals(await given.get(0), 0.5);
});

testManaged("TestValue: with the lock, nothing is lost that several add", async ({ manager, started }) => {
  using value = await manager.Value("i32");
  const adders = [0, 1, 2].map(() => started(targets.increment, value, 300));
  await ended(...adders);
  assertEquals(await value.get(), 900);
});

testManaged("a Value and an Array with a lock of others", async ({ manager }) => {
  using lock = await manager.Lock();
  using value = await manager.Value("f64", 0.5, { lock });
  using array = await manager.Array("i8", 2, { lock });
  {
    using guard = await value.acquire();
    assert(guard !== null && lock.sync.locked());
    assertEquals([await array.tryAcquire(), array.sync.acquire({ timeout: 1 })], [null, null]);
  }
  lock.close(); // they have their own shares
  array.sync.set(0, 5);
  assertEquals([await value.get(), await array.get(0)], [0.5, 5]);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => manager.Value("i", 0, { lock: 5 } as any), TypeError, '"lock" is 5');
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => manager.Value("z" as any), TypeError);
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => manager.Array("i", {} as any), TypeError);
  await assertRejects(() => manager.Array("i", -1), RangeError);
  await assertRejects(() => manager.Value("i8", 300), RangeError);
});

testManaged(
  "who is killed with the lock of a value: the next one learns it",
  async ({ context, manager, started, killServer }) => {
    using said = new context.Queue();
    using value = await manager.Value("i", 1);
    await killServer();
    const holder = started(targets.holdForEver, value as never, said);
    assertEquals(await said.get(patiently), "held");
    await killed(holder);
    assertThrows(() => value.sync.value, OwnerDiedError, "SIGKILL");
    assertEquals(await value.get(), 1);
    value.close();
    assertThrows(() => value.sync.value, InvalidStateError, "the proxy is closed");
  },
);

// The memory of an array goes when its views are collected, as that of every RawArray.
testManaged("closed proxies leave nothing in shared memory", async ({ manager }) => {
  const blocks = async () => (await manager.stats()).blocks;
  const use = async () => {
    using lock = await manager.Lock();
    using value = await manager.Value("i", 1, { lock });
    using condition = await manager.Condition(lock);
    using queue = await manager.Queue(1);
    using barrier = await manager.Barrier(2);
    await queue.put([value]);
    for (using it of await queue.get() as (typeof value)[]) {
      using guard = await it.acquire();
      assert(guard !== null);
    }
    using _guard = await condition.acquire();
    assertEquals(await barrier.parties, 2);
  };
  await use();
  assertEquals(await manager.numberOfObjects(), 0);
  const before = await blocks();
  for (let i = 0; i < 20; i++) await use();
  assertEquals(await manager.numberOfObjects(), 0);
  assert(await blocks() <= before); // fewer, where others in the tree have just given up theirs
});
