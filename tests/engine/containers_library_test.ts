// The steps of dicts, lists and sets (library/dict.lua, list.lua, set.lua) in a bare server.

import { assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import { type BareLane, BareTree, packed } from "../support/library.ts";

async function made(lane: BareLane, kind: string): Promise<string> {
  const [outcome, id] = await lane.step("make", kind, "") as string[];
  assertEquals(outcome, "ok");
  return id;
}

engineTest("dict: values by keys, in the order in which the keys came", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const dict = await made(lane, "dict");
  assertEquals(await lane.step("dict_set", dict, "sb", "", "1"), ["ok"]);
  assertEquals(await lane.step("dict_update", dict, packed("sa", "", "2", "sb", "", "3")), ["ok"]);
  assertEquals(await lane.step("dict_items", dict), ["ok", "sb", "", "3", "sa", "", "2"]);
  assertEquals(await lane.step("dict_keys", dict), ["ok", "sb", "sa"]);
  assertEquals(await lane.step("dict_size", dict), ["ok", "2"]);
  assertEquals(await lane.step("dict_get", dict, "sa"), ["ok", "", "2"]);
  assertEquals(await lane.step("dict_get", dict, "sc"), ["ok"]);
  assertEquals(await lane.step("dict_has", dict, "sa"), ["ok", "1"]);
  assertEquals(await lane.step("dict_has", dict, "sc"), ["ok", "0"]);
  assertEquals(await lane.step("dict_default", dict, "sa", "", "9"), ["ok", "", "2"]);
  assertEquals(await lane.step("dict_default", dict, "sc", "", "9|8"), ["ok", "", "9|8"]);
  assertEquals(await lane.step("dict_last", dict), ["ok", "sc", "", "9|8"]);
  assertEquals(await lane.step("dict_take", dict, "sb"), ["ok", "", "3"]);
  assertEquals(await lane.step("dict_take", dict, "sb"), ["ok"]);
  assertEquals(await lane.step("dict_delete", dict, "sa"), ["ok", "1"]);
  assertEquals(await lane.step("dict_delete", dict, "sa"), ["ok", "0"]);
  assertEquals(await lane.step("dict_last", dict), ["ok"]);
  await lane.step("dict_set", dict, "sb", "", "1");
  assertEquals(await lane.step("dict_clear", dict), ["ok"]);
  assertEquals(await lane.step("dict_items", dict), ["ok"]);
  assertEquals(await lane.step("close", dict, 1), ["ok"]);
  assertEquals((await tree.keys()).filter((key) => key.startsWith("o:") || key.startsWith("refs:")), []);
  assertEquals(await lane.step("dict_size", dict), ["no", "gone"]);
});

engineTest("dict: an iteration sees what comes and what goes meanwhile", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const dict = await made(lane, "dict");
  for (const key of ["a", "b", "c", "d"]) await lane.step("dict_set", dict, key, "", key);
  const first = await lane.step("dict_walk", dict, "", 2, "0") as string[];
  assertEquals(first.slice(2), ["a", "", "a", "b", "", "b"]);
  await lane.step("dict_delete", dict, "c");
  await lane.step("dict_delete", dict, "a");
  await lane.step("dict_set", dict, "a", "", "A");
  const second = await lane.step("dict_walk", dict, first[1], 2, "0") as string[];
  assertEquals(second.slice(2), ["d", "", "d", "a", "", "A"]);
  assertEquals(await lane.step("dict_walk", dict, second[1], 2, "0"), ["ok", ""]);
  assertEquals(await lane.step("dict_walk", dict, "", 9, "1"), ["ok", "", "a", "", "A", "d", "", "d", "b", "", "b"]);
});

engineTest("dict: a value is assigned only if nobody has changed it meanwhile", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const dict = await made(lane, "dict");
  const [, absent] = await lane.step("dict_read", dict, "a") as string[];
  assertEquals(await lane.step("dict_assign", dict, "a", absent, "", "1"), ["ok", "1"]);
  const [, version, ...value] = await lane.step("dict_read", dict, "a") as string[];
  assertEquals(value, ["", "1"]);
  await lane.step("dict_set", dict, "a", "", "2");
  const refused = await lane.step("dict_assign", dict, "a", version, "", "3") as string[];
  assertEquals([...refused.slice(0, 2), ...refused.slice(3)], ["ok", "0", "", "2"]);
  assertEquals(await lane.step("dict_assign", dict, "a", refused[2], "", "3"), ["ok", "1"]);
  const [, before] = await lane.step("dict_read", dict, "b") as string[];
  await lane.step("dict_set", dict, "b", "", "1");
  await lane.step("dict_delete", dict, "b");
  const [, no] = await lane.step("dict_assign", dict, "b", before, "", "2") as string[];
  assertEquals(no, "0");
});

