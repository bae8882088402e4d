// The steps of queues (library/records.lua, queue.lua, tasks.lua) in a bare server: what follows when somebody dies, and tasks.

import { assertEquals } from "@std/assert";
import type { BareLane, BareTree } from "../support/library.ts";
import { made, objectKeys, outcomes, queueTest, record } from "../support/queue_library.ts";
import type { Reply } from "../support/resp.ts";

/** What becomes of a record that a thread was given, whose process is then killed. */
async function afterDeath(tree: BareTree, { waits = false, then }: {
  waits?: boolean;
  then?: (thread: BareLane, q: string) => Promise<unknown>;
}): Promise<string[]> {
  const lane = tree.lane(await tree.member("putter"));
  const q = await made(lane, "queue", "lose");
  const thread = tree.lane(await tree.member("taker"), 3);
  if (!waits) await lane.step("put", q, 0, record("a"));
  const got = await thread.step("get", q, 1, 1, 0) as string[];
  if (waits) await lane.step("put", q, 0, record("a"));
  const answer = waits ? (await outcomes(thread))[0].slice(1) : got;
  assertEquals(answer, ["ok", "3#1", record("a")]);
  await then?.(thread, q);
  await tree.look("bury", thread.member, "killed by signal 9");
  assertEquals(await thread.step("size", q), ["fenced", "killed by signal 9"]);
  const left = (await lane.step("get", q, 0, 5, 100) as string[]).filter((_, i) => i > 0 && i % 2 === 0);
  await lane.step("close", q, 1);
  assertEquals((await tree.keys()).filter((key) => key.includes(`:${thread.member}/`)), []);
  return left;
}

queueTest(
  "what a thread was given last goes back when its process dies, unless it has gone on or said so",
  async (tree) => {
    const again = [record("a", { deliveries: 1 })];
    for (const waits of [false, true]) {
      assertEquals(await afterDeath(tree, { waits }), again);
      assertEquals(await afterDeath(tree, { waits, then: (it) => it.step("size", "0") }), []);
      const landed = (it: BareLane, q: string) => tree.look("landed", it.member, q, "3#1");
      assertEquals(await afterDeath(tree, { waits, then: landed }), []);
      const other = (it: BareLane, q: string) => tree.look("landed", it.member, q, "3#2", "2#1", "3#", "#");
      assertEquals(await afterDeath(tree, { waits, then: other }), again);
      const back = (it: BareLane, q: string) => tree.lane(it.member).step("unget", q, "3#1", "3#1");
      assertEquals(await afterDeath(tree, { waits, then: back }), [record("a")]);
    }
    // Its time was up just then: it has not read the outcome.
    const late = (it: BareLane, q: string) => it.step("cancel", q, 1);
    assertEquals(await afterDeath(tree, { waits: true, then: late }), again);
    assertEquals(
      await afterDeath(tree, { waits: true, then: async (it, q) => await late(it, q) && it.step("size", q) }),
      [],
    );
  },
);

queueTest("what a dead taker had goes back in its order, three times; then it is lost", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "redeliver");
  for (const body of ["a", "b", "c", "d"]) await lane.step("put", q, 0, record(body));
  for (let deliveries = 0; deliveries < 3; deliveries++) {
    const taker = tree.lane(await tree.member("taker"));
    const taken = await taker.step("get", q, 0, 3, 100) as string[];
    const bodies = ["a", "b", "c"].map((body) => record(body, { deliveries }));
    assertEquals(taken.filter((_, i) => i > 0 && i % 2 === 0), bodies);
    assertEquals(await tree.look("bury", taker.member, "killed by signal 9"), ["ok"]);
    assertEquals(await taker.step("get", q, 0, 1, 0), ["fenced", "killed by signal 9"]);
  }
  assertEquals(await lane.step("size", q), ["ok", "1", "0", "0"]);
  const lost = await lane.step("lost", q) as string[];
  assertEquals(lost.filter((_, i) => i > 0 && i % 2 === 0), ["a", "b", "c"].map((it) => record(it, { deliveries: 3 })));
  await tree.look("landed", 1, q, ...lost.filter((_, i) => i % 2 === 1));
  assertEquals(await lane.step("lost", q), ["ok"]);
  await lane.step("close", q, 1);
  assertEquals(await objectKeys(tree), []);
});

