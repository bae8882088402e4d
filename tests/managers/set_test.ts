// set of a manager: what it does in one process and in several, and what becomes of mistakes.

import { RemoteError } from "@parallel/multiprocessing";
import type { SetProxy } from "@parallel/multiprocessing/managers";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/container_targets.ts";
import { type Managed, testManaged } from "./managed.ts";

testManaged("a worker adds and removes members of a set", async ({ manager, run }) => {
  using set = await manager.set<string>(["parent"]);
  await run(targets.workOnSet, set);
  assertEquals(await set.copy(), new Set(["child"]));
});

/** All that may be combined with a set, made of the same members. */
async function operandsOf({ manager }: Managed, other: SetProxy, members: readonly string[]) {
  const local = await manager.set(members);
  const dict = await manager.dict(members.map((member) => [member, 1] as const));
  const list = await manager.list(members);
  return {
    set: new Set(members),
    array: members,
    iterator: () => members.values(),
    map: new Map(members.map((member) => [member, 1])),
    "its server's": local,
    "its server's, blocking": local.sync,
    "another server's": other,
    dict,
    "keys of a dict": () => dict.keys(),
    list,
  };
}

testManaged("TestSyncManagerTypes.test_set: all operators and comparisons, with all operands", async (managed) => {
  const { manager, another } = managed;
  const mine = ["a", "b", "c"];
  const elsewhere = await another();
  for (const members of [["b", "c", "d"], ["a", "b", "c"], ["a"], [], ["a", "b", "c", "d"], ["x"]]) {
    const remote = await elsewhere.set<string>(members);
    for (const [name, given] of Object.entries(await operandsOf(managed, remote as SetProxy, members))) {
      using set = await manager.set(mine);
      const plain = new Set(mine);
      const other = new Set(members);
      const operand = () => (typeof given === "function" ? given() : given) as Iterable<string>;
      const what = `${name} of ${members}`;
      assertEquals(await set.union(operand()), plain.union(other), what);
      assertEquals(await set.intersection(operand()), plain.intersection(other), what);
      assertEquals(await set.difference(operand()), plain.difference(other), what);
      assertEquals(await set.subtractedFrom(operand()), other.difference(plain), what);
      assertEquals(await set.symmetricDifference(operand()), plain.symmetricDifference(other), what);
      assertEquals(await set.isSubsetOf(operand()), plain.isSubsetOf(other), what);
      assertEquals(await set.isSupersetOf(operand()), plain.isSupersetOf(other), what);
      assertEquals(await set.isProperSubsetOf(operand()), plain.isSubsetOf(other) && plain.size < other.size, what);
      assertEquals(await set.isProperSupersetOf(operand()), plain.isSupersetOf(other) && plain.size > other.size, what);
      assertEquals(await set.isDisjointFrom(operand()), plain.isDisjointFrom(other), what);
      assertEquals(await set.getvalue(), plain, "unchanged");
      const inPlace: [() => Promise<SetProxy<string>>, Set<string>][] = [
        [() => set.update(operand()), plain.union(other)],
        [() => set.intersectionUpdate(operand()), plain.intersection(other)],
        [() => set.differenceUpdate(operand()), plain.difference(other)],
        [() => set.symmetricDifferenceUpdate(operand()), plain.symmetricDifference(other)],
      ];
      for (const [act, expected] of inPlace) {
        assertStrictEquals(await act(), set, "in place gives the proxy");
        assertEquals(await set.getvalue(), expected, what);
        await set.clear().then((it) => it.update(mine));
      }
    }
  }
});

testManaged("a set is combined with itself, and with several others", async ({ manager }) => {
  using set = await manager.set([1, 2, 3]);
  assertEquals(await set.union(set, [4], new Set([5])), new Set([1, 2, 3, 4, 5]));
  assertEquals(await set.intersection([1, 2], [2, 3]), new Set([2]));
  assertEquals(await set.difference([1], [2]), new Set([3]));
  assertEquals([await set.union(), await set.difference(set)], [new Set([1, 2, 3]), new Set()]);
  await set.update(set);
  assertEquals(await set.size, 3);
  await set.symmetricDifferenceUpdate(set);
  assertEquals(await set.size, 0);
});

