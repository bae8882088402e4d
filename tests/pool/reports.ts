// What tasks report while they run.

import { type Connection, Event, RemoteError, type TaskReport, WorkerLostError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as targets from "../fixtures/pool/pool_report_targets.ts";
import { square } from "../fixtures/pool/pool_targets.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** A listener that notes what it is told. */
function listener<T>(): { told: T[]; reports: TaskReport[]; onReport: (value: unknown, report: TaskReport) => void } {
  const told: T[] = [];
  const reports: TaskReport[] = [];
  return { told, reports, onReport: (value, report) => void (told.push(value as T), reports.push(report)) };
}

export function reportsOfPools({ pool: poolOf, test }: Suite): void {
  test("what a task reports is told in order, before its result, and of whom", async () => {
    await using pool = poolOf(1);
    const { told, reports, onReport } = listener<number>();
    assertEquals(await pool.apply(targets.count, [3000], { onReport }), 3000);
    assertEquals(told, numbers(3000));
    assertEquals(reports.at(-1), { index: 0, attempt: 0, pid: pool.stats().workers[0].pid });
    assertEquals(await pool.apply(targets.count, [3]), 3); // nobody listens
  });

  for (const concurrency of [1, 3]) {
    test(`reports of every kind of call say which item it is, ${concurrency} at a time`, async () => {
      await using pool = poolOf(2, { concurrency });
      const items = ["a", "b", "c", "d", "e"];
      const calls: Record<string, (options: Pick<ReturnType<typeof listener>, "onReport">) => Promise<unknown[]>> = {
        map: (options) => pool.map(targets.tellTwice, items, options),
        chunks: (options) => pool.map(targets.tellTwice, items, { ...options, chunksize: 3 }),
        starmap: (options) => pool.starmap(targets.tellBoth, items.map((item) => ["", item] as const), options),
        mapAsync: (options) => pool.mapAsync(targets.tellTwice, items, options).get(),
        settled: (options) => pool.map(targets.tellTwice, items, { ...options, settled: true }),
        imap: (options) => Array.fromAsync(pool.imap(targets.tellTwice, items, { ...options, chunksize: 2 })),
        imapUnordered: (options) => Array.fromAsync(pool.imapUnordered(targets.tellTwice, items, options)),
        stream: (options) =>
          Array.fromAsync(ReadableStream.from(items).pipeThrough(pool.toTransformStream(targets.tellTwice, options))),
      };
      for (const [name, call] of Object.entries(calls)) {
        const { told, reports, onReport } = listener<string>();
        assertEquals((await call({ onReport })).length, 5, name);
        const byItem = Map.groupBy(told.keys(), (i) => reports[i].index);
        for (const [i, item] of items.entries()) {
          assertEquals(byItem.get(i)?.map((k) => told[k]), [`${item} begins`, `${item} ends`], name);
        }
      }
    });
  }

  test("connections in reports arrive before the result is told", async () => {
    await using pool = poolOf(1);
    const { told, onReport } = listener<Connection>();
    const other = await pool.apply(targets.reportConnection, [], { onReport }) as Connection;
    assertEquals(told.length, 1);
    await other.send("across");
    assertEquals(await told[0].recv(), "across");
    other.close();
    told[0].close();
  });

  test("what listeners that have all failed say is told once, as the error of the call", async () => {
    await using pool = poolOf(1);
    const failing = Promise.withResolvers<never>();
    const onReport = (value: number) => {
      if (value === 2) failing.reject("no");
      return failing.promise as unknown as void;
    };
    assertEquals(await pool.apply(targets.countSlowly, [3], { onReport }).catch((error) => error), "no");
    assertEquals(await pool.apply(square, [3]), 9);
  });

  test("what a killed worker had reported is told before its loss, and retries say which attempt it is", async () => {
    await using pool = poolOf(1);
    const { told, onReport } = listener<number>();
    await assertRejects(() => pool.apply(targets.reportAndDie, [], { onReport }), WorkerLostError);
    assertEquals(told, [0, 1, 2]);
    const { reports, onReport: again } = listener<string>();
    await pool.apply(targets.reportAttempt, [], { onReport: again, retries: 1 });
    assertEquals(reports.map(({ attempt }) => attempt), [0, 1]);
  });

  test("what cannot be sent is refused where it is reported, if somebody listens", async () => {
    await using pool = poolOf(1);
    const { told, onReport } = listener<string>();
    assertEquals(await pool.apply(targets.reportUnsendable, [], { onReport }), "TypeError");
    assertEquals(told, []);
    assertEquals(await pool.apply(targets.reportUnsendable), "nothing");
    assertThrows(() => pool.applyAsync(square, [1], { onReport: 1 as never }), TypeError, '"onReport" is 1');
  });

  test("what onReport throws, or its promise is rejected with, ends the call; its task is withdrawn", async () => {
    await using pool = poolOf(1, { grace: 20 });
    const ways: Record<string, () => unknown> = {
      throws: () => {
        throw new SyntaxError("enough");
      },
      rejects: () => Promise.reject(new SyntaxError("enough")),
    };
    for (const [way, onReport] of Object.entries(ways)) {
      await assertRejects(() => pool.apply(targets.reportAndSpin, [], { onReport }), SyntaxError, "enough", way);
      assertEquals(await pool.apply(square, [3]), 9);
    }
  });

  test("a report that the pool cannot read fails its task, and nothing else", async () => {
    await using pool = poolOf(1);
    const { onReport } = listener();
    await assertRejects(() => pool.apply(targets.reportSecretly, [], { onReport }), RemoteError, "reportSecretly");
    assertEquals(await pool.apply(square, [3]), 9);
    assertEquals(pool.stats().restarts, 0);
  });

  test("a task that is over reports nothing, nor does an item that is", async () => {
    await using pool = poolOf(1);
    using go = new Event();
    const { told, reports, onReport } = listener<number | string>();
    await pool.starmap(targets.reportLater, [[5, go], [6, go]], { onReport, chunksize: 2 });
    go.set();
    await pool.apply(targets.count, [2], { onReport });
    assertEquals(told, [5, 6, 0, 1]);
    assertEquals(reports.map(({ index }) => index), [0, 1, 0, 0]);
  });

  test("reports wait for a program that does not read them, but not for ever", async () => {
    await using pool = poolOf(1);
    const { told, onReport } = listener<string>();
    let shown = 0;
    const slow = (value: unknown, report: TaskReport) => {
      onReport(value, report);
      const end = performance.now() + (++shown % 8 === 0 ? 1 : 0);
      while (performance.now() < end) { /* busy */ }
    };
    await pool.apply(targets.reportMuch, [400, 200_000], { onReport: slow });
    assertEquals([told.length, told.every(({ length }) => length === 200_000)], [400, true]);
    for (const [n, length] of [[1026, 1], [11, 1e6]]) {
      const blocked = pool.apply(targets.reportMuch, [n, length], { onReport });
      const end = performance.now() + 1000;
      while (performance.now() < end) { /* nothing is read meanwhile */ }
      const before = told.length;
      assert(await blocked >= 190, `${n}`); // two of them had to wait
      assertEquals(told.length - before, n);
    }
  });
}
