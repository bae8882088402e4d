// imap, imapUnordered, and what all calls take as input.

import { InvalidStateError, TimeoutError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import * as targets from "../fixtures/pool/pool_targets.ts";
import { until } from "../support/helpers.ts";
import type { Suite } from "./suite.ts";

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
const squares = (n: number) => numbers(n).map(targets.square);

/** Counts up, and knows how far it was asked to. */
class Counter {
  pulled = 0;
  returned = false;

  constructor(readonly end = Infinity, readonly failAt = Infinity) {}

  *sync(): Generator<number> {
    try {
      while (this.pulled < this.end) {
        if (this.pulled === this.failAt) throw new RangeError(`item ${this.failAt}`);
        yield this.pulled++;
      }
    } finally {
      this.returned = true;
    }
  }

  async *async(): AsyncGenerator<number> {
    try {
      while (this.pulled < this.end) {
        await Promise.resolve();
        if (this.pulled === this.failAt) throw new RangeError(`item ${this.failAt}`);
        yield this.pulled++;
      }
    } finally {
      this.returned = true;
    }
  }
}

const WAYS = ["sync", "async"] as const;

export function iterationsOfPools({ pool: poolOf, test }: Suite): void {
  test("TestPool.test_imap: results in order, then the end, in chunks of any size", async () => {
    await using pool = poolOf(3);
    for (const chunksize of [1, 7, 100]) {
      const results = pool.imap(targets.square, numbers(250), { chunksize });
      for (let i = 0; i < 250; i++) assertEquals(await results.next(), { value: i * i, done: false });
      for (let i = 0; i < 2; i++) assertEquals(await results.next(), { value: undefined, done: true });
    }
    assertEquals(await Array.fromAsync(pool.imap(targets.square, [])), []);
  });

  test("TestPool.test_imap_unordered: the same results in any order, in chunks of any size", async () => {
    await using pool = poolOf(3);
    for (const chunksize of [1, 7, 100]) {
      const results = await Array.fromAsync(pool.imapUnordered(targets.square, numbers(250), { chunksize }));
      assertEquals(results.sort((a, b) => a - b), squares(250));
    }
  });

  test("next({ timeout }) throws TimeoutError and loses nothing, for every chunksize", async () => {
    await using pool = poolOf(2);
    for (const chunksize of [1, 2]) {
      const results = pool.imap(targets.spin, [300, 1, 2], { chunksize });
      await assertRejects(() => results.next({ timeout: 10 }), TimeoutError, "within 10 ms");
      await assertRejects(() => results.next({ timeout: 0 }), TimeoutError);
      await assertRejects(() => results.next({ signal: AbortSignal.abort(new SyntaxError("stop")) }), SyntaxError);
      assertEquals(await Array.fromAsync(results), [300, 1, 2]);
    }
  });

  for (const way of WAYS) {
    test(`an endless input (${way}) is pulled as its results are`, async () => {
      await using pool = poolOf(2);
      const counter = new Counter();
      const results = pool.imap(targets.square, counter[way](), { buffersize: 10 });
      for (let i = 0; i < 100; i++) {
        assertEquals((await results.next()).value, i * i);
        assertLessOrEqual(counter.pulled, i + 1 + 10);
      }
      await results.return();
      await until("the input's end", () => counter.returned);
      assertEquals(await results.next(), { value: undefined, done: true });
    });

    test(`no more than buffersize is taken from an input (${way}), whatever the chunksize`, async () => {
      await using pool = poolOf(2);
      for (const [buffersize, chunksize] of [[1, 1], [50, 50], [60, 50], [10, 50], [100, 30]]) {
        const counter = new Counter(300);
        let n = 0;
        for await (const result of pool.imap(targets.square, counter[way](), { buffersize, chunksize })) {
          assertEquals(result, n * n);
          assertLessOrEqual(counter.pulled, ++n + buffersize);
        }
        assertEquals(n, 300);
      }
    });

    test(`an iterator (${way}) whose next() gives no object ends the call`, async () => {
      await using pool = poolOf(1);
      for (const given of [5, null, undefined, "done"]) {
        const iterator = { next: () => given };
        const input = { [way === "sync" ? Symbol.iterator : Symbol.asyncIterator]: () => iterator } as never;
        const wanted = `next() gave ${Deno.inspect(given)}, wanted`;
        await assertRejects(() => pool.imap(targets.square, input).next(), TypeError, wanted);
        if (way === "async") await assertRejects(() => pool.map(targets.square, input), TypeError, wanted);
      }
    });

    test(`TestPool.test_map_handle_iterable_exception: an input (${way}) that fails ends the call (CPython hangs)`, async () => {
      await using pool = poolOf(2);
      for (const failAt of [0, 2, 57]) {
        const input = () => new Counter(100, failAt)[way]();
        for (const chunksize of [1, 3, undefined]) {
          await assertRejects(() => pool.map(targets.square, input(), { chunksize }), RangeError, `item ${failAt}`);
        }
        for (const chunksize of [1, 3]) {
          const results = pool.imap(targets.square, input(), { chunksize });
          for (let i = 0; i < failAt; i++) assertEquals((await results.next()).value, i * i);
          const error = await assertRejects(() => results.next(), RangeError, `item ${failAt}`);
          assertEquals(error.cause, undefined); // it did not happen in a worker
          assertEquals((await results.next()).done, true);
          const unordered = pool.imapUnordered(targets.square, input(), { chunksize });
          await assertRejects(() => Array.fromAsync(unordered), RangeError, `item ${failAt}`);
        }
      }
      assertEquals(await pool.map(targets.square, [3]), [9]);
    });

    test(`map takes an iterable (${way})`, async () => {
      await using pool = poolOf(2);
      for (const chunksize of [1, 16, undefined]) {
        assertEquals(await pool.map(targets.square, new Counter(1000)[way](), { chunksize }), squares(1000));
      }
    });
  }

  test("an input with a length that fails later ends the call (CPython hangs)", async () => {
    await using pool = poolOf(2);
    const input = {
      length: 100,
      *[Symbol.iterator]() {
        yield 1;
        throw new RangeError("second");
      },
    };
    await assertRejects(() => pool.map(targets.square, input), RangeError, "second");
    await assertRejects(() => pool.mapAsync(targets.square, new Counter(9, 5).async()).get(), RangeError, "item 5");
  });

  test("an item that fails is thrown in its place, and the iteration goes on, for every chunksize", async () => {
    await using pool = poolOf(2);
    for (const chunksize of [1, 2, 10]) {
      const results = pool.imap(targets.squareNotThree, [1, 2, 3, 4], { chunksize });
      assertEquals([(await results.next()).value, (await results.next()).value], [1, 4]);
      await assertRejects(() => results.next(), RangeError, "three");
      assertEquals([(await results.next()).value, (await results.next()).done], [16, true]);
    }
  });

  test("several may wait for the next result at once", async () => {
    await using pool = poolOf(2);
    const results = pool.imap(targets.square, [1, 2]);
    const all = await Promise.all([results.next(), results.next(), results.next()]);
    assertEquals(all.map(({ value }) => value), [1, 4, undefined]);
  });

  test("leaving a loop drops what has not begun", async () => {
    await using pool = poolOf(2);
    const counter = new Counter(10_000);
    for await (const result of pool.imap(targets.square, counter.async())) if (result === 4) break;
    await until("the input's end", () => counter.returned);
    assert(counter.pulled < 1000);
    assertEquals(await pool.apply(targets.square, [3]), 9);
  });

  test("items become results in a stream", async () => {
    await using pool = poolOf(2);
    const through = pool.toTransformStream(targets.square, { chunksize: 3 });
    assertEquals(await Array.fromAsync(ReadableStream.from(numbers(100)).pipeThrough(through)), squares(100));
    const unordered = pool.toTransformStream(targets.square, { ordered: false });
    const results = await Array.fromAsync(ReadableStream.from(numbers(100)).pipeThrough(unordered));
    assertEquals(results.sort((a, b) => a - b), squares(100));
    const failing = ReadableStream.from([1, 2, 3]).pipeThrough(pool.toTransformStream(targets.squareNotThree));
    await assertRejects(() => Array.fromAsync(failing), RangeError, "three");
  });

  test("an input that throws when it is closed, or ends its own pool, holds nothing up", async () => {
    const pool = poolOf(2);
    function* stubborn() {
      try {
        for (let i = 0;; i++) yield i;
      } finally {
        // deno-lint-ignore no-unsafe-finally -- what is tested
        throw new Error("never");
      }
    }
    const results = pool.imap(targets.square, stubborn());
    const others = pool.imap(targets.spin, [Infinity]).next();
    assertEquals((await results.next()).value, 0);
    const ended = assertRejects(() => others, InvalidStateError, "was terminated");
    await pool.terminate();
    await ended;

    const second = poolOf(2);
    let isClosed = false;
    function* deadly() {
      try {
        yield* [1, 2];
        void second.terminate();
        yield 3;
      } finally {
        isClosed = true;
      }
    }
    await assertRejects(() => Array.fromAsync(second.imap(targets.square, deadly())), InvalidStateError);
    assert(await second.join());
    assert(isClosed);
    const third = poolOf(1);
    const make = function* () {
      yield 1;
      void third.terminate();
    };
    await assertRejects(() => third.map(targets.square, make()), InvalidStateError, "it is terminated");
    assert(await third.join());
  });

  test("close() and join() before the results are taken, as in Python; not with a buffersize", async () => {
    const pool = poolOf(2);
    const results = pool.imap(targets.square, numbers(5000));
    const bounded = pool.imap(targets.square, numbers(100), { buffersize: 10 });
    pool.close();
    assertEquals(await pool.join({ timeout: 300 }), false);
    assertEquals((await Array.fromAsync(bounded)).length, 100);
    assert(await pool.join());
    assertEquals(await Array.fromAsync(results), squares(5000));
  });

  test("after return() there is nothing more, also of what was there", async () => {
    await using pool = poolOf(2);
    const results = pool.imap(targets.square, numbers(4));
    assertEquals((await results.next()).value, 0);
    await until("all of it there", () => pool.stats().done === 4);
    await results.return();
    assertEquals(await results.next(), { value: undefined, done: true });
  });

  test("a stream is in order unless it is told otherwise", async () => {
    await using pool = poolOf(2);
    const stream = ReadableStream.from([200, 1]).pipeThrough(
      pool.toTransformStream(targets.spin, { ordered: undefined }),
    );
    assertEquals(await Array.fromAsync(stream), [200, 1]);
  });

  test("an async input that throws at once, and not in a promise, ends the call with its error", async () => {
    await using pool = poolOf(1);
    const next = () => targets.fail();
    const items = { [Symbol.asyncIterator]: () => ({ next }) };
    await assertRejects(() => pool.imap(targets.square, items).next(), RangeError, "no such thing");
    await assertRejects(() => pool.map(targets.square, items), RangeError, "no such thing");
  });
}
