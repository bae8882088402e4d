// The contract suite: pools.

import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/context/contract_targets.ts";
import { type Suite, timeout } from "./suite.ts";

export function pools({ test }: Suite): void {
  test("a pool calls functions, hands over their errors, and ends", async (context) => {
    await using pool = new context.Pool(2);
    assertEquals(await pool.apply(targets.add, [1, 2]), 3);
    const later = pool.applyAsync(targets.square, [9]);
    assertEquals([await later.get({ timeout }), later.ready(), later.successful()], [81, true, true]);
    assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]);
    assertEquals(await pool.starmap(targets.add, [[1, 2], [3, 4]]), [3, 7]);
    assertEquals(await Array.fromAsync(pool.imap(targets.square, [1, 2, 3])), [1, 4, 9]);
    assertEquals((await Array.fromAsync(pool.imapUnordered(targets.square, [1, 2, 3]))).sort(), [1, 4, 9]);
    await assertRejects(() => pool.apply(targets.refuse, ["this"]), RangeError, "Cannot take this");
    assertEquals(pool.stats().processes, 2);
    pool.close();
    assert(await pool.join({ timeout }));
    await assertRejects(() => pool.apply(targets.square, [1]), Error);
  });
}
