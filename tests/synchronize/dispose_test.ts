// What becomes of waits whose object is disposed of in this process.

import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Condition,
  Event,
  InvalidStateError,
  JoinableQueue,
  Lock,
  RLock,
  Semaphore,
  Value,
} from "@parallel/multiprocessing";
import { dumps, loads } from "@parallel/multiprocessing/reduction";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { waitBarrier } from "../fixtures/synchronize/synchronize_targets.ts";
import { assertAllReject, PATIENCE, until, within } from "../support/helpers.ts";
import { Child, Thread } from "../support/synchronize.ts";

/** Another handle of the same object. */
function again<T extends object>(object: T): T {
  return loads(dumps(object).bytes) as T;
}

type Waiting = [object: Disposable, wait: (options: { timeout?: number; signal?: AbortSignal }) => Promise<unknown>];

/** One object of each kind, that nobody but its own wait will see free, set or full. */
const KINDS: Record<string, () => Waiting> = {
  Lock: () => taken(new Lock()),
  RLock: () => taken(inOtherThread(new RLock())),
  Semaphore: () => ofSemaphore(new Semaphore(0)),
  BoundedSemaphore() {
    const semaphore = new BoundedSemaphore(1);
    semaphore.acquireSync();
    return ofSemaphore(semaphore);
  },
  Event() {
    const event = new Event();
    return [event, (options) => event.wait(options)];
  },
  Barrier() {
    const barrier = new Barrier(2);
    return [barrier, (options) => barrier.wait(options)];
  },
  Condition() {
    const condition = new Condition(new RLock());
    return [condition, (options) => {
      condition.acquireSync();
      return condition.wait(options);
    }];
  },
  "the predicate of a Condition"() {
    const condition = new Condition();
    return [condition, (options) => {
      condition.acquireSync();
      return condition.waitFor(() => false, options);
    }];
  },
  "join of a JoinableQueue"() {
    const queue = new JoinableQueue<number>();
    queue.putSync(1);
    return [queue, (options) => queue.join(options)];
  },
};

/** Nobody else: only a second thread can hold an RLock against this one. */
const threads: Thread[] = [];

function inOtherThread(lock: RLock): RLock {
  const thread = new Thread(lock);
  threads.push(thread);
  thread.tell("acquireSync");
  return lock;
}

function taken(lock: Lock | RLock): Waiting {
  if (lock instanceof Lock) lock.acquireSync();
  return [lock, (options) => lock.acquire(options)];
}

function ofSemaphore(semaphore: Semaphore): Waiting {
  return [semaphore, (options) => semaphore.acquire(options)];
}

async function untilHeld(object: object): Promise<void> {
  if (object instanceof RLock) await until("the RLock held by the Worker", () => object.locked());
}

Deno.test("whoever waits with a handle that is disposed of gets an InvalidStateError: all kinds, once and thrice, with a time and a signal", async (test) => {
  for (const [name, make] of Object.entries(KINDS)) {
    await test.step(name, async () => {
      for (const options of [{}, { timeout: 60_000 }, { signal: new AbortController().signal }]) {
        const [object, wait] = make();
        await untilHeld(object);
        // A Condition or a Barrier has one wait at a time here.
        const count = ["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Event"].includes(name) ? 3 : 1;
        const waits = Array.from({ length: count }, () => wait(options));
        await Promise.resolve();
        object[Symbol.dispose]();
        object[Symbol.dispose]();
        await assertAllReject(waits, InvalidStateError, "closed");
        await assertRejects(async () => await wait({}), InvalidStateError, "closed");
        threads.splice(0).forEach((thread) => thread[Symbol.dispose]());
      }
    });
  }
});

