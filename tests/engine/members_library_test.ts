// Members and hosts in a bare server: each row of the tables at the heads of members.lua and hosts.lua.

import { VERSION } from "../../src/addon/interface.ts";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Engine, engineTest } from "../support/engine.ts";
import { type BareLane, BareTree, PREFIX } from "../support/library.ts";
import type { Reply } from "../support/resp.ts";

const HOSTS = "mp:{hosts}:";

/** A function asked of the hosts. */
function hosts(engine: Engine, name: string, ...args: (string | number)[]): Promise<Reply> {
  return engine.command("FCALL", `${PREFIX}${name}`, 1, HOSTS, ...args);
}

/** Enters an agent among the hosts, and gives its number. */
async function host(engine: Engine, name: string, { slots = 2, labels = "", version = VERSION } = {}): Promise<string> {
  const answer = await hosts(engine, "host", name, slots, labels, version, "2.9.6", 1, 30_000, "id") as string[];
  assertEquals(answer[0], "ok");
  return answer[1];
}

/** Sets the clock of the leases of a tree, or of the hosts. */
async function clock(engine: Engine, prefix: string, time: number): Promise<void> {
  await engine.command("SET", `${prefix}clock`, time);
}

/** An agent in a tree. */
async function enter(tree: BareTree, agent: string, session = "once"): Promise<BareLane> {
  const answer = await tree.look("enter", agent, "agent", "h", 7, session) as string[];
  assertEquals(answer[0], "ok");
  return tree.lane(answer[1]);
}

/** Removes what tests have left among the hosts. */
async function clearHosts(engine: Engine): Promise<void> {
  for (const key of await engine.keys(`${HOSTS}*`)) await engine.command("UNLINK", key);
}

/** A child of `parent`, vouched for by `agent`, entered as `accept` does it with a process object of its own. */
async function child(
  tree: BareTree,
  agent: BareLane,
  place: string,
  { parent = "1", daemon = "0" } = {},
): Promise<string> {
  const { engine, prefix } = tree;
  const o = `${await engine.command("INCR", `${prefix}objects`)}`;
  await engine.command("HSET", `${prefix}o:${o}`, "kind", "process", "parent", parent, "name", "c", "daemon", daemon);
  await engine.command("SADD", `${prefix}all`, o);
  await engine.command("HSET", `${HOSTS}slots`, o, place);
  await engine.command("ZADD", `${HOSTS}taken:${place}`, 1, o);
  const answer = await agent.step("accept", o, o) as string[];
  assertEquals(answer[0], "ok");
  return answer[1];
}

engineTest("members: a tree begins, and its last member takes it away", async (engine) => {
  const tree = await BareTree.open(engine);
  assertEquals(await tree.look("open", "v", "other", "h", 1, 30_000), ["no", "exists"]);
  assertEquals(await tree.look("beat", 1), ["ok", "30000"]);
  assertEquals(await engine.command("ZRANGE", `${HOSTS}trees`, 0, -1), ["t"]);
  await tree.lane(1).step("adopt");
  assertEquals(await tree.look("leave", 1, 0), ["ok", "done"]);
  assertEquals(await tree.keys(), []);
  assertEquals(await engine.keys(), []);
  assertEquals(await tree.look("leave", 1, 0), ["gone"]);
  assertEquals(await tree.look("beat", 1), ["gone"]);
});

engineTest("members: a wrong lease is refused, and nothing is begun", async (engine) => {
  const tree = await BareTree.open(engine, "a");
  const other = `mp:{b}:`;
  const open = (lease: string) => engine.command("FCALL", `${PREFIX}open`, 1, other, "v", "n", "h", 1, lease);
  assertEquals(await open("soon"), ["no", "lease"]);
  assertEquals(await open("-1"), ["no", "lease"]);
  assertEquals(await engine.keys(`${other}*`), []);
  await tree.look("leave", 1, 0);
});

