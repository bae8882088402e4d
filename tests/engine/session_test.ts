// A process's membership in a tree: steps in the thread and by promises, waits, looks, and the end.

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { EngineUnavailableError, FencedError, InvalidStateError, ProcessError, StateLostError } from "../../mod.ts";
import type { Answer } from "../../src/engine/answer.ts";
import { RemoteEvent } from "../../src/engine/event.ts";
import { engineTest } from "../support/engine.ts";
import { stateOf, until } from "../support/helpers.ts";
import { PREFIX } from "../support/library.ts";
import { WorkerProxy } from "../support/proxy_worker.ts";
import { rootOf, visitorOf } from "../support/sessions.ts";

engineTest("a step is answered in its thread, and by a promise", async (engine) => {
  const session = rootOf(engine);
  assertEquals(session.member, 1);
  const made = session.step("make", "list", "");
  assertEquals(made.refusal, null);
  const promised = await session.send("make", "list", "");
  assertEquals(promised.number(0), made.number(0) + 1);
  session.close();
  assertEquals(session.closed, true);
  assertThrows(() => session.step("make", "list", ""), InvalidStateError, "closed");
  await assertRejects(() => session.send("make", "list", ""), InvalidStateError, "closed");
});

engineTest(
  "promised steps are done in the order of the calls, and before a blocking step that comes after",
  async (engine) => {
    const session = rootOf(engine);
    const promised = Array.from({ length: 1000 }, () => session.send("make", "list", ""));
    const after = session.step("make", "list", "").number(0);
    const ids = (await Promise.all(promised)).map((it) => it.number(0));
    assertEquals(ids, Array.from(ids, (_, i) => ids[0] + i));
    assertEquals(after, ids[0] + 1000);
    session.close();
  },
);

engineTest("an engine that has forgotten the tree ends the session", async (engine) => {
  const session = rootOf(engine);
  const lost = new Promise<unknown[]>((resolve) => session.on("lost", (...parts) => resolve(parts)));
  await engine.restart();
  const error = await assertRejects(() => session.send("make", "list", ""), StateLostError);
  assertInstanceOf(error, StateLostError);
  await lost;
  assertThrows(() => session.step("make", "list", ""), StateLostError);
  session.close();
});

engineTest(
  "a wait ends in time, in its thread and by a promise, and what was aborted is given back",
  async (engine) => {
    const session = rootOf(engine);
    const event = session.step("make", "event", "").text(0);
    assertEquals(session.waitSync("event_wait", [event], { timeout: 1 }), null);
    assertEquals(session.waitSync("event_wait", [event], { timeout: 0 }), null);
    assertEquals(await session.wait("event_wait", [event], { timeout: 1 }), null);
    const aborting = new AbortController();
    const aborted = session.wait("event_wait", [event], { timeout: Infinity, signal: aborting.signal });
    aborting.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    const waiting = session.wait("event_wait", [event], { timeout: Infinity });
    session.step("event_set", event);
    assertEquals((await waiting)?.refusal, null);
    assertEquals(session.waitSync("event_wait", [event], { timeout: Infinity })?.refusal, null);
    session.close();
  },
);

engineTest("connections that the server has closed are made anew", async (engine) => {
  const session = rootOf(engine);
  session.step("make", "event", "");
  // The server closes the connections: the next steps find them so.
  await engine.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  assertEquals(session.step("make", "event", "").number(0), 2);
  assertEquals((await session.send("make", "event", "")).number(0), 3);
  session.close();
});

