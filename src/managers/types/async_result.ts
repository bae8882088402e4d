// AsyncResult of a manager's pool.

import type { AsyncResult } from "../../pool/async_result.ts";
import { timeoutOf, WAIT, WAIT_SYNC, type WaitOptions, type WaitSyncOptions } from "../../waiting/options.ts";
import type { ServedType } from "../objects.ts";
import { BaseProxy, SyncProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { arrivedOptions, sendable } from "./direct.ts";

const EXPOSED = ["get", "wait", "ready", "successful"];

/**
 * Stands for a result that is yet to come, of a pool that a manager has: what `applyAsync` and the like of
 * {@linkcode PoolProxy} give. The pool goes on at least as long as its proxy, which this keeps where it was made.
 */
export class AsyncResultProxy<T = unknown> extends BaseProxy {
  /** The same, blocking the thread. */
  override get sync(): SyncAsyncResult<T> {
    return super.sync as SyncAsyncResult<T>;
  }

  /**
   * The result.
   *
   * @throws {TimeoutError} If it is not there in `timeout` milliseconds; the call goes on.
   * @throws What the function threw, or else went wrong.
   * @throws What the signal was aborted with; the call goes on.
   */
  async get(options: WaitOptions = {}): Promise<T> {
    timeoutOf(options, WAIT);
    return await this.#with(options).callmethod("get", sendable(options)) as T;
  }

  /**
   * Waits for the result or the error; `false` if neither is there in `timeout` milliseconds.
   *
   * @throws What the signal was aborted with.
   */
  async wait(options: WaitOptions = {}): Promise<boolean> {
    timeoutOf(options, WAIT);
    return await this.#with(options).callmethod("wait", sendable(options)) as boolean;
  }

  /** Whether the result or the error is there. */
  async ready(): Promise<boolean> {
    return await this.callmethod("ready") as boolean;
  }

  /**
   * Whether the call ended without an error.
   *
   * @throws {InvalidStateError} If it has not ended.
   */
  async successful(): Promise<boolean> {
    return await this.callmethod("successful") as boolean;
  }

  #with({ signal }: WaitOptions): AsyncResultProxy<T> {
    return signal === undefined ? this : this.with({ signal });
  }
}

/** As {@linkcode AsyncResultProxy}, blocking the thread. */
export class SyncAsyncResult<T = unknown> extends SyncProxy {
  /** The result: see {@linkcode AsyncResultProxy.get}. */
  get(options: WaitSyncOptions = {}): T {
    timeoutOf(options, WAIT_SYNC);
    return this.callmethod("get", sendable(options)) as T;
  }

  /** Waits for the result or the error; `false` if neither is there in `timeout` milliseconds. */
  wait(options: WaitSyncOptions = {}): boolean {
    timeoutOf(options, WAIT_SYNC);
    return this.callmethod("wait", sendable(options)) as boolean;
  }

  /** Whether the result or the error is there. */
  ready(): boolean {
    return this.callmethod("ready") as boolean;
  }

  /** Whether the call ended without an error. */
  successful(): boolean {
    return this.callmethod("successful") as boolean;
  }
}

/** What the server has of one. It must not be awaited by chance, as the result itself would be. */
export class ServedResult {
  readonly #result: AsyncResult<unknown>;

  constructor(result: AsyncResult<unknown>) {
    this.#result = result;
  }

  get(options?: unknown): Promise<unknown> {
    return this.#result.get({ timeout: arrivedOptions(options).timeout });
  }

  wait(options?: unknown): Promise<boolean> {
    return this.#result.wait({ timeout: arrivedOptions(options).timeout });
  }

  ready(): boolean {
    return this.#result.ready();
  }

  successful(): boolean {
    return this.#result.successful();
  }
}

defineBuiltIn("AsyncResult", EXPOSED, AsyncResultProxy, SyncAsyncResult);

/** The type of results. */
export const ASYNC_RESULT: ServedType = {
  typeid: "AsyncResult",
  make: null,
  exposed: EXPOSED,
  methodToTypeid: {},
  concurrency: Infinity,
  keepsProxies: false,
  isDirect: false,
};
