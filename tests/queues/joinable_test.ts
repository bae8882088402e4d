// JoinableQueue whose consumers die: join says which process has how many values, and never hangs in silence.

import { JoinableQueue, OwnerDiedError, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { joinTasks, takeTasks } from "../fixtures/queues/queue_targets.ts";
import { blocked, PATIENCE, within } from "../support/helpers.ts";
import { ended, killed, leavingNothing, started } from "../support/children.ts";

/** Joins in one way or the other; what that rejects with. */
const JOINS: Record<string, (jobs: JoinableQueue) => Promise<unknown>> = {
  join: (jobs) => within(jobs.join()),
  "join with a timeout": (jobs) => within(jobs.join({ timeout: PATIENCE })),
  joinSync: (jobs) => Promise.try(() => jobs.joinSync()),
  "joinSync with a timeout": (jobs) => Promise.try(() => jobs.joinSync({ timeout: PATIENCE })),
};

for (const [name, join] of Object.entries(JOINS)) {
  Deno.test(`${name} names the killed consumer and how many values it had; taskDone by another mends it`, async () => {
    await leavingNothing(async () => {
      using jobs = new JoinableQueue<number>();
      using said = new Queue();
      using orders = new Queue();
      for (let i = 0; i < 5; i++) jobs.putSync(i);
      const child = started(takeTasks, jobs, said, orders, { taken: 4, acknowledged: 1 });
      const pid = await said.get({ timeout: PATIENCE });
      child.kill();
      const error = await assertRejects(() => join(jobs), OwnerDiedError) as OwnerDiedError;
      assertEquals([error.pid, error.processName], [pid as number, child.name]);
      assertEquals(
        error.message,
        `Cannot join the queue: "${child.name}" (pid ${pid}) was ended by SIGKILL after it took 3 values that it did not ` +
          "acknowledge; call taskDone() once for each when they have been dealt with",
      );
      await killed(child);

      for (let i = 0; i < 3; i++) jobs.taskDone();
      assertEquals(await jobs.join({ timeout: 0 }), false, "one has not been taken yet");
      assertEquals(jobs.getSync(), 4);
      jobs.taskDone();
      assertEquals(await join(jobs), true);
      assertThrows(() => jobs.taskDone(), Error, "task_done() called too many times");
    });
  });
}

Deno.test("a consumer that ends by itself without acknowledging is named, too", async () => {
  using jobs = new JoinableQueue<number>();
  using said = new Queue();
  jobs.putSync(1);
  const child = started(takeTasks, jobs, said, null, { taken: 1, acknowledged: 0 });
  await said.get({ timeout: PATIENCE });
  await ended(child);
  const error = await assertRejects(() => within(jobs.join()), OwnerDiedError, "1 value that it did not acknowledge");
  assertInstanceOf(error, OwnerDiedError);
  assertEquals(error.processName, child.name);
});

Deno.test("a join that waits in another process hears of the death", async () => {
  for (const way of ["join", "joinSync"] as const) {
    using jobs = new JoinableQueue<number>();
    using said = new Queue<unknown>();
    using orders = new Queue();
    jobs.putSync(1);
    const worker = started(takeTasks, jobs, said, orders, { taken: 1, acknowledged: 0 });
    await said.get({ timeout: PATIENCE });
    const joiner = started(joinTasks, jobs, said, way);
    await said.get({ timeout: PATIENCE });
    if (way === "joinSync") await blocked(joiner.pid!);
    await killed(worker);
    assertEquals(await said.get({ timeout: PATIENCE }), "OwnerDiedError");
    await ended(joiner);
  }
});

Deno.test("values of several dead consumers are mended one after the other", async () => {
  using jobs = new JoinableQueue<number>();
  using said = new Queue();
  using orders = new Queue();
  for (let i = 0; i < 6; i++) jobs.putSync(i);
  const children = [1, 2, 3].map((taken) => started(takeTasks, jobs, said, orders, { taken, acknowledged: 0 }));
  for (const _ of children) await said.get({ timeout: PATIENCE });
  for (const child of children) await killed(child);
  const named = new Set<string | null>();
  for (let left = 6; left > 0; left--) {
    const error = await assertRejects(() => within(jobs.join()), OwnerDiedError) as OwnerDiedError;
    named.add(error.processName);
    jobs.taskDone();
  }
  assertEquals([...named].sort(), children.map(({ name }) => name).sort());
  assert(await jobs.join({ timeout: 0 }));
});

Deno.test("a dead consumer that had acknowledged all is nobody's business", async () => {
  using jobs = new JoinableQueue<number>();
  using said = new Queue();
  using orders = new Queue();
  for (let i = 0; i < 3; i++) jobs.putSync(i);
  const child = started(takeTasks, jobs, said, orders, { taken: 2, acknowledged: 2 });
  await said.get({ timeout: PATIENCE });
  await killed(child);
  assertEquals(await jobs.join({ timeout: 300 }), false);
  assertEquals(jobs.joinSync({ timeout: 300 }), false);
  jobs.getSync();
  jobs.taskDone();
  assert(jobs.joinSync());
});

Deno.test("a dead producer's values are joined like all others", async () => {
  using jobs = new JoinableQueue<number>();
  using said = new Queue();
  using orders = new Queue();
  const child = started(putTwoAndKeep, jobs, said, orders);
  await said.get({ timeout: PATIENCE });
  await killed(child);
  assertEquals(await jobs.join({ timeout: 0 }), false);
  for (const value of [1, 2]) {
    assertEquals(jobs.getSync(), value);
    jobs.taskDone();
  }
  assert(await jobs.join());
});

export function putTwoAndKeep(jobs: JoinableQueue<number>, said: Queue, orders: Queue): void {
  jobs.putSync(1);
  jobs.putSync(2);
  said.putSync(Deno.pid);
  orders.getSync();
}
