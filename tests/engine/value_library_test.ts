// The steps of values and arrays, and the cells that travel with locks (library/value.lua, cells.lua), in a bare server.

import { assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import { BareTree } from "../support/library.ts";

engineTest("value: bytes are read and written where they are", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const [, value] = await lane.step("make", "value", "", "c", 8, "abc", "", "0") as string[];
  assertEquals(await lane.step("read", value, 0, 8), ["ok", "abc\0\0\0\0\0"]);
  assertEquals(await lane.step("write", value, 6, "xy", 0, "A"), ["ok"]);
  assertEquals(await lane.step("peek", value, 0, 8), ["ok", "Abc\0\0\0xy"]);
  assertEquals(await lane.step("peek", value, 8, 0), ["ok", ""]);
  for (
    const args of [
      ["read", value, 7, 2],
      ["read", value, -1, 1],
      ["read", value, "0.5", 1],
      ["write", value, 0, "B", 7, "xy"],
      ["write", value, 0],
      ["poke", value, "x", "B"],
    ]
  ) {
    assertEquals(await lane.step(...args as [string]), ["no", "range"]);
  }
  assertEquals(await lane.step("read", value, 0, 1), ["ok", "A"]);
  await lane.step("close", value, 1);
  assertEquals(await lane.step("read", value, 0, 1), ["no", "gone"]);
  assertEquals((await tree.keys()).filter((key) => /^(o|refs):/.test(key)), []);
  assertEquals(await lane.step("make", "value", "", "c", 1, "ab", "", "0"), ["no", "malformed"]);
  assertEquals(await lane.step("make", "value", "", "c", 1, "a", "77", "0"), ["no", "gone"]);
});

engineTest("value: who does not hold the lock waits for it, and an empty array is one", async (engine) => {
  await using tree = await BareTree.open(engine);
  const lane = tree.lane();
  const [, lock] = await lane.step("make", "set", "") as string[]; // any object: only its state is looked at
  const [, value] = await lane.step("make", "value", "", "c", 1, "a", lock, "1") as string[];
  const key = `${tree.prefix}o:${lock}`;
  assertEquals(await engine.command("HGET", key, "cell"), value);
  assertEquals(await lane.step("poke", value, 0, "b"), ["ok"]);
  await engine.command("HSET", key, "owner", "2/1");
  assertEquals(await lane.step("peek", value, 0, 1), ["no", "held"]);
  assertEquals(await lane.step("poke", value, 0, "c"), ["no", "held"]);
  assertEquals(await lane.step("read", value, 0, 1), ["ok", "b"]);
  await engine.command("HDEL", key, "owner");
  await engine.command("HSET", key, "died", "killed");
  assertEquals(await lane.step("peek", value, 0, 1), ["no", "died"]);
  await lane.step("close", lock, 1);
  assertEquals(await engine.command("EXISTS", key), 1); // the value has it
  await lane.step("close", value, 1);
  assertEquals(await engine.command("EXISTS", key), 0);
  const [, empty] = await lane.step("make", "value", "", "c", 0, "", "", "0") as string[];
  assertEquals(await lane.step("read", empty, 0, 0), ["ok", ""]);
});
