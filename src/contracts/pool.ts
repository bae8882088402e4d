// The contract of pools.

import type { Items } from "../pool/input.ts";
import type { ImapOptions, MapAsyncOptions, MapOptions, PoolOptions, TransformOptions } from "../pool/options.ts";
import type { ApplyArguments, ApplyAsyncArguments, ApplyResult, ItemResult } from "../pool/signatures.ts";
import type { PoolStats } from "../pool/stats.ts";
import type { AnyFunction } from "../callable/arguments.ts";
import type { ModuleExport } from "../callable/types.ts";
import type { WaitOptions } from "../waiting/options.ts";

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
  apply<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplyArguments<A, F, K>
  ): Promise<ApplyResult<R, F>>;

  /** As {@linkcode apply}, but throws at once if the call cannot begin. */
  applyAsync<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplyAsyncArguments<A, F, K, ApplyResult<R, F>>
  ): AsyncResultLike<ApplyResult<R, F>>;

  /** Calls `fn(item)` for each item; the results are in the order of the items. */
  map<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options?: MapOptions<S>,
  ): Promise<ItemResult<Awaited<R>, NoInfer<S>>[]>;

  /** As {@linkcode map}, but throws at once if the call cannot begin. */
  mapAsync<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options?: MapAsyncOptions<Awaited<R>, S>,
  ): AsyncResultLike<ItemResult<Awaited<R>, NoInfer<S>>[]>;

  /** Calls `fn(...item)` for each item, which is an array of arguments. */
  starmap<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: Items<Readonly<A>>,
    options?: MapOptions<S>,
  ): Promise<ItemResult<Awaited<R>, NoInfer<S>>[]>;

  /** As {@linkcode starmap}, but throws at once if the call cannot begin. */
  starmapAsync<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: Items<Readonly<A>>,
    options?: MapAsyncOptions<Awaited<R>, S>,
  ): AsyncResultLike<ItemResult<Awaited<R>, NoInfer<S>>[]>;

  /** Calls `fn(item)` for each item, and gives the results one by one, in the order of the items. */
  imap<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options?: ImapOptions<S>,
  ): ImapIteratorLike<ItemResult<Awaited<R>, NoInfer<S>>>;

  /** As {@linkcode imap}, with the results in the order in which they come. */
  imapUnordered<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options?: ImapOptions<S>,
  ): ImapIteratorLike<ItemResult<Awaited<R>, NoInfer<S>>>;

  /** A stream through which items become results, for `pipeThrough`. */
  toTransformStream<R = unknown, T = unknown>(
    fn: ((item: T) => R) | ModuleExport,
    options?: TransformOptions,
  ): TransformStream<T, Awaited<R>>;

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
