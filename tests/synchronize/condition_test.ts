// Condition, between processes, Workers and promises.

import { Condition, InvalidStateError, Lock, OwnerDiedError, Queue, RLock, Value } from "@parallel/multiprocessing";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import * as targets from "../fixtures/synchronize/synchronize_targets.ts";
import { begin } from "../support/children.ts";
import { assertNothingLeft, belongings, PATIENCE, within } from "../support/helpers.ts";
import {
  assertClosed,
  assertTimeoutsKept,
  assertTimeoutsRefused,
  Child,
  Children,
  FORMS,
  Thread,
} from "../support/synchronize.ts";

Deno.test.beforeAll(begin);

const LOCKS = [Lock, RLock];

/** Processes that wait for the condition: when the lock is ours again, all of them are registered. */
async function waiters(count: number, condition: Condition, form: targets.Form): Promise<Children> {
  const children = new Children(count, () => Child.start(targets.waitCondition, condition, form));
  await children.hear();
  condition.acquireSync().release();
  return children;
}

/** Notifies with the lock. */
function notify(condition: Condition, n?: number): void {
  using _guard = condition.acquireSync();
  condition.notify(n);
}

function waiting(condition: Condition): number {
  return Number(String(condition).match(/, (\d+)\)>$/)![1]);
}

for (const form of FORMS) {
  Deno.test(`TestCondition.test_notify: each notify ends one wait, in a process or a Worker (${form})`, async () => {
    using condition = new Condition();
    using worker = new Thread(condition);
    await using children = await waiters(1, condition, form);
    assertEquals(await worker.ask("acquire"), "guard");
    const there = worker.ask(form === "sync" ? "waitSync" : "wait", { timeout: PATIENCE });
    // It has the lock until it waits.
    condition.acquireSync().release();
    assertEquals(waiting(condition), 2);
    notify(condition);
    assertEquals(await children.hear(), [true]);
    assertEquals(waiting(condition), 1);
    notify(condition);
    assertEquals(await there, true);
    assertEquals(waiting(condition), 0);
    assertEquals(await worker.ask("release"), "done");
    await children.end();
  });

  Deno.test(`TestCondition.test_notify_n: of 6 that wait, 2 are notified, then 4, then nobody (${form})`, async () => {
    using condition = new Condition();
    const before = belongings();
    {
      await using children = await waiters(6, condition, form);
      assertEquals(waiting(condition), 6);
      notify(condition, 2);
      const said: unknown[] = [];
      const heard = children.all.map((child) => child.hear().then((what) => said.push(what)));
      await within(Promise.any(heard));
      await within(Promise.any(heard.filter((_, i) => children.all[i].process.isAlive())));
      assertEquals(waiting(condition), 4);
      notify(condition, 4);
      await within(Promise.all(heard));
      assertEquals(said, Array(6).fill(true));
      notify(condition, 3);
      assertEquals(waiting(condition), 0);
      await children.end();
    }
    using _guard = condition.acquireSync();
    assertEquals(condition.waitSync({ timeout: 0 }), false);
    await assertNothingLeft(before);
  });

  Deno.test(`TestCondition.test_notify_all: all that wait are notified (${form})`, async () => {
    using condition = new Condition(new Lock());
    await using children = await waiters(3, condition, form);
    using guard = condition.acquireSync();
    condition.notifyAll();
    guard.release();
    assertEquals(await children.hear(), [true, true, true]);
    await children.end();
  });

  Deno.test(`TestCondition.test_waitfor: until the predicate holds, from this process and back (${form})`, async () => {
    using condition = new Condition();
    using number = Value("i32", 0, { lock: false });
    await using child = Child.start(targets.answer, condition, number, form, 4, 7);
    assertEquals(await child.hear(), "holds");
    using guard = await condition.acquire();
    for (number.value = 1; number.value < 4; number.value++) condition.notify();
    condition.notify();
    const isThere = () => number.value === 7;
    assertEquals(form === "sync" ? condition.waitForSync(isThere) : await within(condition.waitFor(isThere)), true);
    guard.release();
    assertEquals(await child.hear(), true);
    await child.end();
  });

  Deno.test(`TestCondition.test_waitfor_timeout: ends after its whole timeout, however often notified (${form})`, async () => {
    using condition = new Condition();
    await using child = Child.start(targets.notifyInVain, condition, 4);
    assertEquals(await child.hear(), "ready");
    using guard = await condition.acquire();
    const begin = performance.now();
    let calls = 0;
    const inVain = () => {
      if (++calls <= 4) child.tell();
      return 0;
    };
    const options = { timeout: 250 };
    assertEquals(
      form === "sync" ? condition.waitForSync(inVain, options) : await condition.waitFor(inVain, options),
      0,
    );
    assert(performance.now() - begin >= 249);
    assert(calls >= 2, `the predicate was called ${calls} times`);
    guard.release();
    for (; calls < 4; calls++) child.tell(); // on a slow machine it was notified less often
    await child.end();
  });

  Deno.test(`Condition: a waiter that is killed neither blocks notify nor keeps a notification (${form})`, async () => {
    using condition = new Condition();
    await using children = await waiters(3, condition, form);
    await children.all[0].kill();
    await children.all[1].kill();
    assertEquals(waiting(condition), 1);
    notify(condition);
    assertEquals(await children.all[2].hear(), true);
    await children.all[2].end();
    assertEquals(waiting(condition), 0);
  });

  Deno.test(`Condition: a waiter that is killed after it was notified leaves that to another (${form})`, async () => {
    using condition = new Condition();
    // The first that waited is the first that is notified.
    await using first = await waiters(1, condition, form);
    await using second = await waiters(1, condition, form);
    {
      // As long as the lock is held here, whoever is notified cannot go on.
      using _guard = condition.acquireSync();
      condition.notify();
      await first.all[0].kill();
    }
    assertEquals(await second.hear(), [true]);
    await second.end();
    assertEquals(waiting(condition), 0);
  });

  Deno.test(`Condition: who waits gets the lock from a dead owner with an OwnerDiedError, and has it (${form})`, async () => {
    using condition = new Condition();
    using guard = await condition.acquire();
    await using owner = Child.start(targets.dieWithCondition, condition);
    assertEquals(await owner.hear(), "acquires");
    const error = form === "sync"
      ? assertThrows(() => condition.waitSync(), OwnerDiedError)
      : await within(assertRejects(() => condition.wait(), OwnerDiedError));
    assertEquals([error.pid, error.processName], [owner.pid, owner.process.name]);
    assertMatch(error.message, /it is held again$/);
    assertEquals(String(condition), "<Condition(<RLock(MainProcess, 1)>, 0)>");
    guard.release();
    await using second = Child.start(targets.holdCondition, condition);
    assertEquals(await second.hear(), "holds");
    await second.kill();
    await assertRejects(() => condition.acquire({ timeout: PATIENCE }), OwnerDiedError, "it is free again");
    condition.acquireSync({ timeout: 0 })!.release();
  });
}

