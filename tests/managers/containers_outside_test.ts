// Containers of a manager as they are for its clients in other programs: by a connection, as for relatives.

import { EOFError, getContext } from "@parallel/multiprocessing";
import { type DictProxy, type ListProxy, SyncManager } from "@parallel/multiprocessing/managers";
import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/container_targets.ts";
import { objectsOf } from "./suite.ts";
import { type Managed, testManaged } from "./managed.ts";

/** Registers a test with a manager that is connected to the server of the first by a socket. */
function testOutside(name: string, test: (client: SyncManager, managed: Managed) => Promise<void>): void {
  testManaged(name, async (managed) => {
    const authkey = new TextEncoder().encode("the key of the test");
    const { method } = managed;
    await using owner = new SyncManager({ ctx: getContext(method), address: ["127.0.0.1", 0], authkey });
    await owner.start();
    await using client = new SyncManager({ address: owner.address, authkey });
    await client.connect();
    await test(client, { ...managed, manager: owner });
  });
}

testOutside("a stranger does everything with a dict, a list, a set and a Namespace", async (client) => {
  const dict = await client.dict<string, number>();
  await targets.workOnDict(dict);
  const list = await client.list<number>();
  await targets.workOnList(list);
  const set = await client.set(["parent"]);
  await targets.workOnSet(set);
  const namespace = await client.Namespace({ x: 10, y: 0 });
  await targets.workOnNamespace(namespace);
  assertEquals(namespace.sync.y, 11);
  assertEquals([...list.sync, ...dict.sync.keys()], [1, "left by the worker"]);
  assertEquals(await set.union<unknown>(dict, list), new Set<unknown>(["child", "left by the worker", 1]));
  assertStrictEquals(await dict.update(dict), dict);
});

testOutside("a stranger iterates, modifies and sorts", async (client) => {
  const dict = await client.dict<number, number[]>(Array.from({ length: 3000 }, (_, i) => [i, [i]]));
  assertEquals((await Array.fromAsync(dict.values())).length, 3000);
  for await (const _ of dict) break;
  let calls = 0;
  await dict.modify(1, async (value) => {
    if (++calls === 1) await dict.set(1, [1]);
    return [...value, calls];
  });
  assertEquals(await dict.get(1), [1, 2]);
  const list = await client.list([1, 3, 2]);
  await list.sort((one, other) => other - one);
  assertEquals(list.sync.sort().copy(), [1, 2, 3]);
  assertEquals(await list.modify(-1, (last) => last * 2), 6);
  await assertRejects(() => dict.set([] as never, []), TypeError, "as a key of a dict");
  const frozen = await client.dict({ list: [1] }, { freeze: true });
  assertThrows(() => frozen.sync.get("list")!.push(2), TypeError, "not extensible");
  assertEquals(await frozen.modify("list", (it) => void it.push(2)), [1, 2]);
});

testOutside("proxies inside are live for strangers, and go with the outer one", async (client, { manager }) => {
  const outer = await client.dict<string, unknown>();
  const inner = await client.list<number>([1]);
  await outer.update({ a: inner, b: [inner] });
  inner.close();
  const again = await outer.get("a") as ListProxy<number>;
  assertEquals(await again.push(2), 2);
  again.close();
  assertEquals(await manager.numberOfObjects(), 2);
  await outer.set("a", null);
  assertEquals(await manager.numberOfObjects(), 2, "it is inside of b, too");
  const popped = await outer.pop("b") as [ListProxy<number>];
  assertEquals(await popped[0].copy(), [1, 2]);
  popped[0].close();
  await objectsOf(manager, 1);
  const operand = await client.list([5]);
  const set = await client.set<number>();
  await set.update(operand);
  operand.close();
  outer.close();
  await objectsOf(manager, 1);
  assertEquals(await set.copy(), new Set([5]));
});

testOutside("a stranger's iteration ends with the server", async (client, { manager }) => {
  const dict: DictProxy<number, number> = await client.dict(Array.from({ length: 50_000 }, (_, i) => [i, i] as const));
  const iteration = dict.keys();
  assertEquals((await iteration.next()).value, 0);
  const { pid } = await manager.stats();
  Deno.kill(pid, "SIGKILL");
  await manager.join();
  const rest = async () => {
    for await (const _ of iteration);
  };
  await assertRejects(rest, EOFError);
  await assertRejects(() => dict.modify(1, () => 2), EOFError);
});
