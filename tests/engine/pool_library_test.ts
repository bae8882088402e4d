// The steps of pools (library/pool.lua) in a bare server: every transition of a task and of a worker.

import { assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import type { BareLane, BareTree as Tree } from "../support/library.ts";
import { BareTree } from "../support/library.ts";

/** A pool of the root's. */
async function pool(root: BareLane, wide = 0): Promise<string> {
  const [, o] = await root.step("make", "pool", "", wide) as string[];
  return o;
}

/** A worker of that pool. */
async function worker(tree: Tree, o: string, w: number): Promise<BareLane> {
  const lane = tree.lane(await tree.member(`worker ${w}`));
  assertEquals(await lane.step("pool_enter", o, w), ["ok"]);
  return lane;
}

/** The keys of a pool. */
async function keysOf(tree: Tree, o: string): Promise<string[]> {
  return (await tree.keys()).filter((key) => key.startsWith(`o:${o}:`)).sort();
}

/** What the lane was told, from that entry on, without the names of the fields. */
async function told(lane: BareLane, from = 0): Promise<string[][]> {
  return (await lane.mail()).slice(from).map((fields) => fields.filter((_, i) => i % 2 === 1));
}

engineTest("pool: a task that waits is begun by who asks, and answered once by who has begun it", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const [one, two] = [await worker(tree, o, 1), await worker(tree, o, 2)];
  assertEquals(await root.step("pool_put", o, 11, "eleven", "", 12, "twelve", ""), ["ok"]);
  assertEquals(await one.step("pool_next", o, 1, "ask", 5), ["ok", "task", "11", "eleven", ""]);
  assertEquals(await two.step("pool_next", o, 2, "ask", 5, 11, "stolen", ""), ["no", "unbegun"]);
  assertEquals(await two.step("pool_next", o, 1, "ask", 5, 11, "stolen", ""), ["no", "gone"]);
  assertEquals(await one.step("pool_next", o, 1, "ask", 6, 11, "done", ""), ["ok", "task", "12", "twelve", ""]);
  assertEquals(await one.step("pool_next", o, 1, "ask", 6, 11, "again", ""), ["no", "unbegun"]);
  assertEquals(await one.step("pool_next", o, 1, "tell", 7, 12, "done", ""), ["ok", "none"]);
  assertEquals(await told(root), [
    ["pool", o, "1", "11", "5", "", ""],
    ["pool", o, "1", "12", "6", "done", ""],
    ["pool", o, "1", "", "7", "done", ""],
  ]);
  assertEquals(await keysOf(tree, o), [`o:${o}:m`]);
});

engineTest(
  "pool: a task is offered to who waits longest, and may be taken back until that begins it",
  async (engine) => {
    await using tree = await BareTree.open(engine);
    const root = tree.lane();
    const o = await pool(root);
    const [one, two] = [await worker(tree, o, 1), await worker(tree, o, 2)];
    assertEquals(await two.step("pool_next", o, 2, "wait", 0), ["later"]);
    assertEquals(await one.step("pool_next", o, 1, "wait", 0), ["later"]);
    await root.step("pool_put", o, 1, "a", "", 2, "b", "", 3, "c", "");
    assertEquals(await told(two), [["2", "ok", "offer", "1", "a", ""]]);
    assertEquals(await told(one), [["2", "ok", "offer", "2", "b", ""]]);
    assertEquals(await one.step("pool_begin", o, 1, 1), ["no", "taken"]);
    assertEquals(await one.step("pool_begin", o, 1, 2), ["ok"]);
    assertEquals(await one.step("pool_begin", o, 1, 2), ["no", "taken"]);
    assertEquals(await root.step("pool_back", o), ["ok", "2", "1", "3", "1", "2"]);
    assertEquals(await two.step("pool_begin", o, 2, 1), ["no", "taken"]);
    assertEquals(await two.step("pool_next", o, 2, "ask", 0), ["ok", "none"]);
    assertEquals(await told(root), [["pool", o, "1", "2", "", "", ""]]);
  },
);

