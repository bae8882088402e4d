// An engine that has forgotten what it had acknowledged: shown so by whoever knows it, the tree ends for all.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { StateLostError } from "../../mod.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { until } from "../support/helpers.ts";
import { BareTree } from "../support/library.ts";
import { rootOf, visitorOf } from "../support/sessions.ts";

/** What is answered is in the file, which the tests cut: with `everysec` a write may wait for a slow disk. */
const ALWAYS = { persistence: "always" } as const;

engineTest("lapse: what is known is compared; who knows no more than the engine goes on", async (engine) => {
  const tree = await BareTree.open(engine);
  const [lane, blocking] = [tree.lane(1), tree.lane(1, 7)];
  await lane.step("adopt");
  await blocking.step("adopt");
  assertEquals(await tree.look("greet", 1), ["ok"]);
  assertEquals(await tree.look("greet", 1, "run", 1, 0, 1, "", 7, 1, ""), ["ok"]);
  await engine.command("XADD", `${tree.prefix}mb:1/7`, "5-1", "x", "");
  assertEquals(await tree.look("greet", 1, "run", 2, 0, 1, "", 7, 0, "5-1"), ["ok"]);
  assertEquals(await tree.look("greet", 2, "run", 1, 0, 9, ""), ["fenced", ""]);
  assertEquals(await tree.look("greet", 1), ["ok"]);
  await tree[Symbol.asyncDispose]();
});

engineTest("lapse: a greeting that was given up says nothing, once a mailbox was trimmed behind it", async (engine) => {
  await using tree = await BareTree.open(engine);
  for (const id of ["5-1", "6-1"]) await engine.command("XADD", `${tree.prefix}mb:1/7`, id, "x", "");
  const greet = (number: number) => tree.look("greet", 1, "run", number, 7, 0, "5-1") as Promise<string[]>;
  assertEquals(await greet(2), ["ok"]);
  assertEquals(await tree.look("trim", 1, 7, "6-1", 2), ["ok"]);
  assertEquals([await greet(2), await greet(1)], [["ok"], ["ok"]]);
  assertEquals(await tree.look("trim", 1, 7, "6-1", 1), ["ok"]);
  assertEquals(await greet(2), ["ok"]);
  assertEquals((await greet(3))[0], "gone");
});

engineTest("lapse: a step that is done behind a later one makes the engine know no less", async (engine) => {
  await using tree = await BareTree.open(engine);
  for (const number of [1, 3, 2]) assertEquals(await tree.look("adopt", 1, 0, number, 1), ["ok"]);
  assertEquals(await tree.look("greet", 1, "run", 1, 0, 3, ""), ["ok"]);
});

for (
  const [what, known, why] of [
    ["a step", [7, 2, ""], "it knows 1 of 2 steps that it has answered"],
    ["what it has told", [7, 1, "5-1"], "it does not know what it has told"],
  ] as const
) {
  engineTest(`lapse: an engine that has forgotten ${what} ends the tree for all`, async (engine) => {
    const tree = await BareTree.open(engine);
    const [lane, other] = [tree.lane(1), tree.lane(await tree.member("other"))];
    await lane.step("adopt");
    await tree.lane(1, 7).step("adopt");
    await other.step("adopt");
    assertEquals(await tree.look("greet", 1, "run", 1, 0, 1, "", ...known), ["gone", why]);
    for (const mail of [await lane.mail(), await other.mail()]) assertEquals(mail, [["x", ""]], "it is woken");
    assertEquals(await lane.step("adopt"), ["gone", why]);
    assertEquals(await other.step("adopt"), ["gone", why]);
    assertEquals(await tree.look("beat", other.member), ["gone", why]);
    assertEquals(await tree.look("greet", other.member), ["gone", why]);
    assertEquals(await tree.look("enter", 5, "agent", "h", 7, "once"), ["gone"]);
    assertEquals(await tree.look("clear"), ["ok", "done"]);
    assertEquals(await tree.keys(), []);
    assertEquals(await tree.look("clear"), ["ok", "done"]);
  });
}

