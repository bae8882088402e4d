// Containers in containers: proxies stay live, plain values are copies, and nothing is held longer than it is wanted.

import { getContext, type Queue } from "@parallel/multiprocessing";
import { type DictProxy, type ListProxy, SyncManager } from "@parallel/multiprocessing/managers";
import { assert, assertEquals, assertNotStrictEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/managers/container_targets.ts";
import { killed } from "../support/children.ts";
import { testManaged } from "./managed.ts";
import { objectsOf } from "./suite.ts";

type Dict = DictProxy<string, unknown>;
type List = ListProxy<unknown>;

testManaged("TestContainers.test_dict_proxy_nested: proxies inside stay live", async ({ manager }) => {
  const pets = await manager.dict<string, number>({ ferrets: 2, hamsters: 4 });
  const water = await manager.dict<string, number>({ water: 10, feed: 20 });
  const outer = await manager.dict<string, unknown>({ pets, supplies: water });
  assertEquals((await outer.get("pets"))?.constructor.name, "DictProxy");
  const inner = await outer.get("supplies") as typeof water;
  assertEquals(await inner.get("water"), 10);
  // Local handles go, the objects stay.
  pets.close();
  water.close();
  await inner.set("blankets", 5);
  assertEquals(await (await outer.get("supplies") as typeof water).get("blankets"), 5);
  const kept = await outer.get("pets") as typeof pets;
  // The outer dict is cleared: who has a proxy keeps the object.
  await outer.clear();
  assertEquals(await outer.size, 0);
  await inner.set("water", 7);
  assertEquals([await inner.get("water"), await kept.get("ferrets")], [7, 2]);
  // Lists of proxies, too.
  const list = await manager.list<unknown>([kept]);
  await list.push(inner, [1, { deep: inner }]);
  assertEquals(await (await list.get(0) as typeof pets).get("hamsters"), 4);
  const [one, { deep }] = await list.get(2) as [number, { deep: typeof water }];
  await deep.set("by", one);
  assertEquals(await (await list.get(1) as typeof water).get("by"), 1);
});

testManaged("plain nested values come back as copies, proxies live", async ({ manager }) => {
  using dict = await manager.dict<string, unknown[]>({ list: [[1]] });
  const copy = (await dict.get("list"))!;
  copy.push(2); // lost, as in Python
  (copy[0] as number[]).push(2);
  assertEquals(await dict.get("list"), [[1]]);
  assertNotStrictEquals(await dict.get("list"), await dict.get("list"));
  const given = [3];
  await dict.set("given", given);
  given.push(4);
  assertEquals(await dict.get("given"), [3]);
  using list = await manager.list<unknown>([1]);
  using lists = await manager.dict({ list });
  await (await lists.get("list"))!.push(2);
  assertEquals(await list.copy(), [1, 2]);
});

testManaged("what only a container holds goes with it, at once", async ({ manager }) => {
  const inside = async (
    store: (outer: Dict, inner: List) => Promise<unknown>,
    remove: (outer: Dict) => Promise<unknown>,
  ) => {
    using outer = await manager.dict<string, unknown>();
    const inner = await manager.list<unknown>([1]) as List;
    await store(outer, inner);
    inner.close();
    assertEquals(await manager.numberOfObjects(), 2, `stored by ${store}`);
    const removed = await remove(outer);
    assertEquals(await manager.numberOfObjects(), 1, `removed by ${remove}`);
    return removed;
  };
  const stores = [
    (outer: Dict, inner: List) => outer.set("key", inner),
    (outer: Dict, inner: List) => outer.update({ key: { deep: [new Map([["in", inner]])] } }),
    (outer: Dict, inner: List) => outer.setdefault("key", [inner, inner]).then(closed),
    (outer: Dict, inner: List) => outer.modify("key", () => inner),
    (outer: Dict, inner: List) => outer.set("key", inner).then(() => outer.update(outer)),
  ];
  const removes = [
    (outer: Dict) => outer.delete("key"),
    (outer: Dict) => outer.set("key", "something else"),
    (outer: Dict) => outer.clear(),
    (outer: Dict) => outer.update({ key: 5 }),
  ];
  for (const store of stores) for (const remove of removes) await inside(store, remove);
});

testManaged("items of a list hold what they are as long as they are there", async ({ manager }) => {
  const removes: [(list: List) => Promise<unknown>, left: number][] = [
    [(list) => list.splice(0, 1).then(closed), 1],
    [(list) => list.shift().then(closed), 1],
    [(list) => list.pop().then(closed), 1],
    [(list) => list.pop(0).then(closed), 1],
    [(list) => list.clear(), 0],
    [(list) => list.set(0, 1), 1],
    [(list) => list.fill(0), 0],
    [(list) => list.multiply(0), 0],
    [(list) => list.multiply(3).then((it) => it.splice(2)).then(closed), 2],
    [(list) => list.reverse().then((it) => it.pop()).then(closed), 1],
    [(list) => list.extend(list).then((it) => it.splice(0, 2)).then(closed), 2],
    [(list) => list.sort(() => 0), 2],
    [(list) => list.fill(null, 0, 1), 1],
    [(list) => list.concat(list, [list]).then(closed), 2],
  ];
  for (const [remove, left] of removes) {
    using list = await manager.list<unknown>();
    using first = await manager.dict();
    using second = await manager.dict();
    await list.extend([first, [second]]);
    first.close();
    second.close();
    await remove(list);
    await objectsOf(manager, 1 + left);
  }
  await objectsOf(manager, 0);
});

/** Closes all proxies in what a call has given. */
function closed(value: unknown): void {
  for (const item of [value].flat(2)) (item as Partial<Disposable> | null)?.[Symbol.dispose]?.();
}

testManaged("dropping the outermost of 1000 drops them all", async ({ manager }) => {
  let outer: ListProxy<unknown> = await manager.list<unknown>(["innermost"]);
  for (let i = 1; i < 1000; i++) {
    const next: ListProxy<unknown> = await manager.list<unknown>([outer]);
    outer.close();
    outer = next;
  }
  assertEquals(await manager.numberOfObjects(), 1000);
  outer.close();
  assertEquals(await manager.numberOfObjects(), 0);
});

testManaged("the same proxy under several keys is held until the last one goes", async ({ manager }) => {
  using outer = await manager.dict<string, unknown>();
  const inner = await manager.list(["here"]);
  await outer.update({ a: inner, b: inner, c: [inner] }); // one message names it thrice
  inner.close();
  for (const key of ["a", "c"]) {
    await outer.delete(key);
    assertEquals(await manager.numberOfObjects(), 2);
    using still = await outer.get("b") as typeof inner;
    assertEquals(await still.copy(), ["here"]);
  }
  await outer.delete("b");
  assertEquals(await manager.numberOfObjects(), 1);
});

testManaged("what a pop gives is live, though nothing else has it", async ({ manager }) => {
  using outer = await manager.dict<string, unknown>();
  {
    using inner = await manager.list([1]);
    await outer.set("key", inner);
  }
  using popped = await outer.pop("key") as ListProxy<number>;
  assertEquals(await popped.copy(), [1]);
  await manager.numberOfObjects(); // looks at all objects
  assertEquals(await popped.push(2), 2);
  popped.close();
  assertEquals(await manager.numberOfObjects(), 1);
});

testManaged("proxies that are only operands, or fallbacks, leave nothing", async ({ manager }) => {
  using dict = await manager.dict<string, unknown>({ a: 1 });
  using set = await manager.set(["a"]);
  const given = await manager.set(["b"]);
  await set.union(given);
  await set.update(given);
  assertEquals(await set.isSupersetOf(given), true);
  closed(await dict.pop("none", given));
  closed(await dict.get("none", given));
  closed(await dict.setdefault("a", given));
  await assertRejects(() => dict.set({} as never, given), TypeError);
  await assertRejects(() => dict.update(new Map<string, unknown>([["ok", given], [[] as never, 1]])), TypeError);
  given.close();
  assertEquals(await manager.numberOfObjects(), 2);
  assertEquals(await dict.items(), [["a", 1]]);
});

testManaged("objects that hold each other in a circle stay until the manager is shut down", async ({ manager }) => {
  const one = await manager.list<unknown>();
  const other = await manager.list<unknown>([one]);
  await one.push(other);
  await one.push(one);
  one.close();
  other.close();
  assertEquals(await manager.numberOfObjects(), 2);
});

testManaged("what a child has stored stays when the child has gone; what it held goes", async (managed) => {
  const { context, manager, run, started } = managed;
  using outer = await manager.dict<string, unknown>();
  {
    using inner = await manager.list<unknown>(["by the parent"]);
    await run(targets.nest, outer as Dict, inner as List);
  }
  {
    const { list } = await outer.get("inner") as { list: List };
    assertEquals(await list.copy(), ["by the parent", "by the child"]);
    list.close();
  }
  using holds = new context.Event();
  const held = await manager.list<unknown>();
  const child = started(targets.hold, held as unknown, holds);
  await holds.wait();
  held.close();
  assertEquals(await manager.numberOfObjects(), 3);
  await killed(child);
  await objectsOf(manager, 2);
  await outer.clear();
  await objectsOf(manager, 1);
});

testManaged("shared objects and proxies of another manager can be stored", async ({ context, manager, another }) => {
  using dict = await manager.dict<string, unknown>();
  using queue = new context.Queue<string>();
  await dict.set("queue", queue);
  await queue.put("sent");
  using same = await dict.get("queue") as Queue<string>;
  assertEquals(await same.get(), "sent");
  const other = await another();
  {
    using foreign = await other.list(["elsewhere"]);
    await dict.set("foreign", foreign);
  }
  using back = await dict.get("foreign") as ListProxy<string>;
  assertEquals(await back.copy(), ["elsewhere"]);
  assert(await other.numberOfObjects() === 1 && await manager.numberOfObjects() === 1);
});

testManaged(
  "a registered type gets a container's contents, and proxies for those further inside",
  async ({ method }) => {
    const Registered = SyncManager.register("Librarian", targets.Librarian);
    await using manager = new Registered({ ctx: getContext(method) });
    await manager.start();
    const librarian = await manager.Librarian();
    using books = await manager.dict<string, string[]>({ title: ["ann"] });
    using list = await manager.list();
    using set = await manager.set();
    using namespace = await manager.Namespace();
    const kinds = librarian.callmethod("kinds", [books, list, set, namespace]);
    assertEquals(await kinds, ["Map", "Array", "Set", "Namespace"]);
    const given = await librarian.callmethod("lend", [{ books }, "title", "bob"]);
    assertEquals(given, ["ann", "bob"]);
    assertEquals(await books.items(), [["title", ["ann", "bob"]], ["given", ["given"]]]);
    {
      using dict = await manager.dict({ a: 1 });
      await librarian.callmethod("keep", [dict]);
      await dict.set("b", 2);
    }
    await objectsOf(manager, 5); // the dict is dropped, and what was given is not taken away
    assertEquals(await librarian.callmethod("kept"), new Map([["a", 1], ["b", 2]]));
    librarian.close();
  },
);

testManaged("what blocks for a proxy is refused as a value: it belongs to this process", async ({ manager }) => {
  using dict = await manager.dict<string, unknown>();
  using list = await manager.list();
  await assertRejects(() => dict.set("key", list.sync), TypeError);
  assertEquals(await dict.size, 0);
});

testManaged("containers that come and go leave no memory behind", async ({ manager }) => {
  using outer = await manager.dict<string, unknown>();
  const round = async () => {
    for (let i = 0; i < 200; i++) {
      using inner = await manager.list<unknown>([i]);
      await outer.set("key", [inner, inner]);
      await outer.modify(`key ${i % 10}`, (before) => {
        closed(before);
        return inner;
      });
    }
    await outer.clear();
    return await manager.stats();
  };
  const before = await round();
  for (let i = 0; i < 4; i++) await round();
  const after = await round();
  assertEquals([after.objects, after.blocks], [1, before.blocks]);
});