engineTest(
  "pool: of a worker that dies, what it had begun is told, and what it was offered goes to another",
  async (engine) => {
    await using tree = await BareTree.open(engine);
    const root = tree.lane();
    const o = await pool(root);
    const [one, two, three] = [await worker(tree, o, 1), await worker(tree, o, 2), await worker(tree, o, 3)];
    await two.step("pool_next", o, 2, "wait", 0);
    await three.step("pool_next", o, 3, "wait", 0);
    await root.step("pool_put", o, 1, "a", "", 2, "b", "", 3, "c", "", 4, "d", "");
    assertEquals(await one.step("pool_next", o, 1, "ask", 0), ["ok", "task", "3", "c", ""]);
    await tree.look("bury", one.member, "killed");
    await tree.look("bury", two.member, "killed");
    assertEquals(await three.step("pool_begin", o, 3, 2), ["ok"]);
    assertEquals(await three.step("pool_next", o, 3, "ask", 0, 2, "B", ""), ["ok", "task", "1", "a", ""]);
    assertEquals(await three.step("pool_next", o, 3, "ask", 0, 1, "A", ""), ["ok", "task", "4", "d", ""]);
    await root.step("pool_gone", o, 1); // told already
    assertEquals((await told(root)).filter(([event]) => event === "pool.gone"), [
      ["pool.gone", o, "1", "3"],
      ["pool.gone", o, "2", ""],
    ]);
    assertEquals(await one.step("pool_next", o, 1, "ask", 0, 3, "C", ""), ["fenced", "killed"]);
    assertEquals(await keysOf(tree, o), [`o:${o}:b`, `o:${o}:e`, `o:${o}:m`]);
  },
);

engineTest("pool: of a worker that dies, any number of tasks that it had begun is told", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const one = await worker(tree, o, 1);
  const numbers = Array.from({ length: 10_000 }, (_, i) => `${i + 1}`);
  await engine.command("HSET", `${tree.prefix}o:${o}:b`, ...numbers.flatMap((number) => [number, "1"]));
  await tree.look("bury", one.member, "killed");
  const [[, , , begun]] = await told(root);
  assertEquals(begun.split(",").sort(), numbers.sort());
});

engineTest("pool: what a dying worker is offered goes on at once to one that waits", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const [one, two] = [await worker(tree, o, 1), await worker(tree, o, 2)];
  await one.step("pool_next", o, 1, "wait", 0);
  await root.step("pool_put", o, 1, "a", "");
  await two.step("pool_next", o, 2, "wait", 0);
  await tree.look("bury", one.member, "killed");
  assertEquals(await told(two), [["2", "ok", "offer", "1", "a", ""]]);
});

engineTest("pool: a worker whose process ends before it enters is told of, and may not enter then", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const late = tree.lane(await tree.member("late"));
  assertEquals(await late.step("pool_gone", o, 1), ["no", "gone"]); // that is for the owner to say
  assertEquals(await root.step("pool_gone", o, 1), ["ok"]);
  assertEquals(await late.step("pool_enter", o, 1), ["no", "gone"]);
  assertEquals(await told(root), [["pool.gone", o, "1", ""]]);
});

engineTest("pool: the owner's end, and its word, end the waits, and no task is given any more", async (engine) => {
  await using tree = await BareTree.open(engine);
  const owner = tree.lane(await tree.member("owner"));
  const o = await pool(owner);
  const [one, two] = [await worker(tree, o, 1), await worker(tree, o, 2)];
  await one.step("pool_next", o, 1, "wait", 0);
  await two.step("pool_next", o, 2, "rest", 0);
  const function_ = await one.step("pool_function", o, 7);
  assertEquals(function_, ["later"]);
  await tree.look("bury", owner.member, "killed");
  assertEquals((await told(one)).sort(), [["2", "no", "gone"], ["3", "no", "gone"]]);
  assertEquals(await told(two), [["2", "no", "gone"]]);
  assertEquals(await one.step("pool_next", o, 1, "ask", 0), ["no", "gone"]);
  await tree.look("bury", one.member, "killed");
  await tree.look("bury", two.member, "killed");
  assertEquals((await tree.keys()).filter((key) => key.startsWith("o:")), []);
});

engineTest("pool: a worker is told to end when it asks or rests, and answers before", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const [one, two] = [await worker(tree, o, 1), await worker(tree, o, 2)];
  await root.step("pool_put", o, 1, "a", "", 2, "b", "");
  await one.step("pool_next", o, 1, "ask", 0);
  await two.step("pool_next", o, 2, "rest", 0); // it has had its tasks
  await root.step("pool_stop", o, 1);
  await root.step("pool_stop", o, 2);
  assertEquals(await told(two), [["2", "ok", "stop"]]);
  assertEquals(await one.step("pool_next", o, 1, "ask", 0, 1, "A", ""), ["ok", "stop"]);
  assertEquals((await told(root)).at(-1), ["pool", o, "1", "", "0", "A", ""]);
});

engineTest("pool: functions may be asked for before they are known", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const one = await worker(tree, o, 1);
  assertEquals(await one.step("pool_function", o, 1), ["later"]);
  await root.step("pool_introduce", o, 1, "f");
  assertEquals(await told(one), [["2", "ok", "f"]]);
  assertEquals(await one.step("pool_function", o, 1), ["ok", "f"]);
});

