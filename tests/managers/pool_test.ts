// Pool of a manager.

import {
  AsyncResult,
  EOFError,
  InvalidStateError,
  Queue,
  RemoteError,
  TimeoutError,
  WorkerLostError,
} from "@parallel/multiprocessing";
import type { PoolProxy } from "@parallel/multiprocessing/managers";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/managers/shared_targets.ts";
import { killed } from "../support/children.ts";
import { isRunning, PATIENCE, until } from "../support/helpers.ts";
import { testManaged } from "./managed.ts";
import { objectsOf } from "./suite.ts";

const patiently = { timeout: PATIENCE };

/** The pids of a pool's workers. */
async function workersOf(pool: PoolProxy): Promise<number[]> {
  return (await pool.stats()).workers.map(({ pid }) => pid);
}

async function allGone(pids: readonly number[]): Promise<void> {
  await until("the end of all workers", () => !pids.some(isRunning));
}

testManaged("TestSyncManagerTypes.test_pool: a worker enters and leaves a pool", async ({ manager, run }) => {
  using pool = await manager.Pool(2);
  await run(targets.enterAndLeave, pool);
  await assertRejects(() => pool.apply(targets.square, [1]), InvalidStateError, "pool not running");
  assert(await pool.join(patiently));
});

testManaged(
  "a pool in a manager has the options of one here, but for what only this process could call",
  async ({ manager }) => {
    const finalizer = targets.square;
    await using pool = await manager.Pool({ min: 0, max: 2 }, { finalizer: finalizer as () => number, maxQueue: 9 });
    assertEquals((await pool.stats()).workers.length, 0);
    const settled = await pool.map(targets.square, [3], {
      settled: true,
      retries: 1,
      taskTimeout: PATIENCE,
      priority: 1,
    });
    assertEquals(settled, [{ status: "fulfilled", value: 9, index: 0 }]);
    const words = (name: string) => `"${name}" is a function, which the pool of a manager cannot call`;
    for (const name of ["onWorkerStart", "onWorkerExit"]) {
      await assertRejects(() => manager.Pool(1, { [name]: () => {} }), TypeError, words(name));
    }
    const on = () => true;
    const refused = {
      progress: () => {},
      onReport: () => {},
      retries: { count: 1, on },
      delay: { count: 1, delay: () => 1 },
    };
    const { progress, onReport, retries, delay } = refused;
    await assertRejects(() => pool.map(targets.square, [1], { progress }), TypeError, words("progress"));
    await assertRejects(() => pool.apply(targets.square, [1], { onReport }), TypeError, words("onReport"));
    await assertRejects(() => pool.mapAsync(targets.square, [1], { retries }), TypeError, words("retries.on"));
    assertThrows(() => pool.imap(targets.square, [1], { retries: delay }), TypeError, words("retries.delay"));
  },
);

testManaged("the calls of a pool, in promises", async ({ manager, run }) => {
  await using pool = await manager.Pool(2);
  assertMatch(await pool.describe(), /<multiprocessing\.pool\.Pool state=RUN pool_size=2 name='Pool-1'>/);
  assertEquals(await pool.apply(targets.add, [1, 2]), 3);
  assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]);
  assertEquals(await pool.map(targets.square, new Set([4]), { chunksize: 1 }), [16]);
  assertEquals(await pool.starmap(targets.add, [[1, 2], [3, 4]]), [3, 7]);
  assertEquals(await Array.fromAsync(pool.imap(targets.square, [1, 2, 3])), [1, 4, 9]);
  assertEquals((await Array.fromAsync(pool.imapUnordered(targets.square, [1, 2, 3]))).sort(), [1, 4, 9]);
  async function* items() {
    yield* [5, 6];
    await Promise.resolve();
  }
  assertEquals(await pool.map(targets.square, items()), [25, 36]);
  // Named by the module: of no type.
  const named = { module: new URL("../fixtures/managers/shared_targets.ts", import.meta.url), name: "square" };
  assertEquals(await pool.apply(named, [7]), 49);
  await run(targets.usePool, pool);
  const first = await pool.applyAsync(targets.square, [8], { priority: 1 });
  assert(await pool.idle(patiently) && await first.ready());
  await pool.close();
  assert(await pool.join(patiently));
});

