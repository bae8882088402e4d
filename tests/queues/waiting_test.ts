// What waits for a queue: told when it is closed, passed by who does not wait, and no obstacle to the event loop.

import { Empty, InvalidStateError, JoinableQueue, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { keepUntilTold, putOne } from "../fixtures/queues/queue_targets.ts";
import { PATIENCE, within } from "../support/helpers.ts";
import { ended, started } from "../support/children.ts";

Deno.test("close ends what waits for the queue in this process, though another has it", async () => {
  const waits: ((queue: JoinableQueue<number>) => Promise<unknown>)[] = [
    (queue) => queue.get(),
    (queue) => queue.get({ timeout: PATIENCE }),
    (queue) => queue.get({ signal: new AbortController().signal }),
    (queue) => queue.put(2),
    (queue) => queue.join(),
    (queue) => Array.fromAsync(queue),
  ];
  for (const [index, wait] of waits.entries()) {
    using said = new Queue();
    using orders = new Queue();
    const queue = new JoinableQueue<number>(1);
    if (index === 3 || index === 4) queue.putSync(1);
    const child = started(keepUntilTold, queue, said, orders);
    await said.get({ timeout: PATIENCE });
    const waiting = [wait(queue), wait(queue)];
    const outcomes = waiting.map((it) => assertRejects(() => within(it), InvalidStateError, "closed"));
    await Promise.resolve();
    queue.close();
    await Promise.all(outcomes);
    orders.putSync("end");
    await ended(child);
  }
});

Deno.test("who does not wait takes and puts what is possible, whoever is in line", async () => {
  using queue = new Queue<number>(2);
  const first = queue.get();
  queue.putSync(1);
  queue.putSync(2);
  assertEquals(await queue.get({ block: false }), 1);
  assertEquals(await first, 2);
  await assertRejects(() => queue.get({ block: false }), Empty);
  queue.putSync(3);
  queue.putSync(4);
  const third = queue.put(5);
  assertEquals([queue.getSync(), queue.getSync()], [3, 4]);
  await queue.put(6, { block: false });
  await third;
  assertEquals([queue.getSync(), queue.getSync()].toSorted(), [5, 6]);
});

Deno.test("a getter that closes the queue makes put fail, and nothing lands elsewhere", () => {
  const queue = new Queue<unknown>();
  let other: Queue | undefined;
  const value = {
    get x() {
      queue.close();
      other = new Queue();
      return 1;
    },
  };
  assertThrows(() => queue.putSync(value), InvalidStateError, "closed");
  assertEquals(other!.qsize(), 0);
  other!.close();
});

Deno.test("getters run once, also if the put has to wait", async () => {
  using queue = new Queue<unknown>(1);
  queue.putSync("first");
  let calls = 0;
  const putting = queue.put({
    get x() {
      return ++calls;
    },
  });
  queue.getSync();
  await putting;
  assertEquals(await queue.get(), { x: 1 });
});

Deno.test("an iteration through a backlog lets timers run", async () => {
  using queue = new Queue<number>();
  for (let i = 0; i < 200_000; i++) queue.putSync(i);
  queue.shutdown();
  let taken = 0;
  let seen = 0;
  const timer = setTimeout(() => seen = taken, 1);
  for await (const _ of queue) taken++;
  clearTimeout(timer);
  assert(seen > 0 && seen < 200_000, `the timer saw ${seen}`);
});

Deno.test("a promise is not given up between one producer and the next", async () => {
  using queue = new Queue<number>();
  const collected = Array.fromAsync(queue);
  for (let i = 0; i < 3; i++) await ended(started(putOne, queue, i));
  queue.shutdown();
  assertEquals(await within(collected), [0, 1, 2]);
});

Deno.test("who puts by one handle of a queue may wait for ever at another", async () => {
  using queue = new Queue<number>();
  using post = new Queue<Queue<number>>();
  post.putSync(queue);
  using same = post.getSync();
  // Somebody else has had it, and is gone.
  await ended(started(putOne, queue, 0));
  assertEquals(queue.getSync(), 0);
  same.putSync(1);
  assertEquals(queue.getSync(), 1);
  assertThrows(() => queue.getSync({ timeout: 300 }), Empty);
});

for (const options of [false, 5, "x", null, { block: "no" }, { timeout: "1" }, { signal: {} }]) {
  Deno.test(`options ${Deno.inspect(options)} are refused`, async () => {
    using queue = new Queue<number>();
    await assertRejects(() => queue.get(options as never), TypeError, "Cannot wait");
    assertThrows(() => queue.getSync(options as never), TypeError, "Cannot wait");
    await assertRejects(() => queue.put(1, options as never), TypeError, "Cannot wait");
    assertEquals(queue.qsize(), 0);
  });
}
