// dict of a manager: what it does in one process and in several, and what becomes of mistakes and deaths.

import { EOFError, RemoteError } from "@parallel/multiprocessing";
import type { DictProxy } from "@parallel/multiprocessing/managers";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/container_targets.ts";
import { ended, killed } from "../support/children.ts";
import { testManaged } from "./managed.ts";

testManaged("TestSyncManagerTypes.test_dict: a worker does everything with a dict", async ({ manager, run }) => {
  using dict = await manager.dict<string, number>();
  await run(targets.workOnDict, dict);
  assertEquals(await dict.items(), [["left by the worker", 1]]);
});

testManaged("a dict speaks Map, in promises and blocking", async ({ manager }) => {
  using dict = await manager.dict<string | number, unknown>();
  assertStrictEquals(await dict.set("a", 1), dict);
  await dict.set(2, { x: [null, undefined] });
  assertEquals([await dict.size, await dict.has("a"), await dict.has("2"), await dict.has(2)], [2, true, false, true]);
  assertEquals(await dict.get(2), { x: [null, undefined] });
  assertEquals(await Array.fromAsync(dict), [["a", 1], [2, { x: [null, undefined] }]]);
  assertEquals(await Array.fromAsync(dict.entries()), [...dict.sync.entries()]);
  assertEquals(await dict.getOrInsert("a", 5), 1);
  const seen: unknown[] = [];
  await dict.forEach((value, key, itself) => seen.push(value, key, itself === dict));
  assertEquals(seen, [1, "a", true, { x: [null, undefined] }, 2, true]);
  assertEquals([await dict.delete("a"), await dict.delete("a")], [true, false]);

  const { sync } = dict;
  assertStrictEquals(sync.set("b", 3), sync);
  assertEquals([sync.get("b"), sync.get("none"), sync.get("none", "else"), sync.size], [3, undefined, "else", 2]);
  assertEquals([[...sync.keys()], [...sync.values()].length, [...sync].length], [[2, "b"], 2, 2]);
  assertEquals([...sync.reversed()], ["b", 2]);
  assertEquals(sync.items(), [...sync.copy()]);
  assertStrictEquals(sync.update([["c", 4]]), sync);
  assertEquals([sync.pop("c"), sync.pop("c", 9), sync.popitem(), sync.setdefault("d", 1)], [4, 9, ["b", 3], 1]);
  assertEquals(sync.merged(sync), sync.mergedInto(dict));
  assertEquals(sync.fromkeys("xy"), new Map([["x", null], ["y", null]]));
  const visited: unknown[] = [];
  sync.forEach((value, key) => visited.push([key, value]));
  assertEquals(visited, sync.items());
  assertEquals([sync.clear().size, sync.getvalue()], [0, new Map()]);
});

testManaged("a dict is made of all that has entries, and of nothing else", async ({ isServed, manager, another }) => {
  const expected = new Map([["a", 1], ["b", 2]]);
  const pairs: [string, number][] = [["a", 1], ["b", 2]];
  async function* generated() {
    await Promise.resolve();
    yield* pairs;
  }
  const other = await another();
  using here = await manager.dict(expected);
  using there = await other.dict({ a: 1, b: 2 });
  for (const init of [pairs, pairs.values(), generated(), here, here.sync, there, there.sync]) {
    using dict = await manager.dict(init);
    assertEquals(await dict.getvalue(), expected);
    await dict.clear();
    await dict.update(here);
    await dict.update(there);
    assertEquals(dict.sync.update(there).getvalue(), expected);
  }
  assertEquals(await here.size, 2, "the dicts are copies");
  for (const bad of [5, "text", null, [1], [[1, 2, 3]], ["ab"]]) {
    await assertRejects(() => manager.dict(bad as never), TypeError, "Cannot combine it with the dict");
    const error = await assertRejects(() => manager.create("dict", bad as never), TypeError);
    assert(!isServed || error.cause instanceof RemoteError);
    await assertRejects(() => here.update(bad as never), TypeError);
  }
  await assertRejects(() => manager.dict({}, { frozen: true } as never), TypeError, "frozen");
  await assertRejects(() => manager.dict({}, { freeze: 1 as never }), TypeError, '"freeze" is 1, wanted a boolean');
});

