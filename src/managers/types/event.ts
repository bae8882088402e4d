// Event of a manager.

import type { NameOptions } from "../../runtime/object_name.ts";
import { Event } from "../../synchronize/event.ts";
import type { WaitOptions, WaitSyncOptions } from "../../waiting/options.ts";
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

const EXPOSED = ["isSet", "set", "clear", "wait"];

/**
 * Stands for an event that a manager has, as {@linkcode Event}.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assert } from "@std/assert";
 *
 * await using manager = await Manager();
 * const event = await manager.Event();
 * assert(!await event.wait({ timeout: 1 }));
 * event.sync.set();
 * assert(await event.wait());
 * ```
 */
export class EventProxy extends DirectProxy<Event> {
  /** The same, blocking the thread. */
  override get sync(): SyncEvent {
    return super.sync as SyncEvent;
  }

  /** Whether the flag is set. */
  async isSet(): Promise<boolean> {
    const object = this[direct]();
    return object === null ? await this[remote]("isSet", []) as boolean : object.isSet();
  }

  /** Sets the flag and releases all who wait. */
  async set(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.set();
    else await this[remote]("set", []);
  }

  /** Clears the flag. */
  async clear(): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.clear();
    else await this[remote]("clear", []);
  }

  /**
   * Waits until the flag is set: `true`; `false` if `timeout` milliseconds have passed first.
   *
   * @throws What the signal was aborted with.
   */
  async wait(options?: WaitOptions): Promise<boolean> {
    const object = this[direct]();
    const all = this[given](options);
    if (object !== null) return await object.wait(all);
    return await this[remote]("wait", sendable(all), all?.signal) as boolean;
  }
}

/** As {@linkcode EventProxy}, blocking the thread. */
export class SyncEvent extends SyncProxy {
  readonly #proxy: EventProxy;

  /** @ignore Made by the proxy. */
  constructor(proxy: BaseProxy) {
    super(proxy);
    this.#proxy = proxy as EventProxy;
  }

  /** Whether the flag is set. */
  isSet(): boolean {
    const object = this.#proxy[direct]();
    return object === null ? this.#proxy[remoteSync]("isSet", []) as boolean : object.isSet();
  }

  /** Sets the flag and releases all who wait. */
  set(): void {
    const object = this.#proxy[direct]();
    if (object !== null) object.set();
    else this.#proxy[remoteSync]("set", []);
  }

  /** Clears the flag. */
  clear(): void {
    const object = this.#proxy[direct]();
    if (object !== null) object.clear();
    else this.#proxy[remoteSync]("clear", []);
  }

  /** Waits until the flag is set: `true`; `false` if `timeout` milliseconds have passed first. */
  wait(options?: WaitSyncOptions): boolean {
    const object = this.#proxy[direct]();
    const all = this.#proxy[givenSync](options);
    return object === null ? this.#proxy[remoteSync]("wait", sendable(all)) as boolean : object.waitSync(all);
  }
}

/** What a stranger uses in the place of an event. */
class StrangerEvent {
  readonly #event: Event;
  readonly #caller: Caller;

  constructor(event: Event, caller: Caller) {
    this.#event = event;
    this.#caller = caller;
  }

  isSet(): boolean {
    return this.#event.isSet();
  }

  set(): void {
    this.#event.set();
  }

  clear(): void {
    this.#event.clear();
  }

  wait(options?: unknown): Promise<boolean> {
    return this.#event.wait({ ...arrivedOptions(options), signal: this.#caller.cancelled });
  }
}

defineBuiltIn("Event", EXPOSED, EventProxy, SyncEvent, (value) => value instanceof Event);

/** The type of events. */
export const EVENT = directType(
  "Event",
  EXPOSED,
  (options?: NameOptions) => new Event(options),
  (event, caller) => new StrangerEvent(event, caller),
);
