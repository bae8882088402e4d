// The steps of processes and of their output (library/processes.lua, output.lua) in a bare server.

import { VERSION } from "../../src/addon/interface.ts";
import { assertEquals } from "@std/assert";
import { type Engine, engineTest } from "../support/engine.ts";
import { type BareLane, BareTree, PREFIX } from "../support/library.ts";

/** A host with an agent of so many slots, which is in the tree, too: its number as a host, its member in the tree. */
async function host(engine: Engine, tree: BareTree, slots = 1): Promise<{ agent: string; lane: BareLane }> {
  const call = (...words: (string | number)[]) => engine.command("FCALL", ...words);
  const [, agent] = await call(
    `${PREFIX}host`,
    1,
    "mp:{hosts}:",
    "h",
    slots,
    "",
    VERSION,
    "2",
    1,
    30_000,
    "id",
  ) as string[];
  const [, member] = await tree.look("enter", agent, "agent h", "h", 7) as string[];
  return { agent, lane: tree.lane(member) };
}

async function process(lane: BareLane): Promise<string> {
  const [, o] = await lane.step("make", "process", "P-1", "0", "[1]") as string[];
  return o;
}

engineTest("process: it is placed, launched, started, told a signal, and joined", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { agent, lane } = await host(engine, tree);
  const root = tree.lane();
  const o = await process(root);
  assertEquals(await root.step("place", o, "r1", VERSION, ""), ["ok", agent, "h", "id"]);
  assertEquals(await root.step("launch", o, agent, "", "body", "signature"), ["later"]);
  const [, m] = await lane.step("accept", o, "r1") as string[];
  assertEquals(await lane.step("started", o, m, 42), ["ok"]);
  assertEquals(await root.mail(), [["n", "3", "r", "ok", "r", m, "r", "42"]]);
  assertEquals(await root.step("word", o, 15), ["ok"]);
  assertEquals((await lane.mail()).at(-1), ["e", "signal", "r", m, "r", "15"]);
  assertEquals(await tree.look("poll", o), ["ok"]);
  assertEquals(await root.step("join", o), ["later"]);
  assertEquals(await lane.step("exit", m, -15, "why"), ["ok"]);
  assertEquals(await root.mail().then((it) => it.slice(1)), [
    ["n", "5", "r", "ok", "r", "-15", "r", "0", "r", "why"],
    ["e", "exit", "r", o, "r", "-15", "r", "0", "r", "why"],
  ]);
  assertEquals(await tree.look("poll", o), ["ok", "-15", "0", "why"]);
  assertEquals(await root.step("join", o), ["ok", "-15", "0", "why"]);
  assertEquals(await root.step("word", o, 9), ["ok"]);
  await root.step("close", o, 1);
  assertEquals(await root.step("join", o), ["no", "gone"]);
  assertEquals((await tree.keys()).filter((key) => key.startsWith("o:")), []);
});

engineTest("process: a launch that comes when its slot was given up is placed anew", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { agent, lane } = await host(engine, tree);
  const root = tree.lane();
  const o = await process(root);
  await root.step("place", o, "r1", VERSION, "");
  assertEquals(await root.step("launch", o, agent, "", "body", "signature"), ["later"]);
  // As 10 s later.
  await engine.command("HDEL", "mp:{hosts}:slots", "r1");
  await engine.command("ZREM", `mp:{hosts}:taken:${agent}`, "r1");
  assertEquals(await lane.step("accept", o, "r1"), ["no", "late"]);
  assertEquals(await root.mail(), [["n", "3", "r", "no", "r", "lost"]]);
  assertEquals(await root.step("place", o, "r2", VERSION, ""), ["ok", agent, "h", "id"]);
  assertEquals(await root.step("launch", o, agent, "", "body", "signature"), ["later"]);
  assertEquals(await lane.step("accept", o, "r1"), ["no", "late"]); // told already
  assertEquals((await root.mail()).length, 1);
  assertEquals((await lane.step("accept", o, "r2") as string[])[0], "ok");
});

engineTest("process: one that finds no slot waits, and gets the next", async (engine) => {
  await using tree = await BareTree.open(engine);
  const root = tree.lane();
  const none = await process(root);
  assertEquals(await root.step("place", none, "r0", VERSION, ""), ["no", "none"]);
  const { agent, lane } = await host(engine, tree);
  const [first, second, third] = [await process(root), await process(root), await process(root)];
  assertEquals(await root.step("place", first, "r1", VERSION, ""), ["ok", agent, "h", "id"]);
  assertEquals(await root.step("place", second, "r2", VERSION, ""), ["later"]);
  const waiting = root.number;
  assertEquals(await root.step("place", third, "r3", VERSION, ""), ["later"]);
  assertEquals(await tree.look("slots"), ["ok", "1", "1", "root"]);
  assertEquals(await root.step("cancel", second, waiting), ["ok", "cancelled"]);
  assertEquals(await root.step("launch", first, agent, "", "body", "signature"), ["later"]);
  const launched = root.number;
  assertEquals(await lane.step("refused", first, "{}"), ["ok"]);
  assertEquals(await root.mail(), [
    ["n", `${launched}`, "r", "no", "r", "refused", "r", "{}"],
    ["n", `${waiting + 1}`, "r", "ok", "r", agent, "r", "h", "r", "id"],
  ]);
});

engineTest(
  "process: of one whose maker has closed it, or has died, the agent is told that nobody wants it",
  async (engine) => {
    await using tree = await BareTree.open(engine);
    const { agent, lane } = await host(engine, tree);
    const root = tree.lane();
    const o = await process(root);
    await root.step("place", o, "r1", VERSION, "");
    await root.step("launch", o, agent, "", "body", "signature");
    await root.step("close", o, 1);
    assertEquals(await lane.step("accept", o, "r1"), ["no", "dead"]);
    assertEquals(await lane.step("started", o, "3", 42), ["no", "gone"]);
    const again = await process(root);
    assertEquals(await root.step("place", again, "r2", VERSION, ""), ["ok", agent, "h", "id"]);
  },
);

