// What a function may be called with in another process, for the compiler. Every method that takes a function has one
// signature made of these types, not a list of overloads: a mistake is told where it is, and in a line.

import type { ModuleExport } from "./types.ts";

/** A function that another process can run: an exported one, or where its module exports it. */
export type Target<A extends readonly unknown[]> = ((...args: A) => unknown) | ModuleExport;

/** Any function, for inference: what a function is taken for that is no function, or is named by its module. */
export type AnyFunction = (...args: never[]) => unknown;

/**
 * The lists of arguments that a function takes, one for each overload; of more than four, for the last four. Anything, if
 * it is {@linkcode AnyFunction}.
 */
export type ArgumentLists<F> = F extends {
  (...args: infer A): unknown;
  (...args: infer B): unknown;
  (...args: infer C): unknown;
  (...args: infer D): unknown;
} ? KnownList<A | B | C | D>
  : never;

/** A list of arguments; anything for that of {@linkcode AnyFunction}, which is one of any number of `never`. */
export type KnownList<L> = L extends readonly unknown[]
  ? number extends L["length"] ? [L[number]] extends [never] ? readonly unknown[] : L : L
  : never;

/** What a function returns, by any of its overloads. */
export type Results<F> = F extends {
  // deno-lint-ignore no-explicit-any -- what it takes does not matter; `never[]` would leave a generic one unresolved
  (...args: any): infer A;
  // deno-lint-ignore no-explicit-any -- as above
  (...args: any): infer B;
  // deno-lint-ignore no-explicit-any -- as above
  (...args: any): infer C;
  // deno-lint-ignore no-explicit-any -- as above
  (...args: any): infer D;
} ? A | B | C | D
  : never;

/** The last of a list of arguments. */
export type LastOf<L> = L extends readonly unknown[] ? number extends L["length"] ? L[number]
  : Required<L> extends readonly [...unknown[], infer K] ? K
  : never
  : never;

/** A list of arguments without the last one. */
export type BeforeLast<L> = L extends readonly unknown[] ? number extends L["length"] ? L
  : Required<L> extends readonly [...infer B, unknown] ? B
  : never
  : never;

/** What `kwargs` can be for a function that takes `L`: its last argument, if that is an object. */
export type KwargsOf<L> = unknown extends LastOf<L> ? object : Extract<LastOf<L>, object>;

/**
 * Says whether there are `kwargs`, as a type that is inferred beside their own: `undefined` without. What is given for
 * `{ kwargs?: KwargsOf<L> | Presence<K> }` where `K extends void = undefined` is no `void`, so `K` becomes that; and yet
 * it is checked against the first part alone.
 */
export type Presence<K extends void> = K & undefined;

/**
 * What `args` must be for a function that takes `L`: all of it, or all but the last if there are `kwargs`. Looked up, so
 * that nothing is inferred from what is given.
 */
export type ArgumentsOf<L, K extends void> = { all: Readonly<L>; butLast: Readonly<BeforeLast<L>> }[
  [K] extends [undefined] ? "all" : "butLast"
];

/** The arguments for a function that takes `L`, and options behind them; none are needed if it needs none. */
export type CallArguments<L, K extends void, O> = [] extends ArgumentsOf<L, K> ? [args?: ArgumentsOf<L, K>, options?: O]
  : [args: ArgumentsOf<L, K>, options?: O];
