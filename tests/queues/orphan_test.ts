// A consumer whose last possible producer is gone is told by an EOFError, and nobody else is.

import { Empty, EOFError, Full, JoinableQueue, Queue, SimpleQueue } from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { putAndClose, putAndKeep, receive, type Received, type Way } from "../fixtures/queues/queue_targets.ts";
import { PATIENCE } from "../support/helpers.ts";
import { ended, idly, killed, started } from "../support/children.ts";

/** The forms of a consumer, which gets the two values that are there and then hears that there will be no more. */
const CONSUMERS: Record<string, (queue: Queue) => Promise<unknown>> = {
  get: async (queue) => [await queue.get(), await queue.get(), await queue.get()],
  getSync: (queue) => Promise.try(() => [queue.getSync(), queue.getSync(), queue.getSync()]),
  "for await": (queue) => Array.fromAsync(queue),
};

for (const [name, consume] of Object.entries(CONSUMERS)) {
  Deno.test(`${name} hears that the only producer was killed, after all that it had put`, async () => {
    using queue = new Queue();
    using said = new Queue();
    using orders = new Queue();
    const child = started(putAndKeep, queue, said, orders, [1, 2]);
    await said.get({ timeout: PATIENCE });
    child.kill();
    await assertRejects(
      () => idly(consume(queue)),
      EOFError,
      "it is empty, and nobody can put any more; every other process that had it has ended or closed it",
    );
    assertEquals(queue.qsize(), 0);
    await killed(child);
  });

  Deno.test(`${name} hears that the only producer has closed the queue, though it lives`, async () => {
    using queue = new Queue();
    using said = new Queue();
    using orders = new Queue();
    const child = started(putAndClose, queue, said, orders, [1, 2]);
    await said.get({ timeout: PATIENCE });
    await assertRejects(() => idly(consume(queue)), EOFError);
    orders.putSync("end");
    await ended(child);
  });

  Deno.test(`${name} hears that all producers have ended`, async () => {
    using queue = new Queue();
    using said = new Queue();
    using orders = new Queue();
    const children = [1, 2].map((value) => started(putAndKeep, queue, said, orders, [value]));
    for (const _ of children) {
      await said.get({ timeout: PATIENCE });
      orders.putSync("end");
    }
    await assertRejects(() => idly(consume(queue)), EOFError);
    await ended(...children);
  });
}

Deno.test("a get that waits already hears of the death, and so do those behind it", async () => {
  using queue = new Queue();
  using said = new Queue();
  using orders = new Queue();
  const child = started(putAndKeep, queue, said, orders, []);
  await said.get({ timeout: PATIENCE });
  const waiting = [queue.get(), queue.get()];
  child.kill();
  await Promise.all(waiting.map((get) => assertRejects(() => idly(get), EOFError)));
  await killed(child);
});

for (const way of ["get", "getSync", "for await"] as Way[]) {
  Deno.test(`${way} in a child hears that its parent, the producer, has closed the queue`, async () => {
    const queue = new Queue();
    using said = new Queue<unknown>();
    const child = started(receive, queue, said, way);
    await said.get({ timeout: PATIENCE });
    queue.putSync("last");
    queue.close();
    const received = await said.get({ timeout: PATIENCE }) as Received;
    assertEquals(received, { values: ["last"], error: "EOFError" });
    await ended(child);
  });
}

Deno.test("a SimpleQueue says so, too", async () => {
  using said = new Queue();
  using orders = new Queue();
  using queue = new SimpleQueue<unknown>();
  const child = started(keepSimply, queue, said, orders);
  await said.get({ timeout: PATIENCE });
  child.kill();
  await assertRejects(() => idly(queue.get()), EOFError);
  await assertRejects(() => Promise.try(() => queue.getSync()), EOFError);
  await killed(child);
});

export function keepSimply(_queue: SimpleQueue<unknown>, said: Queue, orders: Queue): void {
  said.putSync(Deno.pid);
  orders.getSync();
}

Deno.test("who has a queue alone is told so, but in a wait with a timeout", async () => {
  using queue = new JoinableQueue<number>(1);
  using said = new Queue();
  using orders = new Queue();
  for (const hadOthers of [false, true]) {
    if (hadOthers) {
      const child = started(putAndKeep, queue as Queue, said, orders, []);
      await said.get({ timeout: PATIENCE });
      await killed(child);
    }
    const limit = { timeout: 300 };
    await assertRejects(() => queue.get(limit), Empty, "nobody else has it");
    assertThrows(() => queue.getSync(limit), Empty, "nobody else has it");
    assertThrows(() => queue.getSync(), EOFError, "Cannot get from the queue");
    await assertRejects(() => idly(queue.get()), EOFError, "Cannot get from the queue");

    queue.putSync(1);
    await assertRejects(() => queue.put(2, limit), Full, "nobody else has it");
    assertThrows(() => queue.putSync(2, limit), Full, "nobody else has it");
    assertThrows(() => queue.putSync(2), EOFError, "it is full, and nobody can take any more");
    await assertRejects(() => idly(queue.put(2)), EOFError, "Cannot put into the queue");
    assertEquals(await queue.join(limit), false);
    assertEquals(queue.joinSync(limit), false);
    assertThrows(() => queue.joinSync(), EOFError, "nobody can take or acknowledge any more");
    await assertRejects(() => idly(queue.join()), EOFError, "Cannot join the queue");
    queue.getSync();
    queue.taskDone();
  }
});

Deno.test("no EOFError: another process still has it, if only to take", async () => {
  using queue = new Queue();
  using said = new Queue();
  using orders = new Queue();
  const [first, second] = [0, 1].map(() => started(putAndKeep, queue, said, orders, []));
  await said.get({ timeout: PATIENCE });
  await said.get({ timeout: PATIENCE });
  await killed(first);
  await assertRejects(() => queue.get({ timeout: 300 }), Empty);
  await assertRejects(() => Promise.try(() => queue.getSync({ timeout: 300 })), Empty);
  const told = assertRejects(() => idly(queue.get()), EOFError);
  await killed(second);
  await told;
});

Deno.test("no EOFError: the queue is on its way to a process in a message that nobody has taken yet", async () => {
  using queue = new Queue();
  using post = new Queue();
  post.putSync(queue);
  await assertRejects(() => queue.get({ timeout: 300 }), Empty);
  using arrived = post.getSync() as Queue;
  arrived.putSync("through the other handle");
  assertEquals(await queue.get({ timeout: PATIENCE }), "through the other handle");
});
