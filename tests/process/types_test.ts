// What the types allow a process to be made with. The check is the test: each line that is to be refused is marked so,
// and a mark without an error is an error itself. Nothing here is started.

import { Process, type ProcessOptions } from "@parallel/multiprocessing";
import { ForkServerProcess, SpawnProcess } from "@parallel/multiprocessing/context";
import { assertEquals } from "@std/assert";

interface Depth {
  depth: number;
  width?: number;
}

declare function add(a: number, b: number, options?: { depth?: number }): void;
declare function walk(path: string, options: Depth): string;
declare function onlyOptions(options: Depth): void;
declare function nothing(): void;
declare function optional(a?: number): void;
declare function rest(...numbers: number[]): void;
declare function restAfter(a: string, ...numbers: number[]): void;
declare function echo(a: number, ...others: unknown[]): void;
declare function generic<T>(x: T, y: T[]): T;
declare function overloaded(a: string): string;
declare function overloaded(a: number, b: number): number;
declare function later(a: number): Promise<void>;
declare function either(x: string | number, y: readonly string[]): void;
declare function pair(p: [number, string]): void;
declare function literal(kind: "a" | "b"): void;
declare const numbers: number[];
const named = { module: "./some.ts", name: "some" };

class Mine extends Process {
  constructor(readonly n: number) {
    super();
  }
}
class Passing<A extends readonly unknown[]> extends Process<A> {
  constructor(options: ProcessOptions<A>) {
    super(options);
  }
}

/** A function that passes on what it is given. */
function made<A extends readonly unknown[]>(target: (...args: A) => unknown, args: A): Process {
  return new Process({ target, args }) as Process;
}

const right = [
  () => new Process(),
  () => new Process({}),
  () => new Process({ name: "x", daemon: true }),
  () => new Process({ target: nothing }),
  () => new Process({ target: nothing, args: [] }),
  () => new Process({ target: add, args: [1, 2] }),
  () => new Process({ target: add, args: [1, 2, { depth: 1 }] }),
  () => new Process({ target: add, args: [1, 2], kwargs: { depth: 1 } }),
  () => new Process({ target: walk, args: ["a"], kwargs: { depth: 1 } }),
  () => new Process({ target: walk, args: ["a"], kwargs: { depth: 1, width: 2 } }),
  () => new Process({ target: walk, args: ["a", { depth: 1 }] }),
  () => new Process({ target: onlyOptions, kwargs: { depth: 1 } }),
  () => new Process({ target: onlyOptions, args: [], kwargs: { depth: 1 } }),
  () => new Process({ target: optional }),
  () => new Process({ target: optional, args: [] }),
  () => new Process({ target: optional, args: [1] }),
  () => new Process({ target: rest }),
  () => new Process({ target: rest, args: [1, 2, 3] }),
  () => new Process({ target: rest, args: numbers }),
  () => new Process({ target: restAfter, args: ["a"] }),
  () => new Process({ target: restAfter, args: ["a", 1, 2] }),
  () => new Process({ target: echo, args: [1, "a"], kwargs: { any: "thing" } }),
  () => new Process({ target: generic, args: [1, [2]] }),
  () => new Process({ target: overloaded, args: ["a"] }),
  () => new Process({ target: overloaded, args: [1, 2] }),
  () => new Process({ target: later, args: [1] }),
  () => new Process({ target: either, args: ["a", ["b"]] }),
  () => new Process({ target: either, args: [1, ["b"] as const] }),
  () => new Process({ target: pair, args: [[1, "a"]] }),
  () => new Process({ target: literal, args: ["a"] }),
  () => new Process({ target: named }),
  () => new Process({ target: named, args: [1, "a"], kwargs: { any: 1 } }),
  () => new SpawnProcess({ target: walk, args: ["a"], kwargs: { depth: 1 } }),
  () => new ForkServerProcess({ target: add, args: [1, 2] }),
  () => new Passing({ target: add, args: [1, 2] }),
  () => made(add, [1, 2]),
  () => new Process({ target: nothing } as ProcessOptions),
  (options: ProcessOptions<[number, number]>) => new Process(options),
  (): Process[] => [new Mine(1), new SpawnProcess(), new Process({ target: add, args: [1, 2] })],
];

const wrong = [
  // @ts-expect-error: an option of the last argument is misspelt
  () => new Process({ target: add, args: [1, 2], kwargs: { depthh: 1 } }),
  // @ts-expect-error: arguments are missing
  () => new Process({ target: add }),
  // @ts-expect-error: one is missing
  () => new Process({ target: add, args: [1] }),
  // @ts-expect-error: one is of the wrong type
  () => new Process({ target: add, args: [1, "2"] }),
  // @ts-expect-error: there is one too many
  () => new Process({ target: add, args: [1, 2, { depth: 1 }, 4] }),
  // @ts-expect-error: it takes none
  () => new Process({ target: nothing, args: [1] }),
  // @ts-expect-error: it takes none, nor options
  () => new Process({ target: nothing, kwargs: { a: 1 } }),
  // @ts-expect-error: an option is of the wrong type
  () => new Process({ target: walk, args: ["a"], kwargs: { depth: "x" } }),
  // @ts-expect-error: there is one too many of them
  () => new Process({ target: walk, args: ["a"], kwargs: { depth: 1, height: 2 } }),
  // @ts-expect-error: the options are missing
  () => new Process({ target: walk, args: ["a"] }),
  // @ts-expect-error: what comes before them is missing
  () => new Process({ target: walk, kwargs: { depth: 1 } }),
  // @ts-expect-error: the options are missing
  () => new Process({ target: onlyOptions }),
  // @ts-expect-error: those behind are of the wrong type
  () => new Process({ target: rest, args: ["a"] }),
  // @ts-expect-error: options are no number
  () => new Process({ target: rest, args: [], kwargs: { a: 1 } }),
  // @ts-expect-error: the first is missing
  () => new Process({ target: restAfter, args: [] }),
  // @ts-expect-error: the first is of the wrong type
  () => new Process({ target: echo, args: ["a"], kwargs: { any: "thing" } }),
  // @ts-expect-error: both say what T is, and say otherwise
  () => new Process({ target: generic, args: [1, 2] }),
  // @ts-expect-error: no overload takes that
  () => new Process({ target: overloaded, args: [true] }),
  // @ts-expect-error: async or not
  () => new Process({ target: later, args: ["1"] }),
  // @ts-expect-error: none of the two
  () => new Process({ target: literal, args: ["c"] }),
  // @ts-expect-error: there is no such option
  () => new Process({ nmae: "x" }),
  // @ts-expect-error: there is no such option
  () => new Process({ target: add, args: [1, 2], nmae: "x" }),
  // @ts-expect-error: arguments of what?
  () => new Process({ args: [1] }),
  // @ts-expect-error: no function
  () => new Process({ target: 5 }),
  // @ts-expect-error: the name of the export is missing
  () => new Process({ target: { module: "./some.ts" } }),
  // @ts-expect-error: in any class
  () => new SpawnProcess({ target: add }),
  // @ts-expect-error: in any class
  () => new Passing({ target: add, args: [1] }),
];

Deno.test("what a target cannot be called with does not compile", () => {
  assertEquals([right.length, wrong.length], [39, 27]);
});