Deno.test("only the waits of the handle that was disposed of end: another handle of the same object waits on", async () => {
  using lock = new Lock();
  const guard = lock.acquireSync();
  const [one, two] = [again(lock), again(lock)];
  const [first, second] = [one.acquire(), two.acquire()];
  one[Symbol.dispose]();
  await assertRejects(() => within(first), InvalidStateError, "the Lock is closed");
  guard.release();
  (await within(second)).release();
  two[Symbol.dispose]();

  using event = new Event();
  const [three, four] = [again(event), again(event)];
  const [third, fourth] = [three.wait(), four.wait({ timeout: 60_000 })];
  three[Symbol.dispose]();
  await assertRejects(() => within(third), InvalidStateError, "the Event is closed");
  event.set();
  assertStrictEquals(await within(fourth), true);
  four[Symbol.dispose]();

  using barrier = new Barrier(2);
  const [five, six] = [again(barrier), again(barrier)];
  const both = Promise.allSettled([five.wait(), six.wait()]);
  five[Symbol.dispose]();
  const [fifth, sixth] = await within(both);
  // Both had arrived before, or one had not, and the other can wait for it no longer.
  if (fifth.status === "fulfilled" && sixth.status === "fulfilled") {
    assertEquals(new Set([fifth.value, sixth.value]), new Set([0, 1]));
  } else {
    assert(fifth.status === "rejected" && fifth.reason instanceof InvalidStateError);
    assert(sixth.status === "rejected" && sixth.reason instanceof BrokenBarrierError);
  }
  six[Symbol.dispose]();
});

Deno.test("what a wait has got in the moment of the disposal is not lost: lock, permit", async () => {
  for (let round = 0; round < 100; round++) {
    using lock = new Lock();
    using semaphore = new Semaphore(0);
    const [mine, ours] = [again(lock), again(semaphore)];
    const guard = lock.acquireSync();
    const waits = [mine.acquire(), ours.acquire()];
    guard.release();
    semaphore.release();
    // The reactor may have the lock and the permit by now, or not, or be about to tell.
    if (round % 3 > 0) {
      await new Promise((resolve) => round % 3 === 1 ? queueMicrotask(() => resolve(0)) : setTimeout(resolve));
    }
    const settled = Promise.allSettled(waits);
    mine[Symbol.dispose]();
    ours[Symbol.dispose]();
    const [first, second] = await within(settled);
    if (first.status === "fulfilled") assert(lock.locked());
    else assert(lock.acquireSync({ timeout: PATIENCE }) !== null, `the lock is lost in round ${round}`);
    if (second.status === "rejected") {
      assert(semaphore.acquireSync({ timeout: PATIENCE }) !== null, `the permit is lost in round ${round}`);
    }
  }
});

Deno.test("a Condition that goes with its lock ends its wait at once, whoever has the lock; a notification goes to another", async () => {
  using condition = new Condition();
  const mine = again(condition);
  using thread = new Thread(condition);
  mine.acquireSync();
  const wait = mine.wait();
  assertEquals(await thread.ask("acquireSync"), "guard"); // and keeps it
  mine[Symbol.dispose]();
  await assertRejects(() => within(wait), InvalidStateError, "closed");
  await thread.ask("release");

  // Notified, and disposed of before it has the lock again: who waits as well goes on instead.
  const other = again(condition);
  condition.acquireSync();
  other.acquireSync(); // the same thread's RLock, one deeper
  other.release();
  const first = other.wait();
  condition.acquireSync();
  const second = condition.wait({ timeout: 60_000 });
  await thread.ask("acquireSync");
  await thread.ask("notify", 1);
  other[Symbol.dispose]();
  await assertRejects(() => within(first), InvalidStateError, "closed");
  await thread.ask("release");
  assertStrictEquals(await within(second), true);
  condition.release();
});

Deno.test("a party that disposes of its Barrier breaks it for those in other processes", async () => {
  using barrier = new Barrier(3);
  await using child = Child.start(waitBarrier, barrier, "sync");
  const mine = again(barrier);
  const wait = mine.wait();
  await until("both at the barrier", () => barrier.nWaiting === 2);
  mine[Symbol.dispose]();
  await assertRejects(() => within(wait), InvalidStateError, "the Barrier is closed");
  assertEquals(await child.hear(), "BrokenBarrierError");
  await child.end();
  await assertRejects(() => barrier.wait(), BrokenBarrierError);
});

Deno.test("the lock of a Value ends its waits with it", async () => {
  const value = Value("i", 0);
  using thread = new Thread(value.getLock());
  await thread.ask("acquireSync");
  const waits = [value.acquire(), value.acquire({ timeout: 60_000 })];
  value.close();
  await assertAllReject(waits, InvalidStateError, "closed");
});
