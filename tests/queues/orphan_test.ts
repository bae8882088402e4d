// A consumer whose last possible producer is gone is told by an EOFError, and nobody else is.

import { Empty, EOFError, Queue, SimpleQueue } from "@parallel/multiprocessing";
import { assertEquals, assertRejects } from "@std/assert";
import { putAndClose, putAndKeep, receive, type Received, type Way } from "../fixtures/queue_targets.ts";
import { PATIENCE, within } from "../helpers.ts";
import { ended, killed, started } from "./children.ts";

/** The forms of a consumer, which gets the two values that are there and then hears that there will be no more. */
const CONSUMERS: Record<string, (queue: Queue) => Promise<unknown>> = {
  get: async (queue) => [await queue.get(), await queue.get(), await queue.get()],
  getSync: (queue) => Promise.try(() => [queue.getSync(), queue.getSync(), queue.getSync()]),
  "getSync with a timeout": (queue) => Promise.try(() => [0, 0, 0].map(() => queue.getSync({ timeout: PATIENCE }))),
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
      () => within(consume(queue)),
      EOFError,
      "every other process that had it has ended or closed it",
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
    await assertRejects(() => within(consume(queue)), EOFError);
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
    await assertRejects(() => within(consume(queue)), EOFError);
    await ended(...children);
  });
}

Deno.test("a get that waits already hears of the death, and so do those behind it", async () => {
  using queue = new Queue();
  using said = new Queue();
  using orders = new Queue();
  const child = started(putAndKeep, queue, said, orders, []);
  await said.get({ timeout: PATIENCE });
  const waiting = [queue.get(), queue.get(), queue.get({ timeout: PATIENCE })];
  child.kill();
  for (const get of waiting) await assertRejects(() => within(get), EOFError);
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
  await assertRejects(() => within(queue.get()), EOFError);
  await assertRejects(() => Promise.try(() => queue.getSync()), EOFError);
  await killed(child);
});

export function keepSimply(_queue: SimpleQueue<unknown>, said: Queue, orders: Queue): void {
  said.putSync(Deno.pid);
  orders.getSync();
}

Deno.test("no EOFError: the queue was never sent to anybody", async () => {
  using queue = new Queue();
  await assertRejects(() => queue.get({ timeout: 300 }), Empty);
  await assertRejects(() => Promise.try(() => queue.getSync({ timeout: 300 })), Empty);
});

Deno.test("no EOFError: this process itself has put, and so may put again", async () => {
  using queue = new Queue();
  using said = new Queue();
  using orders = new Queue();
  queue.putSync("own");
  const child = started(putAndKeep, queue, said, orders, []);
  await said.get({ timeout: PATIENCE });
  await killed(child);
  assertEquals(queue.getSync(), "own");
  await assertRejects(() => queue.get({ timeout: 300 }), Empty);
  await assertRejects(() => Promise.try(() => queue.getSync({ timeout: 300 })), Empty);
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
  const waiting = queue.get();
  await killed(second);
  await assertRejects(() => within(waiting), EOFError);
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
