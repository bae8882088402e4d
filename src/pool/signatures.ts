// What the methods of pools take and give, for the compiler: those of the pool, of any context's, and of a manager's.

import type { ArgumentLists, CallArguments, KwargsOf, Presence, Results } from "../callable/arguments.ts";
import type { ApplyAsyncOptions, ApplyOptions } from "./options.ts";

/** What comes of a call of `F`, which gives `R`, or by one of its overloads something else. */
export type ApplyResult<R, F> = Awaited<R> | Awaited<Results<F>>;

/** What {@linkcode Pool.apply} takes behind the function, which takes `A`: the arguments, and options. */
export type ApplyArguments<A, F, K extends void> = CallArguments<
  A | ArgumentLists<F>,
  K,
  ApplyOptions<KwargsOf<A | ArgumentLists<F>> | Presence<K>>
>;

/** As {@linkcode ApplyArguments}, of {@linkcode Pool.applyAsync}, whose call gives `T`. */
export type ApplyAsyncArguments<A, F, K extends void, T> = CallArguments<
  A | ArgumentLists<F>,
  K,
  ApplyAsyncOptions<T, KwargsOf<A | ArgumentLists<F>> | Presence<K>>
>;

/** As {@linkcode ApplyArguments}, of a call that blocks the thread, which no signal ends. */
export type ApplySyncArguments<A, F, K extends void> = CallArguments<
  A | ArgumentLists<F>,
  K,
  Omit<ApplyOptions<KwargsOf<A | ArgumentLists<F>> | Presence<K>>, "signal">
>;

/** As {@linkcode ApplyArguments}, of any function. */
export type AnyArguments = [args?: readonly unknown[], options?: ApplyAsyncOptions<never, object>];

/** What became of an item: its result, or why there is none. */
export type SettledItem<R> = PromiseSettledResult<R> & {
  /** Which item it was, from 0 on. */
  readonly index: number;
};

/** What there is for each item: its result; where `S` is `true`, a {@linkcode SettledItem}. */
export type ItemResult<R, S extends boolean> = S extends true ? SettledItem<R> : R;
