// Waiting until no call is under way.

import { InvalidStateError, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

export function idlenessOfPools({ pool: poolOf, test }: Suite): void {
  test("a pool is idle when every result has been told, and what that leads to is done", async () => {
    await using pool = poolOf(2);
    assert(await pool.idle({ timeout: 0 }));
    const told: number[] = [];
    const callback = (value: number) => told.push(value);
    for (const i of numbers(20)) pool.applyAsync(targets.square, [i], { callback });
    void pool.apply(targets.square, [20]).then((value) => {
      callback(value);
      void pool.map(targets.square, [21, 22]).then((values) => values.forEach(callback));
    });
    pool.applyAsync(targets.exit, [3], { errorCallback: () => callback(-1) });
    assert(await pool.idle());
    assertEquals(told.sort((a, b) => a - b), [-1, ...numbers(23).map(targets.square)]);
    assertEquals([pool.stats().busy, pool.stats().queued], [0, 0]);
  });

  test("the wait for an idle pool has its limits, and leaves the calls alone", async () => {
    await using pool = poolOf(1);
    using queue = new Queue<number>();
    const blocked = pool.apply(targets.answerOf, [queue]);
    assertEquals(await pool.idle({ timeout: 0 }), false);
    assertEquals(await pool.idle({ timeout: 5 }), false);
    const controller = new AbortController();
    const wait = pool.idle({ signal: controller.signal });
    controller.abort(new SyntaxError("enough"));
    await assertRejects(() => wait, SyntaxError, "enough");
    await assertRejects(() => pool.idle({ signal: controller.signal }), SyntaxError, "enough");
    const waits = numbers(3).map(() => pool.idle());
    queue.putSync(5);
    assertEquals(await Promise.all(waits), [true, true, true]);
    assertEquals(await blocked, 5);
  });

  test("a pool is idle after its end, unless it broke", async () => {
    const pool = poolOf(1);
    const blocked = pool.applyAsync(targets.spin, [Infinity]);
    const wait = pool.idle();
    await pool.terminate();
    assert(await wait && await pool.idle());
    await assertRejects(() => blocked.get(), InvalidStateError);
    const closed = poolOf(1);
    const last = closed.apply(targets.square, [3]);
    closed.close();
    assert(await closed.idle() && await closed.join());
    assertEquals(await last, 9);
    await using broken = poolOf(1, { initializer: targets.refuseToStart });
    const failed = broken.apply(targets.square, [3]);
    const rejected = assertRejects(() => broken.idle(), InvalidStateError, "it is broken: Cannot go on with");
    await assertRejects(() => failed);
    await rejected;
    await assertRejects(() => broken.idle(), InvalidStateError, "Cannot wait for the calls with");
  });
}