testManaged("objects are refused as keys, and nothing changes", async ({ manager }) => {
  using dict = await manager.dict<string, number>({ a: 1 });
  const key = { id: 1 } as never;
  const calls: Record<string, () => Promise<unknown>> = {
    get: () => dict.get(key),
    set: () => dict.set(key, 1),
    has: () => dict.has(key),
    delete: () => dict.delete(key),
    pop: () => dict.pop(key, 1),
    setdefault: () => dict.setdefault(key, 1),
    update: () => dict.update(new Map([["b", 2], [key, 1]])),
    merged: () => dict.merged(new Map([[key, 1]])),
    fromkeys: () => dict.fromkeys([key]),
    modify: () => dict.modify(key, () => 1),
    "a proxy": () => dict.set(dict as never, 1),
    "a tuple, as in Python": () => dict.set([1, 2] as never, 1),
    dict: () => manager.dict(new Map([[key, 1]])),
  };
  for (const [name, call] of Object.entries(calls)) {
    const error = await assertRejects(call, TypeError, "as a key of a dict: it is an object", name);
    assert(error.message.includes("JSON.stringify()"), error.message);
  }
  assertThrows(() => dict.sync.set([] as never, 1), TypeError, "Cannot use [] as a key of a dict");
  assertEquals(await dict.items(), [["a", 1]]);
});

testManaged("what a dict does not have is told as in Python", async ({ manager }) => {
  using dict = await manager.dict();
  const missing = 'Cannot pop "a": there is no such key in the dict, and no fallback was given';
  await assertRejects(() => dict.pop("a"), RangeError, missing);
  assertThrows(() => dict.sync.pop("a"), RangeError, missing);
  await assertRejects(() => dict.popitem(), RangeError, "Cannot pop an item: the dict is empty");
  assertEquals(await dict.pop("a", undefined), undefined);
  assertEquals(await dict.get("a"), undefined);
  await assertRejects(() => dict.callmethod("nothing"), RemoteError, 'it does not expose it, but "size"');
});

testManaged("values that cannot be sent throw at the call, and nothing changes", async ({ manager }) => {
  using dict = await manager.dict<string, unknown>({ a: 1 });
  const bad = { deep: [() => 1] };
  await assertRejects(() => dict.set("a", bad), TypeError, "value");
  await assertRejects(() => dict.update({ b: 1, c: bad }), TypeError);
  await assertRejects(() => dict.modify("a", () => bad), TypeError);
  assertThrows(() => dict.sync.set("a", bad), TypeError);
  await assertRejects(() => manager.dict({ a: bad }), TypeError);
  assertEquals(await dict.items(), [["a", 1]]);
  assertEquals(await manager.numberOfObjects(), 1);
});

testManaged("__proto__ and its like are keys as any other", async ({ manager }) => {
  const keys = ["__proto__", "constructor", "toString", "hasOwnProperty", "then", "size", ""];
  using dict = await manager.dict<string, unknown>();
  assertEquals(await Promise.all(keys.map((key) => dict.has(key))), keys.map(() => false));
  for (const key of keys) await dict.set(key, { polluted: key });
  assertEquals(await Array.fromAsync(dict.keys()), keys);
  for (const key of keys) assertEquals(await dict.get(key), { polluted: key });
  using made = await manager.dict(JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>);
  assertEquals(await made.items(), [["__proto__", { polluted: 1 }]]);
  assertEquals(await made.modify("__proto__", () => 2), 2);
  await dict.set("value", JSON.parse('{"__proto__": {"polluted": 1}}'));
  assertEquals(Object.keys(await dict.get("value") as object), ["__proto__"]);
  assertEquals(Reflect.get({}, "polluted"), undefined);
  assertEquals(await Promise.all(keys.map((key) => dict.delete(key))), keys.map(() => true));
});

testManaged("TestContainers.test_dict_iter: iterating gives all keys once, and does not raise", async ({ manager }) => {
  const keys = Array.from({ length: 5000 }, (_, i) => i);
  using dict = await manager.dict(keys.map((key) => [key, -key] as const));
  assertEquals(await Array.fromAsync(dict.keys()), keys);
  assertEquals([...dict.sync.values()], keys.map((key) => -key));

  const iteration = dict.keys();
  await dict.delete(0); // before the first next
  const seen: number[] = [];
  for await (const key of iteration) {
    if (seen.push(key) === 1) {
      await dict.set(9999, 0); // Map goes on, where Python's dict raises
      await dict.delete(4000);
    }
  }
  assertEquals(seen, [...keys.slice(1).filter((key) => key !== 4000), 9999]);
  assertEquals(await iteration.next(), { done: true, value: undefined });
});

