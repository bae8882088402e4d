// Pool of a manager: the proxies. The half of the server is pool.ts; what travels there is made in pool_requests.ts.

import type { AnyFunction } from "../../callable/arguments.ts";
import type { Callable, ModuleExport } from "../../callable/types.ts";
import { type ImapOptions, type MapOptions, NO_OPTIONS } from "../../pool/options.ts";
import type {
  AnyArguments,
  ApplyArguments,
  ApplyResult,
  ApplySyncArguments,
  ItemResult,
} from "../../pool/signatures.ts";
import type { Items } from "../../pool/input.ts";
import type { PoolStats } from "../../pool/stats.ts";
import { timeoutOf, WAIT, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../../waiting/options.ts";
import { Iteration } from "../iteration.ts";
import { BaseProxy, insideOf, SyncProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import type { AsyncResultProxy } from "./async_result.ts";
import { sendable } from "./direct.ts";
import type { IteratorProxy, SyncIterator } from "./iterator.ts";
import { type Name, request, requestSync } from "./pool_requests.ts";

/** The names that a pool answers to. */
export const POOL_NAMES: readonly string[] = [
  ...["apply", "applyAsync", "map", "mapAsync", "starmap", "starmapAsync", "imap", "imapUnordered"],
  ...["close", "terminate", "join", "idle", "stats"],
];

/** The pools of results, which must not be given up before. */
const pools = new WeakMap<BaseProxy, BaseProxy>();

async function all<T>(items: Items<T>): Promise<T[]> {
  return Symbol.asyncIterator in items ? await Array.fromAsync(items) : [...items];
}

/**
 * Stands for a pool that a manager has, as {@linkcode Pool}. Items are copied to the manager before the call begins, also
 * those of `imap`. The pool ends when the last proxy of it is given up.
 *
 * @example Square numbers
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * // In a program of your own: export function square(x: number) { return x * x }
 * const square = { module: "data:text/javascript,export function square(x) { return x * x }", name: "square" };
 * await using manager = await Manager();
 * await using pool = await manager.Pool(2);
 * assertEquals(await pool.map(square, [1, 2, 3]), [1, 4, 9]);
 * const result = await pool.applyAsync(square, [4]);
 * assertEquals(await result.get(), 16);
 * ```
 */
export class PoolProxy extends BaseProxy {
  /** The same, blocking the thread. */
  override get sync(): SyncPool {
    return super.sync as SyncPool;
  }

  /**
   * Calls `fn(...args)` in a worker: see {@linkcode Pool.apply}.
   *
   * @throws {TypeError} If the function cannot be found by other processes, or an argument not be sent.
   * @throws {WorkerLostError} If the worker died.
   * @throws {InvalidStateError} If the pool is closed or terminated.
   * @throws What the function throws.
   */
  async apply<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplyArguments<A, F, K>
  ): Promise<ApplyResult<R, F>> {
    const [args = [], options = NO_OPTIONS] = argsAndOptions as AnyArguments;
    return await this.#call("apply", fn, args, options) as never;
  }

  /** As {@linkcode apply}, but gives the proxy of a result. */
  async applyAsync<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplyArguments<A, F, K>
  ): Promise<AsyncResultProxy<ApplyResult<R, F>>> {
    const [args = [], options = NO_OPTIONS] = argsAndOptions as AnyArguments;
    return await this.#begin("apply", fn, args, options) as AsyncResultProxy<never>;
  }

  /** Calls `fn(item)` for each item; the results in the order of the items. See {@linkcode Pool.map}. */
  async map<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: MapOptions<S> = NO_OPTIONS,
  ): Promise<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    return await this.#call("map", fn, items, options) as never[];
  }

  /** As {@linkcode map}, but gives the proxy of a result. */
  async mapAsync<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: MapOptions<S> = NO_OPTIONS,
  ): Promise<AsyncResultProxy<ItemResult<Awaited<R>, NoInfer<S>>[]>> {
    return await this.#begin("map", fn, items, options) as AsyncResultProxy<never[]>;
  }

  /** Calls `fn(...item)` for each item, which is an array of arguments. */
  async starmap<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: Items<Readonly<A>>,
    options: MapOptions<S> = NO_OPTIONS,
  ): Promise<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    return await this.#call("starmap", fn, items, options) as never[];
  }

  /** As {@linkcode starmap}, but gives the proxy of a result. */
  async starmapAsync<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: Items<Readonly<A>>,
    options: MapOptions<S> = NO_OPTIONS,
  ): Promise<AsyncResultProxy<ItemResult<Awaited<R>, NoInfer<S>>[]>> {
    return await this.#begin("starmap", fn, items, options) as AsyncResultProxy<never[]>;
  }

  /** Calls `fn(item)` for each item; the results one by one, in the order of the items. An error ends the iteration. */
  imap<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: ImapOptions<S> = NO_OPTIONS,
  ): AsyncIterableIterator<ItemResult<Awaited<R>, NoInfer<S>>> {
    return this.#iterate("imap", fn, items, options);
  }

  /** As {@linkcode imap}, with the results in the order in which they come. */
  imapUnordered<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: ImapOptions<S> = NO_OPTIONS,
  ): AsyncIterableIterator<ItemResult<Awaited<R>, NoInfer<S>>> {
    return this.#iterate("imapUnordered", fn, items, options);
  }

  #iterate<R>(
    name: "imap" | "imapUnordered",
    fn: Callable | ModuleExport,
    items: Items<unknown>,
    options: ImapOptions<boolean>,
  ): AsyncIterableIterator<R> {
    const [fnReference, , rest] = request(name, fn, [], options, this[insideOf]());
    return new Iteration<R>(async () => {
      const iterator = await this.#with(options).callmethod(name, [fnReference, await all(items), rest]);
      pools.set(iterator as IteratorProxy, this);
      return iterator;
    });
  }

  async #call(name: Name, fn: Callable | ModuleExport, items: Items<unknown>, options: object): Promise<unknown> {
    const [fnReference, , rest] = request(name, fn, [], options, this[insideOf]());
    return await this.#with(options).callmethod(name, [fnReference, await all(items), rest]);
  }

  async #begin(name: Name, fn: Callable | ModuleExport, items: Items<unknown>, options: object): Promise<unknown> {
    const [fnReference, , rest] = request(name, fn, [], options, this[insideOf]());
    const result = await this.#with(options).callmethod(`${name}Async`, [fnReference, await all(items), rest]);
    pools.set(result as AsyncResultProxy, this);
    return result;
  }

  #with({ signal }: { signal?: AbortSignal }): PoolProxy {
    return signal === undefined ? this : this.with({ signal });
  }

  /**
   * Waits until no call of any process is under way: see {@linkcode Pool.idle}.
   *
   * @throws {InvalidStateError} If the pool is broken.
   */
  async idle(options: WaitOptions = {}): Promise<boolean> {
    timeoutOf(options, WAIT);
    return await this.#with(options).callmethod("idle", sendable(options)) as boolean;
  }

  /** How the pool is. */
  async stats(): Promise<PoolStats> {
    return await this.callmethod("stats") as PoolStats;
  }

  /**
   * The pool accepts no more calls; its workers end when those under way are finished. The proxy is given up by `using`.
   */
  override async close(): Promise<void> {
    await this.callmethod("close");
  }

  /** Ends the workers, whatever they are doing. */
  async terminate(): Promise<void> {
    await this.callmethod("terminate");
  }

  /**
   * Waits until all workers have ended; `false` if that took longer than `timeout` milliseconds.
   *
   * @throws {InvalidStateError} If the pool was neither closed nor terminated.
   */
  async join(options: WaitOptions = {}): Promise<boolean> {
    timeoutOf(options, WAIT);
    return await this.#with(options).callmethod("join", sendable(options)) as boolean;
  }

  /** Terminates the pool, and gives up the proxy. */
  override async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.terminate();
    } finally {
      this[Symbol.dispose]();
    }
  }
}

