// Waits that are given up since the engine is away for longer than a session's patience: what they get afterwards, when it
// is back, goes back to it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EngineUnavailableError, InvalidStateError } from "@parallel/multiprocessing";
import { RemoteBarrier } from "../../src/engine/barrier.ts";
import { RemoteCondition } from "../../src/engine/condition.ts";
import { RemoteEvent } from "../../src/engine/event.ts";
import { RemoteLock } from "../../src/engine/lock.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import { RemoteRLock } from "../../src/engine/rlock.ts";
import { RemoteSemaphore } from "../../src/engine/semaphore.ts";
import { assertAllReject, PATIENCE, until } from "../support/helpers.ts";
import { goesOn, isAnswered, type Stage, stageTest } from "../support/remote.ts";
import type { Reply } from "../support/resp.ts";

/**
 * The mailbox is read for a quarter of the lease at a time; an answer that is overdue then says that the engine is away.
 * The patience is shorter than a connection takes on a busy machine: who is to be answered waits for `goesOn` first.
 */
const IMPATIENT = { patience: 100, lease: 12_000 };

/** Waits until a lock has been acquired so often, and is free again. */
async function untilFree(
  { engine, session }: Stage,
  lock: RemoteLock | RemoteRLock,
  acquisitions: number,
): Promise<void> {
  const key = `mp:{${session.tree}}:o:${lock.handle.id}`;
  await until("the lock to be free again", async () => {
    const [owner, token] = await engine.command("HMGET", key, "owner", "token") as Reply[];
    return owner === null && token === `${acquisitions}`;
  });
}

stageTest("what is got when the engine is back, after it was given up, is given back", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using semaphore = new RemoteSemaphore(session, 1);
  engine.freeze();
  await assertAllReject([lock.acquire(), semaphore.acquire()], EngineUnavailableError);
  await goesOn(stage);
  await untilFree(stage, lock, 1);
  await until("the semaphore to be free again", () => semaphore.getValue() === 1);
}, IMPATIENT);

stageTest(
  "gets of one turn that were given up give back what they get, and what they tell of is told",
  async (stage) => {
    const { engine, session } = stage;
    using queue = new RemoteQueue<string>(session, 0, { onConsumerDeath: "redeliver" });
    for (const text of ["dealt with", "given back", "and this"]) await queue.put(text);
    assertEquals(await queue.get(), "dealt with"); // the next gets say so
    const other = new RemoteQueue<string>(session);
    engine.freeze();
    await assertAllReject([queue.get(), queue.get()], EngineUnavailableError);
    const closed = [other.get(), other.get()];
    await Promise.resolve(); // they are sent
    other.close();
    await assertAllReject(closed, InvalidStateError); // however long it takes
    await goesOn(stage);
    const takes = async () => (await engine.treeKeys()).filter((key) => key.endsWith(":k"));
    const isBack = async () => queue.qsize() === 2 && (await takes()).length === 0;
    await until("nothing to be taken", isBack);
  },
  IMPATIENT,
);

stageTest("what is to be given back while the engine is away is given back when it is there again", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using semaphore = new RemoteSemaphore(session, 1);
  using queue = new RemoteQueue<number>(session);
  queue.putSync(1);
  const abort = new AbortController();
  const { signal } = abort;
  const got = [lock.acquire({ signal }), semaphore.acquire({ signal }), queue.get({ signal })];
  session.step("close"); // comes after them: all three are given, and this thread has not heard of it
  engine.freeze();
  abort.abort(new Error("never mind"));
  await assertAllReject(got, Error, "never mind");
  // The first of these is sent once the answers were heard, the second is given up after what was to be given back.
  for (let i = 0; i < 2; i++) await assertRejects(() => session.send("close"), EngineUnavailableError);
  await goesOn(stage);
  await untilFree(stage, lock, 1);
  assertEquals([semaphore.getValue(), queue.qsize()], [1, 1]);
}, IMPATIENT);