engineTest("a container holds the objects in its values, and whoever gets a copy has them", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const other = tree.lane(await tree.member("other"));
  const dict = await made(lane, "dict");
  const list = await made(lane, "list");
  const inner = await made(lane, "set");
  const isThere = async (o: string) => await engine.command("EXISTS", `${tree.prefix}o:${o}`) === 1;
  await lane.step("dict_set", dict, "k", inner, "inner");
  await lane.step("list_add", list, "end", packed(`${inner} ${dict}`, "both"));
  assertEquals(await lane.step("close", inner, 1, dict, 1), ["ok"]);
  assertEquals(await isThere(inner), true);
  assertEquals(await other.step("list_take", list, 0), ["ok", "1", `${inner} ${dict}`, "both"]);
  assertEquals(await isThere(dict), true);
  assertEquals(await other.step("close", inner, 1), ["ok"]);
  assertEquals(await isThere(inner), true); // the dict has it
  assertEquals(await other.step("close", dict, 1), ["ok"]);
  assertEquals([await isThere(dict), await isThere(inner)], [false, false]);
  assertEquals(await lane.step("list_add", list, "end", packed("", "fine", inner, "gone")), ["no", "gone"]);
  assertEquals(await lane.step("list_length", list), ["ok", "0"]);
  await lane.step("close", list, 1);
  assertEquals((await tree.keys()).filter((key) => /^(o|refs):/.test(key)), []);
});

engineTest("list: the methods of an array", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const list = await made(lane, "list");
  const pairs = (texts: string) => [...texts].flatMap((text) => ["", text]);
  const has = async (texts: string) => {
    assertEquals(await lane.step("list_slice", list, 0, 1e9), ["ok", ...pairs(texts)]);
  };
  assertEquals(await lane.step("list_add", list, "end", packed(...pairs("abcd"))), ["ok", "4"]);
  assertEquals(await lane.step("list_get", list, -1), ["ok", "4", "", "d"]);
  assertEquals(await lane.step("list_get", list, 4), ["ok", "4"]);
  assertEquals(await lane.step("list_set", list, 4, "", "x"), ["no", "range", "4"]);
  assertEquals(await lane.step("list_set", list, -4, "", "A"), ["ok"]);
  await has("Abcd");
  assertEquals(await lane.step("list_splice", list, 1, 2, packed(...pairs("xyz"))), ["ok", ...pairs("bc")]);
  await has("Axyzd");
  assertEquals(await lane.step("list_splice", list, 0, 1, packed(...pairs("12"))), ["ok", ...pairs("A")]);
  await has("12xyzd");
  assertEquals(await lane.step("list_splice", list, -2, "", packed()), ["ok", ...pairs("zd")]);
  await has("12xy");
  assertEquals(await lane.step("list_splice", list, 2, 2, packed(...pairs("34"))), ["ok", ...pairs("xy")]);
  assertEquals(await lane.step("list_take", list, 1), ["ok", "4", "", "2"]);
  assertEquals(await lane.step("list_take", list, -1), ["ok", "3", "", "4"]);
  assertEquals(await lane.step("list_take", list, 5), ["ok", "2"]);
  const [, version] = await lane.step("list_read", list, "") as string[];
  assertEquals(await lane.step("list_add", list, "beginning", packed(...pairs("56"))), ["ok", "4"]);
  await has("5613");
  assertEquals(await lane.step("list_take", list, 0, version), ["no", "changed"]);
  const [, current] = await lane.step("list_read", list, "") as string[];
  assertEquals(await lane.step("list_take", list, 0, current), ["ok", "4", "", "5"]);
  assertEquals(await lane.step("list_take", list, 0), ["ok", "3", "", "6"]);
  await has("13");
  await lane.step("list_multiply", list, 2);
  await has("1313");
  await lane.step("list_fill", list, 1, -1, "", "f");
  await has("1ff3");
  await lane.step("list_reverse", list);
  await has("3ff1");
  assertEquals(await lane.step("list_walk", list, 0, 3, "0"), ["ok", "3", ...pairs("3ff")]);
  assertEquals(await lane.step("list_walk", list, 3, 3, "0"), ["ok", "", ...pairs("1")]);
  assertEquals(await lane.step("list_walk", list, -1, 3, "1"), ["ok", "0", ...pairs("1ff")]);
  assertEquals(await lane.step("list_walk", list, 0, 3, "1"), ["ok", "", ...pairs("3")]);
  await lane.step("list_multiply", list, 0);
  await has("");
});

