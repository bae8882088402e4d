// Queue.shutdown: in this process and in others, while they wait and before.

import { Empty, JoinableQueue, Queue, ShutDown } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { receive, type Received, send, shutDown, type Way } from "../fixtures/queues/queue_targets.ts";
import { assertAllReject, blocked, PATIENCE, within } from "../support/helpers.ts";
import { ended, leavingNothing, started } from "../support/children.ts";

const WAYS: Way[] = ["getSync", "get", "for await"];

Deno.test("after shutdown every put is refused, and every get once the queue is drained", async () => {
  using queue = new Queue<number>();
  queue.putSync(1);
  queue.putSync(2);
  queue.shutdown();
  queue.shutdown();
  for (const put of [() => queue.put(3), () => queue.put(3, { timeout: 20 }), () => queue.put(3, { block: false })]) {
    await assertRejects(put, ShutDown, "Cannot put into the queue: it is shut down");
  }
  assertThrows(() => queue.putSync(3), ShutDown);
  assertThrows(() => queue.putNowait(3), ShutDown);
  assertEquals([queue.getNowait(), await queue.get()], [1, 2]);
  for (const get of [() => queue.get(), () => queue.get({ timeout: 20 }), () => queue.get({ block: false })]) {
    await assertRejects(get, ShutDown, "Cannot get from the queue: it is empty and shut down");
  }
  assertThrows(() => queue.getSync(), ShutDown);
  assertThrows(() => queue.getNowait(), ShutDown);
  assertEquals([queue.qsize(), queue.empty()], [0, true]);
});

Deno.test("shutdown is refused with an `immediate` that is no boolean, and nothing is shut down", () => {
  for (const queue of [new Queue<number>(), new JoinableQueue<number>()]) {
    for (
      const [immediate, shown] of [[1, "1"], ["yes", '"yes"'], [null, "null"], [new Boolean(true), "[Boolean: true]"]]
    ) {
      const message = `Cannot shut down the queue: "immediate" is ${shown}, wanted true or false`;
      assertThrows(() => queue.shutdown({ immediate } as never), TypeError, message);
    }
    queue.putSync(1);
    queue.shutdown({ immediate: undefined });
    assertEquals(queue.getSync(), 1);
    queue.close();
  }
});

Deno.test("an unserialisable value is refused as such, shut down or not", () => {
  using queue = new Queue();
  queue.shutdown();
  assertThrows(() => queue.putSync(() => {}), TypeError);
});

Deno.test("a full queue that is shut down says so, and not that it is full", async () => {
  using queue = new Queue<number>(1);
  queue.putSync(1);
  const waiting = [queue.put(2), queue.put(3)];
  queue.shutdown();
  await assertAllReject(waiting, ShutDown);
  assertThrows(() => queue.putNowait(4), ShutDown);
  assertEquals(queue.getNowait(), 1);
});

Deno.test("shutdown ends the gets that wait here, and leaves the closed queue closed", async () => {
  using queue = new Queue<number>();
  const waiting = [queue.get(), queue.get(), queue.get({ timeout: PATIENCE })];
  queue.shutdown();
  await assertAllReject(waiting, ShutDown);
});

for (const immediate of [false, true]) {
  for (const way of WAYS) {
    Deno.test(`shutdown (immediate: ${immediate}) ends ${way} that waits in another process`, async () => {
      await leavingNothing(async () => {
        using queue = new Queue();
        using said = new Queue<number & Received>();
        const child = started(receive, queue, said, way);
        await said.get({ timeout: PATIENCE });
        if (way === "getSync") await blocked(child.pid!);
        queue.shutdown({ immediate });
        const error = way === "for await" ? null : "ShutDown";
        assertEquals(await said.get({ timeout: PATIENCE }), { values: [], error } as unknown as number & Received);
        await ended(child);
      });
    });
  }
}

