// Namespace of a manager: attributes in promises and as properties, and what becomes of mistakes and deaths.

import { EOFError, RemoteError } from "@parallel/multiprocessing";
import { Namespace, type NamespaceProxy, SyncNamespace } from "@parallel/multiprocessing/managers";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/container_targets.ts";
import { ended, killed } from "../support/children.ts";
import { testManaged } from "./managed.ts";

testManaged("TestContainers.test_namespace: attributes are set, read and deleted", async ({ manager }) => {
  using namespace = await manager.Namespace();
  assertStrictEquals(await namespace.set("name", "Bob"), namespace);
  await namespace.set("job", "Builder");
  await namespace.set("_hidden", "hidden");
  assertEquals([await namespace.get("name"), await namespace.get("job")], ["Bob", "Builder"]);
  assertEquals(await namespace.describe(), 'Namespace(job="Builder", name="Bob")');
  assertEquals([await namespace.delete("job"), await namespace.delete("job")], [true, false]);
  assertEquals([await namespace.get("job"), await namespace.has("job")], [undefined, false]);
  assertEquals([await namespace.has("_hidden"), await namespace.names()], [true, ["name", "_hidden"]]);
  assertEquals(await namespace.describe(), 'Namespace(name="Bob")');
  const copy = await namespace.getvalue();
  assert(copy instanceof Namespace);
  assertEquals(JSON.parse(JSON.stringify(copy)), { name: "Bob", _hidden: "hidden" });
  assertEquals(String(copy), 'Namespace(name="Bob")');
});

testManaged("TestSyncManagerTypes.test_namespace: a worker reads what the parent has set", async ({ manager, run }) => {
  using namespace = await manager.Namespace<{ x: number; y: number }>();
  await namespace.set("x", 10);
  await run(targets.workOnNamespace, namespace as NamespaceProxy<{ x: number; y: number }>);
  assertEquals([namespace.sync.x, namespace.sync.y], [10, 11]);
});

testManaged("sync has the attributes as properties, and lets none get lost", async ({ manager }) => {
  using namespace = await manager.Namespace<Record<string, unknown>>({ x: 1, get: "its own", constructor: 5 });
  const { sync } = namespace;
  sync.x = 2;
  assertEquals([await namespace.get("x"), sync.x, Object.keys(sync)], [2, 2, ["x"]]);
  assertStrictEquals(namespace.sync, sync, "as long as the names are the same");
  // What it does not know is not taken for anybody's.
  assertThrows(() => sync.z = 1, TypeError, "not extensible");
  assertThrows(() => delete sync.x, TypeError, "Cannot delete property 'x'");
  assertEquals([await namespace.has("z"), await namespace.get("x")], [false, 2]);
  // Its own names stay methods; the attributes are there all the same.
  assertEquals([sync.get("get"), sync.get("constructor"), sync.constructor.name], ["its own", 5, "SyncNamespace"]);
  await namespace.set("z", 3);
  assertEquals([namespace.sync.z, Object.keys(namespace.sync)], [3, ["x", "z"]]);
  namespace.sync.z = 4;
  assertEquals(await namespace.get("z"), 4);
  assertEquals([namespace.sync.delete("z"), namespace.sync.z, namespace.sync.has("z")], [true, undefined, false]);
  assertEquals(sync.set("w", 1).update({ v: 2 }).names(), ["x", "get", "constructor", "w", "v"]);
  assertEquals(sync.modify("w", (w) => (w as number) + 1), 2);
  assert(sync.getvalue() instanceof Namespace);
});

testManaged(
  "a Namespace is made of an object's properties, or of another one",
  async ({ isServed, manager, another }) => {
    const other = await another();
    using here = await manager.Namespace({ a: 1, b: [2] });
    using there = await other.Namespace({ a: 1, b: [2] });
    for (
      const init of [
        { a: 1, b: [2] },
        new Namespace({ a: 1, b: [2] }) as Namespace & { a: number; b: number[] },
        here,
        there,
      ]
    ) {
      using namespace = await manager.Namespace<{ a: number; b: number[] }>(init);
      assertEquals({ ...await namespace.getvalue() }, { a: 1, b: [2] });
    }
    await here.update({ a: 3 });
    assertEquals([await here.get("a"), await there.get("a")], [3, 1]);
    for (const bad of [5, "text", null]) {
      await assertRejects(() => manager.Namespace(bad as never), TypeError);
      const error = await assertRejects(() => manager.create("Namespace", bad as never), TypeError, "wanted an object");
      assert(!isServed || error.cause instanceof RemoteError);
    }
  },
);

