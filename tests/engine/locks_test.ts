// Locks and semaphores on an engine: this process holds and waits, and so do others, which live or die.

import { assert, assertEquals, assertInstanceOf, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { InvalidStateError, OwnerDiedError } from "@parallel/multiprocessing";
import { dumps } from "@parallel/multiprocessing/reduction";
import { RemoteLock } from "../../src/engine/lock.ts";
import { readMessage, writeMessage } from "../../src/engine/messages.ts";
import { RemoteRLock } from "../../src/engine/rlock.ts";
import { RemoteBoundedSemaphore, RemoteSemaphore } from "../../src/engine/semaphore.ts";
import { PATIENCE, until } from "../support/helpers.ts";
import { stageTest } from "../support/remote.ts";

const FOREVER = { timeout: PATIENCE };

stageTest("a Lock is held by one, and each acquisition has a higher token", async ({ session }) => {
  using lock = new RemoteLock(session, { name: "db" });
  assertEquals(`${lock}`, "<Lock(owner=None, name='db')>");
  const first = await lock.acquire();
  assertEquals([lock.locked(), lock.tryAcquire(), lock.acquireSync({ timeout: 1 })], [true, null, null]);
  assertEquals(await lock.acquire({ timeout: 1 }), null);
  assertEquals(await lock.acquire({ block: false }), null);
  assertEquals(`${lock}`, "<Lock(owner=MainProcess, name='db')>");
  assertEquals([first.ownerDied, first.token], [false, 1]);
  first.release();
  first.release();
  assertEquals(lock.locked(), false);
  assertEquals(lock.acquireSync().token, 2);
  lock.release();
  assertThrows(() => lock.release(), InvalidStateError, 'Cannot release the Lock "db": it is not held; ');
  lock[Symbol.dispose]();
  assertThrows(() => lock.release(), InvalidStateError, 'Cannot release the Lock "db": the Lock is closed');
  await assertRejects(() => lock.acquire(), InvalidStateError, "closed");
  assertEquals(`${lock}`, "<Lock(closed, name='db')>");
});

stageTest("arguments of locks and semaphores are refused as those of the local ones are", async ({ session }) => {
  // deno-lint-ignore no-explicit-any -- that is what is refused
  const wrong: any = { onOwnerDeath: "ignore" };
  assertThrows(() => new RemoteLock(session, wrong), TypeError, 'Cannot create a lock: "onOwnerDeath" is "ignore"');
  // deno-lint-ignore no-explicit-any -- that is what is refused
  assertThrows(() => new RemoteRLock(session, { nam: "x" } as any), TypeError, 'did you mean "name"?');
  assertThrows(() => new RemoteSemaphore(session, -1), RangeError, 'Cannot create a Semaphore: "value" is -1');
  using lock = new RemoteLock(session);
  await assertRejects(() => lock.acquire({ timeout: NaN }), RangeError, 'Cannot wait: "timeout" is NaN');
  using semaphore = new RemoteSemaphore(session);
  assertThrows(() => semaphore.release(0), RangeError, 'Cannot release the Semaphore: "n" is 0');
});

stageTest("who waits for a Lock gets it in the order in which they came", async ({ session, join }) => {
  using lock = new RemoteLock(session);
  const other = await join();
  await other.step("adopt", lock.handle.id);
  await other.step("lock_acquire", lock.handle.id, 1);
  const order: number[] = [];
  const waits = [0, 1, 2].map(async (i) => {
    using _ = await lock.acquire();
    order.push(i);
  });
  await session.send("lock_look", lock.handle.id); // they are all in the line
  await other.step("lock_release", lock.handle.id, 1);
  await Promise.all(waits);
  assertEquals(order, [0, 1, 2]);
});

stageTest(
  "a wait for a Lock ends by its time, its signal and its handle, and has not got it",
  async ({ session, join }) => {
    const lock = new RemoteLock(session);
    const { id } = lock.handle;
    const other = await join();
    await other.step("adopt", id);
    await other.step("lock_acquire", id, 1);
    assertEquals(await lock.acquire({ timeout: 1 }), null);
    const controller = new AbortController();
    const aborted = lock.acquire({ signal: controller.signal });
    controller.abort(new Error("enough"));
    await assertRejects(() => aborted, Error, "enough");
    const closed = lock.acquire();
    lock[Symbol.dispose]();
    await assertRejects(() => closed, InvalidStateError, "Cannot acquire the Lock: the Lock is closed");
    await other.step("lock_release", id, 1);
    await until("the line to be empty", async () => (await other.step("lock_try", id, 1))[0] === "ok");
  },
);

for (const form of ["sync", "async"] as const) {
  stageTest(`a Lock whose owner was killed says so once, and is free then (${form})`, async ({ session, join }) => {
    using lock = new RemoteLock(session);
    const other = await join();
    await other.step("adopt", lock.handle.id);
    await other.step("lock_acquire", lock.handle.id, 1);
    const told = form === "async" ? assertRejects(() => lock.acquire(FOREVER), OwnerDiedError) : null;
    await other.bury();
    const error = await told ?? assertThrows(() => lock.acquireSync(FOREVER), OwnerDiedError);
    const { pid, processName, exitcode, host } = error;
    assertEquals({ pid, processName, exitcode, host }, {
      pid: 102,
      processName: "Process-2",
      exitcode: -9,
      host: "host-2",
    });
    assertEquals(
      error.message,
      'Cannot acquire the Lock: "Process-2" (pid 102) was ended by SIGKILL while it held it on the host "host-2", ' +
        "so what it protects may be half written; it is free again",
    );
    assertEquals(lock.locked(), false);
    lock.acquireSync().release();
  });
}

stageTest("a Lock that recovers is got, and its guard tells of the death", async ({ session, join }) => {
  using lock = new RemoteLock(session, { onOwnerDeath: "recover" });
  const other = await join();
  await other.step("adopt", lock.handle.id);
  await other.step("lock_acquire", lock.handle.id, 1);
  await other.bury("ended with exit code 3");
  {
    using guard = lock.acquireSync();
    assertEquals([guard.ownerDied, guard.token], [true, 2]);
  }
  using guard = await lock.acquire();
  assertEquals(guard.ownerDied, false);
});

stageTest("a Lock that came too late goes back, and a death is told to the next", async ({ session, join }) => {
  using lock = new RemoteLock(session);
  const [first, other] = [await join(), await join()];
  for (const it of [first, other]) await it.step("adopt", lock.handle.id);
  await first.step("lock_acquire", lock.handle.id, 1);
  const controller = new AbortController();
  const waiting = lock.acquire({ signal: controller.signal });
  await session.send("lock_look", lock.handle.id);
  // It is answered in the engine, and this thread hears nothing of that before it aborts.
  session.lookSync(session.tree, "bury", first.member, "killed by signal 9");
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  const tried = await until("somebody to be told", async () => {
    const answer = await other.step("lock_try", lock.handle.id, 1);
    if (answer[0] === "no") return answer;
    await other.step("lock_release", lock.handle.id, 1);
    return false;
  });
  assertEquals(tried, ["no", "died", "102", "Process-2", "killed by signal 9", "host-2"]);
});

stageTest("an RLock goes deeper in its thread, by promises too, and asks nobody", async ({ session, join }) => {
  using lock = new RemoteRLock(session);
  assertThrows(() => lock.release(), InvalidStateError, "attempt to release recursive lock not owned by thread");
  const guards = await Promise.all([lock.acquire(), lock.acquire()]);
  guards.push(lock.acquireSync(), lock.tryAcquire()!);
  assertEquals(`${lock}`, "<RLock(MainProcess, 4)>");
  assertEquals(guards.map((guard) => guard.token), [1, 1, 1, 1]);
  const other = await join();
  await other.step("adopt", lock.handle.id);
  assertEquals((await other.step("lock_try", lock.handle.id, 1))[1], "held");
  assertEquals((await other.step("lock_release", lock.handle.id, 1))[1], "owner");
  for (const guard of guards) {
    assert(lock.locked());
    guard.release();
  }
  assertEquals(`${lock}`, "<RLock(None, 0)>");
  await other.step("lock_acquire", lock.handle.id, 1);
  assertEquals(`${lock}`, "<RLock(SomeOtherProcess, nonzero)>");
  assertThrows(() => lock.release(), InvalidStateError, "not owned");
});

stageTest("an RLock released while its acquisition is on the way is held by nobody", async ({ session }) => {
  using lock = new RemoteRLock(session);
  const acquiring = lock.acquire();
  lock.release();
  const guard = await acquiring;
  assertEquals([lock.locked(), lock.heldHere()], [false, false]);
  assertThrows(() => guard.release(), InvalidStateError, "not owned");
});

stageTest("semaphores count, and a bounded one keeps its bound", async ({ session, join }) => {
  using semaphore = new RemoteSemaphore(session, 1);
  {
    using _ = semaphore.acquireSync();
    assertEquals([semaphore.getValue(), semaphore.locked(), semaphore.tryAcquire()], [0, true, null]);
    assertEquals([await semaphore.acquire({ timeout: 1 }), semaphore.acquireSync({ timeout: 1 })], [null, null]);
  }
  assertEquals(`${semaphore}`, "<Semaphore(value=1)>");
  semaphore.acquireSync();
  const waits = [semaphore.acquire(), semaphore.acquire()];
  const other = await join();
  const id = idOf(semaphore, session);
  await other.step("adopt", id);
  await other.step("semaphore_release", id, 3);
  for (const guard of await Promise.all(waits)) assert(guard !== null);
  assertEquals(semaphore.getValue(), 1);
  using bounded = new RemoteBoundedSemaphore(session, 2);
  const error = assertThrows(() => bounded.release(), InvalidStateError);
  assertStringIncludes(error.message, "Cannot release the BoundedSemaphore: its value is 2 and 1 more would exceed 2");
  assertEquals(`${bounded}`, "<BoundedSemaphore(value=2, maxvalue=2)>");
});

/** What the engine calls an object. */
function idOf(it: object, session: Parameters<typeof writeMessage>[0]): string {
  const message = writeMessage(session, it);
  message.letGo();
  return message.objects;
}

stageTest("locks and semaphores travel in messages of their tree, and nowhere else", ({ session }) => {
  using lock = new RemoteLock(session, { name: "db", onOwnerDeath: "recover" });
  using rlock = new RemoteRLock(session);
  using bounded = new RemoteBoundedSemaphore(session, 2);
  const message = writeMessage(session, { lock, rlock, bounded });
  session.step("adopt", ...message.objects.split(" ")); // as a queue would for who gets it
  const copy = readMessage(session, message.bytes, message.objects) as typeof given;
  const given = { lock, rlock, bounded };
  message.letGo();
  assertInstanceOf(copy.lock, RemoteLock);
  assertInstanceOf(copy.bounded, RemoteBoundedSemaphore);
  assertEquals([copy.lock.name, copy.rlock.name], ["db", undefined]);
  {
    using _ = copy.lock.acquireSync();
    assert(lock.locked());
    using _deeper = copy.rlock.acquireSync();
    rlock.acquireSync().release(); // the same thread has it
  }
  assertThrows(() => dumps(lock), TypeError);
  assertThrows(() => writeMessage(session, lock.acquireSync()), TypeError, "a Guard belongs to the thread");
  lock.release();
  for (const it of Object.values(copy)) it[Symbol.dispose]();
});