engineTest("members: who beats buries those that were not heard", async (engine) => {
  const tree = await BareTree.open(engine);
  const agent = await host(engine, "h1");
  await clock(engine, tree.prefix, 1_000_000);
  await tree.look("beat", 1);
  const it = await enter(tree, agent);
  const m = await child(tree, it, agent);
  await clock(engine, tree.prefix, 1_014_000);
  await tree.look("beat", 1);
  await clock(engine, tree.prefix, 1_028_000);
  await tree.look("beat", 1);
  assertEquals(await tree.look("member", m).then((p) => (p as string[])[1]), "1");
  await clock(engine, tree.prefix, 1_030_001);
  await tree.look("beat", 1);
  assertEquals(await tree.look("member", it.member), ["ok", "0", "agent", "h", "7", "-9", "lease ran out", ""]);
  assertEquals(await tree.look("member", m), ["ok", "0", "c", "h", "0", "-9", "host lost", ""]);
  assertEquals(await it.step("adopt"), ["fenced", "lease ran out"]);
  assertEquals(await tree.look("beat", it.member), ["fenced", "lease ran out"]);
  await tree.look("leave", 1, 0);
  assertEquals(await tree.keys(), []);
  await clearHosts(engine);
});

engineTest("members: while the engine is away, nobody's lease runs out", async (engine) => {
  const tree = await BareTree.open(engine);
  const agent = await host(engine, "h1");
  await clock(engine, tree.prefix, 1_000_000);
  await tree.look("beat", 1);
  const it = await enter(tree, agent);
  await clock(engine, tree.prefix, 2_000_000);
  assertEquals(await tree.look("beat", 1), ["ok", "30000"]);
  assertEquals(await tree.look("beat", it.member), ["ok", "30000"]);
  await clock(engine, tree.prefix, 2_014_000);
  assertEquals(await tree.look("beat", 1), ["ok", "30000"]);
  await clock(engine, tree.prefix, 2_029_000);
  assertEquals(await tree.look("beat", 1), ["ok", "30000"]);
  await clock(engine, tree.prefix, 2_031_000);
  await tree.look("beat", 1);
  assertEquals(await tree.look("beat", it.member), ["fenced", "lease ran out"]);
  await tree.look("leave", 1, 0);
  await clearHosts(engine);
});

engineTest("members: the end of a process is told by its agent, and frees its slot", async (engine) => {
  const tree = await BareTree.open(engine);
  const agent = await host(engine, "h1");
  const it = await enter(tree, agent);
  assertEquals((await enter(tree, agent)).member, it.member);
  const m = await child(tree, it, agent);
  assertEquals(await engine.command("ZCARD", `${HOSTS}taken:${agent}`), 1);
  assertEquals(await tree.lane(1).step("exit", m, 0, ""), ["no", "stranger"]);
  assertEquals(await it.step("exit", m, "x", ""), ["no", "code"]);
  assertEquals(await it.step("exit", "99", 0, ""), ["no", "stranger"]);
  assertEquals(await tree.lane(1).step("dead", m, 3), ["no", "stranger"]);
  assertEquals(await tree.look("leave", m, 3), ["ok", "done"]);
  assertEquals(await it.step("dead", m, 3), ["ok"]);
  assertEquals(await tree.look("member", m), ["ok", "0", "c", "h", "0", "", "ended with exit code 3", ""]);
  assertEquals(await it.step("exit", m, 3, "why"), ["ok"]);
  assertEquals(await tree.look("member", m), ["ok", "0", "c", "h", "0", "3", "ended with exit code 3", "why"]);
  assertEquals(await engine.command("ZCARD", `${HOSTS}taken:${agent}`), 0);
  assertEquals(await tree.look("leave", 1, 0), ["ok", "done"]);
  assertEquals(await it.mail(), [["e", "over"]]);
  assertEquals(await tree.look("leave", it.member, 0), ["ok", "done"]);
  assertEquals(await tree.keys(), []);
  await clearHosts(engine);
});