testManaged("the calls of a pool, blocking", async ({ manager }) => {
  await using pool = await manager.Pool(1);
  const { sync } = pool;
  assertEquals(sync.apply(targets.add, [1, 2]), 3);
  assertEquals([sync.map(targets.square, [2]), sync.starmap(targets.add, [[1, 2]])], [[4], [3]]);
  assertEquals([[...sync.imap(targets.square, [2, 3])], [...sync.imapUnordered(targets.square, [4])]], [[4, 9], [16]]);
  const result = sync.applyAsync(targets.later, [20]).sync;
  assertEquals([result.get(), result.ready(), result.successful(), result.wait()], ["later", true, true, true]);
  assertEquals(sync.mapAsync(targets.square, [2]).sync.get(), [4]);
  assertEquals(sync.starmapAsync(targets.add, [[1, 2]]).sync.get(), [3]);
  assertThrows(() => sync.apply(targets.fail, ["no"]), RangeError, "no");
  sync.close();
  assert(sync.idle(patiently) && sync.join(patiently));
});

testManaged("results that are yet to come", async ({ manager }) => {
  await using pool = await manager.Pool(1);
  using go = await manager.Event();
  const result = await pool.applyAsync(targets.laterThan, [go]);
  assert(!(result instanceof AsyncResult));
  assertEquals(await result.wait({ timeout: 1 }), false);
  await assertRejects(() => result.successful(), InvalidStateError, "not ready");
  await assertRejects(() => result.get({ timeout: 1 }), TimeoutError, "not ready within 1 ms");
  await go.set();
  assertEquals(await result.get(patiently), "later");
  assertEquals([await result.ready(), await result.successful()], [true, true]);
  const failed = await pool.mapAsync(targets.fail, ["no"]);
  const error = await assertRejects(() => failed.get(patiently), RangeError, "no");
  assertEquals(await failed.successful(), false);
  assert(error.cause instanceof RemoteError);
  assertEquals(await (await pool.starmapAsync(targets.add, [[1, 2]])).get(), [3]);
  const controller = new AbortController();
  const pending = (await pool.applyAsync(targets.later, [100_000])).get({ signal: controller.signal });
  controller.abort(new RangeError("enough"));
  await assertRejects(() => pending, RangeError, "enough");
});

testManaged("functions must be exported, also by those who call from afar", async ({ manager }) => {
  await using pool = await manager.Pool(1);
  await assertRejects(() => pool.apply(() => 1), TypeError, "no module exports it");
  await assertRejects(() => pool.apply(targets.square.bind(null), [1]), TypeError);
  assertThrows(() => pool.sync.map((x: number) => x, [1]), TypeError, "no module exports it");
  assertThrows(() => pool.imap((x: number) => x, [1]), TypeError, "no module exports it");
  const missing = { module: new URL("../fixtures/managers/shared_targets.ts", import.meta.url), name: "none" };
  await assertRejects(() => pool.apply(missing), TypeError, "exports no function of this name");
  // deno-lint-ignore no-explicit-any
  const wrong: any = { callback: () => {} };
  await assertRejects(() => pool.applyAsync(targets.add, [1, 2], wrong), TypeError, '"callback"');
  await assertRejects(() => pool.callmethod("apply", ["square", [1]]), RangeError, "reference is malformed");
});

testManaged("options of a pool travel to where it is", async ({ manager }) => {
  await using pool = await manager.Pool(1, { initializer: targets.greet, initargs: ["hello"], name: "Greeters" });
  assertEquals(await pool.apply(targets.greeted), "hello");
  assertMatch(await pool.describe(), /name='Greeters'/);
  await assertRejects(() => manager.Pool(0), RangeError, '"processes" is 0');
  // deno-lint-ignore no-explicit-any
  await assertRejects(() => manager.Pool(1, { context: { Process: null } } as any), TypeError, '"context"');
  await assertRejects(() => manager.Pool(1, { initializer: () => {} }), TypeError, "in another process");
});