engineTest("an engine that is away too long is unavailable; what it gives afterwards is given back", async (engine) => {
  // It is away at its port alone: at its socket somebody else goes on.
  const session = rootOf({ url: engine.tcpUrl }, { patience: 2_000 });
  const visitor = visitorOf(engine, session);
  const event = session.step("make", "event", "").text(0);
  const given: string[] = [];
  const giveBack = (answer: Answer) => void given.push(answer.refusal ?? "ok");
  const wait = session.wait("event_wait", [event], { timeout: Infinity, giveBack });
  const unavailable = assertRejects(() => wait, EngineUnavailableError, "Cannot reach the engine");
  await session.send("event_look", event);
  await engine.command("CONFIG", "SET", "port", "0");
  await engine.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await unavailable;
  assertThrows(() => session.step("event_look", event), EngineUnavailableError);
  await assertRejects(() => session.send("event_set", event), EngineUnavailableError);
  assertEquals(given, []);
  // What was waited for comes while nobody can be told.
  assertEquals(visitor.step("event_set", event).refusal, null);
  await engine.command("CONFIG", "SET", "port", engine.port);
  await until("it to be given back", () => given.length > 0);
  assertEquals(given, ["ok"]);
  visitor.close();
  session.close();
});

engineTest("an engine whose memory is full refuses what needs more", async (engine) => {
  const session = rootOf(engine);
  const list = session.step("make", "event", "").text(0);
  await engine.command("CONFIG", "SET", "maxmemory", "1");
  assertThrows(() => session.step("make", "event", ""), ProcessError, "memory is full");
  await assertRejects(() => session.send("make", "event", ""), ProcessError, "memory is full");
  assertEquals(session.step("event_set", list).refusal, null);
  await engine.command("CONFIG", "SET", "maxmemory", "0");
  assertEquals(session.step("make", "event", "").refusal, null);
  session.close();
});

engineTest("a member that was buried is refused, and hears of it", async (engine) => {
  const session = rootOf(engine);
  const lost = new Promise<Uint8Array[]>((resolve) => session.on("lost", (...parts) => resolve(parts)));
  session.step("make", "event", "");
  await engine.command("FCALL", `${PREFIX}bury`, "1", `mp:{${session.tree}}:`, "1", "host lost");
  assertThrows(() => session.step("make", "event", ""), FencedError, "declared dead");
  await assertRejects(() => session.send("make", "event", ""), FencedError);
  assertEquals(new TextDecoder().decode((await lost)[0]), "fenced");
  session.close();
}, { leavesTrees: true });

engineTest("a server that drops keys, or is another's replica, is refused; a password is not shown", async (engine) => {
  const error = assertThrows(() => rootOf(engine, { url: engine.url.replace("://", "://me:secret@") }), Error);
  assertEquals(error.message.includes("secret"), false);
  await engine.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
  assertThrows(() => rootOf(engine), ProcessError, `wanted "noeviction"`);
  await engine.command("CONFIG", "SET", "maxmemory-policy", "noeviction");
  await engine.addReplica();
  assertThrows(() => rootOf(engine, { url: engine.replicas[0].url }), ProcessError, "it is a replica");
});

engineTest(
  "process groups in the ward are stopped when the engine is not heard of, go on, and end with the member",
  async (engine) => {
    const session = rootOf(engine, { lease: 2_000 });
    const child = new Deno.Command("sleep", { args: ["1000"] }).spawn();
    session.ward(child.pid, true);
    engine.freeze();
    await until("the child to be stopped", () => stateOf(child.pid) === "T");
    engine.thaw();
    await until("the child to go on", () => stateOf(child.pid) === "S");
    assertEquals(session.step("make", "event", "").refusal, null);
    await engine.command("FCALL", `${PREFIX}bury`, "1", `mp:{${session.tree}}:`, "1", "host lost");
    assertEquals((await child.status).signal, "SIGKILL");
    session.close();
  },
  { leavesTrees: true },
);

engineTest("who ends while the engine answers nothing, and has nothing else to say, asks it once", async (engine) => {
  using proxy = await WorkerProxy.start({ hostname: "127.0.0.1", port: engine.port });
  const session = rootOf({ url: proxy.url }, { lease: 3_600_000, patience: 600_000 });
  const event = new RemoteEvent(session);
  const waiting = assertRejects(() => event.wait(), InvalidStateError);
  await session.send("close"); // it waits in the engine now
  assertEquals(event.isSet(), false); // the thread is connected as well
  engine.freeze();
  try {
    const before = await proxy.connections();
    session.close();
    assertEquals(await proxy.connections() - before, 1);
    await waiting;
  } finally {
    engine.thaw();
  }
}, { leavesTrees: true });
