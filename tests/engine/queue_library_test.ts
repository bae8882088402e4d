// The steps of queues (library/records.lua, queue.lua, tasks.lua) in a bare server: how messages go in and out.

import { assertEquals } from "@std/assert";
import { made, objectKeys, outcomes, queueTest, record } from "../support/queue_library.ts";
import type { Reply } from "../support/resp.ts";

queueTest("first in, first out; what has landed is forgotten", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose");
  assertEquals(await lane.step("get", q, 0, 1, 0), ["no", "empty"]);
  for (const body of ["a", "b", "c", "d"]) assertEquals(await lane.step("put", q, 0, record(body)), ["ok"]);
  assertEquals(await lane.step("size", q), ["ok", "4", "0", "0"]);
  assertEquals(await lane.step("get", q, 0, 1, 0), ["ok", "1", record("a")]);
  assertEquals(await lane.step("get", q, 0, 2, 100, 1), ["ok", "2", record("b"), "3", record("c")]);
  assertEquals(await lane.step("get", q, 0, 9, 1), ["ok", "4", record("d")]);
  assertEquals(await tree.look("landed", 1, q, 3, 4, 77, "x"), ["ok"]);
  assertEquals(await tree.look("landed", 1, q, 2), ["ok"]);
  await lane.step("close", q, 1);
  assertEquals(await objectKeys(tree), []);
  assertEquals(await lane.step("put", q, 0, record("a")), ["no", "gone"]);
  assertEquals(await lane.step("get", q, 0, 1, 0), ["no", "gone"]);
});

queueTest("messages go to those who wait, in the order in which they came", async (tree) => {
  const [lane, one, two] = [tree.lane(), tree.lane(await tree.member("a"), 1), tree.lane(await tree.member("b"), 1)];
  const q = await made(lane, "queue", "lose");
  assertEquals(await one.step("get", q, 1, 1, 0), ["later"]);
  assertEquals(await two.step("get", q, 1, 1, 0), ["later"]);
  assertEquals(await one.step("cancel", q, 1), ["ok", "cancelled"]);
  assertEquals(await one.step("get", q, 1, 1, 0), ["later"]);
  assertEquals(await lane.step("putMany", q, record("x"), record("y"), record("z")), ["ok"]);
  assertEquals(await outcomes(two), [["1", "ok", "1#1", record("x")]]);
  assertEquals(await outcomes(one), [["3", "ok", "1#3", record("y")]]);
  assertEquals(await one.step("cancel", q, 3), ["ok", "answered"]);
  // Aborted: it goes back, and is not counted as given.
  assertEquals(await one.step("unget", q, "1#3"), ["ok"]);
  assertEquals(await one.step("unget", q, "1#3"), ["ok"]);
  assertEquals(await lane.step("get", q, 0, 5, 100), ["ok", "1", record("y"), "2", record("z")]);
});

queueTest("a step of who is buried by it is the last of that member", async (tree) => {
  const lane = tree.lane();
  assertEquals(await lane.step("exit", 1, -9, ""), ["ok"]); // its own voucher
  assertEquals(await lane.step("make", "event", ""), ["fenced", "killed by signal 9"]);
});

queueTest("many takes land at once, and those that are not this member's do not", async (tree) => {
  const [lane, other] = [tree.lane(), tree.lane(await tree.member("other"))];
  const q = await made(lane, "queue", "lose");
  const all = Array.from({ length: 300 }, (_, i) => record(`${i}`));
  await lane.step("putMany", q, ...all);
  const mine = await lane.step("get", q, 0, 200, 1e6) as string[];
  assertEquals(mine.filter((_, i) => i > 0 && i % 2 === 0), all.slice(0, 200));
  const theirs = await other.step("get", q, 0, 200, 1e6) as string[];
  assertEquals(theirs.filter((_, i) => i > 0 && i % 2 === 0), all.slice(200));
  const takes = (answer: string[]) => answer.filter((_, i) => i % 2 === 1);
  await tree.look("landed", 1, q, ...takes(theirs), ...takes(mine).slice(1), "x");
  await tree.look("bury", other.member, "killed by signal 9");
  const left = await lane.step("get", q, 0, 200, 1e6) as string[];
  assertEquals(left.filter((_, i) => i > 0 && i % 2 === 0), all.slice(200).map((it) => `\x01${it.slice(1)}`));
  await lane.step("close", q, 1);
  assertEquals((await objectKeys(tree)).filter((it) => it.startsWith("o:")), []);
});

