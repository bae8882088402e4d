// Condition of a manager.

import type { NameOptions } from "../../runtime/object_name.ts";
import { Condition } from "../../synchronize/condition.ts";
import type { Lock } from "../../synchronize/lock.ts";
import { RLock } from "../../synchronize/rlock.ts";
import { performance } from "../../runtime/timing.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../../waiting/options.ts";
import type { Caller } from "../objects.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { AcquirableProxy, type RemoteAcquisition, SyncAcquirable } from "./acquirable.ts";
import {
  arrivedOptions,
  direct,
  directType,
  given,
  givenSync,
  remote,
  remoteSync,
  sendable,
  sharedObjectOf,
} from "./direct.ts";
import { anotherHandle, LockDesk, told } from "./stranger_locks.ts";

const EXPOSED = ["acquire", "release", "wait", "notify", "notifyAll"];

/**
 * Stands for a condition that a manager has, as {@linkcode Condition}.
 *
 * @example Wait until another changes what you look at
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const condition = await manager.Condition(await manager.Lock());
 * const stock = await manager.Value("i32", 0);
 * async function take() {
 *   using _guard = await condition.acquire();
 *   await condition.waitFor(() => stock.sync.value > 0);
 *   return stock.sync.value--;
 * }
 * async function fill() {
 *   using _guard = await condition.acquire();
 *   stock.sync.value = 3;
 *   await condition.notify();
 * }
 * const [taken] = await Promise.all([take(), fill()]);
 * assertEquals(taken, 3);
 * ```
 */
export class ConditionProxy extends AcquirableProxy<Condition> {
  /** The same, blocking the thread. */
  override get sync(): SyncCondition {
    return super.sync as SyncCondition;
  }

  /**
   * Releases the lock, waits until it is notified, and acquires the lock again: `true`; or `false` if `timeout`
   * milliseconds passed first. See {@linkcode Condition.wait}.
   *
   * @throws {InvalidStateError} If who calls does not hold the lock.
   * @throws {OwnerDiedError} If the lock came back because its holder has ended; it is held again nevertheless.
   * @throws What the signal was aborted with, once the lock is held again.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const object = this[direct]();
    const all = this[given](options);
    if (object !== null) return await object.wait(all);
    return await this[remote]("wait", sendable(all), all?.signal) as boolean;
  }

  /**
   * Waits until `predicate`, called here with the lock held at the beginning and after each notification, returns
   * something truthy; `timeout` milliseconds in all. A promise that it returns is awaited.
   *
   * @returns What `predicate` returned last.
   * @throws As {@linkcode wait}; and what `predicate` throws.
   */
  async waitFor<T>(predicate: () => T | PromiseLike<T>, options?: WaitOptions): Promise<T> {
    const { signal, ...all } = this[given](options) ?? {};
    const until = performance.now() + timeoutOf(all);
    signal?.throwIfAborted();
    for (;;) {
      const result = await predicate();
      const timeout = until - performance.now();
      if (result || timeout <= 0) return result;
      await this.wait({ timeout: timeout === Infinity ? null : timeout, ...(signal !== undefined && { signal }) });
    }
  }

  /**
   * Ends the waits of those `n` that have waited longest. Default: 1.
   *
   * @throws {InvalidStateError} If who calls does not hold the lock.
   * @throws {RangeError} If `n` is not a whole number, or negative.
   */
  async notify(n = 1): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.notify(n);
    else await this[remote]("notify", [n]);
  }

  /** Ends the waits of all who wait; see {@linkcode notify}. */
  async notifyAll(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.notifyAll();
    else await this[remote]("notifyAll", []);
  }
}

/** As {@linkcode ConditionProxy}, blocking the thread. */
export class SyncCondition extends SyncAcquirable<Condition> {
  /** As {@linkcode ConditionProxy.wait}. */
  wait(options?: WaitSyncOptions): boolean {
    const object = this.proxy[direct]();
    const all = this.proxy[givenSync](options);
    return object === null ? this.proxy[remoteSync]("wait", sendable(all)) as boolean : object.waitSync(all);
  }

  /**
   * As {@linkcode ConditionProxy.waitFor}.
   *
   * @throws {TypeError} If `predicate` returns a promise, which is not awaited.
   */
  waitFor<T>(predicate: () => T, options?: WaitSyncOptions): T {
    const until = performance.now() + timeoutOf(this.proxy[givenSync](options));
    for (;;) {
      const result = predicate();
      if (result instanceof Promise) {
        throw new TypeError(
          "Cannot wait for the Condition: the predicate returned a promise; await waitFor() of the proxy",
        );
      }
      const timeout = until - performance.now();
      if (result || timeout <= 0) return result;
      this.wait({ timeout: timeout === Infinity ? null : timeout });
    }
  }

  /** As {@linkcode ConditionProxy.notify}. */
  notify(n = 1): void {
    const object = this.proxy[direct]();
    if (object !== null) object.notify(n);
    else this.proxy[remoteSync]("notify", [n]);
  }

  /** As {@linkcode ConditionProxy.notifyAll}. */
  notifyAll(): void {
    const object = this.proxy[direct]();
    if (object !== null) object.notifyAll();
    else this.proxy[remoteSync]("notifyAll", []);
  }
}

/** The locks of the conditions that this server has made. */
const locks = new WeakMap<Condition, Lock | RLock>();

/** What a stranger uses in the place of a condition. */
class StrangerCondition {
  readonly #condition: Condition;
  readonly #caller: Caller;

  constructor(condition: Condition, caller: Caller) {
    this.#condition = condition;
    this.#caller = caller;
  }

  get #desk(): LockDesk {
    return LockDesk.of(locks.get(this.#condition)!);
  }

  async acquire(options?: unknown): Promise<RemoteAcquisition | null> {
    return told(await this.#desk.acquire(this.#caller, arrivedOptions(options)));
  }

  tryAcquire(): RemoteAcquisition | null {
    return told(this.#desk.tryAcquire(this.#caller));
  }

  release(): void {
    this.#desk.release(this.#caller);
  }

  async wait(options?: unknown): Promise<boolean> {
    const { timeout } = arrivedOptions(options);
    const { cancelled: signal, ended } = this.#caller;
    timeoutOf({ timeout });
    const desk = this.#desk;
    const depth = desk.suspend(this.#caller, "wait for the Condition");
    try {
      const notified = await this.#condition.wait({ timeout, signal });
      if (notified && ended.aborted) this.#condition.notify(1); // it was meant for somebody who can still go on
      return notified;
    } finally {
      desk.resume(this.#caller, depth);
    }
  }

  notify(n?: number): void {
    this.#requireOwner();
    this.#condition.notify(n);
  }

  notifyAll(): void {
    this.#requireOwner();
    this.#condition.notifyAll();
  }

  #requireOwner(): void {
    const desk = this.#desk;
    desk.resume(this.#caller, desk.suspend(this.#caller, "notify"));
  }
}

defineBuiltIn("Condition", EXPOSED, ConditionProxy, SyncCondition, (value) => value instanceof Condition);

/** A condition with a lock of its own, or another handle of the one that is given. */
function make(given?: unknown, options?: NameOptions): Condition {
  const lock = given === undefined ? new RLock(options) : anotherHandle(sharedObjectOf(given), "create a Condition");
  const condition = new Condition(lock, options, true);
  locks.set(condition, lock);
  return condition;
}

/** The type of conditions. */
export const CONDITION = directType(
  "Condition",
  EXPOSED,
  make,
  (condition, caller) => new StrangerCondition(condition, caller),
);