engineTest("members: a lost child that had left keeps its exit code", async (engine) => {
  const tree = await BareTree.open(engine);
  const agent = await host(engine, "h1");
  const it = await enter(tree, agent);
  const m = await child(tree, it, agent);
  await tree.look("leave", m, 4);
  await tree.look("bury", it.member, "lease ran out");
  assertEquals(await tree.look("member", m), ["ok", "0", "c", "h", "0", "4", "ended with exit code 4", ""]);
  await tree.look("leave", 1, 0);
  assertEquals(await tree.keys(), []);
  await clearHosts(engine);
});

engineTest("members: daemons are killed when their parent ends, other children are told", async (engine) => {
  const tree = await BareTree.open(engine);
  const agent = await host(engine, "h1", { slots: 8 });
  const it = await enter(tree, agent);
  const parent = await child(tree, it, agent);
  const daemon = await child(tree, it, agent, { parent, daemon: "1" });
  const other = await child(tree, it, agent, { parent });
  await it.step("exit", parent, -9, "");
  assertEquals(await it.mail(), [["e", "signal", "r", daemon, "r", "9"]]);
  assertEquals(await tree.lane(other).mail(), [["e", "orphan", "r", parent, "r", "killed by signal 9"]]);
  await tree.look("bury", it.member, "x");
  await tree.look("leave", 1, 0);
  assertEquals(await tree.keys(), []);
  await clearHosts(engine);
});

engineTest("members: more records than fit one step are dealt with by those that beat", async (engine) => {
  const tree = await BareTree.open(engine);
  const m = await tree.member("m");
  await engine.command(
    "EVAL",
    `for o = 1, 2500 do
       redis.call("HSET", KEYS[1] .. "o:x" .. o, "kind", "none")
       redis.call("SADD", KEYS[1] .. "holds:" .. ARGV[1], "x" .. o)
     end`,
    1,
    tree.prefix,
    m,
  );
  await tree.look("bury", m, "gone");
  assertEquals(await engine.command("SCARD", `${tree.prefix}holds:${m}`), 1500);
  assertEquals(await tree.lane(m).step("adopt"), ["fenced", "gone"]);
  await tree.look("beat", 1);
  assertEquals(await engine.command("SCARD", `${tree.prefix}holds:${m}`), 500);
  await tree.look("beat", 1);
  assertEquals((await tree.keys()).filter((key) => key.includes(`:${m}`)), []);
  assertEquals(await engine.command("HLEN", `${tree.prefix}dying`), 0);
  await tree[Symbol.asyncDispose]();
  await clearHosts(engine);
});

engineTest("members: keys of a living tree expire a day after the last beat", async (engine) => {
  const tree = await BareTree.open(engine);
  assertEquals(await tree.look("beat", 1), ["ok", "30000"]);
  const left = await engine.command("PTTL", `${tree.prefix}tree`) as number;
  assertEquals(left > 23 * 3600_000, true);
  assertEquals(await engine.command("PTTL", `${tree.prefix}p:1`) as number > 23 * 3600_000, true);
  await tree.look("leave", 1, 0);
});

engineTest("members: a tree that was not heard of for a day is cleared away by who opens another", async (engine) => {
  await BareTree.open(engine, "old");
  await BareTree.open(engine, "lives");
  await clock(engine, HOSTS, 90_000_000);
  for (const [name, heard] of [["old", 1_000_000], ["lives", 80_000_000]] as const) {
    await clock(engine, `mp:{${name}}:`, 90_000_000);
    await engine.command("SET", `mp:{${name}}:lastbeat`, heard);
    await engine.command("ZADD", `${HOSTS}trees`, 1_000_000, name);
  }
  await using _first = await BareTree.open(engine, "first");
  await using _second = await BareTree.open(engine, "second");
  assertEquals(await engine.keys("mp:{old}:*"), []);
  await using lives = BareTree.of(engine, "lives");
  assertEquals(await lives.look("beat", 1), ["ok", "30000"]);
  await clearHosts(engine);
});

