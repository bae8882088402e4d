// The agent's program: it comes among the hosts, is seen there, drains, ends, is lost and comes back.

import { assertEquals, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { AGENT, startAgent } from "../support/agent.ts";
import { type Engine, engineTest } from "../support/engine.ts";
import { isRunning, until } from "../support/helpers.ts";

const HOSTS = "mp:{hosts}:";
/** A lease, in an agent's words. */
const LEASE = ["--lease", "4s"];

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

engineTest("agent: one that is drained ends by itself", async (engine) => {
  const { code, complained } = await say("drain", "east", "--url", engine.url);
  assertEquals([code, complained.trim()], [1, 'Cannot drain "east": there is no such host']);
  await using east = await startAgent(engine.url, { name: "east" });
  await using _west = await startAgent(engine.url, { name: "west" });
  assertEquals((await say("drain", "east", "--url", engine.url)).code, 0);
  await until("the end of the agent", () => !isRunning(east.pid));
  assertEquals(await agents(engine), ["2 west"]);
});

engineTest("agent: one that was killed is buried when its lease is over", async (engine) => {
  await using east = await startAgent(engine.url, { name: "east", args: LEASE });
  await using _west = await startAgent(engine.url, { name: "west", args: LEASE });
  await east.kill();
  await until("its burial", async () => (await agents(engine)).join() === "2 west");
});

engineTest("agent: one that was stopped for longer than its lease comes back as another", async (engine) => {
  await using east = await startAgent(engine.url, { name: "east", args: LEASE });
  await using _west = await startAgent(engine.url, { name: "west", args: LEASE });
  process.kill(east.pid, "SIGSTOP");
  await until("its burial", async () => (await agents(engine)).join() === "2 west");
  process.kill(east.pid, "SIGCONT");
  await until("its return", async () => (await agents(engine)).join() === "2 west,3 east");
});

engineTest("agent: an engine that was stopped for longer than the lease finds the same hosts", async (engine) => {
  await using _east = await startAgent(engine.url, { name: "east", args: LEASE });
  await using _west = await startAgent(engine.url, { name: "west", args: LEASE });
  engine.freeze();
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  engine.thaw();
  const heard = await engine.command("GET", `${HOSTS}lastbeat`);
  await until("beats", async () => await engine.command("GET", `${HOSTS}lastbeat`) !== heard);
  await until("beats of both", async () => (await engine.command("GET", `${HOSTS}lastbeat`)) !== heard);
  assertEquals(await agents(engine), ["1 east", "2 west"]);
});

engineTest("agent: when the engine has forgotten all, it comes back", async (engine) => {
  await using _ = await startAgent(engine.url, { name: "east", args: LEASE });
  await engine.restart();
  await until("its return", async () => (await agents(engine)).join() === "1 east");
});

engineTest("agent: a restart of an engine that has kept all is nothing", async (engine) => {
  await using _ = await startAgent(engine.url, { name: "east", args: LEASE });
  await engine.command("HSET", `${HOSTS}p:1`, "mark", "1");
  await engine.restart();
  const heard = await engine.command("GET", `${HOSTS}lastbeat`);
  await until("a beat", async () => await engine.command("GET", `${HOSTS}lastbeat`) !== heard);
  assertEquals(await agents(engine), ["1 east"]);
  assertEquals(await engine.command("HGET", `${HOSTS}p:1`, "mark"), "1");
}, { persistence: "always" });

engineTest("agent: a user of the engine needs no more rights than the documentation says", async (engine) => {
  const rights = "~mp:* resetchannels -@all +@hash +@list +@set +@sortedset +@stream +@string +fcall +function|load " +
    "+function|list +unlink +del +exists +pexpire +time +ping +hello +info +wait +auth +select";
  await engine.command("ACL", "SETUSER", "mp", "on", ">secret", ...rights.split(" "));
  const url = engine.tcpUrl.replace("redis://", "redis://mp:secret@");
  {
    await using _ = await startAgent(url, { name: "east" });
    assertEquals((await say("status", "--url", url)).said, "host east: 0 of 4 slots taken\n");
  }
  await until("no key", async () => (await engine.keys()).length === 0);
});
