// Pools on an engine, with workers that are processes of their own.

import {
  MaybeEncodingError,
  Pool,
  ProcessError,
  RemoteError,
  TimeoutError,
  WorkerLostError,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/engine/pool_targets.ts";
import { engineTest } from "../support/engine.ts";
import { PoolTree } from "../support/engine_pool.ts";
import { until } from "../support/helpers.ts";
import { Notes } from "../support/notes.ts";

engineTest("pool: calls of every kind have their results", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(2);
  assertInstanceOf(pool, Pool);
  assertEquals(await pool.apply(targets.add, [2, 3]), 5);
  assertEquals(await pool.map(targets.square, [1, 2, 3, 4, 5]), [1, 4, 9, 16, 25]);
  assertEquals(await pool.starmap(targets.add, [[1, 2], [3, 4]]), [3, 7]);
  assertEquals(await Array.fromAsync(pool.imap(targets.square, [1, 2, 3])), [1, 4, 9]);
  assertEquals((await Array.fromAsync(pool.imapUnordered(targets.square, [1, 2, 3]))).sort(), [1, 4, 9]);
  assertEquals(await pool.applyAsync(targets.later, [7, 1]).get(), 7);
  assertEquals(await pool.mapAsync(targets.square, [2]).get(), [4]);
  const stream = ReadableStream.from([3, 4]).pipeThrough(pool.toTransformStream(targets.square));
  assertEquals(await Array.fromAsync(stream), [9, 16]);
  assert(await pool.idle());
  const { done, failed, workers } = pool.stats();
  assertEquals([failed, workers.length], [0, 2]);
  assert(done > 0);
  // The first may have done everything before the second was there.
  await until("a task of each worker", async () => {
    await pool.map(targets.square, [1, 2, 3, 4], { chunksize: 1 });
    return pool.stats().workers.every(({ memory }) => memory > 0);
  });
  pool.close();
  assertEquals(await pool.join(), true);
  assertEquals(tree.workers.map(({ exitcode }) => exitcode), [0, 0]);
});

engineTest("pool: thousands of tasks have each its own result, also large ones", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(2);
  const items = Array.from({ length: 2000 }, (_, i) => i);
  assertEquals(await pool.map(targets.square, items, { chunksize: 1 }), items.map((x) => x * x));
  assertEquals(await Promise.all(items.map((x) => pool.apply(targets.square, [x]))), items.map((x) => x * x));
  const bytes = new Uint8Array(3_000_000).map((_, i) => i);
  assertEquals(await pool.apply(targets.same<Uint8Array>, [bytes]), bytes);
  const texts = Array.from({ length: 8 }, (_, i) => "x".repeat(200_000) + i);
  assertEquals(await pool.map(targets.same<string>, texts, { chunksize: 1 }), texts);
});

engineTest("pool: an error of a task is the caller's, and says where it was", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(1);
  const error = await assertRejects(() => pool.apply(targets.fail, [3]), RangeError, "bad 3");
  assertInstanceOf(error.cause, RemoteError);
  const settled = await pool.map(targets.failIfNegative, [1, -2, 3], { settled: true });
  assertEquals(settled.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  await assertRejects(() => pool.apply(targets.unsendable), MaybeEncodingError);
  assertEquals(await pool.apply(targets.square, [2]), 4);
});

engineTest("pool: a worker killed in mid-task costs that task, and no other", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(2);
  const lost = pool.apply(targets.noteAndBlock, [notes.path, "blocks"]);
  const [line] = await notes.until(1);
  const others = pool.map(targets.noteItem, Array.from({ length: 30 }, (_, i) => [notes.path, i] as const), {
    chunksize: 1,
  });
  const pid = Number(line.split(" ")[1]);
  tree.workerOf(pid).kill();
  const error = await assertRejects(() => lost, WorkerLostError);
  assertEquals([error.pid, error.signal], [pid, "SIGKILL"]);
  assertEquals(await others, Array.from({ length: 30 }, (_, i) => i));
  // Each has run once.
  assertEquals(notes.lines.slice(1).map(Number).sort((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i));
  await until("the other worker", () => pool.stats().workers.length === 2);
});

engineTest("pool: while workers are killed at any moment, each task is done once, or lost", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(3);
  const count = 300;
  const calls = Array.from({ length: count }, (_, i) => pool.apply(targets.noteItem, [[notes.path, i] as const]));
  const outcomes = Promise.allSettled(calls);
  for (let kills = 0; kills < 4; kills++) {
    const from = notes.lines.length;
    await until("progress", () => notes.lines.length >= Math.min(count, from + 20));
    const [victim] = pool.stats().workers.filter(({ state }) => state !== "starting");
    if (victim !== undefined) tree.workerOf(victim.pid).kill();
  }
  let lost = 0;
  for (const [i, outcome] of (await outcomes).entries()) {
    if (outcome.status === "fulfilled") assertEquals(outcome.value, i);
    else {
      assertInstanceOf(outcome.reason, WorkerLostError);
      lost++;
    }
  }
  assert(lost <= 4);
  const ran = notes.lines.map(Number);
  assertEquals(new Set(ran).size, ran.length, "a task has run twice");
});

