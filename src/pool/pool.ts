// The pool that a user has: checks what it is asked, and hands it to the engine.

import { type Given, reference } from "../callable/reference.ts";
import { showAsText } from "../runtime/shown.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import { InvalidStateError, TimeoutError } from "../errors.ts";
import { Watch } from "../waiting/limits.ts";
import { tell } from "../runtime/notices.ts";
import { native } from "../addon/load.ts";
import { timeoutOf, type WaitOptions } from "../waiting/options.ts";
import { AsyncResult, awaited, type Callbacks } from "./async_result.ts";
import { type Call, CALL_FLAGS, MapCall, SingleCall } from "./calls/calls.ts";
import { CellTable } from "./cells.ts";
import { Engine } from "./engine.ts";
import { ImapCall, ImapIterator } from "./calls/imap.ts";
import { type Input, inputOf, type Items, ListInput } from "./input.ts";
import {
  type ApplyAsyncOptions,
  type ApplyOptions,
  type CallOptions,
  countOf,
  type ImapOptions,
  type MapAsyncOptions,
  type MapOptions,
  NO_OPTIONS,
  patienceOf,
  type PoolOptions,
  requireCallback,
  requireCallOptions,
  requirePoolOptions,
  type TransformOptions,
  wholeOf,
  type WithKwargs,
  type WithoutKwargs,
} from "./options.ts";
import { progressBar } from "./progress.ts";
import { PoolTransform } from "./transform.ts";
import type { PoolStats } from "./stats.ts";
import type { AnyFunction, ArgumentLists, Results } from "../process/options.ts";
import { cpuCount } from "../process/cpu_count.ts";
import { Process } from "../process/process.ts";
import { register } from "../reduction/registry.ts";

/** Milliseconds that a cancelled task has, if the pool says nothing else. */
const GRACE = 1000;
/** What CPython calls the states of a pool. */
const STATES = { running: "RUN", closed: "CLOSE", terminated: "TERMINATE", broken: "BROKEN" } as const;
/** Milliseconds between two looks of a worker at its memory: for statistics, and where there is a limit. */
const MEMORY_EVERY = { usually: 250, limited: 5 } as const;

type AnyTarget = Callable | ModuleExport;

/** The initializer, as workers find it. */
function initializerOf(initializer: AnyTarget | null | undefined): Given | null {
  if (initializer === undefined || initializer === null) return null;
  const given = reference(initializer);
  given.prove();
  return given;
}

let pools = 0;

