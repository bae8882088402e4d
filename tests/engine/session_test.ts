// A process's membership in a tree: steps in the thread and by promises, waits, looks, and the end.

import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { openSession, type Session, type SessionSettings } from "../../src/engine/session.ts";
import { InvalidStateError, StateLostError } from "../../mod.ts";
import { type Engine, engineTest } from "../support/engine.ts";

/** The root of a new tree. */
function rootOf(engine: Engine, settings: Partial<SessionSettings> = {}): Session {
  return openSession({
    url: engine.url,
    shown: engine.url,
    tree: crypto.randomUUID().replaceAll("-", ""),
    member: 0,
    name: "MainProcess",
    host: "here",
    pid: Deno.pid,
    lease: 30_000,
    patience: 10_000,
    beats: true,
    durability: "memory",
    maxMessage: 64 << 20,
    ...settings,
  });
}

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
