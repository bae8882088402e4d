// The pool that a user has: checks what it is asked, and hands it to the engine.

import { shownName } from "../runtime/harmless.ts";
import { showAsText } from "../runtime/shown.ts";
import type { AnyFunction } from "../callable/arguments.ts";
import type { ModuleExport } from "../callable/types.ts";
import { InvalidStateError } from "../errors.ts";
import { tell } from "../runtime/notices.ts";
import type { WaitOptions } from "../waiting/options.ts";
import { AsyncResult, awaited, type Callbacks } from "./async_result.ts";
import { Caller } from "./calls/begin.ts";
import type { Call, PromisedCall } from "./calls/call.ts";
import type { ImapIterator } from "./calls/imap.ts";
import { Engine } from "./engine.ts";
import type { Items } from "./input.ts";
import {
  type ImapOptions,
  type MapAsyncOptions,
  type MapOptions,
  NO_OPTIONS,
  patienceOf,
  type PoolOptions,
  requireCallback,
  requireCallOptions,
  type TransformOptions,
} from "./options.ts";
import { engineOptionsOf } from "./settings.ts";
import type { PoolSize } from "./size.ts";
import type { AnyArguments, ApplyArguments, ApplyAsyncArguments, ApplyResult, ItemResult } from "./signatures.ts";
import { PoolTransform } from "./transform.ts";
import type { PoolStats } from "./stats.ts";
import { tellWaiter } from "./where.ts";
import { register } from "../reduction/registry.ts";

/** What CPython calls the states of a pool. */
const STATES = { running: "RUN", closed: "CLOSE", terminated: "TERMINATE", broken: "BROKEN" } as const;

/** Pools that nobody can reach any more, and that were not closed. */
const dropped = new FinalizationRegistry<Engine>((engine) => {
  if (engine.state !== "running") return;
  tell(
    `unclosed running multiprocessing pool "${shownName(engine.name)}" (pids ${engine.pids.join()}): it was dropped`,
    "warn",
  );
  engine.close();
});

/**
 * Processes that run functions for this one. As `multiprocessing.Pool`; what blocks there is a promise here.
 *
 * The functions are exported by modules, as the targets of processes are; they may be async. Arguments and results are
 * anything that can be serialised, and shared objects. A worker that dies costs the task that it was running, which
 * fails with a {@linkcode WorkerLostError}, and is replaced.
 *
 * A pool is ended by {@linkcode Pool.close | close} or {@linkcode Pool.terminate | terminate}, or by `await using`,
 * which terminates it. While no call is under way it does not keep the program alive.
 *
 * @example Square numbers
 * ```ts
 * import { Pool } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * // In a program of your own: export function square(x: number) { return x * x }
 * const square = { module: "data:text/javascript,export function square(x) { return x * x }", name: "square" };
 * await using pool = new Pool(2);
 * assertEquals(await pool.apply(square, [3]), 9);
 * assertEquals(await pool.map(square, [1, 2, 3]), [1, 4, 9]);
 * assertEquals(await Array.fromAsync(pool.imap(square, [1, 2, 3])), [1, 4, 9]);
 * ```
 */
export class Pool<I extends readonly unknown[] = readonly unknown[]> implements AsyncDisposable {
  static {
    showAsText(Pool);
    register(Pool, { refuse: "a Pool cannot be sent to another process; make one there" });
  }

  readonly #engine: Engine;
  readonly #caller: Caller;

