// Tasks that have failed, and are begun anew.

import { InvalidStateError, MaybeEncodingError, Queue, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { answerOf, dieAtFirst, fail, square } from "../fixtures/pool/pool_targets.ts";
import * as targets from "../fixtures/pool/pool_retry_targets.ts";
import { assertAllReject } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** All that is in a queue, sorted. */
function said(log: Queue<string>): string[] {
  const all: string[] = [];
  while (!log.empty()) all.push(log.getSync());
  return all.sort();
}

export function retriesOfPools({ pool: poolOf, test }: Suite): void {
  test("a task that throws is begun anew as often as its call says, if it says so of errors", async () => {
    await using pool = poolOf(2);
    const run = (times: number, retries: object) =>
      pool.apply(targets.failAtFirst, [times], { retries: retries as never });
    assertEquals(await run(2, { count: 2, on: "error" }), 2);
    await assertRejects(() => run(2, { count: 1, on: "error" }), RangeError, "attempt 1");
    await assertRejects(() => run(1, { count: 5 }), RangeError, "attempt 0");
    await assertRejects(() => run(1, { count: 5, on: "lost" }), RangeError, "attempt 0");
    assertEquals(await pool.apply(dieAtFirst, [2], { retries: { count: 2 } }), 2);
    assertEquals(await pool.apply(dieAtFirst, [1], { retries: { count: 2, on: "error" } }), 1);
    assertEquals(await pool.apply(square, [3], { retries: { count: 0, on: "error" } }), 9);
    const { done, failed } = pool.stats();
    assertEquals([done, failed], [4, 3]);
  });

  test("a function decides which failures are worth another attempt", async () => {
    await using pool = poolOf(1);
    const asked: unknown[] = [];
    const on = (error: unknown) => {
      asked.push(error);
      return !(error instanceof RangeError && error.message === "attempt 2");
    };
    await assertRejects(
      () => pool.apply(targets.failAtFirst, [9], { retries: { count: 5, on } }),
      RangeError,
      "attempt 2",
    );
    assertEquals(asked.map((error) => (error as Error).message), ["attempt 0", "attempt 1", "attempt 2"]);
    asked.length = 0;
    assertEquals(await pool.apply(dieAtFirst, [1], { retries: { count: 5, on } }), 1);
    assertInstanceOf(asked[0], WorkerLostError);
    assertEquals(await pool.apply(targets.unsendableAtFirst, [], { retries: { count: 1, on } }), "sent");
    assertInstanceOf(asked[1], MaybeEncodingError);
    const others = { count: 1, on: "error" } as const;
    await assertRejects(() => pool.apply(targets.unsendableAtFirst, [], { retries: others }), MaybeEncodingError);
    // What cannot be sent to a worker will not be the next time either.
    await assertRejects(() => pool.apply(square, [(() => {}) as never], { retries: { count: 1, on } }), TypeError);
    assertEquals(asked.length, 2);
  });

  test("a function of retries that fails, or decides nothing, costs its task, and the task's error is kept", async () => {
    await using pool = poolOf(1);
    const wrong: Record<string, object> = {
      '"retries.on" gave Promise': { on: async () => await Promise.reject(new Error("nobody sees this")) },
      '"retries.on" gave undefined': { on: () => {} },
      '"retries.delay" gave NaN': { on: "error", delay: () => NaN },
      "thrown by the user": {
        on: () => {
          throw new Error("thrown by the user");
        },
      },
    };
    for (const [message, retries] of Object.entries(wrong)) {
      const call = () => pool.apply(fail, ["the task's"], { retries: { count: 1, ...retries } });
      const error = await assertRejects(call, SuppressedError, 'Cannot begin "fail" anew: "retries" failed');
      assert((error.error as Error).message.includes(message), (error.error as Error).message);
      assertEquals((error.suppressed as Error).message, "the task's");
    }
    assertEquals(await pool.apply(square, [3]), 9);
  });

  test("no item that was done is done again, in chunks of every method", async () => {
    await using pool = poolOf(2);
    using log = new Queue<string>();
    const items = numbers(11).map((i): targets.Item => [log, i, i % 4 === 3 ? 2 : 0]);
    const options = { chunksize: 4, retries: { count: 2, on: "error" } } as const;
    const expected = numbers(11).flatMap((i) => i % 4 === 3 ? [`${i}/0`, `${i}/1`, `${i}/2`] : [`${i}/0`]).sort();
    const ways: Record<string, () => Promise<number[]>> = {
      map: () => pool.map(targets.logAndFail, items, options),
      starmap: () => pool.starmap(targets.logAndFailStarred, items, options),
      imap: () => Array.fromAsync(pool.imap(targets.logAndFail, items, options)),
      imapUnordered: async () =>
        (await Array.fromAsync(pool.imapUnordered(targets.logAndFail, items, options))).sort((a, b) => a - b),
    };
    for (const [name, way] of Object.entries(ways)) {
      assertEquals(await way(), numbers(11), name);
      assertEquals(said(log), expected, name);
    }
    const tooFew = { chunksize: 4, retries: { count: 1, on: "error" } } as const;
    await assertRejects(() => pool.map(targets.logAndFail, items, tooFew), RangeError, "attempt 1");
    const results = await Promise.allSettled(
      await Array.fromAsync(numbers(11), () => Promise.resolve()).then(() => {
        const iterator = pool.imap(targets.logAndFail, items, tooFew);
        return numbers(11).map(() => iterator.next());
      }),
    );
    assertEquals(results.map(({ status }) => status === "rejected"), numbers(11).map((i) => i % 4 === 3));
  });

  test("the others go on while a task waits to be begun anew", async () => {
    await using pool = poolOf(1);
    const attempts: number[] = [];
    const delay = (attempt: number) => {
      attempts.push(attempt);
      return attempt * 20;
    };
    const begin = performance.now();
    const late = pool.apply(targets.failAtFirst, [2], { retries: { count: 3, on: "error", delay } });
    assertEquals(await pool.map(square, numbers(20)), numbers(20).map(square));
    assertEquals(await late, 2);
    assert(performance.now() - begin >= 59, "60 ms, less what timers are early");
    assertEquals(attempts, [1, 2]);
    const last = pool.apply(targets.failAtFirst, [1], { retries: { count: 1, on: "error", delay: 30 } });
    pool.close();
    assertEquals([await last, await pool.join()], [1, true]);
  });

  test("a task that waits to be begun anew is dropped when its call or its pool ends", async () => {
    const pool = poolOf(1);
    const controller = new AbortController();
    const waiting = Promise.withResolvers<void>();
    const delay = () => {
      waiting.resolve();
      return 100_000;
    };
    const retries = { count: 1, on: "error", delay } as const;
    const call = pool.apply(fail, [], { retries, signal: controller.signal });
    await waiting.promise;
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(pool.stats().queued, 1);
    assertEquals(await pool.idle({ timeout: 0 }), false);
    controller.abort(new SyntaxError("enough"));
    await assertRejects(() => call, SyntaxError, "enough");
    assertEquals([pool.stats().queued, await pool.idle()], [0, true]);
    const timed = pool.apply(fail, [], { retries, timeout: 200 });
    await assertRejects(() => timed, Error, "more than 200 ms");
    const other = pool.apply(fail, [], { retries });
    using orders = new Queue<number>();
    const blocked = pool.apply(answerOf, [orders]);
    const ended = assertAllReject([other, blocked], InvalidStateError, "was terminated");
    await pool.terminate();
    await ended;
  });
}