for (const Kind of LOCKS) {
  const test = (what: string, run: () => void | Promise<void>) =>
    Deno.test(`Condition of a ${Kind.name}: ${what}`, run);

  Deno.test(`TestCondition.test_timeout: wait gives false when nobody notifies (${Kind.name})`, async () => {
    using lock = new Kind();
    using condition = new Condition(lock);
    using _guard = await condition.acquire();
    await assertTimeoutsKept((options) => condition.wait(options), (options) => condition.waitSync(options), false);
    assert(lock.locked());
  });

  Deno.test(`TestCondition.test_wait_result: false, true, or broken off by an abort (${Kind.name})`, async () => {
    using lock = new Kind();
    using condition = new Condition(lock);
    using guard = await condition.acquire();
    assertEquals(await condition.wait({ timeout: 0 }), false);
    assertEquals(condition.waitSync({ timeout: 100 }), false);
    const notified = condition.wait();
    notify(condition);
    assertEquals(await within(notified), true);
    const abortion = new AbortController();
    const reason = new Error("interrupted");
    const aborted = condition.wait({ signal: abortion.signal }).catch((error) => error);
    assert(!lock.locked());
    abortion.abort(reason);
    assertStrictEquals(await within(aborted), reason);
    assert(lock.locked());
    assertEquals(waiting(condition), 0);
    guard.release();
    assert(!lock.locked());
  });

  test("without the lock nobody waits or notifies", async () => {
    using condition = new Condition(new Kind());
    const notAcquired = "must acquire() condition before using wait()";
    await assertRejects(() => condition.wait(), InvalidStateError, notAcquired);
    await assertRejects(() => condition.waitFor(() => false), InvalidStateError, notAcquired);
    assertThrows(() => condition.waitSync(), InvalidStateError, notAcquired);
    assertThrows(() => condition.waitForSync(() => false), InvalidStateError, notAcquired);
    assertThrows(() => condition.notify(), InvalidStateError, "lock is not owned");
    assertThrows(() => condition.notifyAll(), InvalidStateError, "lock is not owned");
    using worker = new Thread(condition);
    assertEquals(await worker.ask("acquireSync"), "guard");
    // Now it is held, but by another thread of this process.
    await assertRejects(() => condition.wait(), InvalidStateError, notAcquired);
    assertThrows(() => condition.notify(), InvalidStateError, "lock is not owned");
    assertEquals(await worker.ask("notify"), "done");
    assertEquals(await worker.ask("release"), "done");
    assertMatch(String(await worker.ask("notify")), /^InvalidStateError: .*lock is not owned/);
  });

  test("an abort before the wait rejects with the reason, and the lock is not touched", async () => {
    using condition = new Condition(new Kind());
    const reason = new Error("too late");
    using _guard = condition.acquireSync();
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await condition.wait({ signal }).catch((error) => error), reason);
    assertStrictEquals(await condition.waitFor(() => true, { signal }).catch((error) => error), reason);
    condition.notify();
  });

  test("its text form shows the lock and who waits", async () => {
    using condition = new Condition(new Kind());
    const free = Kind === Lock ? "<Lock(owner=None)>" : "<RLock(None, 0)>";
    assertEquals(String(condition), `<Condition(${free}, 0)>`);
    await using children = await waiters(2, condition, "sync");
    assertEquals(String(condition), `<Condition(${free}, 2)>`);
    notify(condition, 2);
    await children.hear();
    await children.end();
  });

  test("a lock with onOwnerDeath: recover lets a wait go on in silence", async () => {
    using condition = new Condition(new Kind({ onOwnerDeath: "recover" }));
    using _guard = await condition.acquire();
    await using owner = Child.start(targets.holdCondition, condition);
    const abortion = new AbortController();
    const waited = condition.wait({ signal: abortion.signal }).catch((error) => error);
    assertEquals(await owner.hear(), "holds");
    await owner.kill();
    const reason = new Error("enough");
    abortion.abort(reason);
    assertStrictEquals(await within(waited), reason);
    condition.notify(); // it has the lock again
  });
}