/** Pools that nobody can reach any more, and that were not closed. */
const dropped = new FinalizationRegistry<Engine>((engine) => {
  if (engine.state !== "running") return;
  tell(
    `unclosed running multiprocessing pool "${engine.name}" (pids ${engine.pids.join()}): it was dropped`,
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

  /**
   * Starts `processes` workers.
   *
   * @throws {RangeError} If a number is not in its range.
   * @throws {TypeError} If an option is of the wrong type, or the initializer is not a function that a module exports.
   * @throws {InvalidStateError} If this process may not have children; as `Process.start`.
   */
  constructor(processes?: number | null, options: PoolOptions<I> = {}) {
    const action = "create a pool";
    requirePoolOptions(action, options);
    const { initializer, initargs, maxtasksperchild, maxMemory, grace, daemon = true } = options;
    const count = countOf(action, "processes", processes, null) ?? cpuCount();
    requirePlaces(action, count);
    if (initargs !== undefined && !globalThis.Array.isArray(initargs)) {
      throw new TypeError(`Cannot ${action}: "initargs" is ${Deno.inspect(initargs)}, wanted an array`);
    }
    const { stderr = "piped" } = options;
    if (stderr !== "piped" && stderr !== "inherit") {
      throw new TypeError(`Cannot ${action}: "stderr" is ${Deno.inspect(stderr)}, wanted "piped" or "inherit"`);
    }
    const isLimited = typeof maxMemory === "number";
    this.#engine = new Engine({
      name: options.name ?? `Pool-${++pools}`,
      processes: count,
      ProcessClass: options.context?.Process ?? Process,
      stderr,
      grace: wholeOf(action, "grace", grace, { least: 0, fallback: GRACE }),
      cells: new CellTable(),
      initializer: initializerOf(initializer as AnyTarget | null | undefined),
      settings: {
        initargs: initargs ?? [],
        mayHaveChildren: !daemon,
        memoryEvery: isLimited ? MEMORY_EVERY.limited : MEMORY_EVERY.usually,
        maxtasksperchild: countOf(action, "maxtasksperchild", maxtasksperchild, Infinity),
        maxMemory: countOf(action, "maxMemory", maxMemory, Infinity),
      },
    });
    dropped.register(this, this.#engine, this);
  }

  /** For messages. */
  get name(): string {
    return this.#engine.name;
  }

  /**
   * Calls `fn(...args)` in a worker.
   *
   * @throws {InvalidStateError} If the pool is closed or terminated.
   * @throws {TypeError} If the function cannot be found by other processes, or an argument not be serialised.
   * @throws {WorkerLostError} If the worker died.
   * @throws {MaybeEncodingError} If the result cannot be serialised.
   * @throws {TimeoutError} If `timeout` milliseconds have passed; what `signal` was aborted with.
   * @throws What the function throws; its last `cause` is a `RemoteError` with the stack in the worker.
   */
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
  apply(fn: AnyTarget, args: readonly unknown[] = [], options: ApplyOptions = NO_OPTIONS): Promise<unknown> {
    return promiseOf(() => this.#single("apply", fn, args, options));
  }

  /** As {@linkcode Pool.apply}, but gives an {@linkcode AsyncResult}; throws at once if the call cannot begin. */
  applyAsync<A extends readonly unknown[], K, R>(
    fn: (...args: [...A, K]) => R,
    args: A,
    options: WithKwargs<K> & Callbacks<Awaited<R>>,
  ): AsyncResult<Awaited<R>>;
  /** As above, without `kwargs`. */
  applyAsync<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    args: A,
    options?: WithoutKwargs & Callbacks<Awaited<R>>,
  ): AsyncResult<Awaited<R>>;
  /** As above, without arguments. */
  applyAsync<R>(fn: () => R): AsyncResult<Awaited<R>>;
  /** As above, with a function that is overloaded. */
  applyAsync<F extends AnyFunction>(
    fn: F,
    args: ArgumentLists<NoInfer<F>>,
    options?: WithoutKwargs & Callbacks<Awaited<Results<F>>>,
  ): AsyncResult<Awaited<Results<F>>>;
  /** As above, with a function that is named by its module. */
  applyAsync<R = unknown>(
    fn: ModuleExport,
    args?: readonly unknown[],
    options?: ApplyAsyncOptions<R>,
  ): AsyncResult<R>;
  applyAsync(
    fn: AnyTarget,
    args: readonly unknown[] = [],
    options: ApplyAsyncOptions<never> = NO_OPTIONS,
  ): AsyncResult<unknown> {
    requireCallbacks("applyAsync", options);
    return resultOf(this.#single("applyAsync", fn, args, options), options);
  }

  /**
   * Calls `fn(item)` for each item, and gives the results in the order of the items. All chunks of items are worked on
   * even if one fails; then the error that came first is thrown.
   *
   * @throws {RangeError} If `chunksize` is less than 1.
   * @throws What the input throws, at once. Otherwise as {@linkcode Pool.apply}.
   */
  map<T, R>(fn: (item: T) => R, items: Items<T>, options?: MapOptions): Promise<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  map<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: MapOptions): Promise<R[]>;
  map(fn: AnyTarget, items: Items<unknown>, options: MapOptions = NO_OPTIONS): Promise<unknown[]> {
    return promiseOf(() => this.#many("map", fn, items, options));
  }

  /** As {@linkcode Pool.map}, but gives an {@linkcode AsyncResult}; throws at once if the call cannot begin. */
  mapAsync<T, R>(
    fn: (item: T) => R,
    items: Items<T>,
    options?: MapAsyncOptions<Awaited<R>>,
  ): AsyncResult<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  mapAsync<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: MapAsyncOptions<R>): AsyncResult<R[]>;
  mapAsync(fn: AnyTarget, items: Items<unknown>, options: MapAsyncOptions<never> = NO_OPTIONS): AsyncResult<unknown[]> {
    requireCallbacks("mapAsync", options);
    return resultOf(this.#many("mapAsync", fn, items, options), options);
  }

  /**
   * Calls `fn(...item)` for each item, which is an array of arguments. Otherwise as {@linkcode Pool.map}.
   */
  starmap<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    items: Items<Readonly<A>>,
    options?: MapOptions,
  ): Promise<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  starmap<R = unknown>(fn: ModuleExport, items: Items<readonly unknown[]>, options?: MapOptions): Promise<R[]>;
  starmap(fn: AnyTarget, items: Items<unknown>, options: MapOptions = NO_OPTIONS): Promise<unknown[]> {
    return promiseOf(() => this.#many("starmap", fn, items, options));
  }

  /** As {@linkcode Pool.starmap}, but gives an {@linkcode AsyncResult}; throws at once if the call cannot begin. */
  starmapAsync<A extends readonly unknown[], R>(
    fn: (...args: A) => R,
    items: Items<Readonly<A>>,
    options?: MapAsyncOptions<Awaited<R>>,
  ): AsyncResult<Awaited<R>[]>;
  /** As above, with a function that is named by its module. */
  starmapAsync<R = unknown>(
    fn: ModuleExport,
    items: Items<readonly unknown[]>,
    options?: MapAsyncOptions<R>,
  ): AsyncResult<R[]>;
  starmapAsync(
    fn: AnyTarget,
    items: Items<unknown>,
    options: MapAsyncOptions<never> = NO_OPTIONS,
  ): AsyncResult<unknown[]> {
    requireCallbacks("starmapAsync", options);
    return resultOf(this.#many("starmapAsync", fn, items, options), options);
  }

  /**
   * Calls `fn(item)` for each item, and gives the results one by one, in the order of the items. Items are taken from
   * the input as results are taken from the iterator, at most `buffersize` ahead: an endless input is fine.
   *
   * @throws {RangeError} If `chunksize` or `buffersize` is less than 1.
   * @throws {InvalidStateError} If the pool is closed or terminated.
   */
  imap<T, R>(fn: (item: T) => R, items: Items<T>, options?: ImapOptions): ImapIterator<Awaited<R>>;
  /** As above, with a function that is named by its module. */
  imap<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: ImapOptions): ImapIterator<R>;
  imap(fn: AnyTarget, items: Items<unknown>, options: ImapOptions = NO_OPTIONS): ImapIterator<unknown> {
    requireCallOptions("imap", options);
    return this.#iterate(fn, items, { ...options, ordered: true });
  }

  /** As {@linkcode Pool.imap}, with the results in the order in which they come. */
  imapUnordered<T, R>(fn: (item: T) => R, items: Items<T>, options?: ImapOptions): ImapIterator<Awaited<R>>;
  /** As above, with a function that is named by its module. */
  imapUnordered<R = unknown>(fn: ModuleExport, items: Items<unknown>, options?: ImapOptions): ImapIterator<R>;
  imapUnordered(fn: AnyTarget, items: Items<unknown>, options: ImapOptions = NO_OPTIONS): ImapIterator<unknown> {
    requireCallOptions("imapUnordered", options);
    return this.#iterate(fn, items, { ...options, ordered: false });
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
  toTransformStream<T, R>(fn: (item: T) => R, options?: TransformOptions): TransformStream<T, Awaited<R>>;
  /** As above, with a function that is named by its module. */
  toTransformStream<T = unknown, R = unknown>(fn: ModuleExport, options?: TransformOptions): TransformStream<T, R>;
  toTransformStream(fn: AnyTarget, options: TransformOptions = NO_OPTIONS): TransformStream<unknown, unknown> {
    requireCallOptions("toTransformStream", options);
    return new PoolTransform((items) => this.#iterate(fn, items, { ...options, ordered: options.ordered ?? true }));
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
        `Cannot join "${this.name}": pool is still running; call close() or terminate() first`,
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
    const { state, processes } = this.#engine;
    return `<multiprocessing.pool.Pool state=${STATES[state]} pool_size=${processes} name='${this.name}'>`;
  }

  #single(
    call: "apply" | "applyAsync",
    target: AnyTarget,
    args: readonly unknown[],
    options: ApplyOptions,
  ): SingleCall {
    const action = "apply";
    requireCallOptions(call, options);
    if (!globalThis.Array.isArray(args)) {
      throw new TypeError(`Cannot ${action}: "args" is ${Deno.inspect(args)}, wanted an array of arguments`);
    }
    const { kwargs } = options;
    const all = kwargs === undefined ? args : [...args, kwargs];
    const { host, common, begin } = this.#prepare(action, target, options);
    return begin(new SingleCall({ host, flags: CALL_FLAGS.apply, ...common }, all));
  }

  #many(
    call: "map" | "mapAsync" | "starmap" | "starmapAsync",
    target: AnyTarget,
    items: Items<unknown>,
    options: MapOptions,
  ): MapCall {
    requireCallOptions(call, options);
    const action = call.startsWith("star") ? "starmap" : "map";
    const chunksize = countOf(action, "chunksize", options.chunksize, null);
    const { host, common, begin } = this.#prepare(action, target, options);
    const input = this.#input(items);
    const progress = options.progress ? progressBar(this.name) : undefined;
    return begin(new MapCall({ host, flags: CALL_FLAGS[action], ...common }, { input, chunksize, progress }));
  }

  /** All of them, unless they come in time: then their number is known. */
  #input(items: Items<unknown>): Input {
    if (items !== null && items !== undefined && Symbol.iterator in Object(items)) {
      // The caller may change its array while the call is under way.
      return new ListInput(globalThis.Array.isArray(items) ? items.slice() : [...items as Iterable<unknown>]);
    }
    return inputOf(items, () => this.#engine.dispatch());
  }

  #iterate(
    target: AnyTarget,
    items: Items<unknown>,
    options: ImapOptions & { ordered: boolean },
  ): ImapIterator<unknown> {
    const { ordered } = options;
    const chunksize = countOf("imap", "chunksize", options.chunksize, 1);
    const buffersize = countOf("imap", "buffersize", options.buffersize, null);
    const { host, common, begin } = this.#prepare("imap", target, options);
    const input = inputOf(items, () => host.dispatch());
    const progress = options.progress ? progressBar(this.name) : undefined;
    const imap = { input, chunksize, buffersize, ordered, progress };
    const call = begin(new ImapCall({ host, flags: CALL_FLAGS.imap, ...common }, imap));
    return new ImapIterator(call, () => host.cancel(call, () => call.leave(), { kill: false }));
  }

  /** What all calls have in common; `begin` begins one. */
  #prepare(action: string, target: AnyTarget, options: CallOptions) {
    const engine = this.#engine;
    engine.requireRunning(action);
    const timeout = timeoutOf(options);
    const { signal } = options;
    signal?.throwIfAborted();
    const retries = wholeOf(action, "retries", options.retries, { least: 0, fallback: 0 });
    const begin = <C extends Call>(call: C): C => {
      // The input that has just been listed may have aborted it.
      if (signal?.aborted) call.end(signal.reason);
      else engine.submit(call);
      if (signal !== undefined || timeout !== Infinity) limit(engine, call, timeout, signal);
      return call;
    };
    return { host: engine, common: { fn: engine.functionOf(target), retries }, begin };
  }
}

