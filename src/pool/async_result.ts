// AsyncResult: a result that is yet to come of one of a pool's methods that end in `Async`.

import { InvalidStateError, TimeoutError } from "../errors.ts";
import { Watch } from "../waiting/limits.ts";
import type { WaitOptions } from "../waiting/options.ts";
import { patienceOf } from "./options.ts";
import { register } from "../reduction/registry.ts";
import { CallSite } from "../runtime/stack.ts";
import { showAsText } from "../runtime/shown.ts";
import { tellCaller, tellWaiter } from "./where.ts";

/** Those that somebody waits for, or has. */
export const awaited: WeakSet<AsyncResult<never>> = new WeakSet();

/** Callbacks for the result of a call. */
export interface Callbacks<T> {
  /**
   * Called with the result, which is not ready before this has ended, async or not. An error of it becomes the
   * result's.
   */
  callback?: (value: T) => void;
  /** Called with the error. An error of it becomes the result's. */
  errorCallback?: (error: unknown) => void;
}

/**
 * A result that is yet to come, of one of a pool's methods that end in `Async`. It can be awaited.
 *
 * @example Do something else meanwhile
 * ```ts
 * import { Pool } from "@parallel/multiprocessing";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const module = "data:text/javascript,export function add(a, b) { return a + b }";
 * await using pool = new Pool(1);
 * const result = pool.applyAsync<number>({ module, name: "add" }, [1, 2]);
 * assertEquals(await result.get({ timeout: 60_000 }), 3);
 * assert(result.successful());
 * ```
 */
export class AsyncResult<T> implements PromiseLike<T> {
  static {
    showAsText(AsyncResult);
    register(AsyncResult, {
      refuse: "an AsyncResult belongs to the process that has the pool; await it, and send what comes of it",
    });
  }

  readonly #promise: Promise<T>;
  #state: "pending" | "fulfilled" | "rejected" = "pending";

  /** @ignore Made by the pool. */
  constructor(promise: Promise<T>, { callback, errorCallback }: Callbacks<T> = {}) {
    const called = callback === undefined && errorCallback === undefined ? promise : promise.then(
      async (value) => {
        await callback?.(value);
        return value;
      },
      async (error) => {
        await errorCallback?.(error);
        throw error;
      },
    );
    this.#promise = called;
    // Also keeps an error that nobody asks for from ending the program, as in Python.
    called.then(() => this.#state = "fulfilled", () => this.#state = "rejected");
  }

  /** Whether the result or the error is there. */
  ready(): boolean {
    return this.#state !== "pending";
  }

  /**
   * Whether the call ended without an error.
   *
   * @throws {InvalidStateError} If it has not ended.
   */
  successful(): boolean {
    if (this.#state === "pending") {
      throw new InvalidStateError("Cannot tell whether the call was successful: not ready");
    }
    return this.#state === "fulfilled";
  }

  /**
   * The result.
   *
   * @throws {TimeoutError} If it is not there in `timeout` milliseconds; the call goes on.
   * @throws What the function threw, or else went wrong.
   * @throws What `signal` was aborted with; the call goes on.
   */
  async get(options?: WaitOptions): Promise<T> {
    if (await this.wait(options)) {
      try {
        return await this.#promise;
      } catch (error) {
        throw tellWaiter(error, AsyncResult.prototype.get);
      }
    }
    const late = new TimeoutError(`Cannot get the result: it was not ready within ${options?.timeout} ms`);
    throw tellCaller(late, new CallSite(AsyncResult.prototype.get));
  }

  /**
   * Waits for the result or the error; `false` if neither is there in `timeout` milliseconds.
   *
   * @throws What `signal` was aborted with.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    awaited.add(this as unknown as AsyncResult<never>);
    const timeout = patienceOf("wait for the result", options);
    const signal = options?.signal;
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const settle = () => resolve(true);
    using _ = new Watch({ timeout, signal }, { late: () => resolve(this.ready()), aborted: reject });
    this.#promise.then(settle, settle);
    return await promise;
  }

  /** Such as `<AsyncResult(pending)>`; for messages. */
  toString(): string {
    return `<AsyncResult(${this.#state})>`;
  }

  /** As of a promise. */
  then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    awaited.add(this as unknown as AsyncResult<never>);
    return this.#promise.then(onFulfilled, onRejected);
  }
}
