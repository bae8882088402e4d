// Pools on an engine, with workers that are processes of their own.

import { assertEquals } from "@std/assert";
import { engineTest } from "../support/engine.ts";
import { PoolTree } from "../support/engine_pool.ts";
import * as targets from "../fixtures/engine/pool_targets.ts";

engineTest("pool: calls of every kind have their results", async (engine) => {
  await using tree = new PoolTree(engine);
  const pool = tree.pool(2);
  assertEquals(await pool.apply(targets.add, [2, 3]), 5);
  assertEquals(await pool.map(targets.square, [1, 2, 3, 4, 5]), [1, 4, 9, 16, 25]);
  assertEquals(await pool.starmap(targets.add, [[1, 2], [3, 4]]), [3, 7]);
  assertEquals(await Array.fromAsync(pool.imap(targets.square, [1, 2, 3])), [1, 4, 9]);
  assertEquals((await Array.fromAsync(pool.imapUnordered(targets.square, [1, 2, 3]))).sort(), [1, 4, 9]);
  assertEquals(await pool.applyAsync(targets.later, [7, 1]).get(), 7);
  assertEquals(await pool.mapAsync(targets.square, [2]).get(), [4]);
  pool.close();
  assertEquals(await pool.join(), true);
});