testManaged("an iteration that is given up leaves nothing in the server", async ({ manager }) => {
  using dict = await manager.dict(Array.from({ length: 100 }, (_, i) => [i, i] as const));
  for await (const _ of dict.values()) break;
  for (const _ of dict.sync.entries()) break;
  const [first] = dict.sync.keys();
  assertEquals(first, 0);
  assertEquals(
    await Array.fromAsync(dict.keys(), (key) => key % 2),
    dict.sync.copy().keys().map((it) => it % 2).toArray(),
  );
  assertEquals(await manager.numberOfObjects(), 1);
});

testManaged("an iteration fails at once when the server is killed, and calls do", async ({ manager, killServer }) => {
  const dict = await manager.dict(Array.from({ length: 50_000 }, (_, i) => [i, i] as const));
  const iteration = dict.keys();
  const blocking = dict.sync.keys();
  assertEquals([await iteration.next(), blocking.next().value], [{ done: false, value: 0 }, 0]);
  await killServer();
  const rest = async () => {
    for await (const _ of iteration);
  };
  await assertRejects(rest, EOFError, "SIGKILL");
  assertThrows(() => [...blocking], EOFError, "SIGKILL");
  await assertRejects(() => dict.modify(1, (it) => it + 1), EOFError, "SIGKILL");
  assertThrows(() => dict.sync.size, EOFError, "SIGKILL");
});

testManaged("modify loses nothing that four processes change", async ({ manager, started }) => {
  using dict = await manager.dict<string, number>();
  using names = await manager.dict<string, string[]>({ names: [] });
  const counters = Array.from({ length: 4 }, () => started(targets.countIn, dict, 100));
  const collectors = ["a", "b", "c", "d"].map((name) => started(targets.collectIn, names, name, 50));
  await ended(...counters, ...collectors);
  assertEquals(await dict.get("count"), 400);
  const expected = ["a", "b", "c", "d"].flatMap((name) => Array.from({ length: 50 }, (_, i) => `${name}${i}`));
  assertEquals((await names.get("names"))?.sort(), expected.sort());
});

testManaged("who is killed in the middle of modify has changed nothing, and holds up nobody", async (managed) => {
  const { context, manager, started } = managed;
  using dict = await manager.dict<string, string>({ key: "before" });
  using inside = new context.Event();
  const child = started(targets.modifyForEver, dict, inside);
  await inside.wait();
  assertEquals(await dict.modify("key", (value) => `${value}, changed meanwhile`), "before, changed meanwhile");
  await killed(child);
  assertEquals(await dict.get("key"), "before, changed meanwhile");
  assertEquals(dict.sync.modify("key", (value) => `${value} and after`), "before, changed meanwhile and after");
});

/** How often `modify` calls its function, if `meanwhile` happens during the first call. */
async function callsOf(dict: DictProxy<string, unknown>, meanwhile: () => Promise<unknown>): Promise<number> {
  let calls = 0;
  await dict.modify("key", async () => {
    if (++calls === 1) await meanwhile();
    return `changed by call ${calls}`;
  });
  assertEquals(await dict.get("key"), `changed by call ${calls}`);
  return calls;
}

testManaged("modify is told of every change meanwhile, also if the value is as before", async ({ manager }) => {
  using dict = await manager.dict<string, unknown>({ key: "A" });
  const aba = async () => {
    const before = await dict.get("key");
    await dict.set("key", "B");
    await dict.set("key", before);
  };
  assertEquals(await callsOf(dict, aba), 2);
  assertEquals(await callsOf(dict, () => dict.set("another", 1)), 1);
  assertEquals(await callsOf(dict, () => dict.get("key")), 1);
  assertEquals(await callsOf(dict, () => dict.modify("key", () => "C")), 2);
  for (const change of [() => dict.delete("key"), () => dict.clear(), () => dict.popitem(), () => dict.pop("key")]) {
    assertEquals(await callsOf(dict, change), 2);
    await dict.clear().then(() => dict.set("key", "A"));
  }
  await dict.delete("key");
  assertEquals(await callsOf(dict, () => dict.setdefault("key", 1)), 2, "a key that was not there");
});

