// Calls with a time limit while the engine is away: they end at that limit, a little later at most, long before `patience`.
// What they are given when the engine is back is given back; where nobody knows whether something was done, they say so.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { EngineUnavailableError } from "@parallel/multiprocessing";
import { RemoteBarrier } from "../../src/engine/barrier.ts";
import { RemoteCondition } from "../../src/engine/condition.ts";
import { RemoteEvent } from "../../src/engine/event.ts";
import { RemoteJoinableQueue } from "../../src/engine/joinable_queue.ts";
import { RemoteLock } from "../../src/engine/lock.ts";
import { Owed } from "../../src/engine/owed.ts";
import { remotePipe } from "../../src/engine/pipe.ts";
import { RemoteQueue } from "../../src/engine/queue.ts";
import { RemoteSemaphore } from "../../src/engine/semaphore.ts";
import type { Engine } from "../support/engine.ts";
import { assertAllReject, PATIENCE, until } from "../support/helpers.ts";
import { type Stage, stageTest } from "../support/remote.ts";

/** So long that a call which waits for it makes its test hang. */
const PATIENT = { patience: 10 * PATIENCE };
const TIME = { timeout: 100 };

/** Freezes an engine, until this is disposed of. */
function freeze(engine: Engine): Disposable {
  engine.freeze();
  return { [Symbol.dispose]: () => engine.thaw() };
}

/** What empty queues throw. */
function assertNamed(error: unknown, name: string): void {
  assertEquals((error as Error).name, name);
}

/** Waits until a lock was acquired so often, and is free. */
async function untilFree({ engine, session }: Stage, lock: RemoteLock, acquisitions: number): Promise<void> {
  const key = `mp:{${session.tree}}:o:${lock.handle.id}`;
  await until("the lock to be free again", async () => {
    const [owner, token] = await engine.command("HMGET", key, "owner", "token") as (string | null)[];
    return owner === null && token === `${acquisitions}`;
  });
}

stageTest(
  "promises with a time limit end at it while the engine is away; what they get is given back",
  async (stage) => {
    const { engine, session } = stage;
    using lock = new RemoteLock(session);
    using semaphore = new RemoteSemaphore(session, 1);
    using event = new RemoteEvent(session);
    using queue = new RemoteQueue<number>(session);
    using tasks = new RemoteJoinableQueue<number>(session);
    queue.putSync(1);
    using back = freeze(engine);
    const calls = [lock.acquire(TIME), semaphore.acquire(TIME), event.wait(TIME), tasks.join(TIME)];
    const got = queue.get(TIME);
    assertNamed(await assertRejects(() => got), "Empty");
    assertEquals(await Promise.all(calls), [null, null, false, false]);
    back[Symbol.dispose]();
    await untilFree(stage, lock, 1);
    await until("the semaphore to be free again", () => semaphore.getValue() === 1);
    await until("the value to be in the queue again", () => queue.qsize() === 1);
    assertEquals(await queue.get(), 1);
  },
  PATIENT,
);

stageTest("a get with a time limit or a signal heeds it behind gets without", async ({ engine, session }) => {
  using queue = new RemoteQueue<number>(session);
  const controller = new AbortController();
  using back = freeze(engine);
  const patient = [queue.get(), queue.get()];
  const [limited, aborted] = [queue.get(TIME), queue.get({ signal: controller.signal })];
  controller.abort(new Error("not wanted"));
  await assertRejects(() => aborted, Error, "not wanted");
  assertNamed(await assertRejects(() => limited), "Empty");
  back[Symbol.dispose]();
  for (const it of [1, 2]) queue.putSync(it);
  assertEquals(await Promise.all(patient), [1, 2]);
}, PATIENT);

stageTest(
  "a thread with a time limit goes on at it while the engine is away, with what it gets given back",
  async (stage) => {
    const { engine, session } = stage;
    using lock = new RemoteLock(session);
    using semaphore = new RemoteSemaphore(session, 1);
    using event = new RemoteEvent(session);
    using queue = new RemoteQueue<number>(session);
    using tasks = new RemoteJoinableQueue<number>(session);
    queue.putSync(1);
    using back = freeze(engine);
    assertEquals(lock.acquireSync(TIME), null);
    assertEquals(semaphore.acquireSync(TIME), null);
    assertEquals([event.waitSync(TIME), tasks.joinSync(TIME)], [false, false]);
    assertNamed(assertThrows(() => queue.getSync(TIME)), "Empty");
    back[Symbol.dispose]();
    session.step("close"); // whatever is done next in this thread
    await untilFree(stage, lock, 1);
    assertEquals([semaphore.getValue(), queue.qsize()], [1, 1]);
  },
  PATIENT,
);

stageTest("a wait that had begun ends at its limit as well, and so does one that follows it", async (stage) => {
  const { engine, session, join } = stage;
  using lock = new RemoteLock(session);
  const other = await join();
  await other.step("lock_acquire", lock.handle.id, 1);
  const waiting = lock.acquire({ timeout: 1_000 });
  await session.send("lock_look", lock.handle.id); // it waits in the engine now
  using back = freeze(engine);
  assertEquals(await waiting, null);
  assertEquals(lock.acquireSync(TIME), null);
  assertEquals(lock.acquireSync(TIME), null);
  back[Symbol.dispose]();
  await other.step("lock_release", lock.handle.id, 1);
  session.step("close");
  await until("the lock to be free", () => !lock.locked());
}, PATIENT);