engineTest("pool: retries begin a task anew whose worker has died", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(1);
  assertEquals(await pool.apply(targets.dieOnce, [notes.path], { retries: 1 }), 1);
  assertEquals(notes.lines, ["attempt 0", "attempt 1"]);
});

engineTest("pool: of a lost host, tasks that were only offered go on elsewhere when it is buried", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(1);
  const pid = await pool.apply(targets.pid);
  const host = tree.workerOf(pid);
  const key = `mp:{${tree.tree.session.tree}}:o:1`;
  await until("the worker to wait", async () => await engine.command("LLEN", `${key}:w`) === 1);
  host.isWatched = false; // as with a cable that is out: nobody hears of its death
  host.kill();
  await host.ended;
  const result = pool.apply(targets.square, [5]);
  await until("the offer", async () => await engine.command("HLEN", `${key}:o`) === 1);
  await host.bury();
  assertEquals(await result, 25);
});

engineTest("pool: a task that computes sees that it is not wanted, and one that waits is told", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(1, { grace: 30_000 });
  const controller = new AbortController();
  const computing = pool.apply(targets.computeUntilCancelled, [notes.path], { signal: controller.signal });
  await notes.until(1);
  controller.abort(new Error("enough"));
  await assertRejects(() => computing, Error, "enough");
  assertEquals(await notes.until(2), ["begun", "cancelled"]);
  const impatient = new AbortController();
  const waiting = pool.apply(targets.waitUntilCancelled, [notes.path], { signal: impatient.signal });
  await notes.until(3);
  impatient.abort(new TimeoutError("too late"));
  await assertRejects(() => waiting, TimeoutError, "too late");
  assertEquals((await notes.until(4)).slice(2).map((line) => line.split(":")[0]), ["begun", "aborted"]);
  assertEquals(tree.workers.length, 1); // nobody was killed
});

engineTest("pool: a task that goes on though it is not wanted is killed with its worker", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(1, { grace: 10 });
  await pool.apply(targets.pid);
  const call = pool.apply(targets.noteAndBlock, [notes.path, "blocks"], { taskTimeout: 300 });
  await assertRejects(() => call, TimeoutError, "the task took more than 300 ms");
  assertEquals(await pool.apply(targets.square, [3]), 9);
  assert(notes.lines.length <= 1); // none, if it was killed before it had come that far
  assertEquals(tree.workers.length, 2);
});

engineTest("pool: tasks that nobody has begun are dropped with their call, or overtaken", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(1);
  await pool.apply(targets.pid);
  const go = `${notes.path}.go`;
  const first = pool.apply(targets.noteAndWait, [notes.path, "first", go]);
  const [line] = await notes.until(1);
  const controller = new AbortController();
  const { signal } = controller;
  const dropped = pool.map(targets.noteItem, [[notes.path, 1], [notes.path, 2]] as const, { signal, chunksize: 1 });
  const low = pool.apply(targets.note, [notes.path, "low"]);
  const high = pool.apply(targets.note, [notes.path, "high"], { priority: 1 });
  controller.abort();
  await assertRejects(() => dropped);
  Deno.writeTextFileSync(go, "");
  await Promise.all([first, low, high]);
  Deno.removeSync(go);
  assertEquals(notes.lines, [line, "high", "low"]);
});

engineTest("pool: reports arrive in their order, before the result, however many", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(1);
  const reports: unknown[] = [];
  const count = await pool.apply(targets.report, [3000], { onReport: (value) => void reports.push(value) });
  assertEquals([count, reports.length], [3000, 3000]);
  assertEquals(reports, Array.from({ length: 3000 }, (_, i) => i));
  const progress: number[] = [];
  await pool.map(targets.square, [1, 2, 3], { chunksize: 1, progress: ({ done }) => void progress.push(done) });
  assertEquals(progress.at(-1), 3);
});

engineTest("pool: each worker runs the initializer, and the finalizer when it ends in order", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(1, {
    initializer: targets.prepare,
    initargs: [notes.path],
    finalizer: targets.cleanUp,
    grace: 60_000,
    maxtasksperchild: 2,
  });
  const pids: number[] = [];
  for (let i = 0; i < 4; i++) pids.push(await pool.apply(targets.pid));
  assertEquals(new Set(pids).size, 2);
  assertEquals([pids[0] === pids[1], pids[2] === pids[3]], [true, true]);
  pool.close();
  await pool.join();
  const { length } = tree.workers; // the last one has been replaced, too
  const each = (line: string) => Array.from({ length }, () => line);
  assertEquals([length, ...notes.lines.sort()], [3, ...each("cleaned up"), ...each("prepared")]);
});