Deno.test("Condition: a wait releases all levels of an RLock, and restores them", async () => {
  using lock = new RLock();
  using condition = new Condition(lock);
  for (let i = 0; i < 3; i++) lock.acquireSync();
  assertEquals(condition.waitSync({ timeout: 1 }), false);
  assertEquals(String(lock), "<RLock(MainProcess, 3)>");
  const waited = condition.wait();
  assertEquals(String(lock), "<RLock(None, 0)>");
  await using child = Child.start(targets.notifyInVain, condition, 1);
  child.tell();
  assertEquals(await within(waited), true);
  assertEquals(String(lock), "<RLock(MainProcess, 3)>");
  for (let i = 0; i < 3; i++) lock.release();
  await child.end();
});

Deno.test("Condition: promises of one thread wait with a Lock, and are notified in the order in which they came", async () => {
  using condition = new Condition(new Lock());
  const order: number[] = [];
  const waits = Array.from({ length: 20 }, async (_, i) => {
    using _guard = await condition.acquire();
    assertEquals(await condition.wait(), true);
    order.push(i);
  });
  while (waiting(condition) < 20) (await condition.acquire()).release();
  const [first] = waits;
  notify(condition);
  await within(Promise.any(waits));
  assertEquals(order.length, 1);
  notify(condition, 100);
  await within(Promise.all(waits));
  assertEquals(order.toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, i) => i));
  await first;
});

Deno.test("Condition: waitFor gives what the predicate gave, awaits its promise, and throws what it throws", async () => {
  using condition = new Condition();
  using _guard = condition.acquireSync();
  assertEquals(condition.waitForSync(() => "ready"), "ready");
  assertEquals(await condition.waitFor(() => Promise.resolve("ready")), "ready");
  assertEquals(await condition.waitFor(() => "", { timeout: 5 }), "");
  assertEquals(condition.waitForSync(() => null, { timeout: 5 }), null);
  const fail = () => {
    throw new RangeError("no predicate");
  };
  await assertRejects(() => condition.waitFor(fail), RangeError, "no predicate");
  assertThrows(() => condition.waitForSync(fail), RangeError, "no predicate");
  assertThrows(() => condition.waitForSync(() => Promise.resolve(true)), TypeError, "returned a promise");
  condition.notify();
});