/** Refuses more workers than a tree has places for, besides this process. */
function requirePlaces(action: string, processes: number): void {
  const most = native().mostProcesses() - 1;
  if (processes <= most) return;
  throw new RangeError(
    `Cannot ${action}: "processes" is ${processes}, wanted at most ${most}, which is how many a tree has places for`,
  );
}

/** The call's own promise: of what is derived from it, nobody could say whether anybody waits for it. */
function promiseOf<T>(begin: () => { readonly promise: Promise<T> }): Promise<T> {
  try {
    return begin().promise;
  } catch (error) {
    return Promise.reject(error);
  }
}

/** The call's result for those who may ask for it later, or never. */
function resultOf<T>(call: Call & { readonly promise: Promise<unknown> }, options: Callbacks<T>): AsyncResult<T> {
  const result = new AsyncResult(call.promise as Promise<T>, options);
  call.isAwaited = () => options.errorCallback !== undefined || awaited.has(result as AsyncResult<never>);
  return result;
}

/** Ends a call when its time has passed, or when it is aborted. */
function limit(engine: Engine, call: Call, timeout: number, signal: AbortSignal | undefined): void {
  const late = () => new TimeoutError(`Cannot finish "${call.fn.given.label}": it took more than ${timeout} ms`);
  const watch = new Watch({ timeout, signal }, {
    late: () => engine.cancel(call, () => call.end(late()), { timedOut: true }),
    aborted: (reason) => engine.cancel(call, () => call.end(reason)),
  }).unref();
  call.whenOver(() => watch[Symbol.dispose]());
  // What has been serialised or taken since the call began may have aborted it.
  if (signal?.aborted) engine.cancel(call, () => call.end(signal.reason));
}

function requireCallbacks(
  call: "applyAsync" | "mapAsync" | "starmapAsync",
  options: { callback?: unknown; errorCallback?: unknown },
): void {
  requireCallOptions(call, options);
  requireCallback(call, "callback", options.callback);
  requireCallback(call, "errorCallback", options.errorCallback);
}