for (const way of WAYS) {
  Deno.test(`what was put before the shutdown is taken by ${way} in another process`, async () => {
    using queue = new Queue<number>();
    using said = new Queue<unknown>();
    const values = Array.from({ length: 1000 }, (_, i) => i);
    for (const value of values) queue.putSync(value);
    queue.shutdown();
    const child = started(receive, queue, said, way);
    assertEquals(await said.get({ timeout: PATIENCE }), child.pid);
    const error = way === "for await" ? null : "ShutDown";
    assertEquals(await said.get({ timeout: PATIENCE }), { values, error });
    await ended(child);
  });
}

for (const way of ["put", "putSync"] as const) {
  for (const immediate of [false, true]) {
    Deno.test(`shutdown (immediate: ${immediate}) ends ${way} that waits in another process`, async () => {
      using queue = new Queue<number>(1);
      using said = new Queue<unknown>();
      queue.putSync(0);
      const child = started(send, queue, said, way, [1]);
      await said.get({ timeout: PATIENCE });
      if (way === "putSync") await blocked(child.pid!);
      queue.shutdown({ immediate });
      assertEquals(await said.get({ timeout: PATIENCE }), "ShutDown");
      await ended(child);
      assertEquals(queue.qsize(), immediate ? 0 : 1);
    });
  }
}

Deno.test("another process may shut the queue down; an immediate shutdown throws away what is in it", async () => {
  for (const immediate of [false, true]) {
    using queue = new Queue<number>();
    using said = new Queue();
    queue.putSync(1);
    const child = started(shutDown, queue, said, immediate);
    await said.get({ timeout: PATIENCE });
    assertThrows(() => queue.putSync(2), ShutDown);
    if (!immediate) assertEquals(queue.getNowait(), 1);
    assertThrows(() => queue.getNowait(), ShutDown);
    await ended(child);
  }
});

Deno.test("an immediate shutdown acknowledges what it throws away, and so ends every join", async () => {
  using jobs = new JoinableQueue<number>();
  for (let i = 0; i < 5; i++) jobs.putSync(i);
  const joining = jobs.join();
  jobs.getSync();
  jobs.shutdown({ immediate: true });
  assertEquals(jobs.joinSync({ timeout: 0 }), false, "one was taken and is still being worked on");
  jobs.taskDone();
  assert(await within(joining));
  assert(jobs.joinSync());
});

Deno.test("a shutdown that is not immediate leaves join to wait for the rest", async () => {
  using jobs = new JoinableQueue<number>();
  jobs.putSync(1);
  jobs.shutdown();
  assertEquals(await jobs.join({ timeout: 20 }), false);
  jobs.getSync();
  jobs.taskDone();
  assert(await jobs.join());
});

Deno.test("for await takes what other parts of the program put, ends at the shutdown, and may be left", async () => {
  using queue = new Queue<number>();
  const taken: number[] = [];
  const taking = (async () => {
    for await (const value of queue) {
      taken.push(value);
      if (value === 2) break;
    }
    for await (const value of queue) taken.push(10 * value);
  })();
  for (let i = 0; i < 5; i++) await queue.put(i);
  queue.shutdown();
  await within(taking);
  assertEquals(taken, [0, 1, 2, 30, 40]);
});

Deno.test("shutdown with a message half of whose readers wait: each value is taken once", async () => {
  using queue = new Queue<number>();
  using said = new Queue<unknown>();
  const children = WAYS.map((way) => started(receive, queue, said, way));
  for (const _ of children) await said.get({ timeout: PATIENCE });
  for (let i = 0; i < 3000; i++) queue.putSync(i);
  queue.shutdown();
  const received: Received[] = [];
  for (const _ of children) received.push(await said.get({ timeout: PATIENCE }) as Received);
  const values = received.flatMap(({ values }) => values as number[]).sort((a, b) => a - b);
  assertEquals(values, Array.from({ length: 3000 }, (_, i) => i));
  await ended(...children);
});

Deno.test("a get that only tries tells an empty queue from one that is shut down", () => {
  using queue = new Queue();
  assertThrows(() => queue.getNowait(), Empty);
  queue.shutdown();
  assertThrows(() => queue.getNowait(), ShutDown);
});