testManaged("shared objects are given to tasks", async ({ manager }) => {
  await using pool = await manager.Pool(1);
  using lock = await manager.Lock();
  assertEquals(await pool.apply(targets.useLock, [lock]), true);
  assertEquals(await (await pool.applyAsync(targets.useLock, [lock])).get(), true);
  assert(!await lock.locked());
});

testManaged(
  "what is given to tasks, and to workers that begin later, is kept as long as they want it",
  async (managed) => {
    const { manager } = managed;
    const before = await manager.numberOfObjects();
    const event = await manager.Event();
    await event.set();
    {
      using initial = await manager.Event();
      const options = { maxtasksperchild: 1, initializer: targets.isSet, initargs: [initial] as const };
      await using pool = await manager.Pool(1, options); // each task waits for a worker of its own
      initial.close();
      using stack = new DisposableStack();
      const results = [
        await pool.applyAsync(targets.isSet, [event]),
        await pool.applyAsync(targets.isSetByName, [], { kwargs: { event } }),
        await pool.mapAsync(targets.isSet, [event]),
        await pool.starmapAsync(targets.isSet, [[event]]),
      ];
      for (const result of results) stack.use(result);
      const iterations = [pool.imap(targets.isSet, [event, event]), pool.imapUnordered(targets.isSet, [event])];
      const first = await Promise.all(iterations.map((it) => it.next()));
      event.close();
      assertEquals(await Promise.all(results.map((it) => it.get(patiently))), [true, true, [true], [true]]);
      assertEquals(first.map(({ value }) => value), [true, true]);
      assertEquals(await Array.fromAsync(iterations[0]), [true]);
      await iterations[1].return?.();
    }
    await objectsOf(manager, before);
  },
);

testManaged("a worker that is killed costs its task", async ({ manager }) => {
  await using pool = await manager.Pool(1);
  const error = await assertRejects(() => pool.apply(targets.die), WorkerLostError, "SIGKILL");
  assertEquals(error.signal, "SIGKILL");
  assertEquals(await pool.apply(targets.square, [3]), 9);
});

testManaged(
  "a call that is given up ends its task, and so does the end of who called",
  async ({ manager, started }) => {
    using said = new Queue<number>();
    await using pool = await manager.Pool(1, { grace: 0 });
    const controller = new AbortController();
    const call = pool.apply(targets.runForEver, [said as never], { signal: controller.signal });
    const first = await said.get(patiently);
    controller.abort(new RangeError("enough"));
    await assertRejects(() => call, RangeError, "enough");
    await allGone([first]);
    await assertRejects(() => pool.with({ timeout: 50 }).apply(targets.later, [100_000]), TimeoutError);
    await assertRejects(() => pool.apply(targets.later, [100_000], { timeout: 50 }), TimeoutError, "more than 50 ms");
    const caller = started(targets.callAndStop, pool, said as never);
    const second = await said.get(patiently);
    await killed(caller);
    await allGone([second]);
    assertEquals(await pool.apply(targets.square, [3]), 9);
  },
);

testManaged("the last proxy that is given up ends the pool", async ({ manager, started }) => {
  using said = new Queue<number>();
  const before = await manager.numberOfObjects();
  let pids: number[];
  {
    using pool = await manager.Pool(2);
    pids = await workersOf(pool);
    const user = started(targets.callAndStop, pool, said as never);
    await said.get(patiently);
    pool[Symbol.dispose]();
    assert(pids.every(isRunning));
    await killed(user);
  }
  await objectsOf(manager, before);
  await allGone(pids);
});

testManaged("when the server is killed, its workers end, and calls are told", async ({ manager, killServer }) => {
  using said = new Queue<number>();
  using pool = await manager.Pool(2);
  const pids = await workersOf(pool);
  const call = pool.apply(targets.runForEver, [said as never]);
  await said.get(patiently);
  const rejected = assertRejects(() => call, EOFError, "SIGKILL");
  await killServer();
  await rejected;
  await assertRejects(() => pool.map(targets.square, [1]), EOFError, "SIGKILL");
  await allGone(pids);
});

testManaged("the end of the manager ends its pools", async ({ manager }) => {
  using pool = await manager.Pool(1);
  const pids = await workersOf(pool);
  await manager.shutdown();
  await allGone(pids);
});
