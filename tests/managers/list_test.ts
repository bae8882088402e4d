// list of a manager: what it does in one process and in several, and what becomes of mistakes and deaths.

import { EOFError, RemoteError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/container_targets.ts";
import { ended } from "../support/children.ts";
import { testManaged } from "./managed.ts";

/** The numbers from one to before another. */
function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

testManaged("TestSyncManagerTypes.test_list: a worker does everything with a list", async ({ manager, run }) => {
  using list = await manager.list<number>();
  await run(targets.workOnList, list);
  assertEquals(await list.copy(), [1]);
});

testManaged("a list does to its items what an Array does", async ({ manager }) => {
  const array: unknown[] = [3, "x", null, 3];
  using list = await manager.list(array);
  const calls: [name: string, ...args: unknown[]][] = [
    ["push", 1, 2, undefined],
    ["unshift", "a", "b"],
    ["pop"],
    ["shift"],
    ["at", 0],
    ["at", -1],
    ["at", 99],
    ["splice", 1, 2],
    ["splice", -1],
    ["splice", 1, 0, "in", "between"],
    ["slice", 1, -1],
    ["slice"],
    ["slice", -2],
    ["concat", [1, [2]]],
    ["concat"],
    ["indexOf", 3],
    ["indexOf", 3, 1],
    ["indexOf", 3, -1],
    ["indexOf", "nothing"],
    ["lastIndexOf", 3],
    ["lastIndexOf", 3, -2],
    ["includes", "in"],
    ["includes", "in", 5],
    ["join"],
    ["join", " and "],
    ["toReversed"],
    ["splice", 0, 99],
    ["pop"],
    ["shift"],
  ];
  for (const [name, ...args] of calls) {
    const call = (target: object) => Reflect.apply(Reflect.get(target, name), target, args);
    assertEquals(await call(list), call(array), `${name}(${args.join()})`);
    assertEquals(await list.getvalue(), array, `after ${name}(${args.join()})`);
    assertEquals(await list.length, array.length);
  }
});

testManaged("the same blocking; in place gives what was called, the rest plain arrays", async ({ manager }) => {
  using list = await manager.list([2, 1]);
  const { sync } = list;
  assertStrictEquals(list.sync, sync);
  for (
    const inPlace of [
      () => sync.append(3),
      () => sync.extend([9, 8]),
      () => sync.extend(list),
      () => sync.insert(0, 7),
      () => sync.insert(99, 6),
      () => sync.set(-1, 5),
      () => sync.remove(9),
      () => sync.sort(),
      () => sync.reverse(),
      () => sync.fill(0, 1, 3),
      () => sync.multiply(2),
    ]
  ) assertStrictEquals(inPlace(), sync);
  const array = await list.copy();
  assertEquals(array.slice(0, 11), [9, 0, 0, 7, 5, 3, 3, 2, 2, 1, 1]);
  assertEquals(array.slice(11), array.slice(0, 11));
  assertEquals([sync.length, sync.get(0), sync.get(-1), sync.at(0)], [array.length, 9, array.at(-1), 9]);
  assertEquals([sync.push(4), sync.pop(), sync.pop(-1), sync.shift()], [array.length + 1, 4, array.at(-1), 9]);
  assertEquals([sync.unshift(9), sync.splice(0, 1)], [array.length - 1, [9]]);
  assertEquals([sync.concat(sync, [1]).length, sync.concatTo([1])[0], sync.repeat(0)], [2 * array.length - 3, 1, []]);
  assertEquals([sync.index(5), sync.indexOf(5), sync.count(0), sync.includes(5)], [3, 3, 4, true]);
  assertEquals([...sync], sync.getvalue());
  assertEquals([[...sync.keys()][1], [...sync.entries()][0], [...sync.reversed()]], [1, [0, 0], sync.toReversed()]);
  assertEquals(sync.toSorted(), sync.slice().sort((one, other) => one - other));
  const visited: unknown[] = [];
  sync.forEach((item, index) => visited[index] = item);
  await list.forEach((item, index, itself) => assert(visited[index] === item && itself === list));
  assertEquals(visited, sync.copy());
  assertEquals(sync.clear().length, 0);
  assertEquals([sync.multiply(1e9).length, sync.repeat(1e9), sync.push(1), sync.repeat(-1)], [0, [], 1, []]);
});

testManaged("what is looked for is found by its contents, since it is a copy", async ({ manager }) => {
  const point = { x: 1, y: [2, new Date(3)] };
  const items = [point, new Map([["a", new Set([1, { b: 2 }])]]), new Uint8Array([1, 2]), NaN, 10n, null, /x/g];
  using list = await manager.list<unknown>([...items, { ...point, z: 1 }, point, new Uint8Array([1])]);
  for (const [i, item] of items.entries()) {
    assertEquals(await list.indexOf(structuredClone(item)), i, Deno.inspect(item));
  }
  assertEquals([await list.count(point), await list.lastIndexOf(point), await list.index(point, 1)], [2, 8, 8]);
  assertEquals(await list.includes({ y: [2, new Date(3)], x: 1 }), true, "the order of properties does not matter");
  for (
    const other of [{ x: 1 }, { x: 1, y: [2, new Date(4)] }, [], new Map(), 0, undefined, "10", Object.create(null)]
  ) {
    assertEquals(await list.includes(other), false, Deno.inspect(other));
  }
  const sets = [
    new Set([{ a: [1] }, { a: [2] }]),
    new Set([{ a: [2] }, { a: [1] }]),
    new Set([{ a: [2] }, { a: [2] }]),
  ];
  using listOfSets = await manager.list<unknown>(sets);
  assertEquals(await Promise.all(sets.map((set) => listOfSets.lastIndexOf(set))), [1, 1, 2]);
  const loop: unknown[] = [1];
  loop.push(loop);
  await list.push(loop);
  assertEquals(await list.indexOf(loop), 10);
  assertStrictEquals(await list.remove(point), list);
  assertEquals(await list.count(point), 1);
});

testManaged("sort orders numbers by value, and by a function of this process", async ({ manager }) => {
  using list = await manager.list<unknown>([10, 9n, 1, -2.5]);
  assertStrictEquals(await list.sort(), list);
  assertEquals(await list.copy(), [-2.5, 1, 9n, 10]);
  assertEquals(await list.toSorted({ reverse: true }), [10, 9n, 1, -2.5]);
  const names = await manager.list([{ name: "b", n: 1 }, { name: "a", n: 2 }, { name: "b", n: 3 }]);
  const offset = 0; // a closure: it does not leave this process
  await names.sort((one, other) => one.name.localeCompare(other.name) + offset);
  assertEquals((await names.copy()).map(({ n }) => n), [2, 1, 3]);
  names.sync.sort({ compare: (one, other) => one.name.localeCompare(other.name), reverse: true });
  assertEquals(names.sync.copy().map(({ n }) => n), [1, 3, 2], "equal ones stay as they were");
  assertEquals((await names.toSorted((one, other) => one.n - other.n)).map(({ n }) => n), [1, 2, 3]);
  for (const [items, what] of [[[1, "a"], "a string and a number"], [[{}], "{}"], [[null, 1], "null"]] as const) {
    using mixed = await manager.list<unknown>(items);
    await assertRejects(() => mixed.sort(), TypeError, `Cannot sort the list: ${what} cannot be ordered`);
    assertEquals(await mixed.copy(), items);
  }
  for (const bad of [{ key: "name" }, { reverse: 1 }, { compare: "name" }, 5]) {
    await assertRejects(() => list.sort(bad as never), TypeError, "Cannot sort the list");
  }
  using texts = await manager.list(["b", "é", "a", "B"]);
  assertEquals(await texts.toSorted(), ["B", "a", "b", "é"]);
  using dates = await manager.list([new Date(2), new Date(1)]);
  assertEquals((await dates.sort().then((it) => it.copy())).map(Number), [1, 2]);
});

testManaged("sort by a function loses nothing that others add meanwhile", async ({ manager, started }) => {
  using list = await manager.list(range(0, 50));
  const pushing = [started(targets.pushNumbers, list, 50, 150), started(targets.pushNumbers, list, 150, 250)];
  let isOver = false;
  const sorting = (async () => {
    while (!isOver) await list.sort((one, other) => other - one);
  })();
  await ended(...pushing);
  isOver = true;
  await sorting;
  await list.sort();
  assertEquals(await list.copy(), range(0, 250));
});

testManaged("what there is no item for is refused, and nothing changes", async ({ isServed, manager }) => {
  using list = await manager.list([1, 2]);
  const calls: Record<string, [() => Promise<unknown>, typeof RangeError | typeof TypeError, string]> = {
    get: [() => list.get(2), RangeError, "Cannot get item 2: index out of range, the list has 2 items"],
    "get from the end": [() => list.get(-3), RangeError, "Cannot get item -3"],
    set: [() => list.set(2, 1), RangeError, "Cannot set item 2"],
    pop: [() => list.pop(5), RangeError, "Cannot pop item 5"],
    modify: [() => list.modify(7, (it) => it), RangeError, "Cannot modify item 7"],
    "a part of an index": [() => list.get(0.5), TypeError, "its index is 0.5, wanted an integer"],
    "a text": [() => list.set("0" as never, 1), TypeError, 'its index is "0"'],
    "__proto__": [() => list.set("__proto__" as never, 1), TypeError, 'its index is "__proto__"'],
    length: [() => list.set("length" as never, 0), TypeError, "wanted an integer"],
    index: [() => list.index(9), RangeError, "Cannot find 9: it is not in the list"],
    "index in a part": [() => list.index(2, 0, 1), RangeError, "Cannot find 2"],
    remove: [() => list.remove(9), RangeError, "Cannot find 9"],
    extend: [() => list.extend(5 as never), TypeError, "Cannot combine it with the list: 5 was given"],
    concat: [() => list.concat({} as never), TypeError, "wanted an iterable"],
    multiply: [() => list.multiply(1.5), TypeError, "wanted an integer"],
    push: [() => list.push(3, (() => 4) as never), TypeError, "function"],
    "a symbol": [() => list.append(Symbol("s") as never), TypeError, ""],
    list: [() => manager.list(7 as never), TypeError, "7 was given"],
  };
  for (const [name, [call, Class, message]] of Object.entries(calls)) {
    await assertRejects(call, Class, message, name);
  }
  const error = await assertRejects(() => manager.create("list", 7 as never), TypeError, "wanted an iterable");
  assert(!isServed || error.cause instanceof RemoteError);
  assertEquals(await list.copy(), [1, 2]);
  assertEquals(
    [await list.clear().then((it) => it.pop()), await list.shift()],
    [undefined, undefined],
    "as of an Array",
  );
});

testManaged("TestContainers.test_list_iter: iterating gives all items once, and sees changes", async ({ manager }) => {
  using list = await manager.list(range(0, 10));
  const first = list.values();
  assertEquals(await Array.fromAsync(first), range(0, 10));
  assertEquals(await Array.fromAsync(first), [], "it has come to its end");
  const iteration = list[Symbol.asyncIterator]();
  const blocking = list.sync.values();
  await list.set(0, 100); // before the first next
  assertEquals([await iteration.next(), blocking.next()].map(({ value }) => value), [100, 100]);
  assertEquals(await Array.fromAsync(iteration), range(1, 10));
  assertEquals([...blocking], range(1, 10));

  using long = await manager.list(range(0, 10_000));
  const seen: number[] = [];
  for await (const item of long) {
    if (seen.push(item) === 1) await long.push(-1); // during it
  }
  assertEquals(seen, [...range(0, 10_000), -1]);
  assertEquals(await Array.fromAsync(long.reversed()), [-1, ...range(0, 10_000).reverse()]);
  assertEquals((await Array.fromAsync(long.entries())).at(-1), [10_000, -1]);
  assertEquals((await Array.fromAsync(long.keys())).length, 10_001);
});

testManaged("an iteration goes on when the list's last proxy is closed, and ends with the server", async (managed) => {
  const { manager, killServer } = managed;
  const list = await manager.list(range(0, 100_000));
  const iteration = list.values();
  assertEquals((await iteration.next()).value, 0);
  list.close();
  assertEquals(await manager.numberOfObjects(), 2, "the iteration, and the list for it");
  for (let i = 1; i < 5000; i++) assertEquals((await iteration.next()).value, i);
  await killServer();
  const rest = async () => {
    for await (const _ of iteration);
  };
  await assertRejects(rest, EOFError, "SIGKILL");
  assertEquals(await iteration.next(), { done: true, value: undefined });
});

testManaged("modify by index loses nothing, wherever the item goes meanwhile", async ({ manager, started }) => {
  using list = await manager.list([0]);
  await ended(...Array.from({ length: 4 }, () => started(targets.countFirst, list, 50)));
  assertEquals(await list.get(0), 200);

  using items = await manager.list<unknown>(["a", "b", "c"]);
  const meanwhile: [index: number, change: () => Promise<unknown>, calls: number, expected: unknown[]][] = [
    [1, () => items.unshift("z"), 2, ["z", "a!", "b", "c"]],
    [1, () => items.shift(), 2, ["b", "c!"]],
    [1, () => items.set(1, "b"), 2, ["a", "b!", "c"]],
    [1, () => items.set(0, "x"), 1, ["x", "b!", "c"]],
    [1, () => items.push("d"), 1, ["a", "b!", "c", "d"]],
    [-1, () => items.push("d"), 2, ["a", "b", "c", "d!"]],
    [-1, () => items.set(2, "c"), 2, ["a", "b", "c!"]],
    [2, () => items.set(-1, "x"), 2, ["a", "b", "x!"]],
    [0, () => items.sort(), 2, ["a!", "b", "c"]],
    [0, () => items.reverse(), 2, ["c!", "b", "a"]],
    [0, () => items.copy(), 1, ["a!", "b", "c"]],
  ];
  for (const [index, change, expectedCalls, expected] of meanwhile) {
    await items.clear().then((it) => it.extend(["a", "b", "c"]));
    let calls = 0;
    const given = await items.modify(index, async (item) => {
      if (++calls === 1) await change();
      return `${item}!`;
    });
    assertEquals([await items.copy(), calls], [expected, expectedCalls], String(change));
    assert((await items.copy()).includes(given));
  }
  await items.clear().then((it) => it.push("only"));
  const gone = items.modify(0, async (item) => {
    await items.clear();
    return item;
  });
  await assertRejects(() => gone, RangeError, "Cannot modify item 0: index out of range");
  assertEquals(await items.length, 0);
});

testManaged("with freeze, a change of an item's copy throws where it is made", async ({ manager }) => {
  using list = await manager.list([{ tags: ["a"] }], { freeze: true });
  for (const copy of [await list.get(0), await list.at(-1), list.sync.get(0), (await Array.fromAsync(list))[0]]) {
    assertThrows(() => copy!.tags.push("b"), TypeError, "not extensible");
  }
  assertThrows(() => list.sync.copy().push({ tags: [] }), TypeError, "not extensible");
  assertEquals((await list.modify(0, (it) => void it.tags.push("b"))).tags, ["a", "b"]);
  await list.sort((one, other) => one.tags.length - other.tags.length);
  assertEquals(await list.pop(), { tags: ["a", "b"] });
});
