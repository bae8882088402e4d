// How long tasks have waited and run.

import { assert, assertEquals } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

/** What is missing at most of a time that is not exact. */
const NEARLY = 0.97;

export function timesOfPools({ pool: poolOf, test }: Suite): void {
  test("a pool says how long its tasks have waited, and run", async () => {
    const begin = performance.now();
    await using pool = poolOf(1);
    const none = { p50: 0, p90: 0, p99: 0, max: 0 };
    assertEquals([pool.stats().runTime, pool.stats().waitTime], [none, none]);
    await pool.apply(targets.pid); // which waits for the worker to start
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 3; i++) calls.push(pool.apply(targets.spin, [40]));
    calls.push(pool.map(targets.spin, Array(6).fill(5), { chunksize: 2 }));
    await Promise.all(calls);
    const all = performance.now() - begin;
    const { runTime, waitTime, done } = pool.stats();
    assertEquals(done, 7);
    assert(runTime.p50 >= 10 * NEARLY && runTime.p90 >= 40 * NEARLY && runTime.p50 <= runTime.p90, `${runTime.p50}`);
    assert(runTime.max >= 40 && runTime.max < all, `${runTime.max} of ${all}`);
    // The last chunk has waited for all before it, since its call.
    assert(waitTime.max >= 140 * NEARLY && waitTime.max < all, `${waitTime.max} of ${all}`);
    assert(waitTime.p50 >= 80 * NEARLY && waitTime.p50 <= waitTime.p99 && waitTime.p99 <= waitTime.max);
  });

  test("a task that is begun anew has not waited while it ran, or while it was to wait", async () => {
    await using pool = poolOf(1);
    await pool.apply(targets.pid);
    const before = pool.stats().waitTime.max;
    const retries = { count: 1, on: "error", delay: 300 } as const;
    const begin = performance.now();
    await pool.apply(targets.fail, [], { retries }).catch(() => {});
    const all = performance.now() - begin;
    assert(all >= 299);
    assert(pool.stats().waitTime.max <= Math.max(before, all - 299), `${pool.stats().waitTime.max} of ${all}`);
  });
}