engineTest(
  "pool: a task that runs is told that it is not wanted, and may ask; one that does not, is not",
  async (engine) => {
    await using tree = await BareTree.open(engine);
    const root = tree.lane();
    const o = await pool(root);
    const one = await worker(tree, o, 1);
    await root.step("pool_put", o, 1, "a", "");
    await root.step("pool_cancel", o, 1, 0);
    assertEquals(await tree.look("pool_wanted", o, 1), ["ok", ""]);
    await one.step("pool_next", o, 1, "ask", 0);
    await root.step("pool_cancel", o, 1, 1);
    await root.step("pool_give_up", o, 1);
    assertEquals(await tree.look("pool_wanted", o, 1), ["ok", "1"]);
    assertEquals(await told(one), [["pool.cancel", o, "1", "1"], ["pool.give_up", o, "1"]]);
    await one.step("pool_next", o, 1, "tell", 0, 1, "A", "");
    assertEquals(await keysOf(tree, o), [`o:${o}:m`]);
  },
);

engineTest("pool: who reports much waits until half of it is read", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const one = await worker(tree, o, 1);
  await root.step("pool_put", o, 1, "a", "");
  assertEquals(await one.step("pool_report", o, 1, 1, "r", "", 4), ["no", "unbegun"]);
  await one.step("pool_next", o, 1, "ask", 0);
  for (const n of [1, 2, 3]) assertEquals(await one.step("pool_report", o, 1, 1, "r", "", 4), ["ok", `${n}`]);
  assertEquals(await one.step("pool_report", o, 1, 1, "r", "", 4), ["later"]);
  const waiting = one.number;
  await root.step("pool_heard", o, 1, 1, 4);
  assertEquals(await told(one), []);
  await root.step("pool_heard", o, 1, 1, 4);
  assertEquals(await told(one), [[`${waiting}`, "ok", "2"]]);
});

engineTest("pool: what a task or a result speaks of is the receiver's when it is given", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const one = await worker(tree, o, 1);
  const [, held] = await root.step("make", "pool", "") as string[];
  const refs = () => engine.command("GET", `${tree.prefix}refs:${held}`);
  const has = (lane: BareLane) => engine.command("HGET", `${tree.prefix}has:${lane.member}`, held);
  assertEquals(await root.step("pool_put", o, 1, "a", "999"), ["no", "gone", "999"]);
  await root.step("pool_put", o, 1, "a", held, 2, "b", held);
  assertEquals(await refs(), "3");
  await one.step("pool_next", o, 1, "ask", 0);
  assertEquals([await refs(), await has(one)], ["3", "1"]);
  await one.step("pool_next", o, 1, "wait", 0, 1, "A", held);
  assertEquals([await refs(), await has(one), await has(root)], ["2", "2", "2"]);
  await one.step("pool_next", o, 1, "wait", 0, 2, "B", "");
  await root.step("pool_put", o, 3, "c", held);
  assertEquals([await refs(), await has(one)], ["3", "3"]); // it is offered
  await one.step("pool_begin", o, 1, 3);
  assertEquals([await refs(), await has(one)], ["2", "3"]);
  await root.step("pool_put", o, 4, "d", held);
  assertEquals(await refs(), "3");
  assertEquals((await root.step("pool_back", o) as string[]).slice(0, 3), ["ok", "1", "4"]);
  assertEquals(await refs(), "2");
});

engineTest("pool: of workers that run some tasks, the one is offered the next that runs the fewest", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root, 1);
  const [one, two] = [await worker(tree, o, 1), await worker(tree, o, 2)];
  await root.step("pool_put", o, 1, "a", "");
  await one.step("pool_next", o, 1, "ask", 0);
  await one.step("pool_next", o, 1, "wait", 0);
  await two.step("pool_next", o, 2, "wait", 0);
  await root.step("pool_put", o, 2, "b", "");
  assertEquals(await told(two), [["2", "ok", "offer", "2", "b", ""]]);
  assertEquals(await told(one), []);
});

engineTest("pool: a wait that is cancelled gets no task", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const o = await pool(root);
  const one = await worker(tree, o, 1);
  await one.step("pool_next", o, 1, "wait", 0);
  assertEquals(await one.step("cancel", o, one.number), ["ok", "cancelled"]);
  await root.step("pool_put", o, 1, "a", "");
  assertEquals(await told(one), []);
  assertEquals(await one.step("pool_next", o, 1, "ask", 0), ["ok", "task", "1", "a", ""]);
});