stageTest("a put with a time limit says that nobody knows whether it was done", async ({ engine, session }) => {
  using bounded = new RemoteQueue<number>(session, 2);
  using free = new RemoteQueue<number>(session);
  using back = freeze(engine);
  for (const queue of [bounded, free]) {
    const error = await assertRejects(() => queue.put(1, TIME), EngineUnavailableError, "it may be done yet");
    assertEquals(error.cause, undefined);
    assertThrows(() => queue.putSync(2, TIME), EngineUnavailableError, "in time");
  }
  back[Symbol.dispose]();
  assert(bounded.qsize() <= 2);
}, PATIENT);

stageTest("a put that is aborted ends, too, with the reason as the cause", async ({ engine, session }) => {
  using queue = new RemoteQueue<number>(session, 1);
  const controller = new AbortController();
  using back = freeze(engine);
  const putting = queue.put(1, { signal: controller.signal });
  controller.abort(new Error("not wanted"));
  const error = await assertRejects(() => putting, EngineUnavailableError);
  assertEquals(error.cause, controller.signal.reason);
  back[Symbol.dispose]();
}, PATIENT);

stageTest("a send that is aborted, or whose end is closed, ends as well", async ({ engine, session }) => {
  const [a, b] = remotePipe<number>(session);
  const controller = new AbortController();
  using back = freeze(engine);
  const sending = [a.send(1, { signal: controller.signal }), b.send(2)];
  controller.abort(new Error("not wanted"));
  b.close();
  await assertAllReject(sending, EngineUnavailableError);
  back[Symbol.dispose]();
  a.close();
}, PATIENT);

stageTest(
  "a barrier's wait says that nobody knows, and is broken for the others afterwards",
  async ({ engine, session }) => {
    using barrier = new RemoteBarrier(session, 2);
    using back = freeze(engine);
    const waiting = barrier.wait(TIME);
    await assertRejects(() => waiting, EngineUnavailableError);
    assertThrows(() => barrier.waitSync(TIME), EngineUnavailableError);
    back[Symbol.dispose]();
    await until("the barrier to be broken", () => barrier.broken);
  },
  PATIENT,
);

stageTest("a condition's wait of a thread ends without its lock, which is free afterwards", async (stage) => {
  const { engine, session } = stage;
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  lock.acquireSync();
  using back = freeze(engine);
  assertThrows(() => condition.waitSync(TIME), EngineUnavailableError);
  back[Symbol.dispose]();
  session.step("close");
  await untilFree(stage, lock, 1);
  assertMatch(`${condition}`, /, 0\)>$/, "nobody waits");
  assertEquals(lock.heldHere(), false);
}, PATIENT);

stageTest("a condition's wait that is given up does not have its lock again, whoever holds that", async (stage) => {
  const { engine, session, join } = stage;
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  lock.acquireSync();
  const other = await join();
  await other.step("lock_acquire", lock.handle.id, 1); // it is next
  using back = freeze(engine);
  assertThrows(() => condition.waitSync(TIME), EngineUnavailableError);
  back[Symbol.dispose]();
  session.step("close"); // which does not wait for the lock
  assertEquals(session.step("lock_look", lock.handle.id).text(0), `${other.member}/1`);
  await other.step("lock_release", lock.handle.id, 1);
  assertEquals(lock.locked(), false);
}, PATIENT);

stageTest("a condition's wait that was not begun keeps its lock", async ({ engine, session }) => {
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  lock.acquireSync();
  using back = freeze(engine);
  const before = session.send("close"); // which is to be answered first
  assertThrows(() => condition.waitSync(TIME), EngineUnavailableError);
  back[Symbol.dispose]();
  await before;
  assertEquals(lock.heldHere(), true);
  lock.release();
  assertEquals(lock.locked(), false);
}, PATIENT);

Deno.test("what a thread owes is not asked for by each promise while the engine is away", () => {
  let attempts = 0;
  const owed = new Owed(() => {
    attempts++;
    throw new EngineUnavailableError("away");
  });
  owed.add({ isToBeDone: false });
  for (let i = 0; i < 10; i++) owed.trySettle();
  assertEquals(attempts, 1);
  assertThrows(() => owed.settle(1), EngineUnavailableError);
  assertEquals(attempts, 2, "who blocks asks at once");
  owed.forget();
});

stageTest("an engine that is back is heard by calls with the shortest limit", async ({ engine, session }) => {
  using lock = new RemoteLock(session);
  using back = freeze(engine);
  assertEquals(lock.acquireSync({ timeout: 1 }), null);
  back[Symbol.dispose]();
  await until("the lock", () => {
    const guard = lock.acquireSync({ timeout: 1 });
    guard?.release();
    return guard !== null;
  });
}, PATIENT);
