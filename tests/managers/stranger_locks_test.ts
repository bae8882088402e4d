// Who of the strangers has a lock: src/managers/types/stranger_locks.ts, with clients that are made up.

import { type Condition, InvalidStateError, Lock, OwnerDiedError, RLock, Value } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { Caller } from "../../src/managers/objects.ts";
import { CONDITION } from "../../src/managers/types/condition.ts";
import { LOCK, RLOCK } from "../../src/managers/types/locks.ts";
import { deskCount } from "../../src/managers/types/stranger_locks.ts";
import { VALUE } from "../../src/managers/types/value.ts";
import { PATIENCE, within } from "../support/helpers.ts";

const patiently = { timeout: PATIENCE };
const soon = { timeout: 5 };

/** A connection that nobody has. */
class Connection {
  readonly #name: string;
  readonly #ending = new AbortController();

  constructor(name: string) {
    this.#name = name;
  }

  /** One of its callers, in a call that can be cancelled. */
  caller(logical = 0, cancelled?: AbortSignal): Caller {
    const ended = this.#ending.signal;
    return {
      ...{ name: this.#name, isRelative: false, ended, logical },
      cancelled: cancelled === undefined ? ended : AbortSignal.any([ended, cancelled]),
    };
  }

  end(): void {
    this.#ending.abort(new DOMException("The client has ended", "AbortError"));
  }
}

/** What a stranger calls of a lock. */
interface Locking {
  acquire(options?: object): Promise<{ ownerDied: boolean } | null>;
  release(): void;
  locked(): boolean;
}

/** What a stranger calls of a condition. */
interface Waiting extends Locking {
  wait(options?: object): Promise<boolean>;
  notify(n?: number): void;
  notifyAll(): void;
}

function lockOf(lock: Lock | RLock, caller: Caller): Locking {
  return (lock instanceof Lock ? LOCK : RLOCK).forStranger!(lock as never, caller) as Locking;
}

function conditionOf(condition: Condition, caller: Caller): Waiting {
  return CONDITION.forStranger!(condition as never, caller) as Waiting;
}

/** A test after which no lock is any stranger's. */
function test(name: string, run: () => Promise<void>): void {
  Deno.test(name, async () => {
    await within(run(), "the test");
    assertEquals(deskCount(), 0);
  });
}

test("each connection, and each of its callers, is an owner of its own", async () => {
  using lock = new RLock();
  const [a, b] = [new Connection("a"), new Connection("b")];
  const owners = [lockOf(lock, a.caller()), lockOf(lock, a.caller(7)), lockOf(lock, b.caller())];
  for (const owner of owners) {
    assertEquals(await owner.acquire(), { ownerDied: false });
    assertEquals(await owner.acquire(soon), { ownerDied: false }, "deeper");
    assert(lock.locked());
    for (const other of owners.filter((it) => it !== owner)) {
      assertEquals(await other.acquire(soon), null);
      assertEquals(await other.acquire({ block: false }), null);
      assertThrows(() => other.release(), InvalidStateError, "not owned by the client");
    }
    // The same caller, in another call.
    owner.release();
    assert(owner.locked());
    owner.release();
    assertThrows(() => owner.release(), InvalidStateError, "not owned by the client");
  }
  assert(!lock.locked());
});

test("a Lock is released by anybody", async () => {
  using lock = new Lock();
  const [a, b] = [lockOf(lock, new Connection("a").caller()), lockOf(lock, new Connection("b").caller())];
  await a.acquire();
  b.release();
  await b.acquire();
  lock.release(); // by a relative
  assertThrows(() => a.release(), InvalidStateError, "not held");
  assert(lock.tryAcquire() !== null);
  a.release();
  assert(!lock.locked());
});

test("strangers wait one behind the other, and none is passed over", async () => {
  for (using lock of [new Lock(), new RLock()]) {
    const holder = lockOf(lock, new Connection("holder").caller());
    await holder.acquire();
    const order: number[] = [];
    const waiting = [0, 1, 2, 3, 4].map(async (n) => {
      const mine = lockOf(lock, new Connection(`waiter ${n}`).caller());
      await mine.acquire();
      order.push(n);
      await new Promise((resolve) => setTimeout(resolve, 1)); // another turn, in which nobody else has it
      assertEquals(order.at(-1), n);
      mine.release();
    });
    holder.release();
    await Promise.all(waiting);
    assertEquals(order.toSorted(), [0, 1, 2, 3, 4]);
  }
});

test("who ends with a lock: the next one learns its name, and then it is free", async () => {
  for (using lock of [new Lock(), new RLock()]) {
    const doomed = new Connection("the doomed one");
    const mine = lockOf(lock, doomed.caller());
    await mine.acquire();
    if (lock instanceof RLock) await mine.acquire();
    const other = lockOf(lock, new Connection("other").caller());
    const waiting = other.acquire(patiently);
    doomed.end();
    const error = await assertRejects(() => waiting, OwnerDiedError, 'the client "the doomed one" has ended');
    assertEquals([error.processName, error.pid, error.exitcode], ["the doomed one", 0, null]);
    assertEquals(await other.acquire(patiently), { ownerDied: false });
    other.release();
    assert(!lock.locked());
    await assertRejects(() => mine.acquire(), DOMException, "The client has ended");
  }
});

test('with onOwnerDeath "recover" it is told that it inherits', async () => {
  using lock = new RLock({ onOwnerDeath: "recover" });
  const doomed = new Connection("doomed");
  await lockOf(lock, doomed.caller()).acquire();
  doomed.end();
  const next = lockOf(lock, new Connection("next").caller());
  assertEquals(await next.acquire(patiently), { ownerDied: true });
  next.release();
});

test("a relative learns it, too, blocking and not", async () => {
  for (using lock of [new Lock(), new RLock()]) {
    for (const acquire of [() => lock.acquire(patiently), () => Promise.try(() => lock.acquireSync(patiently))]) {
      const doomed = new Connection("doomed");
      await lockOf(lock, doomed.caller()).acquire();
      doomed.end();
      await assertRejects(acquire, OwnerDiedError, 'the client "doomed"');
      assert(!lock.locked());
    }
  }
});

test("who ends after its lock was another's takes nothing from that one", async () => {
  using lock = new Lock();
  const [a, b] = [new Connection("a"), new Connection("b")];
  await lockOf(lock, a.caller()).acquire();
  lock.release();
  await lockOf(lock, b.caller()).acquire();
  a.end();
  assert(lock.locked());
  lockOf(lock, b.caller()).release();
  using guard = await lock.acquire(soon);
  assert(guard !== null);
});

test("who ends, or gives up, while it waits gets nothing", async () => {
  for (using lock of [new Lock(), new RLock()]) {
    const holder = lockOf(lock, new Connection("holder").caller());
    await holder.acquire();
    const waiter = new Connection("waiter");
    const giving = new AbortController();
    const waits = [
      lockOf(lock, waiter.caller()).acquire(),
      lockOf(lock, new Connection("other").caller(0, giving.signal)).acquire(),
    ];
    waiter.end();
    giving.abort(new RangeError("enough"));
    await assertRejects(() => waits[0], DOMException, "The client has ended");
    await assertRejects(() => waits[1], RangeError, "enough");
    holder.release();
    assert(!lock.locked());
  }
});

/** As the server makes one. */
function made(lock?: Lock | RLock): Condition {
  return CONDITION.make!(lock as never) as Condition;
}

test("a condition's waiters have the lock again, as deep as before, one after the other", async () => {
  for (using condition of [made(), made(new Lock()), made(new RLock())]) {
    const isRecursive = String(condition).includes("RLock");
    const log: string[] = [];
    const waiting = ["a", "b"].map(async (name) => {
      const mine = conditionOf(condition, new Connection(name).caller());
      await mine.acquire();
      if (isRecursive) await mine.acquire();
      log.push("waits");
      assert(await mine.wait());
      log.push(name);
      await new Promise((resolve) => setTimeout(resolve, 1));
      assertEquals(log.at(-1), name, "nobody else had it");
      if (isRecursive) mine.release();
      mine.release();
    });
    const notifier = conditionOf(condition, new Connection("notifier").caller());
    while (log.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
    await notifier.acquire();
    notifier.notifyAll();
    assertEquals(log, ["waits", "waits"]);
    notifier.release();
    await Promise.all(waiting);
    assertEquals(log.length, 4);
    assertThrows(() => notifier.notify(), InvalidStateError, "not owned");
    await assertRejects(() => notifier.wait(), InvalidStateError, "not owned");
  }
});

test("a wait that is given up ends with the lock; one that lasts too long, too", async () => {
  using condition = made();
  const connection = new Connection("a");
  const giving = new AbortController();
  const mine = conditionOf(condition, connection.caller());
  await mine.acquire();
  assertEquals(await mine.wait(soon), false);
  const waiting = conditionOf(condition, connection.caller(0, giving.signal)).wait();
  giving.abort(new RangeError("enough"));
  await assertRejects(() => waiting, RangeError, "enough");
  mine.release();
});

test("who was notified when it ended passes that on, and keeps nothing", async () => {
  using condition = made();
  const doomed = new Connection("doomed");
  const start = async (connection: Connection) => {
    const mine = conditionOf(condition, connection.caller());
    await mine.acquire();
    return { mine, waiting: mine.wait(patiently) };
  };
  const first = await start(doomed);
  const second = await start(new Connection("second"));
  const notifier = conditionOf(condition, new Connection("notifier").caller());
  await notifier.acquire();
  notifier.notify(); // the first, who has waited longest, and cannot go on yet
  doomed.end();
  notifier.release();
  assertEquals(await first.waiting, true);
  assertEquals(await second.waiting, true);
  second.mine.release();
  assertMatch(String(condition), /^<Condition\(<RLock\(None, 0\)>, 0\)>$/);
});

test("a lock goes on in a condition when the object that it was made as is dropped", async () => {
  const lock = new RLock();
  using condition = made(lock);
  const caller = new Connection("a").caller();
  await lockOf(lock, caller).acquire();
  LOCK.drop!(lock as never);
  const mine = conditionOf(condition, caller);
  await mine.acquire();
  assertEquals(await mine.wait(soon), false);
  mine.release();
  mine.release();
  using guard = await condition.acquire(soon);
  assert(guard !== null);
});

test("who ends while it waits with a condition had no lock to leave", async () => {
  using condition = made();
  const doomed = new Connection("doomed");
  const mine = conditionOf(condition, doomed.caller());
  await mine.acquire();
  const waiting = mine.wait();
  doomed.end();
  await assertRejects(() => waiting, DOMException, "The client has ended");
  using guard = await condition.acquire(patiently);
  assert(guard !== null);
});

test("a value waits for its lock in a promise, unless the caller has it", async () => {
  using value = Value("i32", 1);
  const of = (caller: Caller) => VALUE.forStranger!(value as never, caller) as Locking & { get(): Promise<number> };
  const [a, b] = [of(new Connection("a").caller()), of(new Connection("b").caller())];
  await a.acquire();
  let isThere = false;
  const waiting = b.get().then((it) => (isThere = true, it));
  assertEquals(await a.get(), 1);
  assert(!isThere);
  a.release();
  assertEquals(await waiting, 1);
});

test("options that make no sense are refused before anything is acquired", async () => {
  using lock = new Lock();
  const mine = lockOf(lock, new Connection("a").caller());
  await assertRejects(() => mine.acquire({ timeout: "5" }), TypeError, '"timeout"');
  await assertRejects(() => mine.acquire({ timeout: NaN }), RangeError, '"timeout"');
  await assertRejects(() => mine.acquire({ block: 1 }), TypeError, '"block"');
  assert(!lock.locked());
});