testManaged("names are strings, and __proto__ is one", async ({ manager }) => {
  using namespace = await manager.Namespace<Record<string, unknown>>();
  for (const bad of [5, {}, null, ["a"]]) {
    await assertRejects(
      () => namespace.set(bad as never, 1),
      TypeError,
      "as the name of an attribute: wanted a string",
    );
    await assertRejects(() => namespace.get(bad as never), TypeError, "wanted a string");
    await assertRejects(() => namespace.modify(bad as never, () => 1), TypeError, "wanted a string");
  }
  const names = ["__proto__", "constructor", "toString", "then", "sync", ""];
  assertEquals(await Promise.all(names.map((name) => namespace.has(name))), names.map(() => false));
  for (const name of names) await namespace.set(name, { polluted: name });
  for (const name of names) assertEquals(await namespace.get(name), { polluted: name });
  const copy = await namespace.getvalue();
  assertEquals(Object.keys(copy), names);
  assertStrictEquals(Object.getPrototypeOf(copy), Namespace.prototype);
  assertEquals(Reflect.get({}, "polluted"), undefined);
  namespace.sync.update(JSON.parse('{"__proto__": 1}'));
  assertEquals(await namespace.get("__proto__"), 1);
  assert(namespace.sync instanceof SyncNamespace, "it is no property");
  assertEquals(namespace.sync.then, { polluted: "then" });
  assertEquals(await namespace.describe(), Deno.inspect(await namespace.getvalue()));
  assert((await namespace.describe()).includes('toString={ polluted: "toString" }'));
});

testManaged("values that cannot be sent throw at the call, and nothing changes", async ({ manager }) => {
  using namespace = await manager.Namespace<Record<string, unknown>>({ x: 1 });
  await assertRejects(() => namespace.set("x", () => 1), TypeError, "function");
  assertThrows(() => namespace.sync.x = Symbol("s"), TypeError);
  await assertRejects(() => namespace.update({ y: 2, x: () => 1 }), TypeError);
  assertEquals({ ...await namespace.getvalue() }, { x: 1 });
});

testManaged("modify by name loses nothing, and nobody who is killed in it holds up others", async (managed) => {
  const { context, manager, started } = managed;
  using namespace = await manager.Namespace<{ count: number; key: string }>({ count: 0, key: "before" });
  await ended(...Array.from({ length: 4 }, () => started(targets.countAttribute, namespace, 50)));
  assertEquals(namespace.sync.count, 200);
  using inside = new context.Event();
  const child = started(targets.modifyAttributeForEver, namespace, inside);
  await inside.wait();
  await killed(child);
  let calls = 0;
  const aba = await namespace.modify("key", async (key) => {
    if (++calls === 1) await namespace.set("key", "B").then((it) => it.set("key", key));
    return `${key}, after ${calls}`;
  });
  assertEquals(aba, "before, after 2");
});

testManaged("with freeze, copies arrive frozen; a server that is gone is told", async ({ manager, killServer }) => {
  const namespace = await manager.Namespace({ list: [{ x: 1 }] }, { freeze: true });
  for (const list of [await namespace.get("list"), namespace.sync.list, (await namespace.getvalue()).list]) {
    assertThrows(() => list!.push({ x: 2 }), TypeError, "not extensible");
    assertThrows(() => list![0].x = 2, TypeError, "read only");
  }
  assertEquals(await namespace.modify("list", (list) => void list.push({ x: 2 })), [{ x: 1 }, { x: 2 }]);
  const { sync } = namespace;
  await killServer();
  assertThrows(() => sync.list, EOFError, "SIGKILL");
  assertThrows(() => namespace.sync, EOFError, "SIGKILL");
  await assertRejects(() => namespace.get("list"), EOFError, "SIGKILL");
});