engineTest("list: an item, and the whole, are assigned only if nobody has changed them meanwhile", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const list = await made(lane, "list");
  await lane.step("list_add", list, "end", packed("", "a", "", "b", "", "c"));
  const [, version] = await lane.step("list_read", list, 1) as string[];
  await lane.step("list_take", list, 0);
  const moved = await lane.step("list_assign", list, 1, version, packed("", "B")) as string[];
  assertEquals([...moved.slice(0, 2), ...moved.slice(3)], ["ok", "0", "", "c"]);
  assertEquals(await lane.step("list_assign", list, 0, version, packed("", "B")), ["ok", "1"]);
  const [, whole, ...items] = await lane.step("list_read", list, "") as string[];
  assertEquals(items, ["", "B", "", "c"]);
  await lane.step("list_add", list, "end", packed("", "d"));
  const refused = await lane.step("list_assign", list, "", whole, packed("", "x")) as string[];
  assertEquals([...refused.slice(0, 2), ...refused.slice(3)], ["ok", "0", "", "B", "", "c", "", "d"]);
  assertEquals(await lane.step("list_assign", list, "", refused[2], packed("", "x")), ["ok", "1"]);
  assertEquals(await lane.step("list_slice", list, 0, 9), ["ok", "", "x"]);
  assertEquals(await lane.step("list_read", list, 1), ["no", "range", "1"]);
});

engineTest("set: members in the order in which they came", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const set = await made(lane, "set");
  assertEquals(await lane.step("set_add", set, packed("a", "b", "c", "a")), ["ok"]);
  assertEquals(await lane.step("set_members", set), ["ok", "a", "b", "c"]);
  assertEquals(await lane.step("set_has", set, "a"), ["ok", "1"]);
  assertEquals(await lane.step("set_toggle", set, packed("a", "d")), ["ok"]);
  assertEquals(await lane.step("set_members", set), ["ok", "b", "c", "d"]);
  assertEquals(await lane.step("set_delete", set, packed("c", "x")), ["ok", "1"]);
  assertEquals(await lane.step("set_keep", set, packed("d", "x")), ["ok"]);
  assertEquals(await lane.step("set_size", set), ["ok", "1"]);
  await lane.step("set_add", set, packed("e"));
  const [, next, ...members] = await lane.step("set_walk", set, "", 1) as string[];
  assertEquals(members, ["d"]);
  assertEquals((await lane.step("set_walk", set, next, 9) as string[]).slice(1), ["", "e"]);
  assertEquals(await lane.step("set_first", set), ["ok", "d"]);
  assertEquals(await lane.step("set_clear", set), ["ok"]);
  assertEquals(await lane.step("set_first", set), ["ok"]);
});

engineTest("thousands of values are one step", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const [dict, list, set] = [await made(lane, "dict"), await made(lane, "list"), await made(lane, "set")];
  const texts = Array.from({ length: 9_000 }, (_, i) => `${i}`);
  await lane.step("dict_update", dict, packed(...texts.flatMap((text) => [text, "", text])));
  await lane.step("list_add", list, "end", packed(...texts.flatMap((text) => ["", text])));
  await lane.step("list_splice", list, 4_500, 0, packed(...texts.flatMap((text) => ["", text])));
  await lane.step("set_add", set, packed(...texts));
  assertEquals(await lane.step("list_length", list), ["ok", "18000"]);
  assertEquals(await lane.step("set_size", set), ["ok", "9000"]);
  assertEquals((await lane.step("dict_items", dict) as string[]).length, 27_001);
});

engineTest("malformed steps change nothing", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const [dict, list, set] = [await made(lane, "dict"), await made(lane, "list"), await made(lane, "set")];
  const before = await engine.command(
    "DEBUG",
    "DIGEST-VALUE",
    ...(await tree.keys()).filter((key) => key.startsWith("o:")).map((key) => tree.prefix + key),
  );
  for (
    const args of [
      ["dict_set", dict, "k"],
      ["dict_set", dict, "k", "x", "v"],
      ["dict_set", dict, "k", "99", "v"],
      ["dict_update", dict, "nonsense"],
      ["dict_update", dict, packed("k", "")],
      ["dict_walk", dict, "x", 1, "0"],
      ["dict_walk", dict, "", 0, "0"],
      ["dict_assign", dict, "k", "-0"],
      ["list_add", list, "end", packed("", "a", "")],
      ["list_set", list, "1.5", "", "a"],
      ["list_splice", list, "x", 0, packed("", "a")],
      ["list_splice", list, 0, 0, packed("77", "a")],
      ["list_assign", list, "", "0", "nonsense"],
      ["set_add", set, "nonsense"],
      ["set_keep", set],
      ["list_add", dict, "end", packed("", "a")],
      ["set_add", "77", packed("a")],
      ["make", "nonsense", ""],
    ]
  ) {
    const [outcome] = await lane.step(...args as [string]) as string[];
    assertEquals(outcome, "no", String(args[0]));
  }
  const after = await engine.command(
    "DEBUG",
    "DIGEST-VALUE",
    ...(await tree.keys()).filter((key) => key.startsWith("o:")).map((key) => tree.prefix + key),
  );
  assertEquals(after, before);
});
