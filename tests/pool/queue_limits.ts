// Pools in which only so many calls may wait.

import { Full, Queue } from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { noteAndBlock } from "../fixtures/pool/pool_order_targets.ts";
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
      const both = [pool.apply(targets.answerOf, [orders]), pool.apply(targets.answerOf, [orders])];
      await assertRejects(() => pool.apply(targets.square, [3]), Full, "no worker is free, and its maxQueue is 0");
      orders.putSync(turn);
      await Promise.any(both);
      assertEquals(await pool.map(targets.square, [1, 2, 3]), [1, 4, 9]); // beside the other
      orders.putSync(turn);
      assertEquals(await Promise.all(both), [turn, turn]);
    }
  });

  test("a call with many tasks waits once, and no more when its first has begun", async () => {
    await using pool = poolOf(1, { maxQueue: 1 });
    using log = new Queue<string>();
    using go = new Queue<string>();
    const items = ["a", "b", "c"].map((what) => [log, what, go] as const);
    const list = pool.starmap(noteAndBlock, items, { chunksize: 1 });
    const waiting = pool.apply(targets.square, [3]);
    await assertRejects(() => pool.apply(targets.square, [4]), Full, "1 call waits, and its maxQueue is 1");
    for (const [, what] of items) {
      assertEquals(await log.get(), what);
      await assertRejects(() => pool.apply(targets.square, [4]), Full);
      go.putSync("on");
    }
    await list;
    assertEquals(await waiting, 9);
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
    assertEquals(await pool.apply(targets.square, [4]), 16);
    await Promise.all(begun);
  });
}