engineTest("members: a tree that was not heard of for an hour is cleared away", async (engine) => {
  const tree = await BareTree.open(engine);
  await clock(engine, tree.prefix, 1_000_000);
  await clock(engine, HOSTS, 1_000_000);
  const agent = await host(engine, "h1");
  await tree.look("beat", 1);
  assertEquals(await tree.look("clear"), ["no", "alive"]);
  assertEquals(await hosts(engine, "abandoned"), ["ok"]);
  await clock(engine, tree.prefix, 5_000_000);
  await clock(engine, HOSTS, 5_000_000);
  assertEquals(await hosts(engine, "abandoned"), ["ok", "t"]);
  // Nobody was heard at all: the engine may have been away. An hour after somebody was again, it was not.
  assertEquals(await tree.look("clear"), ["no", "alive"]);
  assertEquals(await hosts(engine, "beat", agent), ["ok", "30000"]);
  assertEquals(await tree.look("clear"), ["no", "alive"]);
  await clock(engine, HOSTS, 9_000_000);
  await engine.command("SET", `${HOSTS}lastbeat`, 8_990_000);
  assertEquals(await tree.look("clear"), ["ok", "done"]);
  assertEquals(await tree.look("clear"), ["ok", "done"]);
  await clearHosts(engine);
});

engineTest("hosts: an agent is counted, fits or does not, and drains", async (engine) => {
  const tree = await BareTree.open(engine);
  assertEquals(await hosts(engine, "host", "h", "none", "", VERSION, "2", 1, 30_000, "id"), ["no", "slots"]);
  assertEquals(await hosts(engine, "hosts", ""), ["ok", "0", "0", "0"]);
  const a = await host(engine, "h1", { slots: 2 });
  const b = await host(engine, "h2", { slots: 3, labels: "gpu,big" });
  assertEquals(await hosts(engine, "hosts", ""), ["ok", "2", "5", "5"]);
  assertEquals(await hosts(engine, "hosts", "gpu"), ["ok", "1", "3", "3"]);
  assertEquals(await hosts(engine, "hosts", "gpu,small"), ["ok", "0", "0", "0"]);
  assertEquals(await hosts(engine, "drain", "h9"), ["no", "unknown"]);
  assertEquals(await hosts(engine, "drain", "h2"), ["ok", "1"]);
  assertEquals(await hosts(engine, "hosts", ""), ["ok", "1", "2", "2"]);
  await hosts(engine, "leave", a, 0);
  await hosts(engine, "leave", b, 0);
  await tree.look("leave", 1, 0);
  assertEquals(await engine.keys(), []);
});

engineTest("hosts: visitors are no hosts, and all have one lease", async (engine) => {
  const tree = await BareTree.open(engine);
  assertEquals(await hosts(engine, "visit", "who looks", 1, 30_000), ["ok", "1"]);
  assertEquals(await hosts(engine, "visit", "another", 1, 2_000), ["no", "lease", "30000"]);
  assertEquals(await hosts(engine, "host", "h", 1, "", VERSION, "2", 1, 2_000, "id"), ["no", "lease", "30000"]);
  const agent = await host(engine, "h1");
  assertEquals(await hosts(engine, "hosts", ""), ["ok", "1", "2", "2"]);
  const seen = JSON.parse((await hosts(engine, "survey") as string[])[1]);
  assertEquals(seen.trees, ["t"]);
  assertEquals(seen.members.map(({ name }: { name: string }) => name).sort(), ["h1", "who looks"]);
  const it = await enter(tree, agent);
  await child(tree, it, agent);
  const ofTree = JSON.parse((await tree.look("survey") as string[])[1]);
  assertEquals(ofTree.members.map(({ name }: { name: string }) => name).sort(), ["agent", "c", "root"]);
  assertEquals(ofTree.objects[0].fields.kind, "process");
  await tree[Symbol.asyncDispose]();
  await clearHosts(engine);
});