queueTest("what had not landed goes to the next who waits; what had is lost with its taker", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose");
  const dead = await tree.member("dead");
  const [taker, waiter] = [tree.lane(dead), tree.lane(await tree.member("waiter"))];
  await lane.step("putMany", q, record("landed"), record("under way"));
  const [, landed] = await taker.step("get", q, 0, 1, 0) as string[];
  await taker.step("get", q, 0, 1, 0, landed);
  assertEquals(await tree.lane(dead, 1).step("get", q, 1, 1, 0), ["later"]); // it waits as well
  assertEquals(await waiter.step("get", q, 1, 1, 0), ["later"]);
  await tree.look("bury", dead, "killed by signal 9");
  assertEquals((await outcomes(waiter)).map(([, ok, , text]) => [ok, text]), [
    ["ok", record("under way", { deliveries: 1 })],
  ]);
  assertEquals(await lane.step("size", q), ["ok", "0", "0", "0"]);
});

queueTest("a putter that dies had not put: its parked message is gone", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose", { max: 1 });
  const putter = tree.lane(await tree.member("putter"));
  await lane.step("put", q, 0, record("a"));
  const [, event] = await lane.step("make", "event", "") as string[];
  assertEquals(await putter.step("put", q, 1, record("b", { objects: event })), ["later"]);
  await lane.step("close", event, 1);
  await tree.look("bury", putter.member, "killed by signal 9");
  assertEquals(await lane.step("get", q, 0, 5, 100), ["ok", "1", record("a")]);
  await lane.step("close", q, 1);
  assertEquals(await objectKeys(tree), []);
});

queueTest("more than one portion goes back in its order", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "redeliver");
  const taker = tree.lane(await tree.member("taker"));
  const all = Array.from({ length: 250 }, (_, i) => `${i}`);
  await lane.step("putMany", q, ...all.map((body) => record(body)));
  for (let taken = 0; taken < 250;) taken += (await taker.step("get", q, 0, 64, 1e6) as string[]).length >> 1;
  await tree.look("bury", taker.member, "killed by signal 9");
  const got: string[] = [];
  while (got.length < 250) {
    const some = (await lane.step("get", q, 0, 64, 1e6) as string[]).filter((_, i) => i > 0 && i % 2 === 0);
    got.push(...some.map((it) => it.slice(4)));
  }
  assertEquals(got, all);
});

for (const policy of ["throw", "lose", "redeliver"]) {
  queueTest(`tasks of a joinable queue, "${policy}": a taker dies after they had landed`, async (tree) => {
    const lane = tree.lane();
    const q = await made(lane, "joinable", policy);
    assertEquals(await lane.step("joinTasks", q, 1), ["ok"]);
    assertEquals(await lane.step("taskDone", q), ["no", "many"]);
    await lane.step("putMany", q, record("a"), record("b"));
    const taker = tree.lane(await tree.member("taker"));
    const [, first] = await taker.step("get", q, 0, 1, 0) as string[];
    await tree.look("landed", taker.member, q, first);
    assertEquals(await lane.step("joinTasks", q, 0), ["no", "late"]);
    assertEquals(await lane.step("joinTasks", q, 1), ["later"]);
    await tree.look("bury", taker.member, "killed by signal 9");
    const [join] = await outcomes(lane);
    if (policy === "throw") {
      assertEquals(join.slice(1, 4), ["no", "abandoned", "1"]);
      assertEquals(join.at(-2), "killed by signal 9");
      assertEquals((await lane.step("joinTasks", q, 1) as string[]).slice(0, 3), ["no", "abandoned", "1"]);
      assertEquals(await lane.step("taskDone", q), ["ok"]); // for the dead
      assertEquals(await lane.step("joinTasks", q, 0), ["no", "late"]);
    } else {
      assertEquals(join, undefined);
    }
    const bodies: string[] = [];
    for (;;) {
      const got = await lane.step("get", q, 0, 1, 0) as string[];
      if (got[0] === "no") break;
      bodies.push(got[2].slice(4));
      assertEquals(await lane.step("taskDone", q), ["ok"]);
    }
    assertEquals(bodies, policy === "redeliver" ? ["a", "b"] : ["b"]);
    assertEquals(await lane.step("taskDone", q), ["no", "many"]);
    assertEquals(await lane.step("joinTasks", q, 1), ["ok"]);
    if (policy !== "throw") assertEquals((await outcomes(lane)).map(([, ok]) => ok), ["ok"]);
    await lane.step("close", q, 1);
    assertEquals(await objectKeys(tree), []);
  });
}

