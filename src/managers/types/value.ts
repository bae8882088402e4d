// Value of a manager.

import { objectName } from "../../runtime/object_name.ts";
import { Value } from "../../sharedctypes/factories.ts";
import { Synchronized } from "../../sharedctypes/synchronized_value.ts";
import type { Elements, TypeCode } from "../../sharedctypes/types.ts";
import { requireKnown } from "../../waiting/options.ts";
import type { Caller } from "../objects.ts";
import { BaseProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { AcquirableProxy, type RemoteAcquisition, SyncAcquirable } from "./acquirable.ts";
import { arrivedOptions, copied, direct, directType, letGo, remote, remoteSync, sharedObjectOf } from "./direct.ts";
import type { LockProxy, RLockProxy } from "./locks.ts";
import type { Lock } from "../../synchronize/lock.ts";
import { RLock } from "../../synchronize/rlock.ts";
import { anotherHandle, LockDesk, told } from "./stranger_locks.ts";

const EXPOSED = ["get", "set", "=value", "acquire", "release"];

/** Options of a manager's `Value` and `Array`. */
export interface ManagedValueOptions {
  /** The lock to use, which others may use, too. Default: an RLock of its own. */
  lock?: LockProxy | RLockProxy | Lock | RLock | true;
  /** The name of the RLock of its own. */
  name?: string;
}

/**
 * Stands for a value in shared memory that a manager has, with a lock, as {@linkcode Value}. Getting and setting it take
 * the lock each. An operation that needs both, such as `+=`, needs the lock around it.
 *
 * @example Count
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const counter = await manager.Value("i32", 40);
 * await counter.set(41);
 * {
 *   using _guard = await counter.acquire();
 *   counter.sync.value += 1;
 * }
 * assertEquals(await counter.get(), 42);
 * ```
 */
export class ValueProxy<T = unknown> extends AcquirableProxy<Synchronized<T>> {
  /** The same, blocking the thread. */
  override get sync(): SyncValue<T> {
    return super.sync as SyncValue<T>;
  }

  /** @ignore */
  override [copied](object: Synchronized<T>): T {
    return object.value;
  }

  /** @ignore */
  override [letGo](object: Synchronized<T>): void {
    dropGuarded(object);
  }

  /** A copy of the value. */
  override getvalue(): Promise<T> {
    return this.get();
  }

  /**
   * The value.
   *
   * @throws {OwnerDiedError} If the holder of the lock has ended.
   */
  get value(): Promise<T> {
    return this.get();
  }

  /** The value. */
  async get(): Promise<T> {
    const object = this[direct]();
    return object === null ? await this[remote]("get", []) as T : object.value;
  }

  /**
   * Sets the value.
   *
   * @throws {TypeError} If it is not of the right kind.
   * @throws {RangeError} If the type cannot hold it.
   * @throws {OwnerDiedError} If the holder of the lock has ended.
   */
  async set(value: T): Promise<void> {
    const object = this[direct]();
    if (object !== null) object.value = value;
    else await this[remote]("set", [value]);
  }
}

/** As {@linkcode ValueProxy}, blocking the thread. */
export class SyncValue<T = unknown> extends SyncAcquirable<Synchronized<T>> {
  /** The value: see {@linkcode ValueProxy.get} and {@linkcode ValueProxy.set}. */
  get value(): T {
    return this.get();
  }

  set value(value: T) {
    this.set(value);
  }

  /** The value. */
  get(): T {
    const object = this.proxy[direct]();
    return object === null ? this.proxy[remoteSync]("get", []) as T : object.value;
  }

  /** Sets the value. */
  set(value: T): void {
    const object = this.proxy[direct]();
    if (object !== null) object.value = value;
    else this.proxy[remoteSync]("set", [value]);
  }
}

/** What a stranger uses in the place of a value. */
class StrangerValue {
  readonly #value: Synchronized<unknown>;
  readonly #caller: Caller;

  constructor(value: Synchronized<unknown>, caller: Caller) {
    this.#value = value;
    this.#caller = caller;
  }

  get #desk(): LockDesk {
    return LockDesk.of(this.#value.getLock());
  }

  async acquire(options?: unknown): Promise<RemoteAcquisition | null> {
    return told(await this.#desk.acquire(this.#caller, arrivedOptions(options)));
  }

  release(): void {
    this.#desk.release(this.#caller);
  }

  get(): Promise<unknown> {
    return this.#desk.within(this.#caller, () => this.#value.getObj().value);
  }

  set(value: unknown): Promise<void> {
    return this.#desk.within(this.#caller, () => {
      this.#value.getObj().value = value;
    });
  }

  get value(): Promise<unknown> {
    return this.get();
  }
}

defineBuiltIn("Value", EXPOSED, ValueProxy, SyncValue, (value) => value instanceof Synchronized);

/** The lock that a `Value` or an `Array` is to have. */
export function lockFor(action: string, options: ManagedValueOptions = {}): Lock | RLock | true {
  requireKnown(action, options, ["lock", "name"]);
  const { lock = true } = options;
  const name = objectName(action, options);
  if (lock === true) return name === "" ? true : new RLock({ name });
  if (name !== "") {
    throw new TypeError(`Cannot ${action}: "name" names the lock that is made for it, and "lock" is given`);
  }
  const own = anotherHandle(sharedObjectOf(lock), action);
  if (lock instanceof BaseProxy) lock[Symbol.dispose](); // it came with the message, and is nobody's
  return own;
}

function make(type: TypeCode, init?: Elements[TypeCode], options?: ManagedValueOptions): Synchronized<unknown> {
  const lock = lockFor("create a Value", options);
  if (typeof type === "string") return Value(type, init, { lock });
  throw new TypeError(`Cannot create a Value: the type is ${Deno.inspect(type, { depth: 0 })}, wanted a typecode`);
}

/** The type of values. */
export const VALUE = directType(
  "Value",
  EXPOSED,
  make,
  (value, caller) => new StrangerValue(value, caller),
  { copy: (value: Synchronized<unknown>) => value.getObj().value, drop: dropGuarded },
);

/** Lets go of a value and of its lock, which is another handle of that which was given. */
export function dropGuarded(value: { close(): void; getLock(): Lock | RLock }): void {
  value.close();
  value.getLock()[Symbol.dispose]();
}