Deno.test("Condition: arguments that make no sense are refused", async () => {
  for (const lock of [null, 1, "lock", {}, new AbortController()] as unknown as Lock[]) {
    assertThrows(() => new Condition(lock), TypeError, '"lock"');
  }
  using condition = new Condition();
  using _guard = condition.acquireSync();
  for (const n of [-1, 0.5, NaN, Infinity]) assertThrows(() => condition.notify(n), RangeError, `"n" is ${n}`);
  for (const n of ["1", null] as unknown as number[]) assertThrows(() => condition.notify(n), TypeError, '"n"');
  condition.notify(0);
  await assertTimeoutsRefused((options) => condition.wait(options), (options) => condition.waitSync(options));
  const never = () => false;
  await assertTimeoutsRefused(
    (options) => condition.waitFor(never, options),
    (options) => condition.waitForSync(never, options),
  );
});

Deno.test("Condition: a dispose during a wait ends it with an error, and its own lock is free, all levels", async () => {
  const condition = new Condition();
  await using child = Child.start(targets.notifyInVain, condition, 1);
  const [other] = loads(dumps([condition]).bytes) as [Condition];
  const guard = await condition.acquire();
  condition.acquireSync();
  const waited = assertRejects(() => condition.wait(), InvalidStateError, "the Condition is closed");
  condition[Symbol.dispose]();
  child.tell();
  await within(waited);
  assertThrows(() => guard.release(), InvalidStateError, "the RLock is closed");
  assertEquals(String(other), "<Condition(<RLock(None, 0)>, 0)>");
  await child.end();
  other[Symbol.dispose]();
});

for (const Kind of LOCKS) {
  Deno.test(`Condition: a dispose during a wait leaves a ${Kind.name} that was given to it held`, async () => {
    using lock = new Kind();
    const condition = new Condition(lock);
    const guard = lock.acquireSync();
    const waited = assertRejects(() => condition.wait({ timeout: 20 }), InvalidStateError, "the Condition is closed");
    condition[Symbol.dispose]();
    await within(waited);
    assert(lock.locked());
    guard.release();
    assert(!lock.locked());
  });

  Deno.test(`Condition: a ${Kind.name} that is closed during a wait is free afterwards`, async () => {
    using lock = new Kind();
    const [ours] = loads(dumps([lock]).bytes) as [Lock | RLock];
    using condition = new Condition(ours);
    ours.acquireSync();
    const waited = assertRejects(() => condition.wait({ timeout: 20 }), InvalidStateError, "Lock is closed");
    ours[Symbol.dispose]();
    await within(waited);
    assert(!lock.locked());
  });

  Deno.test(`Condition: a dispose while a wait inherits the ${Kind.name} leaves the death to the next`, async () => {
    using lock = new Kind();
    const [ours] = loads(dumps([lock]).bytes) as [Lock | RLock];
    using condition = new Condition(ours);
    ours.acquireSync();
    const waited = assertRejects(() => condition.wait(), InvalidStateError, "Lock is closed");
    await using owner = Child.start(targets.dieWithCondition, condition);
    assert(owner.process.joinSync({ timeout: PATIENCE })); // no turn of the event loop before the dispose
    ours[Symbol.dispose]();
    await within(waited);
    await assertRejects(() => lock.acquire({ timeout: PATIENCE }), OwnerDiedError, "it is free again");
  });
}

Deno.test("Condition: travels with its lock", () => {
  using lock = new Lock();
  using condition = new Condition(lock);
  using queue = new Queue<[Condition, Lock]>();
  queue.putSync([condition, lock]);
  const [received, itsLock] = queue.getSync();
  using guard = received.acquireSync();
  assert(lock.locked() && itsLock.locked());
  assertEquals(condition.tryAcquire(), null);
  received.notify();
  guard.release();
  assert(!lock.locked());
  received[Symbol.dispose]();
  // The lock was not made for the condition, so it does not go with it.
  itsLock.acquireSync().release();
  itsLock[Symbol.dispose]();
});

Deno.test("Condition: after dispose every use but another dispose is refused", async () => {
  const condition = new Condition();
  condition[Symbol.dispose]();
  condition[Symbol.dispose]();
  await assertClosed("Condition", {
    wait: () => condition.wait(),
    waitSync: () => condition.waitSync(),
    waitFor: () => condition.waitFor(() => true),
    waitForSync: () => condition.waitForSync(() => true),
    notify: () => condition.notify(),
    notifyAll: () => condition.notifyAll(),
    dumps: () => dumps(condition),
  });
  await assertClosed("RLock", {
    acquire: () => condition.acquire(),
    acquireSync: () => condition.acquireSync(),
    tryAcquire: () => condition.tryAcquire(),
    release: () => condition.release(),
  });
  const lock = new Lock();
  lock[Symbol.dispose]();
  assertThrows(() => new Condition(lock), InvalidStateError, "the Lock is closed");
});