engineTest("members: a record that cannot be dealt with is dropped, and noted", async (engine) => {
  const tree = await BareTree.open(engine);
  const m = await tree.member("m");
  await engine.command("HSET", `${tree.prefix}o:1`, "kind", "lock");
  await engine.command("SET", `${tree.prefix}o:1:w`, "no line at all");
  await engine.command("SADD", `${tree.prefix}waits:${m}`, `1|${m}/0#1`);
  await tree.look("bury", m, "gone");
  assertEquals(await engine.command("HLEN", `${tree.prefix}dying`), 0);
  const fault = await engine.command("HGET", `${tree.prefix}tree`, "fault");
  assertStringIncludes(`${fault}`, "WRONGTYPE");
  assertEquals(await tree.look("beat", 1), ["ok", "30000"]);
  await tree[Symbol.asyncDispose]();
  await clearHosts(engine);
});

engineTest(
  "members: an agent that has lost its session enters as another, and what it had is buried",
  async (engine) => {
    const tree = await BareTree.open(engine);
    const agent = await host(engine, "h1");
    const it = await enter(tree, agent);
    const m = await child(tree, it, agent);
    const again = await enter(tree, agent, "anew");
    assertEquals(again.member === it.member, false);
    assertEquals(await it.step("adopt"), ["fenced", "host lost"]);
    assertEquals(await tree.look("member", m), ["ok", "0", "c", "h", "0", "-9", "host lost", ""]);
    await tree.look("leave", 1, 0);
    assertEquals(await tree.look("leave", again.member, 0), ["ok", "done"]);
    assertEquals(await tree.keys(), []);
    await clearHosts(engine);
  },
);

engineTest("hosts: nobody is placed on one that a tree has buried, until it is heard again", async (engine) => {
  const tree = await BareTree.open(engine);
  const agent = await host(engine, "h1");
  await clock(engine, tree.prefix, 1_000_000);
  await tree.look("beat", 1);
  await enter(tree, agent);
  for (const time of [1_014_000, 1_028_000, 1_030_001]) {
    await clock(engine, tree.prefix, time);
    await tree.look("beat", 1);
  }
  assertEquals(await hosts(engine, "hosts", ""), ["ok", "0", "0", "0"]);
  await hosts(engine, "beat", agent);
  assertEquals(await hosts(engine, "hosts", ""), ["ok", "1", "2", "2"]);
  await tree.look("leave", 1, 0);
  assertEquals(await tree.keys(), []);
  await clearHosts(engine);
});

engineTest(
  "members: a clock that is set forward or back by an hour buries nobody, and keeps no dead",
  async (engine) => {
    const [hour, lease] = [3_600_000, 30_000];
    const tree = await BareTree.open(engine); // by the root, whose lease it has from the server's own clock
    const [living, dead] = [await enter(tree, "1"), await enter(tree, "2")];
    let time = Date.now();
    const beats = async (...members: (string | number)[]) => {
      await clock(engine, tree.prefix, time);
      for (const member of members) assertEquals(await tree.look("beat", member), ["ok", `${lease}`]);
    };
    const alive = async () => (await engine.command("HKEYS", `${tree.prefix}alive`) as string[]).sort();
    await beats(1, living.member, dead.member);
    for (const jump of [hour, -2 * hour]) {
      time += jump;
      await beats(1, living.member);
      assertEquals(await alive(), ["1", `${living.member}`, `${dead.member}`]);
    }
    for (let i = 0; i < 3; i++) { // a lease later by the clock that was set back
      time += lease * 0.4;
      await beats(1, living.member);
    }
    assertEquals(await alive(), ["1", `${living.member}`]);
    await tree.look("leave", living.member, 0);
    await tree.look("leave", 1, 0);
    await clearHosts(engine);
  },
);
