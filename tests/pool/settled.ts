// `settled: true`: what became of each item, whatever became of the others.

import { MaybeEncodingError, WorkerLostError } from "@parallel/multiprocessing";
import type { SettledItem } from "@parallel/multiprocessing/pool";
import { assertEquals, assertInstanceOf, assertRejects, assertStringIncludes } from "@std/assert";
import { Deadly, dieAt, dieOnce, functionAt, throwUnless } from "../fixtures/pool/pool_odd_errors.ts";
import * as targets from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

/** An item in short: its place, and its value or the message of its error. */
const short = (it: SettledItem<unknown>) => [it.index, it.status === "fulfilled" ? it.value : it.reason.message];

export function settledCallsOfPools({ pool: poolOf, test }: Suite): void {
  test("settled: each item of a map has its result or its error, also in one chunk", async () => {
    await using pool = poolOf(2);
    const wanted = [[0, 1], [1, "three"], [2, 4], [3, "three"], [4, 25]];
    for (const chunksize of [1, 2, 5]) {
      const all = await pool.map(targets.squareNotThree, [1, 3, 2, 3, 5], { settled: true, chunksize });
      assertEquals(all.map(short), wanted);
      assertEquals(all.map(({ status }) => status).join(), "fulfilled,rejected,fulfilled,rejected,fulfilled");
      const [, { reason }] = all as PromiseRejectedResult[];
      assertInstanceOf(reason, RangeError);
      assertStringIncludes(reason.stack!, "    at item 1 of pool.map, 3 (");
    }
    let given: unknown;
    const callback = (all: unknown) => void (given = all);
    const result = pool.starmapAsync(throwUnless, [[1, 1], [1, 2], [3, 3]], { settled: true, chunksize: 3, callback });
    assertEquals((await result.get()).map(short), [[0, 1], [1, "bad n"], [2, 3]]);
    assertEquals([result.successful(), given], [true, await result]);
    assertEquals(await pool.map(targets.square, [], { settled: true }), []);
  });

  test("settled: a loop over imap goes on after an item that has failed, and knows which it was", async () => {
    await using pool = poolOf(2);
    for (const chunksize of [1, 2]) {
      const options = { settled: true, chunksize } as const;
      const inOrder: unknown[] = [];
      for await (const it of pool.imap(targets.squareNotThree, [3, 1, 3, 2], options)) inOrder.push(short(it));
      assertEquals(inOrder, [[0, "three"], [1, 1], [2, "three"], [3, 4]]);
      const all = await Array.fromAsync(pool.imapUnordered(targets.squareNotThree, [3, 1, 3, 2], options));
      assertEquals(all.sort((a, b) => a.index - b.index).map(short), inOrder);
    }
  });

  test("without settled, next() goes on after an item that has failed, and a loop ends with it", async () => {
    await using pool = poolOf(1);
    const results = pool.imap(targets.squareNotThree, [3, 1]);
    await assertRejects(() => results.next(), RangeError, "three");
    assertEquals([await results.next(), await results.next()], [{ value: 1, done: false }, {
      value: undefined,
      done: true,
    }]);
    const looped = pool.imap(targets.squareNotThree, [3, 1]);
    await assertRejects(() => Array.fromAsync(looped), RangeError, "three");
  });

  test("settled: what cannot be sent is its own item's error", async () => {
    await using pool = poolOf(1);
    const options = { settled: true, chunksize: 3 } as const;
    const [first, second, third] = await pool.map(functionAt, [1, 2, 3], options);
    assertEquals([short(first), short(third), second.status], [[0, 1], [2, 3], "rejected"]);
    assertInstanceOf((second as PromiseRejectedResult).reason, MaybeEncodingError);
    const items = [1, () => {}, 3] as number[];
    const [before, bad, after] = await pool.map(targets.square, items, options);
    assertEquals([short(before), short(after)], [[0, 1], [2, 9]]);
    assertInstanceOf((bad as PromiseRejectedResult).reason, TypeError);
  });

  test("settled: errors of the whole call are the call's even so", async () => {
    await using pool = poolOf(1);
    const options = { settled: true } as const;
    const failing = (function* () {
      yield 1;
      throw new URIError("no more");
    })();
    await assertRejects(() => pool.map(targets.square, failing, options), URIError, "no more");
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await assertRejects(() => pool.map(targets.square, [1], { ...options, signal }), Error, "enough");
    const odd = { settled: 1 as never };
    await assertRejects(() => pool.map(targets.square, [1], odd), TypeError, '"settled" is 1, wanted true or false');
    await assertRejects(() => pool.apply(targets.square, [1], odd as never), TypeError, '"settled" is no option');
  });

  test("settled: a worker that dies costs the items that it had begun, and the others are worked on", async () => {
    await using pool = poolOf(1);
    const shown = (all: SettledItem<number>[]) =>
      all.map((it) => it.status === "fulfilled" ? it.value : it.reason.index);
    for (const chunksize of [1, 2, 4]) {
      const all = await pool.map(dieAt, [1, 4, 5, 6, 2, 7, 8], { settled: true, chunksize });
      assertEquals(all.filter(({ status }) => status === "rejected").length, 1, `${chunksize}`);
      const { reason } = all[4] as PromiseRejectedResult;
      assertInstanceOf(reason, WorkerLostError);
      assertEquals([reason.index, reason.exitcode], [4, 3]);
      assertStringIncludes(reason.message, 'Cannot finish "dieAt", item 4 of pool.map, 2: its worker');
    }
    const [done, lost, ...others] = await pool.map(dieAt, [1, 2, 3, 4], { settled: true, chunksize: 4 });
    assertEquals([done, lost].map(({ status }) => status), ["rejected", "rejected"], "its result was not sent yet");
    assertEquals([...shown([done, lost]), ...shown(others)], [0, 1, 3, 4]);
    const results: unknown[] = [];
    for await (const it of pool.imap(dieAt, [2, 3, 2, 4], { settled: true, chunksize: 4 })) results.push(it);
    assertEquals(shown(results as SettledItem<number>[]), [0, 1, 2, 4]);
    const retried = await pool.map(dieOnce, [1, 2, 3], { settled: true, chunksize: 3, retries: 1 });
    assertEquals(shown(retried), [1, 2, 3]);
  });

  test("settled: an item that its worker dies of when it reads it costs itself alone", async () => {
    await using pool = poolOf(1);
    const items = [1, new Deadly(), 3, 4];
    const all = await pool.map(targets.same<unknown>, items, { settled: true, chunksize: 4 });
    assertEquals(all.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    const { reason } = all[1] as PromiseRejectedResult;
    assertEquals([reason.constructor, reason.index], [WorkerLostError, 1]);
  });
}
