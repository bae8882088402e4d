// Barrier of a manager.

import { Barrier, type BarrierOptions } from "../../synchronize/barrier.ts";
import { requireKnown, type WaitOptions, type WaitSyncOptions } from "../../waiting/options.ts";
import type { Caller } from "../objects.ts";
import { type BaseProxy, SyncProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import {
  arrivedOptions,
  direct,
  DirectProxy,
  directType,
  given,
  givenSync,
  remote,
  remoteSync,
  sendable,
} from "./direct.ts";

const EXPOSED = ["wait", "abort", "reset", ".parties", ".nWaiting", ".broken"];

/**
 * Stands for a barrier that a manager has, as {@linkcode Barrier}. A client in another program that ends while it waits
 * breaks it, as a process does.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const barrier = await manager.Barrier(2);
 * const places = await Promise.all([barrier.wait(), barrier.wait()]);
 * assertEquals(places.sort(), [0, 1]);
 * assertEquals(barrier.sync.parties, 2);
 * ```
 */
export class BarrierProxy extends DirectProxy<Barrier> {
  /** The same, blocking the thread. */
  override get sync(): SyncBarrier {
    return super.sync as SyncBarrier;
  }

  /** How many must arrive. */
  get parties(): Promise<number> {
    return this.#property("parties");
  }

  /** How many have arrived and wait for the others. */
  get nWaiting(): Promise<number> {
    return this.#property("nWaiting");
  }

  /** Whether every wait fails until {@linkcode reset}. */
  get broken(): Promise<boolean> {
    return this.#property("broken");
  }

  async #property<N extends "parties" | "nWaiting" | "broken">(name: N): Promise<Barrier[N]> {
    const object = this[direct]();
    return object === null ? await this[remote](`.${name}`, []) as Barrier[N] : object[name];
  }

  /**
   * Waits until all parties have arrived: see {@linkcode Barrier.wait}.
   *
   * @returns As what number this party arrived.
   * @throws {BrokenBarrierError} If the barrier is or gets broken, or is reset.
   * @throws What the signal was aborted with; and what the action throws.
   */
  async wait(options?: WaitOptions): Promise<number> {
    const object = this[direct]();
    const all = this[given](options);
    if (object !== null) return await object.wait(all);
    return await this[remote]("wait", sendable(all), all?.signal) as number;
  }

  /** Breaks the barrier. */
  async abort(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.abort();
    else await this[remote]("abort", []);
  }

  /** Makes the barrier as new: parties that wait get a {@linkcode BrokenBarrierError}. */
  async reset(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.reset();
    else await this[remote]("reset", []);
  }
}

/** As {@linkcode BarrierProxy}, blocking the thread. */
export class SyncBarrier extends SyncProxy {
  readonly #proxy: BarrierProxy;

  /** @ignore Made by the proxy. */
  constructor(proxy: BaseProxy) {
    super(proxy);
    this.#proxy = proxy as BarrierProxy;
  }

  /** How many must arrive. */
  get parties(): number {
    return this.#property("parties");
  }

  /** How many have arrived and wait for the others. */
  get nWaiting(): number {
    return this.#property("nWaiting");
  }

  /** Whether every wait fails until {@linkcode reset}. */
  get broken(): boolean {
    return this.#property("broken");
  }

  #property<N extends "parties" | "nWaiting" | "broken">(name: N): Barrier[N] {
    const object = this.#proxy[direct]();
    return object === null ? this.#proxy[remoteSync](`.${name}`, []) as Barrier[N] : object[name];
  }

  /** Waits until all parties have arrived; as what number this party arrived. */
  wait(options?: WaitSyncOptions): number {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options);
    return object === null ? this.#proxy[remoteSync]("wait", sendable(all)) as number : object.waitSync(all);
  }

  /** Breaks the barrier. */
  abort(): void {
    const object = this.#proxy[direct]();
    if (object !== null) object.abort();
    else this.#proxy[remoteSync]("abort", []);
  }

  /** Makes the barrier as new. */
  reset(): void {
    const object = this.#proxy[direct]();
    if (object !== null) object.reset();
    else this.#proxy[remoteSync]("reset", []);
  }
}

/** What a stranger uses in the place of a barrier. */
class StrangerBarrier {
  readonly #barrier: Barrier;
  readonly #caller: Caller;

  constructor(barrier: Barrier, caller: Caller) {
    this.#barrier = barrier;
    this.#caller = caller;
  }

  get parties(): number {
    return this.#barrier.parties;
  }

  get nWaiting(): number {
    return this.#barrier.nWaiting;
  }

  get broken(): boolean {
    return this.#barrier.broken;
  }

  wait(options?: unknown): Promise<number> {
    const { timeout } = arrivedOptions(options);
    const signal = this.#caller.cancelled;
    // A time of `undefined` is that of the barrier.
    return this.#barrier.wait(timeout === undefined ? { signal } : { signal, timeout });
  }

  abort(): void {
    this.#barrier.abort();
  }

  reset(): void {
    this.#barrier.reset();
  }
}

defineBuiltIn("Barrier", EXPOSED, BarrierProxy, SyncBarrier, (value) => value instanceof Barrier);

/** A barrier as it is asked for: one with an action is made by who has the function. */
function make(parties: number | Barrier, options: BarrierOptions = {}): Barrier {
  if (parties instanceof Barrier) return parties;
  requireKnown("create a Barrier", options, ["timeout", "name"]);
  return new Barrier(parties, options);
}

/** The type of barriers. */
export const BARRIER = directType(
  "Barrier",
  EXPOSED,
  make,
  (barrier, caller) => new StrangerBarrier(barrier, caller),
);