queueTest("takes of one step land, go back and are given to others one by one as well", async (tree) => {
  const [lane, taker] = [tree.lane(), tree.lane(await tree.member("taker"))];
  const q = await made(lane, "queue", "lose");
  const bodies = "abcdefgh".split("");
  const put = () => lane.step("putMany", q, ...bodies.map((it) => record(it)));
  const left = async () =>
    (await lane.step("get", q, 0, 99, 1e6) as string[]).filter((_, i) => i > 0 && i % 2 === 0).map((it) => it.slice(4));
  await put();
  assertEquals((await taker.step("get", q, 0, 4, 1e6) as string[])[1], "1"); // 1 to 4: a to d
  assertEquals(await taker.step("get", q, 0, 1, 1e6), ["ok", "5", record("e")]);
  assertEquals((await taker.step("gets", q, 3, 1e6) as string[]).slice(0, 3), ["ok", "=3", "6"]); // f to h
  await tree.look("landed", taker.member, q, 2, 2, 7, 99, "x", "");
  await tree.look("landed", 1, q, 1, 5, 6); // of another member
  assertEquals(await taker.step("unget", q, 1, 2, 3, 3, 7, 8, 99), ["ok"]);
  assertEquals(await left(), ["a", "c", "h"]); // b and g had landed
  await put();
  assertEquals((await taker.step("get", q, 0, 8, 1e6) as string[])[1], "12");
  await tree.look("landed", taker.member, q, 12);
  await tree.look("bury", taker.member, "killed by signal 9");
  assertEquals(await left(), ["d", "e", "f", ..."bcdefgh"]); // in the order in which they were taken
  await lane.step("close", q, 1);
  assertEquals(await objectKeys(tree), []);
});

queueTest("some records are taken at once, up to so many bytes", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose");
  const sizes = [10, 10, 10, 10, 5000, 10, 10];
  await lane.step("putMany", q, ...sizes.map((size) => record("x".repeat(size))));
  const taken: number[][] = [];
  for (let left = sizes.length; left > 0; left -= taken.at(-1)!.length) {
    const got = await lane.step("get", q, 0, 100, 100) as string[];
    taken.push(got.filter((_, i) => i > 0 && i % 2 === 0).map((it) => it.length - 4));
  }
  assertEquals(taken, [[10, 10, 10, 10, 5000], [10, 10]]);
});

queueTest("a full queue parks messages, and takes them in order", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose", { max: 1 });
  assertEquals(await lane.step("put", q, 0, record("a")), ["ok"]);
  assertEquals(await lane.step("put", q, 0, record("no")), ["no", "full"]);
  assertEquals(await lane.step("putMany", q, record("no")), ["no", "bounded"]);
  assertEquals(await lane.step("put", q, 1, record("b")), ["later"]);
  assertEquals(await lane.step("put", q, 1, record("cancelled")), ["later"]);
  assertEquals(await lane.step("put", q, 1, record("c")), ["later"]);
  assertEquals(await lane.step("cancel", q, lane.number - 1), ["ok", "cancelled"]);
  assertEquals(await lane.step("size", q), ["ok", "1", "1", "0"]);
  assertEquals(await lane.step("get", q, 0, 1, 0), ["ok", "1", record("a")]);
  assertEquals((await outcomes(lane)).length, 1);
  assertEquals(await lane.step("get", q, 0, 5, 100), ["ok", "2", record("b"), "3", record("c")]);
  assertEquals((await outcomes(lane)).map(([number, ok]) => [number, ok]), [["5", "ok"], ["7", "ok"]]);
});