engineTest("pool: an initializer that throws each time breaks the pool with its error", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(1, { initializer: targets.failToPrepare });
  const error = await assertRejects(() => pool.apply(targets.pid), ProcessError, "could not run the initializer");
  assertInstanceOf(error.cause, RangeError);
});

engineTest("pool: a worker of several tasks fills its waits with others, and leaves some to others", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(2, { concurrency: 4 });
  await Promise.all([1, 2, 3, 4].map(() => pool.apply(targets.pid)));
  const calls = Array.from({ length: 8 }, (_, i) => pool.apply(targets.meet, [notes.path, 8, i]));
  const pids = await Promise.all(calls);
  assertEquals(new Set(pids).size, 2);
  pool.close();
  await pool.join();
  assertEquals(tree.workers.map(({ exitcode }) => exitcode), [0, 0]);
});

engineTest("pool: terminate ends what runs, and its calls", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(1);
  const call = pool.apply(targets.noteAndBlock, [notes.path, "blocks"]);
  const failing = assertRejects(() => call, Error, "was terminated");
  await notes.until(1);
  await pool.terminate();
  await failing;
  assertThrows(() => pool.applyAsync(targets.pid), Error, "pool not running");
});

engineTest("pool: a pool that grows and shrinks has as many workers as its tasks want", async (engine) => {
  await using tree = new PoolTree(engine);
  const { tree: { session, plan } } = tree;
  assertEquals([session.closed, plan.code], [false, "same"]);
  const pool = tree.pool({ min: 0, max: 2 }, { idleTimeout: 50 });
  assertEquals(pool.stats().workers.length, 0);
  assertEquals(await pool.apply(targets.square, [4]), 16);
  await until("the end of the idle one", () => pool.stats().workers.length === 0);
  assertEquals(tree.workers.map(({ exitcode }) => exitcode), [0]);
});

engineTest("pool: an engine that stands still for a while costs time alone", async (engine) => {
  await using tree = new PoolTree(engine);
  using notes = new Notes();
  const pool = tree.pool(2);
  await pool.apply(targets.pid);
  const go = `${notes.path}.go`;
  const begun = [1, 2].map((i) => pool.apply(targets.noteAndWait, [notes.path, `${i}`, go]));
  await notes.until(2);
  const calls = Array.from({ length: 40 }, (_, i) => pool.apply(targets.later, [i, 5]));
  engine.freeze();
  // Those that have begun end meanwhile, and can tell nobody.
  Deno.writeTextFileSync(go, "");
  await new Promise((resolve) => setTimeout(resolve, 200));
  assertEquals(pool.stats().done, 1);
  engine.thaw();
  await Promise.all(begun);
  Deno.removeSync(go);
  assertEquals(await Promise.all(calls), Array.from({ length: 40 }, (_, i) => i));
});

engineTest(
  "pool: a worker whose join was given up since the engine was away is none that has ended",
  async (engine) => {
    await using tree = new PoolTree(engine);
    tree.joinsGivenUp = 1;
    const pool = tree.pool(1);
    const pid = await pool.apply(targets.pid);
    assertEquals(await pool.apply(targets.pid), pid);
    tree.workerOf(pid).kill();
    const next = await pool.apply(targets.pid);
    assert(next !== pid);
    assertEquals(tree.workers.map((it) => it.pid), [pid, next]);
  },
);

engineTest("pool: where the engine has lost its state, calls fail with that reason", async (engine) => {
  const tree = new PoolTree(engine);
  const pool = tree.pool(1);
  await pool.apply(targets.pid);
  await engine.restart();
  const error = await assertRejects(() => pool.apply(targets.pid), ProcessError, "Cannot go on");
  assertEquals((error.cause as Error).name, "StateLostError");
  await Promise.all(tree.workers.map((worker) => worker.join()));
}, { leavesTrees: true });

engineTest("pool: what it cannot do is refused by name", async (engine) => {
  await using tree = new PoolTree(engine);
  const context = { Process: Object } as never;
  assertThrows(() => tree.pool(1, { context }), Deno.errors.NotSupported, '"context" is another than that');
});

engineTest("pool: a function that is not signed with the worker's key is not imported", async (engine) => {
  await using tree = new PoolTree(engine, { authkey: new Uint8Array(32).fill(8) });
  const pool = tree.pool(1);
  await assertRejects(() => pool.apply(targets.pid), TypeError, "no module is imported because a message names it");
});
