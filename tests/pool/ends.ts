// How workers end in order: finalizers, and the hooks that tell of their beginning and end.

import { type Pool, Queue, type WorkerExit, WorkerLostError, type WorkerStart } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_end_targets.ts";
import { until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

/** Hooks that remember what they were told. */
function noting() {
  const starts: WorkerStart[] = [];
  const exits: WorkerExit[] = [];
  const hooks = {
    onWorkerStart: (worker: WorkerStart) => void starts.push(worker),
    onWorkerExit: (worker: WorkerExit) => void exits.push(worker),
  };
  return { starts, exits, hooks };
}

const kinds = (exits: readonly WorkerExit[]) =>
  exits.map(({ exitcode, signal, expected, tasks }) => [exitcode, signal, expected, tasks]);

export function endsOfWorkers({ pool: poolOf, test }: Suite): void {
  test("a finalizer runs in each worker after close(), to its end, and may be async", async () => {
    using said = new Queue<string>();
    const { exits, hooks } = noting();
    const options = { initializer: targets.remember, initargs: [said] as [Queue<string>], ...hooks };
    const pool = poolOf(2, { ...options, finalizer: targets.finish, grace: 60_000 });
    await pool.map(targets.square, [1, 2, 3, 4]);
    pool.close();
    await pool.join();
    assertEquals(kinds(exits).map((kind) => kind.slice(0, 3)), [[0, null, true], [0, null, true]]);
    assertEquals(Array.from({ length: 4 }, () => said.getNowait()).sort(), [
      "begins",
      "begins",
      "finished",
      "finished",
    ]);
  });

  test("a finalizer runs after the last task of maxtasksperchild, while the next worker works", async () => {
    using said = new Queue<string>();
    const options = { initializer: targets.remember, initargs: [said] as [Queue<string>] };
    await using pool = poolOf(1, { ...options, finalizer: targets.finish, grace: 60_000, maxtasksperchild: 1 });
    const first = await pool.apply(targets.pid);
    assert(await pool.apply(targets.pid) !== first);
    assertEquals([await said.get(), await said.get()], ["begins", "finished"]);
  });

  test("a finalizer does not run after terminate(), nor in a worker that is killed", async () => {
    using said = new Queue<string>();
    const { exits, hooks } = noting();
    const options = { initializer: targets.remember, initargs: [said] as [Queue<string>], ...hooks };
    const pool = poolOf(1, { ...options, finalizer: targets.finish });
    const pid = await pool.apply(targets.pid);
    const lost = assertRejects(() => pool.apply(targets.spin, [Infinity]), WorkerLostError);
    await until("the worker busy", () => pool.stats().busy === 1);
    Deno.kill(pid, "SIGKILL");
    await lost;
    await pool.apply(targets.pid);
    await pool.terminate();
    assertEquals(kinds(exits)[0], [-9, "SIGKILL", false, 1]);
    assertEquals([exits[1].expected, exits[1].tasks, said.empty()], [true, 1, true]);
  });

  test("a finalizer that throws makes an exit code of 1, and harms nobody", async () => {
    const { exits, hooks } = noting();
    const pool = poolOf(1, { finalizer: targets.fail, grace: 60_000, ...hooks });
    assertEquals(await pool.apply(targets.square, [3]), 9);
    pool.close();
    await pool.join();
    assertEquals(kinds(exits), [[1, null, true, 1]]);
  });

  for (const finalizer of [targets.linger, targets.block]) {
    test(`a finalizer that never ends has the pool's grace: ${finalizer.name}`, async () => {
      using said = new Queue<string>();
      const { exits, hooks } = noting();
      const options = { initializer: targets.remember, initargs: [said] as [Queue<string>], ...hooks };
      const pool = poolOf(1, { ...options, finalizer, grace: 20 });
      await pool.apply(targets.square, [3]);
      pool.close();
      await pool.join();
      assertEquals(kinds(exits), [[-9, "SIGKILL", true, 1]]);
    });

    test(`terminate() ends a finalizer that never ends: ${finalizer.name}`, async () => {
      using said = new Queue<string>();
      const options = { initializer: targets.remember, initargs: [said] as [Queue<string>] };
      const pool = poolOf(1, { ...options, finalizer, grace: 2 ** 30 });
      await pool.apply(targets.square, [3]);
      pool.close();
      await said.get();
      await pool.terminate();
      assertEquals(pool.stats().workers, []);
    });
  }

  test("hooks tell of each worker, in the end before join() is resolved, and may use the pool", async () => {
    const { starts, exits, hooks } = noting();
    let seen = 0;
    const pool: Pool = poolOf(2, {
      ...hooks,
      maxtasksperchild: 2,
      onWorkerStart(worker) {
        hooks.onWorkerStart(worker);
        seen = Math.max(seen, pool.stats().workers.length); // the pool is there
      },
    });
    assertEquals(starts, []); // not before the program has the pool
    await pool.map(targets.square, [1, 2, 3, 4, 5], { chunksize: 1 });
    pool.close();
    await pool.join();
    assert(starts.length >= 4, `${starts.length}`);
    assert(seen >= 2);
    const key = ({ pid, name }: WorkerStart) => `${pid} ${name}`;
    assertEquals(exits.map(key).sort(), starts.map(key).sort());
    assert(exits.every(({ expected, exitcode }) => expected && exitcode === 0));
    assertEquals(exits.reduce((sum, { tasks }) => sum + tasks, 0), 5);
  });

  test("a hook may terminate the pool", async () => {
    const { exits, hooks } = noting();
    const pool: Pool = poolOf(2, { ...hooks, onWorkerStart: () => void pool.terminate() });
    await assertRejects(() => pool.apply(targets.square, [3]), Error, "terminated");
    await pool.join();
    assertEquals(exits.length, 2);
  });

  test("an error of a hook is an uncaught error, and nothing to the pool", async () => {
    const errors: unknown[] = [];
    const note = (event: ErrorEvent) => {
      event.preventDefault();
      errors.push(event.error);
    };
    addEventListener("error", note);
    try {
      const pool = poolOf(1, {
        onWorkerStart: () => {
          throw new RangeError("at the start");
        },
        onWorkerExit: () => {
          throw new RangeError("at the end");
        },
      });
      assertEquals(await pool.apply(targets.square, [3]), 9);
      pool.close();
      await pool.join();
    } finally {
      removeEventListener("error", note);
    }
    assertEquals(errors.map((error) => (error as Error).message), ["at the start", "at the end"]);
  });
}