engineTest("process: what its arguments speak of is kept until it has them, and goes with it", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { agent, lane } = await host(engine, tree);
  const root = tree.lane();
  const o = await process(root);
  const [, list] = await root.step("make", "list", "") as string[];
  await root.step("place", o, "r1", VERSION, "");
  assertEquals(await root.step("launch", o, agent, "999", "body", "signature"), ["no", "gone", "999"]);
  await root.step("launch", o, agent, list, "body", "signature");
  await root.step("close", list, 1);
  assertEquals(await engine.command("GET", `${tree.prefix}refs:${list}`), "1");
  const [, m] = await lane.step("accept", o, "r1") as string[];
  assertEquals(await engine.command("GET", `${tree.prefix}refs:${list}`), "1");
  await lane.step("started", o, m, 42);
  await lane.step("exit", m, 0, "");
  assertEquals(await engine.command("GET", `${tree.prefix}refs:${list}`), null);
});

engineTest("output: what the root does not take is bounded in bytes, and the oldest are lost", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { lane } = await host(engine, tree);
  const mib = "x".repeat(2 ** 20);
  for (let i = 0; i < 20; i++) await lane.step("out", "h/P-1", 1, `${i} ${mib}`);
  const [, first, lost, , , oldest] = await tree.look("takeOut", 0) as string[];
  assertEquals([first, lost, oldest.split(" ")[0]], ["5", "5", "5"]);
  await tree.look("takeOut", 19);
  const size = Number(await engine.command("HGET", `${tree.prefix}outstate`, "size"));
  assertEquals(size > 2 ** 20 && size < 2 ** 20 + 100, true);
});

engineTest("output: the root is told once, and takes what there is", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { lane } = await host(engine, tree);
  const root = tree.lane();
  assertEquals(await tree.look("takeOut", 0), ["ok", "0", "0"]);
  await lane.step("out", "h/P-1", 1, "one\n");
  await lane.step("out", "h/P-1", 2, "two\n");
  assertEquals(await root.mail(), [["e", "out"]]);
  const both = ["ok", "0", "0", "h/P-1", "1", "one\n", "h/P-1", "2", "two\n"];
  assertEquals(await tree.look("takeOut", 0), both);
  assertEquals(await tree.look("takeOut", 0), both);
  assertEquals(await tree.look("takeOut", 1), ["ok", "1", "0", "h/P-1", "2", "two\n"]);
  await lane.step("out", "h/P-1", 1, "three\n");
  assertEquals(await root.mail(), [["e", "out"]]);
  assertEquals(await tree.look("takeOut", 2), ["ok", "2", "0", "h/P-1", "1", "three\n"]);
  assertEquals(await tree.look("takeOut", 3), ["ok", "3", "0"]);
  assertEquals(await engine.command("HGET", `${tree.prefix}outstate`, "size"), null);
  await lane.step("out", "h/P-1", 1, "four\n");
  assertEquals(await root.mail(), [["e", "out"], ["e", "out"]]);
});

engineTest("output: a pipe gives what was written, lets its writer wait, and ends with it", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { lane } = await host(engine, tree);
  const root = tree.lane();
  const [, pipe] = await root.step("make", "pipe", "") as string[];
  assertEquals(await lane.step("pipeOpen", pipe), ["ok"]);
  assertEquals(await lane.step("pipeWrite", pipe, "a"), ["ok"]);
  assertEquals(await root.step("pipeRead", pipe), ["ok", "a"]);
  assertEquals(await root.step("pipeRead", pipe), ["later"]);
  assertEquals(await lane.step("pipeWrite", pipe, "b"), ["ok"]);
  assertEquals(await root.mail(), [["n", `${root.number}`, "r", "ok", "r", "b"]]);
  const much = "x".repeat(300_000);
  assertEquals(await lane.step("pipeWrite", pipe, much), ["later"]);
  assertEquals(await root.step("pipeRead", pipe), ["ok", much]);
  assertEquals((await lane.mail()).at(-1), ["n", `${lane.number}`, "r", "ok"]);
  await root.step("pipeRead", pipe);
  await tree.look("bury", lane.member, "lost");
  assertEquals((await root.mail()).at(-1), ["n", `${root.number}`, "r", "ok", "r", ""]);
  assertEquals(await root.step("pipeRead", pipe), ["ok", ""]);
  await root.step("close", pipe, 1);
  assertEquals((await tree.keys()).filter((key) => key.startsWith("o:")), []);
});

engineTest("output: who writes to a pipe is told that nobody reads it any more", async (engine) => {
  await using tree = await BareTree.open(engine);
  const { lane } = await host(engine, tree);
  const root = tree.lane();
  const [, pipe] = await root.step("make", "pipe", "") as string[];
  await lane.step("pipeOpen", pipe);
  assertEquals(await lane.step("pipeWrite", pipe, "x".repeat(300_000)), ["later"]);
  assertEquals(await root.step("pipeClose", pipe), ["ok"]);
  assertEquals((await lane.mail()).at(-1), ["n", `${lane.number}`, "r", "no", "r", "closed"]);
  assertEquals(await lane.step("pipeWrite", pipe, "y"), ["no", "closed"]);
  await lane.step("pipeEnd", pipe);
  await root.step("close", pipe, 1);
  assertEquals((await tree.keys()).filter((key) => key.startsWith("o:")), []);
});
