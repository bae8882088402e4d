// The steps of pipes (library/pipe.lua) in a bare server.

import { assert, assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import { type BareLane, BareTree } from "../support/library.ts";

/** A record as a client makes it. */
function record(body: string, { objects = "", flags = 0 } = {}): string {
  return String.fromCharCode(0, flags, objects.length >> 8, objects.length & 255) + objects + body;
}

async function made(lane: BareLane, way = "both"): Promise<[first: string, second: string]> {
  const [ok, first, second] = await lane.step("make", "connection", "", way) as string[];
  assertEquals(ok, "ok");
  return [first, second];
}

/** The outcomes in a lane's mailbox: the number, and what is said. */
async function outcomes(lane: BareLane): Promise<string[][]> {
  return (await lane.mail()).map((fields) => [fields[1], ...fields.filter((_, i) => i > 2 && i % 2 === 1)]);
}

async function objectKeys(tree: BareTree): Promise<string[]> {
  return (await tree.keys()).filter((key) => /^(o|refs|waits|takes|holds|has|all)(:|$)/.test(key));
}

function pipeTest(name: string, run: (tree: BareTree, lane: BareLane) => Promise<void>): void {
  engineTest(`pipe: ${name}`, async (engine) => {
    await using tree = await BareTree.open(engine);
    await run(tree, tree.lane());
  });
}

/** A record that is as long as all that an end holds. */
const LARGE = record("x".repeat(1024 * 1024));

pipeTest("what is sent at one end is received at the other, in its order, and both ways", async (tree, lane) => {
  const [a, b] = await made(lane);
  assertEquals(await lane.step("pipe_poll", b, 0), ["ok", "0"]);
  for (const body of ["1", "2"]) assertEquals(await lane.step("pipe_send", a, record(body)), ["ok"]);
  assertEquals(await lane.step("pipe_send", b, record("back")), ["ok"]);
  assertEquals(await lane.step("pipe_poll", b, 1), ["ok", "1"]);
  assertEquals(await lane.step("pipe_recv", b), ["ok", "1", record("1")]);
  assertEquals(await lane.step("pipe_recv", b, 1), ["ok", "2", record("2")]);
  assertEquals(await lane.step("pipe_recv", a), ["ok", "1", record("back")]);
  assertEquals(await tree.look("pipe_landed", 1, b, 2, 7, "x"), ["ok"]);
  assertEquals(await tree.look("pipe_landed", 1, a, 1), ["ok"]);
  await lane.step("close", a, 1, b, 1);
  assertEquals(await objectKeys(tree), []);
  for (const step of ["pipe_send", "pipe_recv", "pipe_poll"]) {
    assertEquals(await lane.step(step, a, record("x")), ["no", "gone"]);
  }
});

pipeTest("a one-way pipe refuses the other way", async (_, lane) => {
  const [reader, writer] = await made(lane, "one");
  assertEquals(await lane.step("pipe_send", reader, record("x")), ["no", "way"]);
  assertEquals(await lane.step("pipe_recv", writer), ["no", "way"]);
  assertEquals(await lane.step("pipe_poll", writer, 1), ["no", "way"]);
  assertEquals(await lane.step("pipe_send", writer, record("x")), ["ok"]);
  assertEquals(await lane.step("pipe_send", writer, "x"), ["no", "malformed"]);
  assertEquals(await lane.step("make", "connection", "", "none"), ["no", "malformed"]);
});

pipeTest("those who wait receive in the order in which they came; who only looks takes nothing", async (tree, lane) => {
  const [a, b] = await made(lane);
  const [one, two] = [tree.lane(await tree.member("a"), 1), tree.lane(await tree.member("b"), 1)];
  assertEquals(await one.step("pipe_poll", b, 1), ["later"]);
  assertEquals(await one.step("pipe_recv", b), ["later"]);
  assertEquals(await two.step("pipe_recv", b), ["later"]);
  assertEquals(await one.step("cancel", b, 2), ["ok", "cancelled"]);
  for (const body of ["x", "y"]) await lane.step("pipe_send", a, record(body));
  assertEquals(await outcomes(two), [["1", "ok", "1", record("x")]]);
  assertEquals(await outcomes(one), [["1", "ok", "1"]]);
  assertEquals(await two.step("pipe_unget", b, 1, 9, "x"), ["ok"]);
  assertEquals(await one.step("pipe_recv", b), ["ok", "2", record("x")]);
  assertEquals(await one.step("pipe_recv", b), ["ok", "3", record("y")]);
});

pipeTest("an end holds a MiB, or one record: the others wait in their order", async (tree, lane) => {
  const [a, b] = await made(lane);
  const small = record("s".repeat(1000));
  assertEquals(await lane.step("pipe_send", a, LARGE), ["ok"]);
  assertEquals(await lane.step("pipe_send", a, LARGE), ["later"]); // 3
  assertEquals(await lane.step("pipe_send", a, small), ["later"]);
  assertEquals(await lane.step("pipe_send", a, LARGE), ["later"]); // 5
  assertEquals(await lane.step("pipe_send", a, small), ["later"]); // 6
  assertEquals(await lane.step("pipe_send", b, LARGE), ["ok"], "the other way has room of its own");
  assertEquals((await lane.step("pipe_recv", b) as string[])[1], "1");
  assertEquals((await outcomes(lane)).map(([number]) => number), ["3"]);
  assertEquals((await lane.step("pipe_recv", b) as string[])[2].length, LARGE.length);
  assertEquals((await outcomes(lane)).map(([number]) => number), ["3", "4"]);
  assertEquals(await lane.step("cancel", a, 5), ["ok", "cancelled"]);
  assertEquals((await outcomes(lane)).map(([number]) => number), ["3", "4", "6"], "what was behind it has room");
  assertEquals(await lane.step("pipe_recv", b), ["ok", "3", small]);
  assertEquals(await lane.step("pipe_recv", b), ["ok", "4", small]);
  const bytes = await tree.engine.command("HGET", `${tree.prefix}o:${b}`, "bytes");
  assertEquals(bytes, "0");
});

pipeTest("the end of the last of an end: what was sent before is received, and then the end", async (tree, lane) => {
  const [a, b] = await made(lane);
  const other = tree.lane(await tree.member("other"), 1);
  assertEquals(await other.step("adopt", a), ["ok"]);
  await lane.step("pipe_send", a, record("last"));
  await lane.step("close", a, 1);
  assertEquals(await lane.step("pipe_send", b, record("heard")), ["ok"]);
  await tree.look("bury", other.member, "killed by signal 9");
  assertEquals(await lane.step("pipe_send", b, record("x")), ["no", "broken"]);
  assertEquals(await lane.step("pipe_recv", b), ["ok", "1", record("last")]);
  assertEquals(await lane.step("pipe_recv", b), ["no", "eof"]);
  assertEquals(await lane.step("pipe_poll", b, 1), ["ok", "1"]);
  await tree.look("pipe_landed", 1, b, 1);
  await lane.step("close", b, 1);
  assertEquals(await objectKeys(tree), []);
});

pipeTest("those who wait at an end are told when the other one goes", async (tree, lane) => {
  const [a, b] = await made(lane);
  const reader = tree.lane(await tree.member("reader"), 1);
  await reader.step("adopt", b);
  await lane.step("close", b, 1);
  assertEquals(await reader.step("pipe_send", b, LARGE), ["ok"]);
  assertEquals(await reader.step("pipe_send", b, record("parked")), ["later"]); // 3
  assertEquals(await reader.step("pipe_recv", b), ["later"]);
  assertEquals(await reader.step("pipe_poll", b, 1), ["later"]);
  await lane.step("close", a, 1);
  assertEquals((await outcomes(reader)).sort(), [["3", "no", "broken"], ["4", "no", "eof"], ["5", "ok", "1"]]);
  await reader.step("close", b, 1);
  assertEquals(await objectKeys(tree), []);
});

pipeTest(
  "a sender that dies has not sent what is parked; a receiver not received what has not landed",
  async (tree, lane) => {
    const [a, b] = await made(lane);
    const dead = await tree.member("dead");
    const other = tree.lane(dead);
    await other.step("adopt", a, b);
    const [, event] = await lane.step("make", "event", "") as string[];
    for (const body of ["landed", "given", "too"]) await lane.step("pipe_send", a, record(body));
    await other.step("pipe_recv", b);
    await other.step("pipe_recv", b, 1);
    await other.step("pipe_recv", b);
    assertEquals(await lane.step("pipe_send", a, LARGE), ["ok"]);
    assertEquals(await other.step("adopt", event), ["ok"]);
    assertEquals(await other.step("pipe_send", a, record("parked", { objects: event })), ["later"]);
    await lane.step("close", event, 1);
    await tree.look("bury", dead, "killed by signal 9");
    for (const [take, body] of [["4", record("given")], ["5", record("too")], ["6", LARGE]]) {
      assertEquals(await lane.step("pipe_recv", b), ["ok", take, body]);
    }
    assertEquals(await lane.step("pipe_recv", b), ["later"]);
    await lane.step("close", a, 1, b, 1);
    assertEquals(await objectKeys(tree), []);
  },
);

pipeTest("an end lives in a message, and goes with it; pieces of long messages go, too", async (tree, lane) => {
  const [a, b] = await made(lane);
  const [c, d] = await made(lane);
  await lane.step("pipe_send", a, record("", { objects: c }));
  await lane.step("close", c, 1);
  await tree.look("stash", d, "blob", 0, "bytes");
  assertEquals(await lane.step("pipe_send", d, record("blob 1", { flags: 1 })), ["no", "malformed"], "it lies at c");
  await tree.look("stash", c, "blob", 0, "bytes");
  assertEquals(await lane.step("pipe_send", d, record("blob 1", { flags: 1 })), ["ok"]);
  assertEquals(await lane.step("pipe_recv", d), ["later"]);
  await lane.step("close", b, 1);
  assertEquals((await outcomes(lane)).map((it) => it.slice(1)), [["no", "eof"]], "c has gone with its message");
  assertEquals(await lane.step("pipe_send", d, record("x")), ["no", "broken"]);
  await lane.step("close", a, 1, d, 1);
  assertEquals(await objectKeys(tree), []);
});

pipeTest(
  "what is small does not overtake what waits for room; an end that goes takes what waits there with it",
  async (tree, lane) => {
    const [a, b] = await made(lane);
    const small = record("small");
    assertEquals(await lane.step("pipe_send", a, small), ["ok"]);
    await tree.look("stash", b, "blob", 0, "bytes");
    assertEquals(await lane.step("pipe_send", a, record("blob 1", { flags: 1 })), ["later"]);
    assertEquals(await lane.step("pipe_send", a, small), ["later"]);
    assertEquals(await lane.step("pipe_recv", b), ["ok", "1", small]);
    assertEquals((await outcomes(lane)).length, 1);
    await tree.look("stash", b, "other", 0, "bytes");
    assertEquals(await lane.step("pipe_send", a, record("other 1", { flags: 1 })), ["later"]);
    await lane.step("close", a, 1);
    assertEquals((await outcomes(lane)).slice(1).map((it) => it.slice(1)), [["no", "gone"], ["no", "gone"]]);
    assertEquals(await tree.engine.command("HKEYS", `${tree.prefix}o:${b}:b`), ["blob/0"]);
    assertEquals((await lane.step("pipe_recv", b) as string[])[2], record("blob 1", { flags: 1 }));
    assertEquals(await lane.step("pipe_recv", b, 2), ["no", "eof"]);
    assertEquals(await tree.engine.command("EXISTS", `${tree.prefix}o:${b}:b`), 0);
  },
);

pipeTest("more than one portion goes back in its order", async (tree, lane) => {
  const [a, b] = await made(lane);
  const taker = tree.lane(await tree.member("taker"));
  for (let i = 0; i < 250; i++) {
    await lane.step("pipe_send", a, record(`${i}`));
    await taker.step("pipe_recv", b);
  }
  await tree.look("bury", taker.member, "killed by signal 9");
  for (let i = 0; i < 250; i++) assertEquals((await lane.step("pipe_recv", b) as string[])[2], record(`${i}`));
  assert(!(await tree.keys()).includes(`takes:${taker.member}`));
});