/** As {@linkcode PoolProxy}, blocking the thread. Items are given as arrays or the like. */
export class SyncPool extends SyncProxy {
  /** Calls `fn(...args)` in a worker. */
  apply<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplySyncArguments<A, F, K>
  ): ApplyResult<R, F> {
    const [args = [], options = NO_OPTIONS] = argsAndOptions as AnyArguments;
    return this.callmethod("apply", requestSync("apply", fn, args, options, this[insideOf]()[insideOf]())) as never;
  }

  /** As {@linkcode apply}, but gives the proxy of a result. */
  applyAsync<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplySyncArguments<A, F, K>
  ): AsyncResultProxy<ApplyResult<R, F>> {
    const [args = [], options = NO_OPTIONS] = argsAndOptions as AnyArguments;
    return this.#begin(
      "applyAsync",
      requestSync("apply", fn, args, options, this[insideOf]()[insideOf]()),
    ) as AsyncResultProxy<never>;
  }

  /** Calls `fn(item)` for each item; the results in the order of the items. */
  map<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: readonly T[] | Iterable<T>,
    options: Omit<MapOptions<S>, "signal"> = NO_OPTIONS,
  ): ItemResult<Awaited<R>, NoInfer<S>>[] {
    return this.callmethod("map", requestSync("map", fn, [...items], options, this[insideOf]()[insideOf]())) as never[];
  }

  /** As {@linkcode map}, but gives the proxy of a result. */
  mapAsync<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: readonly T[] | Iterable<T>,
    options: Omit<MapOptions<S>, "signal"> = NO_OPTIONS,
  ): AsyncResultProxy<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    return this.#begin(
      "mapAsync",
      requestSync("map", fn, [...items], options, this[insideOf]()[insideOf]()),
    ) as AsyncResultProxy<never[]>;
  }

  /** Calls `fn(...item)` for each item, which is an array of arguments. */
  starmap<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: readonly Readonly<A>[] | Iterable<Readonly<A>>,
    options: Omit<MapOptions<S>, "signal"> = NO_OPTIONS,
  ): ItemResult<Awaited<R>, NoInfer<S>>[] {
    return this.callmethod(
      "starmap",
      requestSync("starmap", fn, [...items], options, this[insideOf]()[insideOf]()),
    ) as never[];
  }

  /** As {@linkcode starmap}, but gives the proxy of a result. */
  starmapAsync<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: readonly Readonly<A>[] | Iterable<Readonly<A>>,
    options: Omit<MapOptions<S>, "signal"> = NO_OPTIONS,
  ): AsyncResultProxy<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    return this.#begin(
      "starmapAsync",
      requestSync("starmap", fn, [...items], options, this[insideOf]()[insideOf]()),
    ) as AsyncResultProxy<never[]>;
  }

  /** Calls `fn(item)` for each item; the results one by one, in the order of the items. */
  imap<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: readonly T[] | Iterable<T>,
    options: Omit<ImapOptions<S>, "signal"> = NO_OPTIONS,
  ): IterableIterator<ItemResult<Awaited<R>, NoInfer<S>>> {
    return this.#iterate("imap", requestSync("imap", fn, [...items], options, this[insideOf]()[insideOf]()));
  }

  /** As {@linkcode imap}, with the results in the order in which they come. */
  imapUnordered<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: readonly T[] | Iterable<T>,
    options: Omit<ImapOptions<S>, "signal"> = NO_OPTIONS,
  ): IterableIterator<ItemResult<Awaited<R>, NoInfer<S>>> {
    return this.#iterate(
      "imapUnordered",
      requestSync("imapUnordered", fn, [...items], options, this[insideOf]()[insideOf]()),
    );
  }

  #begin(name: string, args: unknown[]): unknown {
    const result = this.callmethod(name, args);
    pools.set(result as AsyncResultProxy, this[insideOf]());
    return result;
  }

  #iterate<R>(name: string, args: unknown[]): SyncIterator<R> {
    const iterator = this.callmethod(name, args) as IteratorProxy<R>;
    pools.set(iterator, this[insideOf]());
    return iterator.sync as SyncIterator<R>;
  }

  /** Waits until no call of any process is under way; `false` if that took longer than `timeout` milliseconds. */
  idle(options: WaitSyncOptions = {}): boolean {
    timeoutOf(options, WAIT_SYNC);
    return this.callmethod("idle", sendable(options)) as boolean;
  }

  /** How the pool is. */
  stats(): PoolStats {
    return this.callmethod("stats") as PoolStats;
  }

  /** The pool accepts no more calls. */
  close(): void {
    this.callmethod("close");
  }

  /** Ends the workers, whatever they are doing. */
  terminate(): void {
    this.callmethod("terminate");
  }

  /** Waits until all workers have ended; `false` if that took longer than `timeout` milliseconds. */
  join(options: WaitSyncOptions = {}): boolean {
    timeoutOf(options, WAIT_SYNC);
    return this.callmethod("join", sendable(options)) as boolean;
  }
}

defineBuiltIn("Pool", POOL_NAMES, PoolProxy, SyncPool);