queueTest("what a message speaks of is kept, and arrives with it", async (tree, engine) => {
  const [lane, other] = [tree.lane(), tree.lane(await tree.member("other"))];
  const q = await made(lane, "queue", "lose");
  const [, event] = await lane.step("make", "event", "") as string[];
  const refs = () => engine.command("GET", `${tree.prefix}refs:${event}`);
  await lane.step("put", q, 0, record("a", { objects: event }));
  await lane.step("close", event, 1);
  assertEquals(await refs(), "1");
  const [, take] = await other.step("get", q, 0, 1, 0) as string[];
  assertEquals(await refs(), "2");
  await other.step("unget", q, take);
  assertEquals(await refs(), "1");
  const [, again] = await other.step("get", q, 0, 1, 0) as string[];
  await tree.look("landed", other.member, q, again);
  assertEquals(await refs(), "1");
  await other.step("close", event, 1);
  assertEquals(await refs(), null);
  assertEquals(await lane.step("put", q, 0, record("a", { objects: event })), ["no", "lacks", event]);
  await lane.step("close", q, 1);
});

queueTest("long records are in pieces, which go with them", async (tree, engine) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose", { max: 1 });
  const pieces = () => engine.command("HLEN", `${tree.prefix}o:${q}:b`);
  const blob = async (name: string) => {
    assertEquals(await tree.look("stash", q, name, 0, "first"), ["ok"]);
    assertEquals(await tree.look("stash", q, name, 1, "second"), ["ok"]);
    return record(`${name} 2`, { flags: 1 });
  };
  assertEquals(await lane.step("put", q, 0, await blob("1.1")), ["ok"]);
  assertEquals(await lane.step("put", q, 0, await blob("1.2")), ["no", "full"]);
  assertEquals(await lane.step("put", q, 1, await blob("1.3")), ["later"]);
  assertEquals(await pieces(), 4);
  await lane.step("cancel", q, lane.number);
  assertEquals(await pieces(), 2);
  const [, take] = await lane.step("get", q, 0, 1, 0) as string[];
  assertEquals(await tree.look("piece", q, "1.1", 1), ["ok", "second"]);
  await tree.look("landed", 1, q, take);
  assertEquals(await tree.look("piece", q, "1.1", 1), ["no", "gone"]);
  assertEquals(await pieces(), 0);
  assertEquals(await lane.step("put", q, 0, record("1.9 2", { flags: 1 })), ["no", "malformed"]);
});

queueTest("what is malformed changes nothing", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose");
  for (
    const bad of [
      "",
      "abc",
      record("a", { deliveries: 1 }),
      record("a", { flags: 4 }),
      "\0\0\0\x05abc",
      "\0\0\0\x01xyz",
    ]
  ) {
    assertEquals(await lane.step("put", q, 1, bad), ["no", "malformed"], Deno.inspect(bad));
    assertEquals(await lane.step("putMany", q, record("good"), bad), ["no", "malformed"]);
  }
  assertEquals(await lane.step("put", q, 1), ["no", "malformed"]);
  assertEquals(await lane.step("size", q), ["ok", "0", "0", "0"]);
  for (const args of [[], ["x", "lose", 3], [0, "throw", 3], [0, "lose", 0], [0, "lose", 256], [-1, "lose", 3]]) {
    assertEquals(await lane.step("make", "queue", "", ...args), ["no", "malformed"]);
  }
  const [, event] = await lane.step("make", "event", "") as string[];
  for (const step of ["put", "get", "putMany", "size", "lost", "shutdown", "taskDone", "joinTasks", "unget"]) {
    assertEquals(await lane.step(step, event, 0, record("a"), 0), ["no", "gone"], step);
  }
  await lane.step("taskDone", q).then((it: Reply) => assertEquals(it, ["no", "gone"]));
});

