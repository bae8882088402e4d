// Contexts on a cluster: which of its servers has the keys, and another that takes its place.

import { type EngineUrl, getContext, type RemoteContextOptions } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { EngineUnavailableError } from "../../mod.ts";
import { square } from "../fixtures/engine/pool_targets.ts";
import { answers } from "../fixtures/engine_events.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { Cluster } from "../support/cluster.ts";
import { engineTest, hasEngine, nothingLeft } from "../support/engine.ts";
import { PATIENCE, until, within } from "../support/helpers.ts";
import { rootOf } from "../support/sessions.ts";

const SECRET = "s3cr3t";
/** Nobody is buried in it. */
const LEASE = 20_000;
const AGENT = { args: ["--lease", `${LEASE}ms`] };
const DOCUMENTATION = new URL("../../docs/several-machines.md", import.meta.url);

function contextOf(url: string, options: RemoteContextOptions = {}) {
  return getContext(url as EngineUrl, { lease: LEASE, authkey: AUTHKEY, startTimeout: PATIENCE, ...options });
}

/** A user on each server, with the rights that the documentation says; the login. */
async function addUser(cluster: Cluster): Promise<string> {
  const [, rights] = Deno.readTextFileSync(DOCUMENTATION).match(/^ACL SETUSER mp on >password ([^`]+)```/m)!;
  await cluster.all("ACL", "SETUSER", "mp", "on", `>${SECRET}`, ...rights.trim().split(/\s+/), "+cluster|slots");
  return `mp:${SECRET}@`;
}

async function locksQueuesProcessesAndPools(cluster: Cluster): Promise<void> {
  const url = cluster.urlOf("redis+cluster", await addUser(cluster));
  await using _ = await startAgent(url, AGENT);
  using mp = contextOf(url);
  assert(!String(mp).includes(SECRET));
  using lock = new mp.Lock();
  {
    using _ = lock.acquireSync();
    assertEquals(await lock.acquire({ block: false }), null);
  }
  using queue = new mp.Queue<number>();
  await queue.put(1);
  queue.putSync(2);
  assertEquals([queue.getSync(), await queue.get()], [1, 2]);
  const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: answers, args: [ready, word, answer] });
  child.start();
  await within(ready.wait());
  await word.set();
  assert(await within(answer.wait()));
  await child.join();
  assertEquals(child.exitcode, 0);
  await using pool = new mp.Pool(1);
  assertEquals(await within(pool.map(square, [1, 2, 3])), [1, 4, 9]);
  const sizes = await Promise.all(cluster.others.map((it) => it.command("DBSIZE")));
  assertEquals(sizes, [0, 0]);
}

async function teamsHaveKeysOfTheirOwn(cluster: Cluster): Promise<void> {
  const root = rootOf({ url: `${cluster.urlOf()}?prefix=team1:` });
  root.step("make", "event", "");
  const keys = await cluster.treeKeys();
  assert(keys.length > 0);
  assertEquals(keys.filter((key) => !key.startsWith(`team1:{team1:}:{${root.tree}}:`)), []);
  root.close();
}

async function replicaTakesThePlace(cluster: Cluster): Promise<void> {
  const url = cluster.urlOf();
  await using _ = await startAgent(url, AGENT);
  using mp = contextOf(url);
  const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: answers, args: [ready, word, answer] });
  child.start();
  await within(ready.wait());
  using lock = new mp.Lock();
  using _held = lock.acquireSync();
  await cluster.failOver();
  assertEquals(lock.acquireSync({ block: false }), null);
  await word.set();
  assert(await within(answer.wait()));
  await child.join();
  assertEquals(child.exitcode, 0);
}

async function stepsWaitForTheSlot(cluster: Cluster): Promise<void> {
  const root = rootOf({ url: cluster.urlOf() });
  const event = root.step("make", "event", "").text(0);
  const waiting = root.wait("event_wait", [event], { timeout: Infinity });
  await root.send("adopt");
  const [from, [to]] = [cluster.owner, cluster.others];
  await from.command("CONFIG", "RESETSTAT");
  await cluster.beginMove(to);
  let isDone = false;
  const sent = root.send("event_set", event).then(() => isDone = true);
  await until("a step to be refused", async () => /ASK/.test(await from.command("INFO", "errorstats") as string));
  assertEquals(isDone, false);
  await cluster.finishMove(to);
  await within(Promise.all([sent, waiting]));
  assertEquals(root.step("event_look", event).text(0), "1");
  assertMatch((await to.keys()).join(), new RegExp(`\\{${root.tree}\\}`));
  root.close();
}

const STEPS = {
  "locks, queues, processes and pools are on the shard of their keys": locksQueuesProcessesAndPools,
  "a prefix is another team's": teamsHaveKeysOfTheirOwn,
  "a replica takes the place of the master, and nothing is lost": replicaTakesThePlace,
  "steps wait while the keys are moved to another server": stepsWaitForTheSlot,
};

const why = hasEngine ? "" : " (left out: redis-server is not installed)";
Deno.test({
  name: `cluster: a context on it${why}`,
  ignore: why !== "",
  async fn(t) {
    await using cluster = await Cluster.start();
    assertThrows(() => rootOf({ url: cluster.owner.tcpUrl }), Deno.errors.NotSupported, "wanted redis+cluster://");
    for (const [name, run] of Object.entries(STEPS)) {
      await t.step(name, async () => {
        await within(run(cluster), `the test, whose engine said: ${cluster.owner.log()}`, 2 * PATIENCE);
        await nothingLeft("connections", () => cluster.connections());
        await nothingLeft("keys of a tree", () => cluster.treeKeys());
      });
    }
  },
});

engineTest("cluster: a server that is of none is no cluster", (engine) => {
  const url = engine.tcpUrl.replace("redis:", "redis+cluster:");
  assertThrows(() => rootOf({ url }), EngineUnavailableError, "cluster support disabled");
});