  /**
   * Starts `processes` workers; one for each CPU, if no number is given. As many as there are CPUs, but four at least,
   * start at a time; the others follow when these are ready, or have taken long. The pool can be used at once: the first
   * worker that is ready takes the first task.
   *
   * With `{ min, max }`, `min` are started. Others follow, up to `max`, when tasks wait that nobody is free for, and the
   * wait is worth a start: about 40 ms, as far as the last tasks tell. So many short tasks are done by few workers. One that
   * has been idle for `idleTimeout` ends in order, the longest idle first, as long as there are more than `min`. Where a
   * number of workers counts, as for `chunksize`, it is `max`.
   *
   * @example Workers while there is work
   * ```ts
   * import { Pool } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * const square = { module: "data:text/javascript,export function square(x) { return x * x }", name: "square" };
   * await using pool = new Pool({ min: 0, max: 4 }, { idleTimeout: 60_000 });
   * assertEquals(pool.stats().workers.length, 0);
   * assertEquals(await pool.apply(square, [3]), 9);
   * assertEquals(pool.stats().workers.length, 1);
   * ```
   *
   * @throws {RangeError} If a number is not in its range.
   * @throws {TypeError} If an option is of the wrong type, or the initializer is not a function that a module exports.
   * @throws {InvalidStateError} If this process may not have children; as `Process.start`.
   */
  constructor(processes?: number | PoolSize | null, options: PoolOptions<I> = {}) {
    this.#engine = new Engine(engineOptionsOf(processes, options));
    this.#caller = new Caller(this.#engine);
    dropped.register(this, this.#engine, this);
  }

  /** For messages. */
  get name(): string {
    return this.#engine.name;
  }

  /**
   * Calls `fn(...args)` in a worker: `pool.apply(fn, args, options)`.
   *
   * @param argsAndOptions The arguments as an array, which may be absent if the function needs none; behind it
   * {@linkcode ApplyOptions}. With `kwargs` among them, the array lacks the last argument.
   * @throws {InvalidStateError} If the pool is closed or terminated.
   * @throws {Full} If as many calls wait as the pool's `maxQueue` lets.
   * @throws {TypeError} If the function cannot be found by other processes, or an argument not be serialised.
   * @throws {WorkerLostError} If the worker died.
   * @throws {MaybeEncodingError} If the result cannot be serialised.
   * @throws {TimeoutError} If `timeout` milliseconds have passed; what `signal` was aborted with.
   * @throws What the function throws. Its stack names the arguments, the worker and the line of this call; its last `cause`
   * is a `RemoteError`, whose `remoteStack` is what the worker would have printed.
   */
  apply<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplyArguments<A, F, K>
  ): Promise<ApplyResult<R, F>> {
    const [args = [], options = NO_OPTIONS] = argsAndOptions as AnyArguments;
    return promiseOf(() => this.#caller.single("apply", fn, args, options));
  }

  /** As {@linkcode Pool.apply}, but gives an {@linkcode AsyncResult}; throws at once if the call cannot begin. */
  applyAsync<
    R = unknown,
    A extends readonly unknown[] = readonly unknown[],
    F extends AnyFunction = (...args: A) => R,
    K extends void = undefined,
  >(
    fn: (F & ((...args: A) => R)) | ModuleExport,
    ...argsAndOptions: ApplyAsyncArguments<A, F, K, ApplyResult<R, F>>
  ): AsyncResult<ApplyResult<R, F>> {
    const [args = [], options = NO_OPTIONS] = argsAndOptions as AnyArguments;
    requireCallbacks("applyAsync", options);
    return resultOf(this.#caller.single("applyAsync", fn, args, options), options);
  }

  /**
   * Calls `fn(item)` for each item, and gives the results in the order of the items. All chunks of items are worked on
   * even if one fails; then the error that came first is thrown. With `settled: true` none is thrown for an item: each has
   * its result or its error.
   *
   * @example The errors of some items
   * ```ts
   * import { Pool } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * const root = { module: "data:text/javascript,export function root(x) { if (x < 0) throw new RangeError('less than 0'); " +
   *   "return Math.sqrt(x) }", name: "root" };
   * await using pool = new Pool(1);
   * const [first, second] = await pool.map(root, [4, -1], { settled: true });
   * assertEquals(first, { status: "fulfilled", value: 2, index: 0 });
   * assertEquals([second.index, second.status === "rejected" && second.reason.message], [1, "less than 0"]);
   * ```
   *
   * @throws {RangeError} If `chunksize` is less than 1.
   * @throws What the input throws, at once. Otherwise as {@linkcode Pool.apply}.
   */
  map<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: MapOptions<S> = NO_OPTIONS,
  ): Promise<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    return promiseOf(() => this.#caller.many("map", fn, items, options));
  }

  /** As {@linkcode Pool.map}, but gives an {@linkcode AsyncResult}; throws at once if the call cannot begin. */
  mapAsync<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: MapAsyncOptions<Awaited<R>, S> = NO_OPTIONS,
  ): AsyncResult<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    requireCallbacks("mapAsync", options);
    return resultOf(this.#caller.many("mapAsync", fn, items, options), options);
  }

