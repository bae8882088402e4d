// Engines whose place a replica takes, and what an answer has outlived before it counts. What a session sees of an engine
// that has forgotten something is in lapse_test.ts.

import { type EngineUrl, getContext, type RemoteContextOptions, StateLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EngineUnavailableError } from "../../mod.ts";
import { answers, lives } from "../fixtures/engine_events.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { type Engine, engineTest, freePort } from "../support/engine.ts";
import { isRunning, PATIENCE, until, within } from "../support/helpers.ts";
import { BareTree, PREFIX } from "../support/library.ts";
import { NAME, Sentinel } from "../support/sentinel.ts";
import { rootOf } from "../support/sessions.ts";

/** Longer than any test waits: nobody is buried in it. */
const LEASE = 10 * PATIENCE;
const AGENT = { args: ["--lease", `${LEASE}ms`] };
const ONE = { durability: { replicas: 1 } } as const;

function contextOf(url: string, options: RemoteContextOptions = {}) {
  return getContext(url as EngineUrl, { lease: LEASE, authkey: AUTHKEY, startTimeout: PATIENCE, ...options });
}

/** A path at which the engine is, whoever that is; the URL of it. */
function placeOf(engine: Engine): string {
  Deno.symlinkSync(engine.socket, `${engine.socket}.place`);
  return `redis+unix://${engine.socket}.place`;
}

/** The first ends, and its replica is the engine from now on, at the same place. */
async function failsOver(engine: Engine): Promise<Engine> {
  const [replica] = engine.replicas;
  await engine.kill();
  await replica.command("REPLICAOF", "NO", "ONE");
  Deno.removeSync(`${engine.socket}.place`);
  Deno.symlinkSync(replica.socket, `${engine.socket}.place`);
  return replica;
}

/** No word of the first reaches its replica from now on. */
async function part(engine: Engine): Promise<void> {
  await engine.replicas[0].command("REPLICAOF", "127.0.0.1", "1");
}

engineTest("failover: a replica that lacks steps takes the place: StateLostError everywhere", async (engine) => {
  const url = placeOf(engine);
  await using _ = await startAgent(url, AGENT);
  using mp = contextOf(url);
  const [ready, word] = [new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: lives, args: [ready] });
  child.start();
  await within(ready.wait());
  const pid = child.pid!;
  await part(engine);
  await word.set();
  const replica = await failsOver(engine);
  await until("the end of the child", () => !isRunning(pid));
  await assertRejects(async () => await word.set(), StateLostError);
  await until("no keys of the tree", async () => (await replica.treeKeys()).length === 0);
  await engine.start(); // for what looks at it afterwards
}, { replicas: 1 });

engineTest("failover: with { replicas: 1 } nothing is lost, and all go on", async (engine) => {
  const url = placeOf(engine);
  await using _ = await startAgent(url, AGENT);
  using mp = contextOf(url, ONE);
  const [ready, word, answer] = [new mp.Event(), new mp.Event(), new mp.Event()];
  const child = new mp.Process({ target: answers, args: [ready, word, answer] });
  child.start();
  await within(ready.wait());
  await word.set();
  const replica = await failsOver(engine);
  await replica.addReplica(); // or nothing would count any more
  assert(await within(answer.wait()));
  await child.join();
  assertEquals(child.exitcode, 0);
  mp.close();
  await engine.start();
}, { replicas: 1 });

engineTest("failover: by a sentinel, which is asked who the engine is", async (engine) => {
  await using sentinel = new Sentinel(engine);
  await sentinel.ready();
  const group = `127.0.0.1:${freePort("127.0.0.1")},127.0.0.1:${sentinel.port}`; // one of them is not there
  const url = `redis+sentinel://${group}/${NAME}`;
  const root = rootOf({ url });
  const event = root.step("make", "event", "").text(0);
  await root.send("event_set", event);
  await engine.command("SET", "last", "1");
  await engine.command("WAIT", 1, 0);
  await sentinel.failOver(engine);
  assertEquals(root.step("event_look", event).text(0), "1");
  assertEquals((await root.send("make", "event", "")).number(0), 2);
  const [replica] = engine.replicas;
  assertEquals(await replica.command("GET", `mp:{${root.tree}}:objects`), "2");
  assertThrows(
    () => rootOf({ url: `redis+sentinel://${group}/other` }),
    EngineUnavailableError,
    "no primary of that name",
  );
  root.close();
  assertEquals(await replica.treeKeys(), []);
}, { replicas: 1 });

engineTest("durability: an answer counts when a replica has it, and so does what others have done", async (engine) => {
  const root = rootOf(engine, ONE);
  const event = root.step("make", "event", "").text(0);
  const waiting = root.wait("event_wait", [event], { timeout: Infinity });
  await root.send("adopt");
  const tree = BareTree.of(engine, root.tree);
  const [replica] = engine.replicas;
  let counted = 0;
  replica.freeze();
  const sent = root.send("make", "event", "").then(() => counted++);
  const heard = waiting.then(() => counted++);
  await tree.lane(await tree.member("other")).step("event_set", event);
  const objects = async () => await engine.command("GET", `${tree.prefix}objects`);
  await until("the step to be done", async () => await objects() === "2");
  assertEquals(counted, 0);
  replica.thaw();
  await within(Promise.all([sent, heard]));
  assertEquals(root.step("event_look", event).text(0), "1");
  await engine.command("FCALL", `${PREFIX}bury`, 1, tree.prefix, 2, "killed");
  root.close();
}, { replicas: 1 });

engineTest("durability: too few replicas are as an engine that is away", async (engine) => {
  const root = rootOf(engine, { ...ONE, patience: 200 });
  await part(engine);
  await assertRejects(() => root.send("adopt"), EngineUnavailableError, "0 of 1 replicas have what it was given");
  assertThrows(() => root.step("adopt"), EngineUnavailableError, "0 of 1 replicas");
  assertThrows(() => rootOf(engine, ONE), EngineUnavailableError, "0 of 1 replicas");
  root.close();
}, { replicas: 1, leavesTrees: true });

for (const [persistence, wanted] of [["none", '"appendonly yes"'], ["everysec", "always"]] as const) {
  engineTest(`durability: "disk" is refused by an engine that keeps ${persistence}`, (engine) => {
    const open = () => rootOf(engine, { durability: "disk" });
    if (persistence === "everysec" && waitsForDisk(engine)) return void open().close();
    assertThrows(open, Deno.errors.NotSupported, wanted);
  }, { persistence });
}

engineTest('durability: "disk" keeps what was answered, whatever the power does', async (engine) => {
  const root = rootOf(engine, { durability: "disk" });
  const event = root.step("make", "event", "").text(0);
  await root.send("event_set", event);
  await engine.restart();
  assertEquals(root.step("event_look", event).text(0), "1");
  root.close();
}, { persistence: "always" });

/** Whether it is one that has `WAITAOF`. */
function waitsForDisk(engine: Engine): boolean {
  return !/version=7\.0/.test(engine.log());
}