queueTest("gets that are left over have a place in the line, which each of them claims", async (tree) => {
  const lane = tree.lane();
  const later = tree.lane(await tree.member("later"), 1);
  const q = await made(lane, "queue", "lose");
  await lane.step("put", q, 0, record("a"));
  assertEquals(await lane.step("gets", q, 4, 1000), ["ok", "=3", "1", record("a")]);
  assertEquals(await later.step("get", q, 1, 1, 0), ["later"]);
  await lane.step("putMany", q, record("b"), record("c"));
  assertEquals(await lane.step("size", q), ["ok", "0", "0", "0"]);
  assertEquals(await lane.step("claim", q, 1, "=3"), ["ok", "2", record("b")]);
  assertEquals(await lane.step("claim", q, 1, "=3", 2), ["ok", "3", record("c")]);
  assertEquals(await lane.step("claim", q, 1, "=3"), ["later"]);
  await lane.step("putMany", q, record("d"), record("e"));
  assertEquals((await outcomes(lane)).map(([number, , , text]) => [number, text]), [["8", record("d")]]);
  assertEquals((await outcomes(later)).map(([number, , , text]) => [number, text]), [["1", record("e")]]);
  assertEquals(await lane.step("claim", q, 0, "=3"), ["no", "empty"]); // there are no more in it
  await tree.look("landed", 1, q, 1, 3, 4);
  await lane.step("close", q, 1);
  assertEquals(await objectKeys(tree), []);
});

queueTest("a place that is given up, or whose member dies, gives back what was kept for it", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "redeliver", { max: 2 });
  const taker = tree.lane(await tree.member("taker"));
  await lane.step("put", q, 0, record("a"));
  const [, place, take] = await taker.step("gets", q, 3, 1000) as string[];
  for (const body of ["b", "c", "d"]) assertEquals(await lane.step("put", q, 0, record(body)), ["ok"]);
  await taker.step("unget", q, take, place);
  assertEquals(await lane.step("size", q), ["ok", "4", "2", "0"]);
  await taker.step("gets", q, 3, 1000);
  await taker.step("gets", q, 3, 1000);
  await lane.step("put", q, 0, record("e"));
  await tree.look("bury", taker.member, "killed by signal 9");
  const left = (await lane.step("get", q, 0, 9, 1000) as string[]).filter((_, i) => i > 0 && i % 2 === 0);
  assertEquals(left, ["a", "b", "c", "d", "e"].map((body) => record(body, { deliveries: 1 })));
  const [, own] = await lane.step("gets", q, 2, 1000) as string[];
  await lane.step("shutdown", q, 0);
  assertEquals(await lane.step("claim", q, 1, own), ["no", "shut"]);
  assertEquals(await lane.step("gets", q, 2, 1000), ["no", "shut"]);
  await lane.step("close", q, 1);
  assertEquals(await objectKeys(tree), []);
});

queueTest("a place holds what is more than one step gives", async (tree) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose");
  await lane.step("putMany", q, record("first"), record("second"), record("third"));
  assertEquals(await lane.step("gets", q, 2, 1), ["ok", "=3", "1", record("first")]);
  assertEquals(await lane.step("get", q, 0, 1, 0), ["ok", "3", record("third")]);
  assertEquals(await lane.step("claim", q, 1, "=3"), ["ok", "2", record("second")]);
});

queueTest("whoever waits for room for ever, alone, is told so before the message is parked", async (tree, engine) => {
  const lane = tree.lane();
  const q = await made(lane, "queue", "lose", { max: 1 });
  const [, event] = await lane.step("make", "event", "") as string[];
  await lane.step("put", q, 0, record("a"));
  for (const [mode, why] of [[2, "deserted"], [3, "alone"]] as const) {
    assertEquals(await lane.step("put", q, mode, record("b", { objects: event })), ["no", why]);
    assertEquals(await engine.command("HLEN", `${tree.prefix}o:${q}:pk`), 0);
    assertEquals(await engine.command("GET", `${tree.prefix}refs:${event}`), "1");
  }
});
