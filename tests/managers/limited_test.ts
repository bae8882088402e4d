// The limits that `with` has given a proxy, of methods that are made of several calls.

import { TimeoutError } from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { testManaged } from "./managed.ts";

/** Lets everything go on that can. */
function turn(): Promise<void> {
  return new Promise((go) => setTimeout(go));
}

testManaged("modify has one time for all of it: too late, it changes nothing", async ({ manager }) => {
  using dict = await manager.dict({ n: 1 });
  using list = await manager.list([1]);
  using space = await manager.Namespace({ n: 1 });
  for (
    const start of [
      (change: (n: number) => Promise<number>) => dict.with({ timeout: 20 }).modify("n", change),
      (change: (n: number) => Promise<number>) => list.with({ timeout: 20 }).modify(0, change),
      (change: (n: number) => Promise<number>) => space.with({ timeout: 20 }).modify("n", change),
    ]
  ) {
    const gate = Promise.withResolvers<void>();
    const given = start((n) => gate.promise.then(() => n + 1));
    await assertRejects(() => given, TimeoutError, 'Cannot call "modify": it was not done within 20 ms');
    gate.resolve();
    await turn();
  }
  assertEquals([await dict.get("n"), await list.get(0), await space.get("n")], [1, 1, 1]);
  assertEquals(await dict.with({ timeout: 60_000 }).modify("n", (n) => n + 1), 2);
});

testManaged("modify is given up by a signal, also while its function runs", async ({ manager }) => {
  using dict = await manager.dict({ n: 1 });
  const controller = new AbortController();
  const gate = Promise.withResolvers<void>();
  const given = dict.with({ signal: controller.signal }).modify("n", (n) => {
    controller.abort(new RangeError("enough"));
    return gate.promise.then(() => n + 1);
  });
  await assertRejects(() => given, RangeError, "enough");
  gate.resolve();
  await turn();
  assertEquals(await dict.get("n"), 1);
  await assertRejects(() => dict.with({ signal: controller.signal }).modify("n", () => 3), RangeError, "enough");
});

testManaged("modify with the thread blocked has one time for all of it, too", async ({ manager }) => {
  using dict = await manager.dict({ n: 1 });
  const slowly = (n: number) => {
    for (const begin = performance.now(); performance.now() - begin < 30;);
    return n + 1;
  };
  assertThrows(() => dict.with({ timeout: 20 }).sync.modify("n", slowly), TimeoutError, '"modify"');
  assertEquals(await dict.get("n"), 1);
  assertEquals(dict.with({ timeout: 60_000 }).sync.modify("n", slowly), 2);
});

testManaged("forEach visits nothing behind its limits, nor does sort put anything back", async ({ manager }) => {
  using dict = await manager.dict([["a", 1], ["b", 2]]);
  using list = await manager.list([2, 1]);
  using set = await manager.set([1, 2]);
  for (const container of [dict, list, set]) {
    for (const isBlocking of [false, true]) {
      const controller = new AbortController();
      const limited = container.with({ signal: controller.signal, timeout: 60_000 });
      let visits = 0;
      const visit = () => {
        visits++;
        controller.abort(new RangeError("enough"));
      };
      if (isBlocking) assertThrows(() => limited.sync.forEach(visit), RangeError, "enough");
      else await assertRejects(() => limited.forEach(visit), RangeError, "enough");
      await turn();
      assertEquals(visits, 1);
    }
  }
  const controller = new AbortController();
  const compare = (a: number, b: number) => {
    controller.abort(new RangeError("enough"));
    return a - b;
  };
  await assertRejects(() => list.with({ signal: controller.signal }).sort(compare), RangeError, "enough");
  assertEquals(await list.copy(), [2, 1]);
});

testManaged("what is still to come for a method is waited for within its limits", async ({ manager }) => {
  using list = await manager.list([1]);
  const gate = Promise.withResolvers<void>();
  const items = async function* () {
    await gate.promise;
    yield 2;
  };
  const given = list.with({ timeout: 20 }).extend(items());
  await assertRejects(() => given, TimeoutError, '"extend"');
  gate.resolve();
  await turn();
  assertEquals(await list.copy(), [1]);
});
