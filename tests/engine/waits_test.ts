// Conditions, events and barriers on an engine: this process waits and wakes, and so do others, which live or die.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { BrokenBarrierError, InvalidStateError, OwnerDiedError } from "@parallel/multiprocessing";
import { RemoteBarrier } from "../../src/engine/barrier.ts";
import { RemoteCondition } from "../../src/engine/condition.ts";
import { RemoteEvent } from "../../src/engine/event.ts";
import { RemoteLock } from "../../src/engine/lock.ts";
import { readMessage, writeMessage } from "../../src/engine/messages.ts";
import { RemoteRLock } from "../../src/engine/rlock.ts";
import type { Session } from "../../src/engine/session.ts";
import { PATIENCE, until } from "../support/helpers.ts";
import type { Player } from "../support/player.ts";
import { stageTest } from "../support/remote.ts";

const FOREVER = { timeout: PATIENCE };

/** What the engine calls what a message with `it` speaks of, in order. */
function idsOf(session: Session, it: object): string[] {
  const message = writeMessage(session, it);
  message.letGo();
  return message.objects.split(" ");
}

/** Has a player have it, too; its id. */
async function shared(session: Session, it: object, player: Player): Promise<string> {
  const ids = idsOf(session, it);
  await player.step("adopt", ...ids);
  return ids[0];
}

stageTest("a wait lets go of the lock, and has it again with a higher token", async ({ session, join }) => {
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  const other = await join();
  const id = await shared(session, condition, other);
  using guard = await condition.acquire();
  assertEquals(guard.token, 1);
  const waiting = condition.wait(FOREVER);
  await until("the lock to be free", async () => (await other.step("lock_try", lock.handle.id, 1))[0] === "ok");
  assertEquals(`${condition}`, "<Condition(<Lock(owner=SomeOtherProcess)>, 1)>");
  assertEquals(await other.step("condition_notify", id, 1, 5), ["ok", "1"]);
  await other.step("lock_release", lock.handle.id, 1);
  assertEquals(await waiting, true);
  assertEquals([guard.token, lock.heldHere(), `${lock}`], [3, true, "<Lock(owner=MainProcess)>"]);
});