stageTest("a condition's wait that was given up leaves its lock free", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  const guard = lock.acquireSync();
  const waiting = condition.wait();
  await session.send("lock_look", lock.handle.id);
  engine.freeze();
  await assertRejects(() => waiting, EngineUnavailableError);
  await goesOn(stage);
  await untilFree(stage, lock, 2);
  assertEquals([lock.heldHere(), guard.token], [false, 1]);
}, IMPATIENT);

stageTest(
  "an engine that refuses whatever writes is away for that time, and nobody ends",
  async ({ engine, session }) => {
    await engine.command("CONFIG", "SET", "min-replicas-to-write", "1");
    await assertRejects(() => session.send("make", "event", ""), EngineUnavailableError, "NOREPLICAS");
    assertThrows(() => session.step("make", "event", ""), EngineUnavailableError);
    await engine.command("CONFIG", "SET", "min-replicas-to-write", "0");
    await until("the engine to do steps again", () => isAnswered(() => session.send("make", "event", "")));
  },
  IMPATIENT,
);

for (const [Kind, form] of [[RemoteRLock, "acquireSync"], [RemoteLock, "tryAcquire"]] as const) {
  stageTest(`what ${form}() of a ${Kind.name} that was given up has got is given back`, async (stage) => {
    const { engine, session } = stage;
    using lock = new Kind(session);
    engine.freeze();
    assertThrows(() => lock[form](), EngineUnavailableError);
    await goesOn(stage);
    await untilFree(stage, lock, 1);
    using again = lock.acquireSync();
    assertEquals(again.token, 2);
  }, IMPATIENT);
}

stageTest("what a semaphore has given to a thread that had given up is given back", async (stage) => {
  const { engine, session } = stage;
  using semaphore = new RemoteSemaphore(session, 2);
  engine.freeze();
  assertThrows(() => semaphore.acquireSync(), EngineUnavailableError);
  await goesOn(stage);
  await until("the semaphore to be free again", () => semaphore.getValue() === 2);
}, IMPATIENT);

stageTest("a condition's wait that a thread has given up leaves its lock free", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  lock.acquireSync();
  engine.freeze();
  assertThrows(() => condition.waitSync(), EngineUnavailableError);
  await goesOn(stage);
  await untilFree(stage, lock, 1); // as before: it is not given to who has gone on
  assertEquals(lock.heldHere(), false);
}, IMPATIENT);

stageTest(
  "a barrier whose action was to be run by a thread that had given up is broken",
  async (stage) => {
    const { engine, session } = stage;
    using barrier = new RemoteBarrier(session, 1, { action: () => {} });
    engine.freeze();
    assertThrows(() => barrier.waitSync(), EngineUnavailableError);
    await goesOn(stage);
    await until("the barrier to be broken", () => barrier.broken);
  },
  IMPATIENT,
);

stageTest("a time that is too long to be added to another is as good as none", async ({ session }) => {
  using event = new RemoteEvent(session);
  const waiting = event.wait({ timeout: Number.MAX_VALUE });
  event.set();
  assertEquals([await waiting, event.waitSync({ timeout: Number.MAX_VALUE })], [true, true]);
});

stageTest("what queues and handles were told is done as a whole, or not at all, or undone", async (stage) => {
  const { engine, session } = stage;
  using numbers = new RemoteQueue<number>(session);
  using texts = new RemoteQueue<string>(session, 3);
  numbers.putSync(1);
  const long = "x".repeat(100_000);
  const event = new RemoteEvent(session);
  const isThere = async () => await engine.command("EXISTS", `mp:{${session.tree}}:o:${id}`) === 1;
  const id = session.step("make", "event", "").number(0) - 1; // that of the event before
  assert(await isThere());
  engine.freeze();
  const given = [numbers.get({ timeout: 0 }), texts.put(long)];
  event[Symbol.dispose]();
  await assertAllReject(given, EngineUnavailableError);
  await goesOn(stage);
  assertEquals(await numbers.get({ timeout: PATIENCE }), 1);
  await until("the event to be gone", async () => !await isThere());
  const got: string[] = [];
  while (!texts.empty()) got.push(await texts.get({ timeout: PATIENCE }));
  assert(got.every((it) => it === long));
}, IMPATIENT);
