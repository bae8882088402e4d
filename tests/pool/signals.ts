// SIGTERM and SIGHUP to the workers of a pool: only their pool ends them by these.

import { activeChildren, Event, Queue, WorkerLostError } from "@parallel/multiprocessing";
import { assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_signal_targets.ts";
import type { Suite } from "./suite.ts";

/** As somebody else does: a service manager, a shell, or the end of a terminal. */
function terminateAll(pids: readonly number[]): void {
  for (const signal of ["-TERM", "-HUP"]) {
    const { success } = new Deno.Command("kill", { args: [signal, ...pids.map(String)] }).outputSync();
    assertEquals(success, true);
  }
}

export function signalsOfPools({ pool: poolOf, test }: Suite): void {
  test("a SIGTERM or SIGHUP of somebody else ends no worker: not one that boots, rests or works", async () => {
    using said = new Queue<number>();
    using go = new Event();
    await using pool = poolOf(2);
    const pids = pool.stats().workers.map(({ pid }) => pid);
    terminateAll(pids);
    const tasks = (["sync", "async"] as const).map((way) => pool.apply(targets.hold, [said, go, way]));
    assertEquals([await said.get(), await said.get()].sort(), pids.toSorted());
    terminateAll(pids);
    go.set();
    assertEquals((await Promise.all(tasks)).sort(), pids.toSorted());
    terminateAll(pids);
    assertEquals(pids.includes(await pool.apply(targets.pid)), true);
    assertEquals(pool.stats().restarts, 0);
  });

  test("a SIGTERM of this process ends a worker that never gives its thread back, also after one of somebody else", async () => {
    using said = new Queue<number>();
    await using pool = poolOf(1);
    const ended = assertRejects(() => pool.apply(targets.holdForEver, [said]), WorkerLostError);
    const pid = await said.get();
    terminateAll([pid]);
    activeChildren().find((child) => child.pid === pid)!.terminate();
    const { exitcode, signal } = await ended;
    assertEquals([exitcode, signal], [-15, "SIGTERM"]);
  });

  test("a worker that ends itself by SIGTERM is lost by it", async () => {
    await using pool = poolOf(1);
    const error = await assertRejects(() => pool.apply(targets.raise), WorkerLostError);
    assertEquals([error.exitcode, error.signal], [-15, "SIGTERM"]);
  });

  test("a listener in a worker hears of its pool's SIGTERM, and of no other", async () => {
    await using pool = poolOf(1);
    const [{ pid }] = pool.stats().workers;
    const worker = activeChildren().find((child) => child.pid === pid)!;
    await pool.apply(targets.listen);
    terminateAll([pid]);
    assertEquals(await pool.apply(targets.pid), pid);
    worker.terminate();
    await worker.join();
    assertEquals(worker.exitcode, 7);
  });

  test("children of a worker begin with SIGINT, SIGTERM and SIGHUP as they are by default", async () => {
    using said = new Queue<string>();
    await using pool = poolOf(1, { daemon: false });
    assertEquals(await pool.apply(targets.signalsOfChildren, [said]), [" ", " ", " "]);
  });
}
