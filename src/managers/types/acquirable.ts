// What the proxies of all have in common that can be acquired.

import { AcquiredGuard, type Guard } from "../../synchronize/guard.ts";
import { ACQUIRE, ACQUIRE_SYNC, type AcquireOptions, type AcquireSyncOptions } from "../../waiting/options.ts";
import { type BaseProxy, SyncProxy } from "../proxy.ts";
import { direct, DirectProxy, given, givenSync, remote, remoteSync, sendable } from "./direct.ts";

/** What can be acquired. */
export interface SharedAcquirable extends Disposable {
  /** Acquires it, waiting without blocking the thread. */
  acquire(options: AcquireOptions): Promise<Guard | null>;
  /** Acquires it, blocking the thread. */
  acquireSync(options: AcquireSyncOptions): Guard | null;
  /** Acquires it if that is possible at once. */
  tryAcquire(): Guard | null;
  /** Releases it. */
  release(): void;
}

/** How a stranger is told that it has acquired something. */
export interface RemoteAcquisition {
  /** Whether the last holder had ended (only with `onOwnerDeath: "recover"`). */
  readonly ownerDied: boolean;
}

const NOT_WAITING: AcquireOptions = { block: false };

/** What the proxies of locks, semaphores, conditions and guarded values have in common. */
export abstract class AcquirableProxy<D extends SharedAcquirable> extends DirectProxy<D> {
  /** The same, blocking the thread. */
  override get sync(): SyncAcquirable<D> {
    return super.sync as SyncAcquirable<D>;
  }

  /**
   * Acquires it, waiting without blocking the thread; `null` if that did not succeed in time. The guard releases it.
   *
   * @throws {OwnerDiedError} If the holder has ended while it held it, a process or another program, unless the lock's
   * `onOwnerDeath` is `"recover"`.
   * @throws {InvalidStateError} If the proxy is, or is being, closed; it is then not acquired.
   * @throws What the signal was aborted with; it is then not acquired.
   */
  async acquire(options?: AcquireOptions): Promise<Guard | null> {
    const object = this[direct]();
    const all = this[given](options, ACQUIRE);
    if (object !== null) return await object.acquire(all ?? {});
    return guardOf(this, await this[remote]("acquire", sendable(all), all?.signal));
  }

  /** Acquires it if that is possible at once; `null` if not. */
  async tryAcquire(): Promise<Guard | null> {
    return await this.acquire(NOT_WAITING);
  }

  /**
   * Releases it.
   *
   * @throws {InvalidStateError} If it is not held, or not by who calls where that matters.
   */
  async release(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.release();
    else await this[remote]("release", []);
  }
}

/** As {@linkcode AcquirableProxy}, blocking the thread. */
export class SyncAcquirable<D extends SharedAcquirable = SharedAcquirable> extends SyncProxy {
  readonly #proxy: AcquirableProxy<D>;

  /** @ignore Made by the proxy. */
  constructor(proxy: BaseProxy) {
    super(proxy);
    this.#proxy = proxy as AcquirableProxy<D>;
  }

  /** @ignore The proxy. */
  protected get proxy(): AcquirableProxy<D> {
    return this.#proxy;
  }

  /**
   * Acquires it, blocking the thread; `null` if that did not succeed in time.
   *
   * @throws As {@linkcode AcquirableProxy.acquire}.
   */
  acquire(options?: AcquireSyncOptions): Guard | null {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options, ACQUIRE_SYNC);
    if (object !== null) return object.acquireSync(all ?? NO_OPTIONS);
    return guardOf(this.#proxy, this.#proxy[remoteSync]("acquire", sendable(all)));
  }

  /** Acquires it if that is possible at once; `null` if not. */
  tryAcquire(): Guard | null {
    const object = this.#proxy[direct]();
    return object === null ? this.acquire(NOT_WAITING) : object.tryAcquire();
  }

  /**
   * Releases it.
   *
   * @throws {InvalidStateError} If it is not held, or not by who calls where that matters.
   */
  release(): void {
    const object = this.#proxy[direct]();
    if (object !== null) object.release();
    else this.#proxy[remoteSync]("release", []);
  }
}

const NO_OPTIONS: AcquireSyncOptions = Object.freeze({});

/** What a stranger's acquisition gives. */
function guardOf<D extends SharedAcquirable>(proxy: AcquirableProxy<D>, answer: unknown): Guard | null {
  if (answer === null || answer === undefined) return null;
  const { ownerDied } = answer as RemoteAcquisition;
  return new AcquiredGuard({ release: () => void proxy[remoteSync]("release", []) }, ownerDied === true);
}
