// The contract of pools.

import type { Callbacks } from "../../pool/async_result.ts";
import type { Items } from "../../pool/input.ts";
import type {
  ApplyAsyncOptions,
  ApplyOptions,
  ImapOptions,
  MapAsyncOptions,
  MapOptions,
  PoolOptions,
  TransformOptions,
  WithKwargs,
  WithoutKwargs,
} from "../../pool/options.ts";
import type { PoolStats } from "../../pool/stats.ts";
import type { ModuleExport } from "../../callable/types.ts";
import type { AnyFunction, ArgumentLists, Results } from "../../process/options.ts";
import type { WaitOptions } from "../../waiting/options.ts";

/** What a call that was begun gives: as {@linkcode AsyncResult}, which is one implementation. */
export interface AsyncResultLike<T> extends PromiseLike<T> {
  /** Whether the result or the error is there. */
  ready(): boolean;
  /** Whether the call ended without an error. */
  successful(): boolean;
  /** The result. */
  get(options?: WaitOptions): Promise<T>;
  /** Waits for the result or the error; `false` if neither came in time. */
  wait(options?: WaitOptions): Promise<boolean>;
}

/** Results one by one: as {@linkcode ImapIterator}, which is one implementation. */
export interface ImapIteratorLike<R> extends AsyncIterableIterator<R, void, WaitOptions | undefined>, AsyncDisposable {
  /** The next result. */
  next(options?: WaitOptions): Promise<IteratorResult<R, void>>;
}

/** What can be done with a pool, whoever implements it: as {@linkcode Pool}, which is one implementation. */
export interface PoolLike extends AsyncDisposable {
  /** For messages. */
  readonly name: string;

  /** Calls `fn(...args, kwargs)` in a worker. */
  apply<A extends readonly unknown[], K, R>(
    fn: (...args: [...A, K]) => R,
    args: A,
    options: WithKwargs<K>,
  ): Promise<Awaited<R>>;
  /** As above, without `kwargs`. */
  apply<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    args: A,
    options?: WithoutKwargs,
  ): Promise<Awaited<R>>;
  /** As above, without arguments. */
  apply<R>(fn: () => R): Promise<Awaited<R>>;
  /** As above, with a function that is overloaded. */
  apply<F extends AnyFunction>(
    fn: F,
    args: ArgumentLists<NoInfer<F>>,
    options?: WithoutKwargs,
  ): Promise<Awaited<Results<F>>>;
  /** As above, with a function that is named by its module. */
  apply<R = unknown>(fn: ModuleExport, args?: readonly unknown[], options?: ApplyOptions): Promise<R>;

  /** As {@linkcode apply}, but throws at once if the call cannot begin. */
  applyAsync<A extends readonly unknown[], K, R>(
    fn: (...args: [...A, K]) => R,
    args: A,
    options: WithKwargs<K> & Callbacks<Awaited<R>>,
  ): AsyncResultLike<Awaited<R>>;
  /** As above, without `kwargs`. */
  applyAsync<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    args: A,
    options?: WithoutKwargs & Callbacks<Awaited<R>>,
  ): AsyncResultLike<Awaited<R>>;
  /** As above, without arguments. */
  applyAsync<R>(fn: () => R): AsyncResultLike<Awaited<R>>;
  /** As above, with a function that is overloaded. */
  applyAsync<F extends AnyFunction>(
    fn: F,
    args: ArgumentLists<NoInfer<F>>,
    options?: WithoutKwargs & Callbacks<Awaited<Results<F>>>,
  ): AsyncResultLike<Awaited<Results<F>>>;
  /** As above, with a function that is named by its module. */
  applyAsync<R = unknown>(
    fn: ModuleExport,
    args?: readonly unknown[],
    options?: ApplyAsyncOptions<R>,
  ): AsyncResultLike<R>;

  /** Calls `fn(item)` for each item; the results are in the order of the items. */
  map<T, R>(fn: (item: T) => R, items: Items<T>, options?: MapOptions): Promise<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  map<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: MapOptions): Promise<R[]>;

  /** As {@linkcode map}, but throws at once if the call cannot begin. */
  mapAsync<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    options?: MapAsyncOptions<Awaited<R>>,
  ): AsyncResultLike<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  mapAsync<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: MapAsyncOptions<R>): AsyncResultLike<R[]>;

  /** Calls `fn(...item)` for each item, which is an array of arguments. */
  starmap<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    items: Items<Readonly<A>>,
    options?: MapOptions,
  ): Promise<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  starmap<R = unknown>(fn: ModuleExport, items: Items<readonly unknown[]>, options?: MapOptions): Promise<R[]>;

  /** As {@linkcode starmap}, but throws at once if the call cannot begin. */
  starmapAsync<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    items: Items<Readonly<A>>,
    options?: MapAsyncOptions<Awaited<R>>,
  ): AsyncResultLike<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  starmapAsync<R = unknown>(
    fn: ModuleExport,
    items: Items<readonly unknown[]>,
    options?: MapAsyncOptions<R>,
  ): AsyncResultLike<R[]>;

  /** Calls `fn(item)` for each item, and gives the results one by one, in the order of the items. */
  imap<T, R>(fn: (item: T) => R, items: Items<T>, options?: ImapOptions): ImapIteratorLike<Awaited<R>>;
  /** As above, with a function that is named by its module. */
  imap<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: ImapOptions): ImapIteratorLike<R>;

  /** As {@linkcode imap}, with the results in the order in which they come. */
  imapUnordered<T, R>(fn: (item: T) => R, items: Items<T>, options?: ImapOptions): ImapIteratorLike<Awaited<R>>;
  /** As above, with a function that is named by its module. */
  imapUnordered<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: ImapOptions): ImapIteratorLike<R>;

  /** A stream through which items become results, for `pipeThrough`. */
  toTransformStream<T, R>(fn: (item: T) => R, options?: TransformOptions): TransformStream<T, Awaited<R>>;
  /** As above, with a function that is named by its module. */
  toTransformStream<T = unknown, R = unknown>(fn: ModuleExport, options?: TransformOptions): TransformStream<T, R>;

  /** Waits until no call is under way; `false` if one still was when the time had passed. */
  idle(options?: WaitOptions): Promise<boolean>;
  /** What the pool is doing. */
  stats(): PoolStats;
  /** Takes no more calls; the workers end when what was begun is done. */
  close(): void;
  /** Ends the workers at once. */
  terminate(): Promise<void>;
  /** Waits for the end of all workers; `false` if it did not come in time. */
  join(options?: WaitOptions): Promise<boolean>;
}

/** A class of pools. Its options are those of {@linkcode Pool}. */
export interface PoolConstructor {
  /** A pool of so many workers; absent or `null`: as many as there are CPUs. */
  new <I extends readonly unknown[] = readonly unknown[]>(
    processes?: number | null,
    options?: PoolOptions<I>,
  ): PoolLike;
}