  /**
   * Calls `fn(...item)` for each item, which is an array of arguments. Otherwise as {@linkcode Pool.map}.
   */
  starmap<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: Items<Readonly<A>>,
    options: MapOptions<S> = NO_OPTIONS,
  ): Promise<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    return promiseOf(() => this.#caller.many("starmap", fn, items, options));
  }

  /** As {@linkcode Pool.starmap}, but gives an {@linkcode AsyncResult}; throws at once if the call cannot begin. */
  starmapAsync<R = unknown, A extends readonly unknown[] = readonly unknown[], S extends boolean = false>(
    fn: ((...args: A) => R) | ModuleExport,
    items: Items<Readonly<A>>,
    options: MapAsyncOptions<Awaited<R>, S> = NO_OPTIONS,
  ): AsyncResult<ItemResult<Awaited<R>, NoInfer<S>>[]> {
    requireCallbacks("starmapAsync", options);
    return resultOf(this.#caller.many("starmapAsync", fn, items, options), options);
  }

  /**
   * Calls `fn(item)` for each item, and gives the results one by one, in the order of the items. Items are taken from
   * the input as results are taken from the iterator, at most `buffersize` ahead: an endless input is fine. A `for await`
   * loop ends with the first item that fails; with `settled: true` it goes on, and gets what became of each item.
   *
   * @throws {RangeError} If `chunksize` or `buffersize` is less than 1.
   * @throws {InvalidStateError} If the pool is closed or terminated.
   */
  imap<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: ImapOptions<S> = NO_OPTIONS,
  ): ImapIterator<ItemResult<Awaited<R>, NoInfer<S>>> {
    return this.#caller.iterate("imap", fn, items, options, true) as ImapIterator<never>;
  }

  /** As {@linkcode Pool.imap}, with the results in the order in which they come. */
  imapUnordered<R = unknown, T = unknown, S extends boolean = false>(
    fn: ((item: T) => R) | ModuleExport,
    items: Items<T>,
    options: ImapOptions<S> = NO_OPTIONS,
  ): ImapIterator<ItemResult<Awaited<R>, NoInfer<S>>> {
    return this.#caller.iterate("imapUnordered", fn, items, options, false) as ImapIterator<never>;
  }

  /**
   * A stream through which items become results, for `pipeThrough`. As with a `TransformStream` of the platform, an error
   * of one item is that of both sides, so that the source is cancelled with it; what the readable side is cancelled with,
   * the source is, too; and what the writable side is aborted with, the reader gets at once.
   *
   * @example Through a stream
   * ```ts
   * import { Pool } from "@parallel/multiprocessing";
   * import { assertEquals } from "@std/assert";
   *
   * const upper = { module: "data:text/javascript,export function upper(s) { return s.toUpperCase() }", name: "upper" };
   * await using pool = new Pool(1);
   * const stream = ReadableStream.from(["a", "b"]).pipeThrough(pool.toTransformStream(upper));
   * assertEquals(await Array.fromAsync(stream), ["A", "B"]);
   * ```
   *
   * @throws {InvalidStateError} If the pool is closed or terminated.
   */
  toTransformStream<R = unknown, T = unknown>(
    fn: ((item: T) => R) | ModuleExport,
    options: TransformOptions = NO_OPTIONS,
  ): TransformStream<T, Awaited<R>> {
    requireCallOptions("toTransformStream", options); // before anything is made of them
    return new PoolTransform((items) =>
      this.#caller.iterate("toTransformStream", fn, items, options, options.ordered ?? true)
    ) as unknown as TransformStream<unknown, never>;
  }

  /**
   * Waits until no call is under way: every result has been told, and who got the last ones has begun no other call at
   * once. `false` if that took longer than `timeout` milliseconds. An iteration is under way until its items are done, so
   * one whose results nobody takes may stay so. This wait keeps the program alive. After
   * {@linkcode Pool.terminate | terminate} no call is under way.
   *
   * @example Wait for what was begun
   * ```ts
   * import { Pool } from "@parallel/multiprocessing";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const square = { module: "data:text/javascript,export function square(x) { return x * x }", name: "square" };
   * await using pool = new Pool(2);
   * const results: number[] = [];
   * for (let i = 0; i < 3; i++) pool.applyAsync<number>(square, [i], { callback: (result) => results.push(result) });
   * assert(await pool.idle());
   * assertEquals(results.sort(), [0, 1, 4]);
   * ```
   *
   * @throws {InvalidStateError} If the pool is broken: no worker can be started, or do its work.
   * @throws What `signal` was aborted with.
   */
  async idle(options?: WaitOptions): Promise<boolean> {
    const timeout = patienceOf("wait for a pool", options);
    options?.signal?.throwIfAborted();
    this.#engine.hold();
    try {
      return await this.#engine.idle(timeout, options?.signal);
    } finally {
      this.#engine.release();
    }
  }

  /** What the pool is doing. */
  stats(): PoolStats {
    return this.#engine.stats();
  }

  /** Accepts no more calls. The workers end when those under way are finished. Again: nothing happens. */
  close(): void {
    dropped.unregister(this);
    this.#engine.close();
  }

  /**
   * Ends the workers, whatever they are doing: by SIGTERM, and 250 ms later by SIGKILL. Calls that are under way fail with
   * an {@linkcode InvalidStateError}, which is no uncaught error where nobody waits for them. The promise is resolved when
   * all workers have ended; nobody has to await it.
   */
  async terminate(): Promise<void> {
    dropped.unregister(this);
    this.#engine.terminate();
    await this.join();
  }

  /**
   * Waits until all workers have ended; `false` if that took longer than `timeout` milliseconds. Meanwhile `imap` goes
   * on although nobody takes its results, unless it was given a `buffersize`.
   *
   * @throws {InvalidStateError} If the pool was neither closed nor terminated.
   * @throws What `signal` was aborted with.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    patienceOf("join a pool", options);
    if (this.#engine.state === "running") {
      throw new InvalidStateError(
        `Cannot join "${shownName(this.name)}": pool is still running; call close() or terminate() first`,
      );
    }
    this.#engine.hold();
    try {
      return await new AsyncResult(this.#engine.join()).wait(options);
    } finally {
      this.#engine.release();
    }
  }

  /** As {@linkcode Pool.terminate}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate();
  }

  /**
   * As CPython shows it, and the name: `<multiprocessing.pool.Pool state=RUN pool_size=4 name='Pool-1'>`. The state is
   * `RUN`, `CLOSE` or `TERMINATE`, or `BROKEN` after what made every further call useless.
   */
  toString(): string {
    const { state, poolSize } = this.#engine;
    return `<multiprocessing.pool.Pool state=${STATES[state]} pool_size=${poolSize} name='${shownName(this.name)}'>`;
  }
}

