// The time that one task may take.

import { Queue, TimeoutError, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import * as retrying from "../fixtures/pool/pool_retry_targets.ts";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { isRunning, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

export function deadlinesOfPools({ pool: poolOf, test }: Suite): void {
  test("a task that takes too long fails alone, and its worker is replaced", async () => {
    await using pool = poolOf(1, { grace: 0 });
    using said = new Queue<number>();
    const late = pool.apply(retrying.spinIf, [[said, true]], { taskTimeout: 1000 }); // so that it says who it is
    const pid = await said.get();
    const other = pool.apply(targets.pid);
    const error = await assertRejects(() => late, TimeoutError);
    assertEquals(error.message, 'Cannot finish "spinIf": the task took more than 1000 ms');
    assertNotEquals(await other, pid);
    await until("the worker killed", () => !isRunning(pid));
    const { failed, done, restarts } = pool.stats();
    assertEquals([failed, done, restarts], [1, 1, 1]);
  });

  test("of many items only the one that takes too long fails", async () => {
    await using pool = poolOf(2, { grace: 0, taskTimeout: 1000 });
    using said = new Queue<number>();
    const items = numbers(8).map((i) => [said, i === 2] as const);
    const map = () => pool.map(retrying.spinIf, items);
    await assertRejects(map, TimeoutError, 'Cannot finish "spinIf", item 2 of pool.map, [ ');
    assertEquals(pool.stats().done, 7); // each item was a task
    const iterator = pool.imap(retrying.spinIf, items);
    const results = await Promise.allSettled(numbers(8).map(() => iterator.next()));
    assertEquals(results.map(({ status }) => status === "rejected"), numbers(8).map((i) => i === 2));
    const call = () => pool.map(retrying.spinIf, items.slice(0, 4), { chunksize: 4 });
    await assertRejects(call, TimeoutError); // the whole chunk
  });

  test("the time of a task whose iteration was left passes as before", async () => {
    await using pool = poolOf(1, { grace: 0 });
    using said = new Queue<number>();
    const iterator = pool.imap(retrying.spinIf, [[said, false], [said, true]] as const, { taskTimeout: 1000 });
    await iterator.next();
    const pid = await said.get();
    await said.get(); // the second one spins
    await iterator.return();
    assertNotEquals(await pool.apply(targets.pid), pid);
    pool.close();
    assert(await pool.join());
  });

  test("the time begins with the task, not with the call, and a call has its own", async () => {
    await using pool = poolOf(1, { taskTimeout: 1000 });
    using orders = new Queue<number>();
    const blocked = pool.apply(targets.answerOf, [orders], { taskTimeout: null });
    const waiting = numbers(5).map((i) => pool.apply(targets.square, [i]));
    await new Promise((resolve) => setTimeout(resolve, 1100)); // longer than any of them may take
    orders.putSync(7);
    assertEquals(await blocked, 7);
    assertEquals(await Promise.all(waiting), numbers(5).map(targets.square));
  });

  test("a task is told that its time has passed, and need not be killed", async () => {
    await using pool = poolOf(1, { grace: 60_000 });
    using queue = new Queue<number | string>();
    const late = pool.apply(targets.tellAndWait, [queue], { taskTimeout: 50 });
    await assertRejects(() => late, TimeoutError);
    const pid = await queue.get();
    assertEquals(await queue.get(), "TimeoutError true");
    assertEquals(await pool.apply(targets.pid), pid);
    assertEquals(pool.stats().restarts, 0);
  });

  test("a result that was there before anybody looked at the clock counts", async () => {
    await using pool = poolOf(1);
    using queue = new Queue<number>();
    await pool.apply(targets.pid);
    const call = pool.apply(targets.tellAndLinger, [queue, 1], { taskTimeout: 1000 });
    await queue.get();
    for (const end = performance.now() + 1500; performance.now() < end;); // no turn of the event loop meanwhile
    await call;
    assertEquals(pool.stats().restarts, 0);
  });

  test("a task whose time has passed is begun anew, if its call wants that", async () => {
    await using pool = poolOf(2, { grace: 0 });
    const options = { taskTimeout: 1000, retries: { count: 2, on: "error" } } as const;
    assertEquals(await pool.apply(retrying.spinAtFirst, [1], options), 1);
    assertEquals(await pool.map(retrying.spinAtFirst, [0, 1, 0], options), [0, 1, 0]);
    const lost = { taskTimeout: 100, retries: 2 };
    await assertRejects(() => pool.apply(retrying.spinAtFirst, [1], lost), TimeoutError);
  });

  test("a worker that is killed in the time of its task costs that task as ever, and nothing after its time", async () => {
    await using pool = poolOf(1, { taskTimeout: 100_000 });
    using said = new Queue<number>();
    const doomed = pool.apply(retrying.spinIf, [[said, true]]);
    Deno.kill(await said.get(), "SIGKILL");
    await assertRejects(() => doomed, WorkerLostError);
    const late = pool.apply(retrying.spinIf, [[said, true]], { taskTimeout: 30 });
    const pid = await said.get();
    await assertRejects(() => late, TimeoutError); // it is given up, and its worker has a second left
    Deno.kill(pid, "SIGKILL");
    assertEquals(await pool.apply(targets.square, [3]), 9);
    const last = pool.apply(retrying.spinIf, [[said, true]], { taskTimeout: 30 });
    pool.close();
    await assertRejects(() => last, TimeoutError);
    assert(await pool.join());
  });
}
