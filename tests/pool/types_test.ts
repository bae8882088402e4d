// What the types infer from the functions. The check is the test; it is run for good measure.

import { type AsyncResult, type ImapIterator, Pool, Process } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { add, greet, initialize, later, square } from "../fixtures/pool/pool_targets.ts";

/** Fails to be checked unless both types are the same. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
const same = <A, B>(_: Same<A, B>) => {};

declare function optional(a?: number): void;
declare function rest(...numbers: number[]): number;
declare function generic<T>(x: T, y: T[]): T;
declare function generic1<T>(x: T): T;
declare function overloaded(a: string): string;
declare function overloaded(a: number, b: number): number;

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
  const named = pool.apply<string>({ module: "../fixtures/pool/pool_targets.ts", name: "same" }, ["a"]);
  same<typeof named, Promise<string>>(true);
  assertEquals(
    [await applied, await later1, await greeted, await mapped, await starred, await iterated.next(), await named],
    [3, 1, "A", [1], [3], { value: 1, done: false }, "a"],
  );
  const right = [
    () => pool.apply(add, [1, 2] as const),
    () => pool.applyAsync(greet, ["a"] as const, { kwargs: { loud: true } }),
    () => new Process({ target: add, args: [1, 2] as const }),
    () => new Process({ target: greet, args: ["a"] as const, kwargs: { loud: true } }),
    () => new Pool(1, { initializer: add, initargs: [1, 2] as const }),
    () => pool.apply(greet, ["a", { loud: true }]),
    () => pool.apply(optional),
    () => pool.apply(optional, [1], { timeout: 5 }),
    () => pool.apply(rest, [1, 2, 3]),
    () => pool.apply(generic, [1, [2]]),
    (): Promise<string | number> => pool.apply(overloaded, ["a"]),
    (): Promise<string | number> => pool.apply(overloaded, [1, 2]),
    () => pool.applyAsync(overloaded, ["a"]),
    () => pool.map(optional, [1]),
    () => pool.map(generic1, ["a"]),
    () => pool.starmap(rest, [[1, 2], [], [3]]),
    () => pool.starmap(generic, [[1, [2]]]),
    () => new Pool(1, { initializer: initialize, initargs: ["a"] }),
    () => new Pool(1, { initializer: optional }),
    () => new Pool(1, { initializer: { module: "./some.ts", name: "some" }, initargs: [1] }),
    () => new Pool(null, { maxtasksperchild: null }),
  ];
  const mistakes = [
    // @ts-expect-error: an argument is missing
    () => pool.apply(add, [1]),
    // @ts-expect-error: all arguments are missing
    () => pool.apply(add),
    // @ts-expect-error: there is one too many
    () => pool.apply(add, [1, 2, 3]),
    // @ts-expect-error: an argument is of the wrong type
    () => pool.apply(square, ["1"]),
    // @ts-expect-error: an option of the last argument is misspelt
    () => pool.apply(greet, ["a"], { kwargs: { loud: true, quite: true } }),
    // @ts-expect-error: it is of the wrong type
    () => pool.apply(greet, ["a"], { kwargs: { loud: "yes" } }),
    // @ts-expect-error: it is missing
    () => pool.applyAsync(greet, ["a"]),
    // @ts-expect-error: there is no such option
    () => pool.apply(square, [1], { timeuot: 5 }),
    // @ts-expect-error: no overload takes that
    () => pool.apply(overloaded, [true]),
    // @ts-expect-error: both say what T is, and say otherwise
    () => pool.apply(generic, [1, 2]),
    // @ts-expect-error: the items are of the wrong type
    () => pool.map(square, ["1"]),
    // @ts-expect-error: a function of two arguments gets one
    () => pool.map(add, [1]),
    // @ts-expect-error: the items of an iteration, too
    () => pool.imap(square, ["1"]),
    // @ts-expect-error: apply alone has that option
    () => pool.map(square, [1], { kwargs: {} }),
    // @ts-expect-error: the items are no arrays
    () => pool.starmap(add, [1, 2]),
    // @ts-expect-error: an item has too many arguments
    () => pool.starmap(add, [[1, 2, 3]]),
    // @ts-expect-error: the initializer takes a string
    () => new Pool(1, { initializer: greet, initargs: [1, { loud: true }] }),
    // @ts-expect-error: its argument is missing
    () => new Pool(1, { initializer: initialize }),
    // @ts-expect-error: arguments of what?
    () => new Pool(1, { initargs: ["a"] }),
  ];
  assertEquals([right.length, mistakes.length], [21, 19]);
});
