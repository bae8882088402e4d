// What the types infer from the functions. The check is the test; it is run for good measure.

import { type AsyncResult, type ImapIterator, Pool } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { add, greet, later, square } from "../fixtures/pool_targets.ts";

/** Fails to be checked unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

Deno.test("parameters and results are inferred from the function", async () => {
  await using pool = new Pool(1);
  const applied = pool.apply(add, [1, 2]);
  same<typeof applied, Promise<number>>(true);
  const later1 = pool.applyAsync(later, [1, 0]);
  same<typeof later1, AsyncResult<number>>(true);
  const greeted = pool.apply(greet, ["a"], { kwargs: { loud: true } });
  same<typeof greeted, Promise<string>>(true);
  const mapped = pool.map(square, [1]);
  same<typeof mapped, Promise<number[]>>(true);
  const starred = pool.starmapAsync(add, [[1, 2]]);
  same<typeof starred, AsyncResult<number[]>>(true);
  const iterated = pool.imap(square, new Set([1]));
  same<typeof iterated, ImapIterator<number>>(true);
  const through = pool.toTransformStream(square);
  same<typeof through, TransformStream<number, number>>(true);
  const named = pool.apply<string>({ module: "../fixtures/pool_targets.ts", name: "same" }, ["a"]);
  same<typeof named, Promise<string>>(true);
  assertEquals(
    [await applied, await later1, await greeted, await mapped, await starred, await iterated.next(), await named],
    [3, 1, "A", [1], [3], { value: 1, done: false }, "a"],
  );
  const mistakes = [
    // @ts-expect-error: an argument is missing
    () => pool.apply(add, [1]),
    // @ts-expect-error: an argument is of the wrong type
    () => pool.apply(square, ["1"]),
    // @ts-expect-error: the items are of the wrong type
    () => pool.map(square, ["1"]),
    // @ts-expect-error: the items are no arrays
    () => pool.starmap(add, [1, 2]),
    // @ts-expect-error: the initializer takes a string
    () => new Pool(1, { initializer: greet, initargs: [1, { loud: true }] }),
  ];
  assertEquals(mistakes.length, 5);
});
