// How pools and their workers begin and end.

import {
  activeChildren,
  InvalidStateError,
  Pool,
  Process,
  ProcessError,
  Queue,
  TimeoutError,
  type WaitOptions,
} from "@parallel/multiprocessing";
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { freeze, isRunning, until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

export function lifetimesOfPools({ pool: poolOf, test }: Suite): void {
  test("TestPool.test_make_pool: three workers for a size of three; -1 and 0 are refused", async () => {
    await using pool = poolOf(3);
    assertEquals(pool.stats().workers.length, 3);
    const pids = new Set<number>();
    while (pids.size < 3) for (const pid of await pool.map(targets.pid, numbers(12), { chunksize: 1 })) pids.add(pid);
    assertEquals([...pids].sort(), pool.stats().workers.map(({ pid }) => pid).sort());
    for (const size of [-1, 0, 1.5, NaN]) assertThrows(() => poolOf(size), RangeError, '"processes" is');
    assertThrows(() => poolOf("2" as never), TypeError, '"processes" is "2"');
  });

  test("workers are named after Python's", async () => {
    await using pool = poolOf(1);
    const [{ name }] = pool.stats().workers;
    assert(/^(Spawn|ForkServer)PoolWorker-\d+$/.test(name), name);
    assertEquals(activeChildren().filter((child) => child.name === name).length, 1);
  });

  test("TestInitializers.test_pool_initializer: a function, which runs once in each worker", async () => {
    for (const initializer of [targets.initialize, targets.initializeLater]) {
      await using pool = poolOf(2, { initializer, initargs: ["once"] });
      assertEquals(new Set(await pool.map(targets.initialized, Array(20), { chunksize: 1 })), new Set(["once"]));
    }
    assertThrows(() => poolOf(1, { initializer: 1 as never }), TypeError, "wanted a function");
    assertThrows(() => poolOf(1, { initargs: 1 as never }), TypeError, '"initargs" is 1');
  });

  test("an initializer that fails ends the pool with its error (CPython respawns for ever)", async () => {
    await using pool = poolOf(2, { initializer: targets.refuseToStart, name: "Doomed" });
    const error = await assertRejects(() => pool.apply(targets.square, [3]), ProcessError, "3 workers in a row");
    assertEquals(
      error.message,
      'Cannot go on with "Doomed": 3 workers in a row could not run the initializer: no database',
    );
    assert(error.cause instanceof TypeError);
    const late = await assertRejects(() => pool.apply(targets.square, [3]), InvalidStateError, "no database");
    assertEquals(late.cause, error);
    assert(await pool.join());
  });

  test("join() ends with the last call, also while no worker is alive", async () => {
    const ends: Record<string, (pool: Pool, controller: AbortController) => unknown> = {
      abort: (_, controller) => controller.abort(new SyntaxError("enough")),
      terminate: (pool) => pool.terminate(),
      none: () => {},
    };
    for (const [way, end] of Object.entries(ends)) {
      const pool = poolOf(1, { initializer: targets.refuseToStart });
      const controller = new AbortController();
      const call = way === "none" ? null : pool.apply(targets.square, [3], { signal: controller.signal });
      const failed = call && assertRejects(() => call, Error);
      if (call !== null) pool.close();
      const joined = call && pool.join();
      await until("no worker", () => pool.stats().workers.length === 0);
      if (call === null) pool.close();
      await end(pool, controller);
      assertEquals([await joined ?? true, await pool.join()], [true, true], way);
      await failed;
    }
  });

  test("an initializer that ends its worker ends the pool", async () => {
    await using pool = poolOf(1, { initializer: targets.exit, initargs: [3] });
    await assertRejects(
      () => pool.apply(targets.square, [3]),
      ProcessError,
      "10 workers in a row died before their first task; the last ended with exit code 3",
    );
  });

  test("TestPoolWorkerLifetime.test_pool_worker_lifetime: after 10 tasks a worker is replaced", async () => {
    await using pool = poolOf(3, { maxtasksperchild: 10 });
    const before = pool.stats().workers.map(({ pid }) => pid);
    const results = numbers(100).map((i) => pool.applyAsync(targets.square, [i]));
    for (const [i, result] of results.entries()) assertEquals(await result.get(), i * i);
    await until("the last worker replaced", () => pool.stats().workers.every(({ pid }) => !before.includes(pid)));
    assert(pool.stats().restarts >= 8);
    assert((await Promise.all(numbers(30).map(() => pool.apply(targets.pid)))).every((pid) => !before.includes(pid)));
  });

  test("maxtasksperchild counts what a worker has run, not what another has taken from it", async () => {
    await using pool = poolOf(2, { maxtasksperchild: 2 });
    // The first is given a second one ahead, which the successor of the other worker takes.
    const pids = await pool.map(targets.pidAfter, [1000, 0, 0, 0, 0, 0], { chunksize: 1 });
    const alive = pool.stats().workers.filter(({ state }) => state !== "stopping").map(({ pid }) => pid);
    const counts = Map.groupBy(pids, (pid) => pid);
    for (const [pid, { length }] of counts) if (!alive.includes(pid)) assertEquals(length, 2);
  });

  test("TestPoolWorkerLifetime.test_pool_worker_lifetime_early_close: all tasks are done after close()", async () => {
    const pool = poolOf(3, { maxtasksperchild: 1 });
    const results = numbers(6).map((i) => pool.applyAsync(targets.later, [i, 10]));
    pool.close();
    assert(await pool.join());
    for (const [i, result] of results.entries()) {
      assert(result.successful());
      assertEquals(await result, i);
    }
  });

  test("TestPoolWorkerLifetime.test_pool_maxtasksperchild_invalid: 0, -1, 0.5 and a string", () => {
    for (const maxtasksperchild of [0, -1, 0.5]) {
      assertThrows(() => poolOf(1, { maxtasksperchild }), RangeError, '"maxtasksperchild" is');
    }
    assertThrows(() => poolOf(1, { maxtasksperchild: "5" as never }), TypeError, '"maxtasksperchild" is "5"');
  });

  test("a worker with too much memory is replaced after its task", async () => {
    await using pool = poolOf(1, { maxMemory: 300 * 2 ** 20 });
    const first = await pool.apply(targets.hoard, [1]);
    assertEquals(await pool.apply(targets.hoard, [300]), first);
    assertNotEquals(await pool.apply(targets.pid), first);
    assertEquals(pool.stats().restarts, 1);
    assertThrows(() => poolOf(1, { maxMemory: 0 }), RangeError, '"maxMemory" is 0');
  });

  test("close() lets what is under way finish, and join() waits for the workers' end", async () => {
    const pool = poolOf(2);
    await assertRejects(() => pool.join(), InvalidStateError, "pool is still running");
    const pids = pool.stats().workers.map(({ pid }) => pid);
    const results = pool.map(targets.square, numbers(100));
    const iterator = pool.imap(targets.square, numbers(200), { buffersize: 10 });
    pool.close();
    pool.close();
    await assertRejects(() => pool.apply(targets.square, [1]), InvalidStateError, "pool not running, it is closed");
    assertThrows(() => pool.imap(targets.square, [1]), InvalidStateError, "pool not running");
    assertEquals(await pool.join({ timeout: 20 }), false); // the iterator is not at its end
    assertEquals(await results, numbers(100).map(targets.square));
    assertEquals((await Array.fromAsync(iterator)).length, 200);
    assert(await pool.join());
    assert(await pool.join());
    assertEquals(pids.filter(isRunning), []);
    assertEquals(pool.stats().workers, []);
    await pool.terminate();
  });

  test("TestPool.test_context: leaving the block terminates the pool", async () => {
    let pool;
    {
      await using inner = poolOf(2);
      pool = inner;
      assertEquals(await pool.map(targets.square, numbers(30)), numbers(30).map(targets.square));
    }
    await assertRejects(() => pool.map(targets.square, numbers(30)), InvalidStateError, "pool not running");
    assertThrows(() => pool.mapAsync(targets.square, numbers(30)), InvalidStateError, "pool not running");
  });

  test("TestPool.test_enter: a terminated pool is of no use in a block, either", async () => {
    const terminated = poolOf(1);
    await terminated.terminate();
    await using pool = terminated;
    await assertRejects(() => pool.apply(targets.square, [3]), InvalidStateError, "it is terminated");
  });

  test("TestPool.test_terminate: at once, with 10 000 tasks to go and spinning workers", async () => {
    const pool = poolOf(4);
    const pids = pool.stats().workers.map(({ pid }) => pid);
    const result = pool.mapAsync(targets.spin, Array(10_000).fill(Infinity), { chunksize: 1 });
    const single = numbers(100).map(() => pool.applyAsync(targets.spin, [Infinity]));
    await until("four at work", () => pool.stats().busy === 4);
    await pool.terminate(); // with many tasks to go, the soak does it
    assertEquals(pids.filter(isRunning), []);
    for (const each of [result, ...single]) await assertRejects(() => each.get(), InvalidStateError, "was terminated");
    assert(await pool.join());
  });

  test("terminate() insists where SIGTERM is not obeyed", async () => {
    const pool = poolOf(1);
    void pool.applyAsync(targets.ignoreTermination);
    await until("the worker busy", () => pool.stats().busy === 1);
    const [{ pid }] = pool.stats().workers;
    await pool.terminate();
    assert(!isRunning(pid));
  });

  test("terminate() ends a worker that is stopped, and one whose initializer never ends", async () => {
    const pool = poolOf(1);
    const result = pool.applyAsync(targets.spin, [Infinity]);
    await until("the worker busy", () => pool.stats().busy === 1);
    const [{ pid }] = pool.stats().workers;
    await freeze(pid);
    await pool.terminate();
    assert(!isRunning(pid));
    await assertRejects(() => result.get(), InvalidStateError, "was terminated");

    for (const initializer of [targets.hang, targets.spinForEver]) {
      const hanging = poolOf(1, { initializer });
      const pids = hanging.stats().workers.map((worker) => worker.pid);
      await assertRejects(() => hanging.apply(targets.square, [3], { timeout: 50 }), TimeoutError);
      const other = hanging.applyAsync(targets.square, [3]);
      await hanging.terminate();
      await assertRejects(() => other.get(), InvalidStateError, "was terminated");
      assertEquals(pids.filter(isRunning), []);
    }
  });

  test("workers that were started are ended if the next one cannot be", async () => {
    const started: { pid: number | null }[] = [];
    let joined = 0;
    class Failing<A extends readonly unknown[]> extends Process<A> {
      override start(): void {
        if (started.length === 2) throw new Deno.errors.NotCapable("not this one");
        super.start();
        started.push(this);
      }

      override async join(options?: WaitOptions): Promise<boolean> {
        const isOver = await super.join(options);
        joined++; // by the pool, which has noticed the end
        return isOver;
      }
    }
    assertThrows(() => new Pool(3, { context: { Process: Failing } }), Deno.errors.NotCapable, "not this one");
    assertEquals(started.length, 2);
    await until("their end", () => joined === 2 && !started.some(({ pid }) => isRunning(pid!)));
  });

  test("terminate() from a callback, and while an iteration waits (CPython hangs)", async () => {
    const pool = poolOf(2);
    const waiting = pool.imap(targets.spin, [Infinity]).next();
    const ended = assertRejects(() => waiting, InvalidStateError, "was terminated");
    await pool.applyAsync(targets.square, [3], { callback: () => void pool.terminate() });
    await ended;
    assert(await pool.join());
  });

  test("TestStdinBadfiledescriptor.test_pool_in_process: a child that is no daemon runs a pool", async () => {
    using results = new Queue<number>();
    const child = new Process({ target: targets.runPool, args: [results] });
    child.start();
    assertEquals(await results.get(), 14);
    assert(await child.join());
    assertEquals(child.exitcode, 0);
  });

  test("a pool in a worker, if workers may have children", async () => {
    await using pool = poolOf(1, { daemon: false });
    assertEquals(await pool.apply(targets.nestedSum, [[1, 2, 3]]), 14);
    using pids = new Queue<number>();
    const result = pool.applyAsync(targets.nestAndSpin, [pids]);
    const inner = await pids.get();
    await pool.terminate();
    await assertRejects(() => result.get(), InvalidStateError, "was terminated");
    await until("the end of the pool in the worker", () => !isRunning(inner));
    await using usual = poolOf(1);
    await assertRejects(() => usual.apply(targets.nestedSum, [[1]]), InvalidStateError, "daemonic processes");
  });
}
