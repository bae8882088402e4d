// Pools in which only so many calls may wait.

import { Full, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

export function queueLimitsOfPools({ pool: poolOf, test }: Suite): void {
  test("calls beyond those that may wait fail at once, by every method, and cost nothing", async () => {
    await using pool = poolOf(2, { maxQueue: 2, name: "kitchen" });
    using orders = new Queue<number>();
    // The workers have not started yet, and count as free.
    const accepted = numbers(4).map(() => pool.apply(targets.answerOf, [orders]));
    const message = 'Cannot apply with "kitchen": 2 calls wait, and its maxQueue is 2; call again when';
    await assertRejects(() => pool.apply(targets.square, [3]), Full, message);
    await assertRejects(() => pool.map(targets.square, [3]), Full, "Cannot map with");
    await assertRejects(() => pool.starmap(targets.add, [[3, 4]]), Full);
    assertThrows(() => pool.applyAsync(targets.square, [3]), Full);
    assertThrows(() => pool.mapAsync(targets.square, [3]), Full);
    assertThrows(() => pool.imap(targets.square, [3]), Full, "Cannot imap with");
    assertThrows(() => pool.imapUnordered(targets.square, [3]), Full);
    assertThrows(() => pool.toTransformStream(targets.square), Full);
    for (const i of numbers(4)) orders.putSync(i);
    assertEquals((await Promise.all(accepted)).sort(), numbers(4));
    assertEquals([await pool.idle(), pool.stats().done, pool.stats().failed], [true, 4, 0]);
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("with nothing that may wait, a call needs a free worker", async () => {
    await using pool = poolOf(2, { maxQueue: 0 });
    using orders = new Queue<number>();
    for (let turn = 0; turn < 20; turn++) {
      const first = pool.apply(targets.answerOf, [orders]);
      const second = pool.apply(targets.square, [turn]);
      await assertRejects(() => pool.apply(targets.square, [3]), Full, "no worker is free, and its maxQueue is 0");
      assertEquals(await second, turn * turn);
      assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]); // beside the first
      orders.putSync(turn);
      assertEquals(await first, turn);
    }
  });

  test("a call with many tasks waits once, and no more when its first has begun", async () => {
    await using pool = poolOf(1, { maxQueue: 1 });
    using orders = new Queue<number>();
    const list = pool.map(targets.answerOf, numbers(50).map(() => orders), { chunksize: 1 });
    const waits = pool.imap(targets.answerOf, numbers(50).map(() => orders))[Symbol.asyncIterator]();
    await assertRejects(() => pool.apply(targets.square, [3]), Full);
    for (const i of numbers(50)) orders.putSync(i);
    assertEquals(await list, numbers(50));
    orders.putSync(7);
    assertEquals((await waits.next()).value, 7); // so it has begun, and has more to do
    const last = pool.apply(targets.answerOf, [orders], { priority: 1 });
    await assertRejects(() => pool.apply(targets.square, [3]), Full);
    for (const i of numbers(2)) orders.putSync(i);
    assert([0, 1].includes(await last));
    await waits.return!();
  });

  test("a call that is over waits no more: aborted, late, or done while this thread had no time to see it", async () => {
    await using pool = poolOf(1, { maxQueue: 1 });
    using orders = new Queue<number>();
    const first = pool.apply(targets.answerOf, [orders]);
    const controller = new AbortController();
    const aborted = pool.apply(targets.square, [3], { signal: controller.signal });
    await assertRejects(() => pool.apply(targets.square, [3]), Full);
    controller.abort(new SyntaxError("enough"));
    await assertRejects(() => aborted, SyntaxError);
    const late = pool.apply(targets.square, [3], { timeout: 20 });
    await assertRejects(() => pool.apply(targets.square, [3]), Full);
    await assertRejects(() => late, Error, "more than 20 ms");
    orders.putSync(5);
    assertEquals(await first, 5);
    using done = new Queue<number>();
    const begun = numbers(2).map(() => pool.apply(targets.tellAndLinger, [done, 0]));
    for (const _ of begun) done.getSync(); // both have begun, and this thread has had no turn
    const next = pool.apply(targets.square, [4]);
    const last = pool.apply(targets.square, [5]);
    assertEquals([await next, await last], [16, 25]);
    await Promise.all(begun);
  });
}