queueTest("tasks that were given too often end a join", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "joinable", "redeliver", { most: 1 });
  await lane.step("put", q, 0, record("poison"));
  const taker = tree.lane(await tree.member("taker"));
  await taker.step("get", q, 0, 1, 0);
  assertEquals(await lane.step("joinTasks", q, 1), ["later"]);
  await tree.look("bury", taker.member, "killed by signal 11");
  assertEquals((await outcomes(lane))[0].slice(1, 4), ["no", "abandoned", "1"]);
  const [, take, text] = await lane.step("lost", q) as string[];
  assertEquals(text, record("poison", { deliveries: 1 }));
  await tree.look("landed", 1, q, take);
  assertEquals(await lane.step("taskDone", q), ["ok"]);
  assertEquals(await lane.step("joinTasks", q, 0), ["ok"]);
});

queueTest("taskDone takes one of its own member, else the oldest of all", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "joinable", "redeliver");
  await lane.step("putMany", q, ...["a", "b", "c"].map((body) => record(body)));
  const [one, two] = [tree.lane(await tree.member("one")), tree.lane(await tree.member("two"))];
  await one.step("get", q, 0, 1, 0);
  await two.step("get", q, 0, 1, 0);
  await one.step("get", q, 0, 1, 0);
  assertEquals(await two.step("taskDone", q), ["ok"]); // b
  assertEquals(await lane.step("taskDone", q), ["ok"]); // a
  await tree.look("bury", one.member, "killed by signal 9");
  assertEquals(await two.step("get", q, 0, 5, 100), ["ok", "4", record("c", { deliveries: 1 })]);
});

queueTest("shutdown ends puts at once, and gets when it is empty", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "joinable", "throw", { max: 1 });
  await lane.step("put", q, 0, record("a"));
  await lane.step("put", q, 1, record("b"));
  assertEquals(await lane.step("shutdown", q, 0), ["ok"]);
  assertEquals((await outcomes(lane)).map(([, ...said]) => said), [["no", "shut"]]);
  assertEquals(await lane.step("put", q, 1, record("c")), ["no", "shut"]);
  assertEquals(await lane.step("putMany", q, record("c")), ["no", "bounded"]);
  assertEquals(await lane.step("joinTasks", q, 1), ["later"]);
  assertEquals(await lane.step("shutdown", q, 1), ["ok"]);
  assertEquals((await outcomes(lane)).at(-1)!.slice(1), ["ok"]);
  assertEquals(await lane.step("get", q, 1, 1, 0), ["no", "shut"]);
  const empty = await made(lane, "queue", "lose");
  await lane.step("get", empty, 2, 1, 0).then((it: Reply) => assertEquals(it, ["no", "deserted"]));
  assertEquals(await lane.step("get", empty, 1, 1, 0), ["later"]);
  await lane.step("shutdown", empty, 0);
  assertEquals((await outcomes(lane)).at(-1)!.slice(1), ["no", "shut"]);
});

queueTest("nobody waits for ever whom nobody is left for", async (tree) => {
  const lane = tree.lane();
  const other = tree.lane(await tree.member("other"));
  const q = await made(lane, "joinable", "throw", { max: 1 });
  assertEquals(await other.step("adopt", q), ["ok"]);
  const waiting = [tree.lane(1, 1), tree.lane(1, 2), tree.lane(1, 3)];
  assertEquals(await waiting[0].step("get", q, 2, 1, 0), ["later"]);
  assertEquals(await lane.step("get", q, 1, 1, 0), ["later"]);
  await tree.look("bury", other.member, "killed by signal 9");
  assertEquals((await outcomes(waiting[0])).map(([, ...said]) => said), [["no", "deserted"]]);
  assertEquals(await outcomes(lane), []);
  await lane.step("put", q, 0, record("to the promise"));
  await lane.step("put", q, 0, record("a"));
  assertEquals(await waiting[1].step("put", q, 2, record("b")), ["no", "deserted"]);
  assertEquals(await waiting[2].step("joinTasks", q, 2), ["no", "deserted"]);
});