/** What this asks of a call that has one result. */
type Promised = Pick<PromisedCall<unknown>, "promise" | "failing" | "begun">;

/** The promise of a call, also of one that cannot begin. */
function promiseOf<T>(begin: () => Promised): Promise<T> {
  try {
    const call = begin();
    if (call.begun?.site === null) call.failing = tellingWaiter;
    return call.promise as Promise<T>;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Rejects with an error that says who waits for it: the engine knows that of an asynchronous function alone. */
async function tellingWaiter(error: unknown): Promise<never> {
  // The promise that comes to this one is two turns later known to wait for it.
  await null;
  await null;
  throw tellWaiter(error, tellingWaiter);
}

/** The call's result for those who may ask for it later, or never. */
function resultOf<T>(call: Call & { readonly promise: Promise<unknown> }, options: Callbacks<T>): AsyncResult<T> {
  const result = new AsyncResult(call.promise as Promise<T>, options);
  call.isAwaited = () => options.errorCallback !== undefined || awaited.has(result as AsyncResult<never>);
  return result;
}

function requireCallbacks(
  call: "applyAsync" | "mapAsync" | "starmapAsync",
  options: { callback?: unknown; errorCallback?: unknown },
): void {
  requireCallOptions(call, options);
  requireCallback(call, "callback", options.callback);
  requireCallback(call, "errorCallback", options.errorCallback);
}
