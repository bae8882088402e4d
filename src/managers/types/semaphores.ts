// Semaphore and BoundedSemaphore of a manager.

import type { NameOptions } from "../../runtime/object_name.ts";
import { BoundedSemaphore, Semaphore } from "../../synchronize/semaphore.ts";
import type { Caller } from "../objects.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { AcquirableProxy, type RemoteAcquisition, SyncAcquirable } from "./acquirable.ts";
import { arrivedOptions, direct, directType, remote, remoteSync } from "./direct.ts";

const EXPOSED = ["acquire", "release", "getValue", "locked"];

/**
 * Stands for a semaphore that a manager has, as {@linkcode Semaphore}. The permits of who has ended stay taken.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const semaphore = await manager.Semaphore(2);
 * {
 *   using _one = await semaphore.acquire();
 *   assertEquals(semaphore.sync.getValue(), 1);
 * }
 * assertEquals(await semaphore.getValue(), 2);
 * ```
 */
export class SemaphoreProxy extends AcquirableProxy<Semaphore> {
  /** The same, blocking the thread. */
  override get sync(): SyncSemaphore {
    return super.sync as SyncSemaphore;
  }

  /**
   * Adds `n` to the value. Default: 1.
   *
   * @throws {TypeError} If `n` is not a number.
   * @throws {RangeError} If it is not a whole number from 1 to 2147483647.
   * @throws {InvalidStateError} If the value would exceed its bound.
   */
  override async release(n = 1): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.release(n);
    else await this[remote]("release", [n]);
  }

  /** How many acquisitions would succeed at once. */
  async getValue(): Promise<number> {
    const object = this[direct]();
    return object === null ? await this[remote]("getValue", []) as number : object.getValue();
  }

  /** Whether the value is 0. */
  async locked(): Promise<boolean> {
    return await this.getValue() === 0;
  }
}

/** As {@linkcode SemaphoreProxy}, with a value that never exceeds the one that it was made with. */
export class BoundedSemaphoreProxy extends SemaphoreProxy {}

/** As {@linkcode SemaphoreProxy}, blocking the thread. */
export class SyncSemaphore extends SyncAcquirable<Semaphore> {
  /** Adds `n` to the value: see {@linkcode SemaphoreProxy.release}. */
  override release(n = 1): void {
    const object = this.proxy[direct]();
    if (object !== null) object.release(n);
    else this.proxy[remoteSync]("release", [n]);
  }

  /** How many acquisitions would succeed at once. */
  getValue(): number {
    const object = this.proxy[direct]();
    return object === null ? this.proxy[remoteSync]("getValue", []) as number : object.getValue();
  }

  /** Whether the value is 0. */
  locked(): boolean {
    return this.getValue() === 0;
  }
}

/** What a stranger uses in the place of a semaphore. */
class StrangerSemaphore {
  readonly #semaphore: Semaphore;
  readonly #caller: Caller;

  constructor(semaphore: Semaphore, caller: Caller) {
    this.#semaphore = semaphore;
    this.#caller = caller;
  }

  async acquire(options?: unknown): Promise<RemoteAcquisition | null> {
    const { cancelled: signal } = this.#caller;
    const guard = await this.#semaphore.acquire({ ...arrivedOptions(options), signal });
    if (guard === null) return null;
    if (!signal.aborted) return { ownerDied: false };
    guard.release(); // nobody would hear of it
    return null;
  }

  release(n?: number): void {
    this.#semaphore.release(n);
  }

  getValue(): number {
    return this.#semaphore.getValue();
  }

  locked(): boolean {
    return this.#semaphore.locked();
  }
}

defineBuiltIn("Semaphore", EXPOSED, SemaphoreProxy, SyncSemaphore, (value) => value instanceof Semaphore);
defineBuiltIn(
  "BoundedSemaphore",
  EXPOSED,
  BoundedSemaphoreProxy,
  class SyncBoundedSemaphore extends SyncSemaphore {},
  (value) => value instanceof BoundedSemaphore,
);

const forStranger = (semaphore: Semaphore, caller: Caller) => new StrangerSemaphore(semaphore, caller);

/** The type of semaphores. */
export const SEMAPHORE = directType(
  "Semaphore",
  EXPOSED,
  (value?: number, options?: NameOptions) => new Semaphore(value, options),
  forStranger,
);

/** The type of bounded semaphores. */
export const BOUNDED_SEMAPHORE = directType(
  "BoundedSemaphore",
  EXPOSED,
  (value?: number, options?: NameOptions) => new BoundedSemaphore(value, options),
  forStranger,
);
