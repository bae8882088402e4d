// SimpleQueue, as CPython tests it and as it is between processes.

import { InvalidStateError, Lock, Queue, SimpleQueue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { echoSimply, lookTwice } from "../fixtures/queues/queue_targets.ts";
import { within } from "../support/helpers.ts";
import { ended, leavingNothing, started } from "../support/children.ts";

Deno.test("TestSimpleQueue.test_empty_exceptions: empty() of a closed queue fails, although it was never used", () => {
  const queue = new SimpleQueue();
  queue.close();
  assertThrows(() => queue.empty(), InvalidStateError, "is closed");
});

Deno.test("TestSimpleQueue.test_empty: a child sees the queue empty, and then what it has put itself", async () => {
  await leavingNothing(async () => {
    using queue = new SimpleQueue<boolean>();
    using mayLook = new Queue();
    const child = started(lookTwice, queue, mayLook);
    assert(queue.empty());
    mayLook.putSync("look");
    await ended(child);
    assert(!queue.empty());
    assertEquals([queue.getSync(), await queue.get()], [true, false]);
    assert(queue.empty());
  });
});

Deno.test("TestSimpleQueue.test_close: closing twice is allowed, and using ends it as well", () => {
  using queue = new SimpleQueue();
  queue.putSync(1);
  queue.close();
  queue.close();
});

Deno.test("every use of a closed SimpleQueue is refused", async () => {
  const queue = new SimpleQueue<unknown>();
  queue.close();
  assertThrows(() => queue.putSync(1), InvalidStateError, "is closed");
  assertThrows(() => queue.getSync(), InvalidStateError, "is closed");
  await assertRejects(() => queue.put(1), InvalidStateError, "is closed");
  await assertRejects(() => queue.get(), InvalidStateError, "is closed");
});

Deno.test("what cannot be sent throws at put, and leaves the SimpleQueue empty", async () => {
  using queue = new SimpleQueue<unknown>();
  assertThrows(() => queue.putSync(() => {}), TypeError);
  await assertRejects(() => queue.put(Symbol("s")), TypeError);
  assert(queue.empty());
});

for (const isSync of [true, false]) {
  Deno.test(`values of every size there and back through ${isSync ? "blocking" : "asynchronous"} calls`, async () => {
    using there = new SimpleQueue<unknown>();
    using back = new SimpleQueue<unknown>();
    const child = started(echoSimply, there, back, isSync);
    const values = [0, "", { a: [1] }, new Uint8Array(0), new Uint8Array(4096).fill(1), "x".repeat(3 << 20)];
    for (const value of values) {
      there.putSync(value);
      assertEquals(await within(back.get()), value);
    }
    there.putSync(null);
    await ended(child);
  });
}

Deno.test("a SimpleQueue travels in a message, and carries shared objects itself", async () => {
  using post = new SimpleQueue<SimpleQueue<unknown>>();
  using queue = new SimpleQueue<unknown>();
  using lock = new Lock();
  post.putSync(queue);
  using same = post.getSync();
  same.putSync(lock);
  using arrived = await queue.get() as Lock;
  using _guard = lock.acquireSync();
  assert(arrived.locked());
});
