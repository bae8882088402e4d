// The agent's program: it comes among the hosts, is seen there, drains, ends, is lost and comes back.

import { assertEquals, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { getContext } from "@parallel/multiprocessing";
import { answers, lives, refuses } from "../fixtures/engine_events.ts";
import { AGENT, AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { freeze, isRunning, PATIENCE, until } from "../support/helpers.ts";
import { HOSTS, leasePasses } from "../support/leases.ts";

/** In milliseconds. It ends by the clock that hosts have in tests (leases.ts); beats come each quarter of it. */
const LEASE = 10_000;
const LEASED = ["--lease", `${LEASE}ms`];

const DOCUMENTATION = new URL("../../docs/several-machines.md", import.meta.url);

/** Runs the agent's program to its end. */
async function say(...words: string[]): Promise<{ code: number; said: string; complained: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", AGENT.pathname, ...words],
    env: { NO_COLOR: "1" },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, said: text(stdout), complained: text(stderr) };
}

/** The agents that count as alive: their numbers and names. */
async function agents(engine: Engine): Promise<string[]> {
  const flat = await engine.command("HGETALL", `${HOSTS}alive`) as string[];
  return flat.flatMap((name, i) => i % 2 === 1 ? [`${flat[i - 1]} ${name}`] : []).sort();
}

engineTest("agent: without a key it does not start, unless told that it need not be safe", async (engine) => {
  const { code, complained } = await say("--url", engine.url);
  assertEquals(code, 2);
  assertStringIncludes(complained, "it has no key, so anybody who can write to the engine could run anything here");
  assertEquals(await engine.keys(`${HOSTS}*`), []);
});

engineTest("agent: it is among the hosts, and leaves no key when it is asked to end", async (engine) => {
  {
    await using _ = await startAgent(engine.url, { slots: 3, name: "east", args: ["--label", "gpu"] });
    const { code, said } = await say("status", "--json", "--url", engine.url);
    assertEquals(code, 0);
    const { hosts, trees, waiting } = JSON.parse(said);
    assertEquals(hosts.length, 1);
    const [{ name, slots, taken, labels, draining, deno }] = hosts;
    assertEquals({ name, slots, taken, labels, draining, deno }, {
      name: "east",
      slots: 3,
      taken: 0,
      labels: ["gpu"],
      draining: false,
      deno: Deno.version.deno,
    });
    assertEquals({ trees, waiting }, { trees: [], waiting: 0 });
    const text = await say("status", "--url", engine.url);
    assertEquals(text.said, "host east: 0 of 3 slots taken (gpu)\n");
  }
  await until("no key", async () => (await engine.keys()).length === 0);
});

engineTest("agent: one that is drained ends by itself, even where the engine's memory is full", async (engine) => {
  const { code, complained } = await say("drain", "east", "--url", engine.url);
  assertEquals([code, complained.trim()], [1, 'Cannot drain "east": there is no such host']);
  await using east = await startAgent(engine.url, { name: "east" });
  await using _west = await startAgent(engine.url, { name: "west" });
  await engine.command("CONFIG", "SET", "maxmemory", "1");
  assertStringIncludes((await say("status", "--url", engine.url)).said, "host west");
  assertEquals((await say("drain", "east", "--url", engine.url)).code, 0);
  await until("the end of the agent", () => !isRunning(east.pid));
  await engine.command("CONFIG", "SET", "maxmemory", "0");
  assertEquals(await agents(engine), ["2 west"]);
});

engineTest("agent: one that was killed is buried when its lease is over", async (engine) => {
  await using east = await startAgent(engine.url, { name: "east", args: LEASED });
  await using _west = await startAgent(engine.url, { name: "west", args: LEASED });
  await east.kill();
  await leasePasses(engine, { prefix: HOSTS, lost: "east" });
  await until("its burial", async () => (await agents(engine)).join() === "2 west");
});

engineTest("agent: one that was stopped for longer than its lease comes back as another", async (engine) => {
  await using east = await startAgent(engine.url, { name: "east", args: LEASED });
  await using _west = await startAgent(engine.url, { name: "west", args: LEASED });
  await freeze(east.pid);
  await leasePasses(engine, { prefix: HOSTS, lost: "east" });
  await until("its burial", async () => (await agents(engine)).join() === "2 west");
  process.kill(east.pid, "SIGCONT");
  await until("its return", async () => (await agents(engine)).join() === "2 west,3 east");
});

engineTest("agent: an engine that was stopped for longer than the lease finds the same hosts", async (engine) => {
  await using _east = await startAgent(engine.url, { name: "east", args: LEASED });
  await using _west = await startAgent(engine.url, { name: "west", args: LEASED });
  engine.freeze();
  const time = Date.now() + 2 * LEASE;
  const jump = engine.command("SET", `${HOSTS}clock`, time);
  engine.thaw();
  await jump;
  const renewed = `${time + LEASE}`;
  await until("beats of both", async () => {
    const [east, west] = await engine.command("ZMSCORE", `${HOSTS}lease`, 1, 2) as string[];
    return east === renewed && west === renewed;
  });
  assertEquals(await agents(engine), ["1 east", "2 west"]);
});

engineTest("agent: when the engine has forgotten all, it comes back", async (engine) => {
  await using _ = await startAgent(engine.url, { name: "east", args: LEASED });
  await engine.restart();
  await until("its return", async () => (await agents(engine)).join() === "1 east");
});

engineTest("agent: a restart of an engine that has kept all is nothing", async (engine) => {
  await using _ = await startAgent(engine.url, { name: "east", args: LEASED });
  await engine.command("HSET", `${HOSTS}p:1`, "mark", "1");
  await engine.restart();
  const heard = await engine.command("GET", `${HOSTS}lastbeat`);
  await until("a beat", async () => await engine.command("GET", `${HOSTS}lastbeat`) !== heard);
  assertEquals(await agents(engine), ["1 east"]);
  assertEquals(await engine.command("HGET", `${HOSTS}p:1`, "mark"), "1");
}, { persistence: "always" });

engineTest("agent: a user of the engine needs no more rights than the documentation says", async (engine) => {
  const [, rights] = Deno.readTextFileSync(DOCUMENTATION).match(/^ACL SETUSER mp on >password ([^`]+)```/m)!;
  await engine.command("ACL", "SETUSER", "mp", "on", ">secret", ...rights.trim().split(/\s+/));
  const url = engine.tcpUrl.replace("redis://", "redis://mp:secret@");
  {
    await using _ = await startAgent(url, { name: "east" });
    assertEquals((await say("status", "--url", url)).said, "host east: 0 of 4 slots taken\n");
  }
  await until("no key", async () => (await engine.keys()).length === 0);
});

/** A context in this process. */
function contextOf(engine: Engine) {
  return getContext(engine.url as "redis://", { authkey: AUTHKEY, startTimeout: PATIENCE });
}

engineTest("agent: one that drains lets its processes end, and takes no more", async (engine) => {
  await using east = await startAgent(engine.url, { name: "east" });
  using mp = contextOf(engine);
  const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: answers, args: [ready, word, answer] });
  child.start();
  await ready.wait();
  assertEquals((await say("drain", "east", "--url", engine.url)).code, 0);
  assertEquals(mp.cpuCount(), 0);
  const { said } = await say("status", "--url", engine.url);
  assertStringIncludes(said, "host east: 1 of 4 slots taken, draining\n");
  assertStringIncludes(said, `  3 ${child.name}: process ${child.pid} on east\n`);
  await word.set();
  assertEquals(await answer.wait(), true);
  await child.join();
  assertEquals(child.exitcode, 0);
  await until("the end of the agent", () => !isRunning(east.pid));
});

// One each: without a grace, SIGKILL comes right behind SIGTERM, and may come before that has ended anybody.
for (
  const [what, target, grace, code] of [
    ["asks its processes to, and waits for those that heed", lives, "1ms", -15],
    ["kills those of its processes that do not heed", refuses, "0s", -9],
  ] as const
) {
  engineTest(`agent: one that is to end ${what}`, async (engine) => {
    await using east = await startAgent(engine.url, { name: "east", args: ["--grace", grace] });
    using mp = contextOf(engine);
    const ready = new mp.Event();
    const child = new mp.Process({ target, args: [ready] });
    child.start();
    await ready.wait();
    await east.kill("SIGTERM");
    await child.join();
    assertEquals([child.exitcode, child.lostHost], [code, false]);
  });
}

engineTest("agent: a slot that is freed is the next one's", async (engine) => {
  await using _ = await startAgent(engine.url, { name: "east", slots: 1 });
  using mp = contextOf(engine);
  const [first, second] = [new mp.Event(), new mp.Event()];
  const one = new mp.Process({ target: lives, args: [first] });
  one.start();
  await first.wait();
  one.kill();
  const two = new mp.Process({ target: lives, args: [second] });
  two.start();
  await second.wait();
  two.kill();
  await one.join();
  await two.join();
  assertEquals([one.exitcode, two.exitcode], [-9, -9]);
});