stageTest("a wait that ends otherwise has the lock again, too", async ({ session }) => {
  using condition = new RemoteCondition(session);
  await assertRejects(() => condition.wait(), InvalidStateError, "this thread does not hold its lock");
  assertThrows(() => condition.waitSync({ timeout: 1 }), InvalidStateError, "must acquire() condition");
  assertThrows(() => condition.notify(), InvalidStateError, "lock is not owned");
  using _ = await condition.acquire();
  using _deeper = condition.acquireSync();
  assertEquals([await condition.wait({ timeout: 1 }), condition.waitSync({ timeout: 1 })], [false, false]);
  assertEquals(`${condition}`, "<Condition(<RLock(MainProcess, 2)>, 0)>");
  const controller = new AbortController();
  const aborted = condition.wait({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals(`${condition}`, "<Condition(<RLock(MainProcess, 2)>, 0)>");
  assertEquals([await condition.waitFor(() => 0, { timeout: 2 }), condition.waitForSync(() => "x")], [0, "x"]);
  assertThrows(() => condition.waitForSync(() => Promise.resolve(1)), TypeError, "await waitFor() instead");
  condition.notifyAll();
});

stageTest("a condition or its lock that is closed ends the waits", async ({ session }) => {
  const lock = new RemoteLock(session);
  const condition = new RemoteCondition(session, lock);
  await condition.acquire();
  const waiting = condition.wait();
  condition[Symbol.dispose]();
  await assertRejects(() => waiting, InvalidStateError, "Cannot wait for the Condition: the Condition is closed");
  assert(lock.locked());
  const again = new RemoteCondition(session, lock);
  const [id] = idsOf(session, lock);
  session.step("adopt", id);
  const late = again.wait();
  lock[Symbol.dispose]();
  await assertRejects(() => late, InvalidStateError, "Cannot wait with the Lock: the Lock is closed");
  await until("the lock to be free", () => session.step("lock_look", id).text(0) === "");
  assertEquals(`${condition}`, "<Condition(closed)>");
  again[Symbol.dispose]();
  session.step("close", id, 1);
});

stageTest("a wait whose lock comes from the dead says so, and has it", async ({ session, join }) => {
  using lock = new RemoteRLock(session);
  using condition = new RemoteCondition(session, lock);
  const other = await join();
  const id = await shared(session, condition, other);
  using _ = condition.acquireSync();
  const told = assertRejects(() => condition.wait(FOREVER), OwnerDiedError, "it is held again");
  await until("the lock to be free", async () => (await other.step("lock_try", lock.handle.id, 1))[0] === "ok");
  await other.step("condition_notify", id, 1, 1);
  await other.bury("ended with exit code 0");
  const error = await told;
  assertStringIncludes(error.message, 'Cannot wait with the RLock: "Process-2" (pid 102) ended with exit code 0');
  assertEquals(`${lock}`, "<RLock(MainProcess, 1)>");
});

stageTest("what one that is buried was notified of goes to another", async ({ session, join }) => {
  using lock = new RemoteLock(session);
  using condition = new RemoteCondition(session, lock);
  const other = await join();
  const id = await shared(session, condition, other);
  await other.step("lock_acquire", lock.handle.id, 1);
  await other.step("condition_wait", id, 1);
  using _ = condition.acquireSync();
  const waiting = condition.wait(FOREVER);
  await lock.acquire();
  condition.notify(); // the other, which came first, but does not get the lock before it is buried
  await other.bury();
  lock.release();
  assertEquals(await waiting, true);
});

stageTest("an Event releases who waits, and is looked at", async ({ session, join }) => {
  using event = new RemoteEvent(session, { name: "go" });
  const other = await join();
  const id = await shared(session, event, other);
  assertEquals([event.isSet(), event.waitSync({ timeout: 1 }), await event.wait({ timeout: 0 })], [
    false,
    false,
    false,
  ]);
  assertEquals(`${event}`, `<Event at 0x${Number(id).toString(16)} unset name='go'>`);
  const waits = [event.wait(FOREVER), event.wait(FOREVER)];
  const controller = new AbortController();
  const aborted = event.wait({ signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  await session.send("event_look", id);
  await other.step("event_set", id);
  await other.step("event_clear", id);
  assertEquals(await Promise.all(waits), [true, true]);
  event.set();
  assertEquals([event.isSet(), event.waitSync(), await event.wait()], [true, true, true]);
  event.clear();
  const closed = event.wait();
  event[Symbol.dispose]();
  await assertRejects(() => closed, InvalidStateError, 'Cannot wait for the Event "go": the Event is closed');
});

stageTest("a Barrier lets go when all are there, and the last runs the action", async ({ session, join }) => {
  const log: string[] = [];
  using barrier: RemoteBarrier = new RemoteBarrier(session, 3, {
    action: () => log.push(`action ${barrier.nWaiting}`),
  });
  const other = await join();
  await assertRejects(() => shared(session, barrier, other), Error, "action"); // it is no export of a module
  const waits = [barrier.wait(), barrier.wait()];
  await session.send("barrier_look", "0");
  assertEquals([barrier.nWaiting, `${barrier}`.includes("waiters=2/3")], [2, true]);
  assertEquals(barrier.waitSync(FOREVER), 2);
  assertEquals(await Promise.all(waits), [0, 1]);
  assertEquals(await Promise.all([barrier.wait(), barrier.wait(), barrier.wait()]), [0, 1, 2]);
  assertEquals(log, ["action 0", "action 0"]);
});

stageTest("a Barrier is broken by time, abort, its action and abort(), until it is reset", async ({ session }) => {
  using barrier = new RemoteBarrier(session, 2, { timeout: 1 });
  await assertRejects(() => barrier.wait(), BrokenBarrierError, "another party timed out");
  assertThrows(() => barrier.waitSync(), BrokenBarrierError);
  assert(barrier.broken);
  barrier.reset();
  assert(!barrier.broken);
  assertThrows(() => barrier.waitSync(), BrokenBarrierError);
  barrier.reset();
  const controller = new AbortController();
  const other = barrier.wait({ timeout: null });
  const aborted = barrier.wait({ timeout: null, signal: controller.signal });
  assertEquals(await Promise.all([other, aborted]), [0, 1]);
  const left = barrier.wait({ timeout: null, signal: controller.signal });
  controller.abort(new Error("enough"));
  await assertRejects(() => left, Error, "enough");
  assert(barrier.broken);
  barrier.reset();
  const waiting = assertRejects(() => barrier.wait({ timeout: null }), BrokenBarrierError, "was reset");
  await session.send("barrier_look", "0");
  barrier.abort();
  await waiting;
  using failing = new RemoteBarrier(session, 1, {
    action: () => {
      throw new RangeError("no");
    },
  });
  await assertRejects(() => failing.wait(), RangeError, "no");
  assert(failing.broken);
  const asynchronous = new RemoteBarrier(session, 1, { action: () => Promise.resolve() });
  assertThrows(() => asynchronous.waitSync(), TypeError, "use wait() instead of waitSync()");
  asynchronous.reset();
  assertEquals(await asynchronous.wait(), 0);
  asynchronous[Symbol.dispose]();
  assertThrows(() => asynchronous.parties, InvalidStateError, "Cannot look at the Barrier: the Barrier is closed");
});

stageTest("a Barrier is broken by the death of a party that waits, and of one that is to come again", async (stage) => {
  const { session, join } = stage;
  using barrier = new RemoteBarrier(session, 2);
  const other = await join();
  const id = await shared(session, barrier, other);
  const told = '"Process-2" (pid 102) was ended by SIGKILL, which was one of its parties';
  const passed = barrier.wait();
  await other.step("barrier_wait", id, 0);
  await passed;
  const error = assertRejects(() => barrier.wait(), BrokenBarrierError);
  await session.send("barrier_look", id);
  await other.bury();
  assertStringIncludes((await error).message, told);
  barrier.reset();
  using three = new RemoteBarrier(session, 3);
  const third = await join();
  const at = await shared(session, three, third);
  const broken = assertRejects(() => three.wait(), BrokenBarrierError);
  await third.step("barrier_wait", at, 0);
  await third.bury("host lost");
  assertStringIncludes((await broken).message, '"Process-3" (pid 103) was lost with its host "host-3"');
});

stageTest("conditions, events and barriers travel in messages of their tree", async ({ session }) => {
  using condition = new RemoteCondition(session, undefined, { name: "c" });
  using event = new RemoteEvent(session);
  using barrier = new RemoteBarrier(session, 2, { timeout: PATIENCE });
  const given = { condition, event, barrier };
  const message = writeMessage(session, given);
  session.step("adopt", ...message.objects.split(" "));
  const copy = readMessage(session, message.bytes, message.objects) as typeof given;
  message.letGo();
  assertInstanceOf(copy.condition, RemoteCondition);
  assertEquals([copy.condition.name, copy.barrier.parties], ["c", 2]);
  {
    using _ = copy.condition.acquireSync();
    condition.notify(); // the same thread holds it
  }
  copy.event.set();
  assert(event.isSet());
  assertEquals((await Promise.all([barrier.wait(), copy.barrier.wait()])).sort(), [0, 1]);
  for (const it of Object.values(copy)) it[Symbol.dispose]();
});