testManaged("a set speaks Set, in promises and blocking", async ({ manager }) => {
  using set = await manager.set<string | number>();
  assertStrictEquals(await set.add("b"), set);
  await set.add("a").then((it) => it.add("b"));
  assertEquals([await set.size, await set.has("a"), await set.has("x")], [2, true, false]);
  assertEquals(await Array.fromAsync(set), ["b", "a"], "in the order in which they came");
  assertEquals(await Array.fromAsync(set.entries()), [["b", "b"], ["a", "a"]]);
  assertEquals([await set.delete("a"), await set.delete("a")], [true, false]);
  assertStrictEquals(await set.discard("none"), set);
  assertStrictEquals(await set.remove("b"), set);
  await assertRejects(() => set.remove("b"), RangeError, 'Cannot remove "b": it is not in the set');
  await assertRejects(() => set.pop(), RangeError, "Cannot pop a member: the set is empty");

  const { sync } = set;
  assertStrictEquals(sync.add(1).add(2).discard(9).update([3], [4]), sync);
  assertEquals([sync.size, sync.has(3), sync.delete(3), sync.pop()], [4, true, true, 1]);
  assertEquals([[...sync], [...sync.keys()], [...sync.values()].length], [[2, 4], [2, 4], 2]);
  assertEquals([sync.union([5]), sync.intersection([2]), sync.difference([2])], [
    new Set<string | number>([2, 4, 5]),
    new Set<string | number>([2]),
    new Set<string | number>([4]),
  ]);
  assertEquals([sync.symmetricDifference([2, 3]), sync.subtractedFrom([2, 3])], [new Set([4, 3]), new Set([3])]);
  assertEquals([sync.isSubsetOf([2, 4, 6]), sync.isProperSubsetOf([2, 4]), sync.isSupersetOf(set)], [
    true,
    false,
    true,
  ]);
  assertEquals([sync.isProperSupersetOf([2]), sync.isDisjointFrom([2])], [true, false]);
  assertStrictEquals(sync.intersectionUpdate([4]).differenceUpdate([5]).symmetricDifferenceUpdate([6]).remove(6), sync);
  assertEquals([sync.copy(), sync.clear().getvalue()], [new Set([4]), new Set()]);
  const visited: unknown[] = [];
  await set.add("v").then((it) => it.forEach((member, same, itself) => visited.push(member, same, itself === set)));
  sync.forEach((member) => visited.push(member));
  assertEquals(visited, ["v", "v", true, "v"]);
});

testManaged(
  "TestSyncManagerTypes.test_set_init: of a set, a list or the keys of a dict",
  async ({ isServed, manager }) => {
    using dict = await manager.dict({ a: 1, b: 2 });
    using list = await manager.list(["a", "b"]);
    for (const init of [new Set(["a", "b"]), ["a", "b", "a"], dict, dict.keys(), dict.sync.keys(), list, "ab"]) {
      using set = await manager.set<string>(init as Iterable<string>);
      assertEquals(await set.copy(), new Set(["a", "b"]));
    }
    for (const bad of [5, null, {}, true]) {
      await assertRejects(() => manager.set(bad as never), TypeError, "was given, wanted an iterable");
      const error = await assertRejects(() => manager.create("set", bad as never), TypeError, "wanted an iterable");
      assert(!isServed || error.cause instanceof RemoteError, "the server refuses it");
    }
  },
);

testManaged("objects are refused as members, and nothing changes", async ({ manager }) => {
  using set = await manager.set<string>(["a"]);
  const member = { id: 1 } as never;
  const calls: Record<string, () => Promise<unknown>> = {
    add: () => set.add(member),
    has: () => set.has(member),
    delete: () => set.delete(member),
    discard: () => set.discard(member),
    remove: () => set.remove(member),
    update: () => set.update(["b"], [member]),
    union: () => set.union([member]),
    isSubsetOf: () => set.isSubsetOf([member]),
    set: () => manager.set([member]),
    "a proxy": () => set.add(set as never),
  };
  for (const [name, call] of Object.entries(calls)) {
    await assertRejects(call, TypeError, "as a member of a set: it is an object", name);
  }
  assertThrows(() => set.sync.add([] as never), TypeError, "Cannot use [] as a member of a set");
  await set.update(["__proto__", "constructor"]);
  assertEquals(await set.copy(), new Set(["a", "__proto__", "constructor"]));
  assertEquals([await set.has("toString"), await set.delete("__proto__")], [false, true]);
});
