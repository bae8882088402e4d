// A client by pickles of a server by pickles, both of this package: what each half takes the other for is a Python.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { Empty, InvalidStateError } from "@parallel/multiprocessing";
import { BaseProxy, ListProxy, SyncManager } from "@parallel/multiprocessing/managers";
import "@parallel/multiprocessing/pickle";
import { until, within } from "../support/helpers.ts";

const authkey = new TextEncoder().encode("a key of both");
const serializer = "pickle";

Deno.test("pickles on both sides: containers, queues, locks and nested proxies", async () => {
  await using owner = new SyncManager({ address: ["127.0.0.1", 0], authkey, serializer });
  await within(owner.start());
  await using client = new SyncManager({ address: owner.address, authkey, serializer });
  await within(client.connect());
  const dict = await client.dict<string, unknown>({ a: 1 });
  await dict.set("b", [1]);
  assertEquals([await dict.get("b"), await dict.get("none"), await dict.delete("b"), await dict.delete("b")], [
    [1],
    undefined,
    true,
    false,
  ]);
  await assertRejects(() => dict.pop("none"), RangeError);
  const list = await client.list([3, 1, 2]);
  await list.sort();
  assertEquals(await list.push(9, 8), 5);
  assertEquals(await list.splice(0, 1, 7), [1]);
  assertEquals([await list.getvalue(), await list.slice(1, 3), await list.indexOf(99)], [[7, 2, 3, 9, 8], [2, 3], -1]);
  await dict.set("list", list);
  const inner = await dict.get("list") as ListProxy<number>;
  assert(inner instanceof ListProxy);
  assertEquals(await inner.getvalue(), [7, 2, 3, 9, 8]);
  assertEquals((await Array.fromAsync(dict.values())).filter((it) => it instanceof BaseProxy).length, 1);

  const queue = await client.Queue<number>();
  await queue.put(1);
  assertEquals(await queue.get(), 1);
  await assertRejects(() => queue.get({ timeout: 1 }), Empty);
  const lock = await client.Lock();
  const guard = await lock.acquire();
  assertEquals(await lock.acquire({ timeout: 1 }), null);
  guard!.release();
  await assertRejects(() => lock.release(), InvalidStateError);
  const condition = await client.Condition();
  const held = await condition.acquire();
  assertEquals(await condition.wait({ timeout: 1 }), false);
  held!.release();
  const settings = await client.Namespace({ x: 1 });
  assertEquals([await settings.get("x"), await settings.has("y")], [1, false]);
  const numbers = await client.Array("f64", [1, 2]);
  assertEquals(await numbers.slice(0), Float64Array.of(1, 2));
  assert(await client.numberOfObjects() >= 7);
});

for (const [form, options] of [["pickles", { serializer }], ["the package's own form", {}]] as const) {
  Deno.test(`by ${form}: a proxy that goes through a queue is one of the same object, which lives as long as it is wanted`, async () => {
    await using owner = new SyncManager({ address: ["127.0.0.1", 0], authkey, ...options });
    await within(owner.start());
    await using client = new SyncManager({ address: owner.address, authkey, ...options });
    await within(client.connect());
    const queue = await client.Queue<unknown>();
    for (const isMany of [false, true]) {
      const take = async () => isMany ? (await queue.getMany(1))[0] : await queue.get();
      const list = await client.list([1]);
      await queue.put(list);
      await queue.put([list]);
      list[Symbol.dispose]();
      const alone = await take() as ListProxy<number>;
      assert(alone instanceof ListProxy);
      await alone.push(2);
      await queue.put([alone]);
      alone[Symbol.dispose]();
      for (let i = 0; i < 2; i++) {
        const [inside] = await take() as [ListProxy<number>];
        assertEquals(await inside.getvalue(), [1, 2]);
        inside[Symbol.dispose]();
      }
    }
    const dict = await client.dict<string, unknown>();
    const list = await client.list([1]);
    await dict.set("list", list);
    list[Symbol.dispose]();
    const inside = await dict.get("list") as ListProxy<number>;
    inside[Symbol.dispose]();
    dict[Symbol.dispose]();
    await until("the queue alone", async () => await owner.numberOfObjects() === 1);
  });
}