engineTest("lapse: the hosts forget an agent alone", async (engine) => {
  const tree = await BareTree.open(engine);
  const hosts = BareTree.of(engine, "hosts");
  const come = (id: string) => hosts.look("host", "h", 1, "", "v", "d", 1, 30_000, id);
  assertEquals([await come("a"), await come("b")], [["ok", "1"], ["ok", "2"]]);
  assertEquals((await hosts.look("greet", 1, "run", 1, 0, 0, "5-1") as string[])[0], "gone");
  assertEquals(await hosts.look("greet", 2, "run", 1, 0, 0, ""), ["ok"]);
  assertEquals(await engine.command("HKEYS", `${hosts.prefix}alive`), ["2"]);
  assertEquals(await come("a"), ["ok", "3"]);
  await tree[Symbol.asyncDispose]();
  await hosts[Symbol.asyncDispose]();
});

engineTest("lapse: tokens of an epoch are greater than all before, forgotten ones too", async (engine) => {
  const tree = await BareTree.open(engine);
  const lane = tree.lane(1);
  const [, lock] = await lane.step("make", "lock", "", "0") as string[];
  const token = async () => {
    const [, given] = await lane.step("lock_acquire", lock, 1) as string[];
    await lane.step("lock_release", lock, 1);
    return Number(given);
  };
  let greetings = 0;
  const greet = (run: string) => tree.look("greet", 1, run, ++greetings);
  await greet("first");
  assertEquals([await token(), await token()], [1, 2]);
  await greet("first");
  assertEquals(await token(), 3);
  await greet("second");
  assertEquals([await token(), await token()], [2 ** 32, 2 ** 32 + 1]);
  await greet("first");
  assertEquals(await token(), 2 * 2 ** 32);
  await tree[Symbol.asyncDispose]();
});

/** What the others of a tree have to see, when the engine has forgotten what it had acknowledged to somebody. */
async function endsForAll(
  engine: Engine,
  forgotten: (root: ReturnType<typeof rootOf>) => Promise<unknown>,
): Promise<void> {
  const root = rootOf(engine);
  const other = visitorOf(engine, root);
  const lost = Promise.all([root, other].map((it) => new Promise((resolve) => it.on("lost", resolve))));
  assertEquals((await other.send("make", "event", "")).refusal, null);
  await root.send("adopt");
  await forgotten(root);
  await lost;
  for (const session of [root, other]) {
    await assertRejects(() => session.send("adopt"), StateLostError);
    assertThrows(() => session.step("adopt"), StateLostError);
  }
  await until("no keys", async () => (await engine.treeKeys()).length === 0);
  root.close();
  other.close();
}

engineTest("lapse: a promised step is forgotten: all are told", async (engine) => {
  await endsForAll(engine, async (root) => {
    const kept = engine.kept();
    await root.send("adopt");
    await engine.restart(kept);
  });
}, ALWAYS);

engineTest("lapse: a step of a thread that does nothing more is forgotten: all are told", async (engine) => {
  await endsForAll(engine, async (root) => {
    const kept = engine.kept();
    root.step("make", "event", "");
    await engine.restart(kept);
  });
}, ALWAYS);

engineTest("lapse: what was given by a step of one that is dead is forgotten: all are told", async (engine) => {
  await endsForAll(engine, async (root) => {
    const event = root.step("make", "event", "").text(0);
    const waiting = root.wait("event_wait", [event], { timeout: Infinity });
    await root.send("adopt");
    const tree = BareTree.of(engine, root.tree);
    const dead = tree.lane(await tree.member("dead"));
    const kept = engine.kept();
    await dead.step("event_set", event);
    assertEquals((await waiting)?.refusal, null);
    await engine.restart(kept);
  });
}, ALWAYS);

engineTest("lapse: an engine that is killed, and has kept all, is the same to all", async (engine) => {
  const root = rootOf(engine);
  const other = visitorOf(engine, root);
  const event = root.step("make", "event", "").text(0);
  const waiting = other.wait("event_wait", [event], { timeout: Infinity });
  await other.send("adopt");
  await root.send("adopt");
  await engine.restart(engine.kept());
  assertEquals(root.step("event_set", event).refusal, null);
  assertEquals((await waiting)?.refusal, null);
  await engine.restart();
  assert((await other.send("adopt")).refusal === null);
  root.close();
  other.close();
}, { ...ALWAYS, leavesTrees: true });