testManaged("modify takes what the function gives, or the copy that it has changed", async ({ manager }) => {
  using dict = await manager.dict<string, number[]>({ list: [1] });
  assertEquals(await dict.modify("list", (list) => void list.push(2)), [1, 2]);
  assertEquals(dict.sync.modify("list", (list) => [...list, 3]), [1, 2, 3]);
  assertEquals(await dict.get("list"), [1, 2, 3]);
  assertEquals(await dict.modify("none", () => {}), undefined as never);
  assertEquals(await dict.has("none"), false);
  assertEquals(await dict.modify("new", (list = []) => [...list, 1]), [1]);
  const failing = () => {
    throw new RangeError("not now");
  };
  await assertRejects(() => dict.modify("list", failing), RangeError, "not now");
  await assertRejects(() => dict.modify("list", () => Promise.reject(new Error("later"))), Error, "later");
  assertThrows(() => dict.sync.modify("list", failing), RangeError, "not now");
  const promised = (() => Promise.resolve([5])) as never;
  assertThrows(() => dict.sync.modify("list", promised), TypeError, "use modify() of the proxy itself");
  await assertRejects(() => dict.modify("list", 5 as never), TypeError, "wanted a function");
  assertEquals(await dict.get("list"), [1, 2, 3]);
  const given = dict.with({ signal: AbortSignal.abort(new RangeError("given up")) });
  await assertRejects(() => given.modify("list", () => []), RangeError, "given up");
});

testManaged("with freeze, a change of a copy throws where it is made", async ({ manager }) => {
  type Settings = { tags: string[]; deep: { x: { y: number } } };
  using dict = await manager.dict<string, Settings>([], { freeze: true });
  await dict.set("a", { tags: ["one"], deep: { x: { y: 1 } } });
  const copies = [
    await dict.get("a"),
    dict.sync.get("a"),
    (await dict.copy()).get("a"),
    (await dict.getvalue()).get("a"),
    (await dict.items())[0][1],
    (await Array.fromAsync(dict.values()))[0],
    [...dict.sync.entries()][0][1],
    dict.with({ timeout: 60_000 }).sync.get("a"),
  ];
  for (const copy of copies) {
    assertThrows(() => copy!.tags.push("two"), TypeError, "not extensible");
    assertThrows(() => copy!.deep.x.y = 2, TypeError, "read only");
  }
  const modified = await dict.modify("a", (settings) => void settings.tags.push("two"));
  assertEquals(modified.tags, ["one", "two"], "what modify gives its function is not frozen");
  using list = await manager.list<string>();
  using outer = await manager.dict<string, unknown>({ list }, { freeze: true });
  using inner = await outer.get("list") as typeof list;
  await inner.push("a proxy is no copy");
  assertEquals(await list.copy(), ["a proxy is no copy"]);
});

testManaged("any number of keys are modified at once, whether they are there or not", async ({ manager }) => {
  const keys = Array.from({ length: 10_000 }, (_, i) => i);
  using dict = await manager.dict<number, number>();
  for (const expected of [1, 2]) {
    const modified = await Promise.all(keys.map((key) => dict.modify(key, (count = 0) => count + 1)));
    assert(modified.every((count) => count === expected));
  }
  assertEquals(await dict.size, keys.length);
  const same = await Promise.all(keys.slice(0, 100).map(() => dict.modify(-1, (count = 0) => count + 1)));
  assertEquals(same.sort((one, other) => one - other), keys.slice(1, 101));
});

testManaged("the types follow from what a dict is made of", async ({ manager }) => {
  const ofObject: DictProxy<string, number> = await manager.dict({ a: 1 });
  const ofMap: DictProxy<number, string> = await manager.dict(new Map([[1, "a"]]));
  const ofEntries: DictProxy<string, boolean> = await manager.dict([["a", true]]);
  const ofProxy: DictProxy<string, number> = await manager.dict(ofObject);
  const ofNothing: DictProxy<string, unknown> = await manager.dict();
  const given: DictProxy<"a" | "b", number> = await manager.dict<"a" | "b", number>({ a: 1, b: 2 });
  const number: number | undefined = await ofObject.get("a");
  const text: string = await ofMap.get(2, "none");
  const keys: string[] = await Array.fromAsync(ofEntries.keys());
  // @ts-expect-error: no such key
  assertEquals([number, text, keys, await given.get("c")], [1, "none", ["a"], undefined]);
  // @ts-expect-error: no such value
  await ofProxy.set("a", "text");
  // @ts-expect-error: objects are no keys
  const refused: DictProxy<object, unknown> = ofNothing;
  for (const dict of [ofObject, ofMap, ofEntries, ofProxy, refused, given]) dict.close();
});
