// SyncManager: a manager with all types of Python's, and the function that starts one.

import type { NameOptions } from "../runtime/object_name.ts";
import { isThenable } from "../runtime/thenable.ts";
import { BaseManager } from "./manager.ts";
import type { ManagerOptions } from "./manager_options.ts";
import { registerBuiltIn } from "./registries.ts";
import type { Codes, Elements, TypeCode } from "../sharedctypes/types.ts";
import type { ArrayInit } from "../sharedctypes/factories.ts";
import type { PoolOptions } from "../pool/options.ts";
import type { PoolSize } from "../pool/size.ts";
import { Barrier, type BarrierOptions } from "../synchronize/barrier.ts";
import type { Lock } from "../synchronize/lock.ts";
import type { LockOptions } from "../synchronize/lock_base.ts";
import type { RLock } from "../synchronize/rlock.ts";
import { requireKnown } from "../waiting/options.ts";
import type { DictOperand, DictProxy } from "./types/dict_proxy.ts";
import type { SyncDict } from "./types/dict_sync.ts";
import type { ArrayProxyOf } from "./types/array.ts";
import type { BarrierProxy } from "./types/barrier.ts";
import type { ConditionProxy } from "./types/condition.ts";
import type { EventProxy } from "./types/event.ts";
import type { LockProxy, RLockProxy } from "./types/locks.ts";
import type { PoolProxy } from "./types/pool_proxy.ts";
import { poolOptions } from "./types/pool_requests.ts";
import type { JoinableQueueProxy, QueueProxy } from "./types/queue.ts";
import type { BoundedSemaphoreProxy, SemaphoreProxy } from "./types/semaphores.ts";
import type { ManagedValueOptions, ValueProxy } from "./types/value.ts";
import type { Key } from "./types/keys.ts";
import type { ListOperand, ListProxy } from "./types/list_proxy.ts";
import type { NamespaceProxy } from "./types/namespace_proxy.ts";
import { entries, type Flatten, items, members, operand } from "./types/operand.ts";
import type { SetOperand, SetProxy } from "./types/set_proxy.ts";

/** Options of the methods of {@linkcode SyncManager} that make containers. */
export interface ContainerOptions {
  /**
   * Whether copies of what is inside arrive deeply frozen, so that a change of one, which nobody else would see, throws a
   * TypeError where it is made. A `Map`, a `Set`, a `Date` and typed arrays cannot be frozen; the first two are copies with
   * frozen contents. Default: `false`.
   */
  freeze?: boolean;
}

/** A manager with the types that Python's has. */
export class SyncManager extends BaseManager {
  static {
    registerBuiltIn(SyncManager, [
      ...["dict", "list", "set", "Namespace", "Iterator"],
      ...["Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier"],
      ...["Queue", "JoinableQueue", "Value", "Array", "Pool", "AsyncResult"],
    ]);
  }

  /** A manager without a server yet. */
  constructor(options?: ManagerOptions) {
    super(options);
  }

  /**
   * A dict in the server, with the entries of a `Map`, of an object or of anything that gives pairs of a key and a value.
   *
   * @throws {TypeError} If `init` is none of these, a key is an object, or something cannot be sent.
   */
  dict<K = string, V = unknown>(
    init?: DictProxy<K & Key, V> | SyncDict<K & Key, V> | Iterable<readonly [K, V]> | AsyncIterable<readonly [K, V]>,
    options?: ContainerOptions,
  ): Promise<DictProxy<K & Key, V>>;
  /** As above, of an object. */
  dict<V>(init: Readonly<Record<string, V>>, options?: ContainerOptions): Promise<DictProxy<string, V>>;
  /** As above, with the types given. */
  dict<K = string, V = unknown>(init?: DictOperand<K, V>, options?: ContainerOptions): Promise<DictProxy<K & Key, V>>;
  async dict(init: unknown = [], options: ContainerOptions = {}): Promise<DictProxy<never>> {
    return await this.#container("dict", init, entries, options) as DictProxy<never>;
  }

  /**
   * A list in the server, with the items of anything that can be iterated.
   *
   * @throws {TypeError} If `init` cannot be iterated, or something cannot be sent.
   */
  async list<T = unknown>(init: ListOperand<T> = [], options: ContainerOptions = {}): Promise<ListProxy<T>> {
    return await this.#container("list", init, items, options) as ListProxy<T>;
  }

  /**
   * A set in the server, with the members of anything that can be iterated.
   *
   * @throws {TypeError} If `init` cannot be iterated, or a member is an object.
   */
  async set<T = Key>(init: SetOperand<T> = [], options: ContainerOptions = {}): Promise<SetProxy<T & Key>> {
    return await this.#container("set", init, members, options) as SetProxy<T & Key>;
  }

  /**
   * A Namespace in the server, with the properties of an object as its attributes.
   *
   * @throws {TypeError} If a value cannot be sent.
   */
  async Namespace<T extends object = Record<string, unknown>>(
    init: T | NamespaceProxy<T> = {} as T,
    options: ContainerOptions = {},
  ): Promise<NamespaceProxy<T>> {
    return await this.#container("Namespace", init, entries, options) as NamespaceProxy<T>;
  }

  /**
   * A lock.
   *
   * @throws {TypeError} If an option is of the wrong type.
   */
  async Lock(options?: LockOptions): Promise<LockProxy> {
    return await this.#make("Lock", options) as LockProxy;
  }

  /**
   * A lock that its owner may acquire again.
   *
   * @throws {TypeError} If an option is of the wrong type.
   */
  async RLock(options?: LockOptions): Promise<RLockProxy> {
    return await this.#make("RLock", options) as RLockProxy;
  }

  /**
   * A semaphore. Default of `value`: 1.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   * @throws {RangeError} If `value` is not a whole number from 0 to 2147483647.
   */
  async Semaphore(value?: number, options?: NameOptions): Promise<SemaphoreProxy> {
    return await this.#make("Semaphore", value, options) as SemaphoreProxy;
  }

  /**
   * A semaphore whose value is at most `value`. Default: 1.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   * @throws {RangeError} If `value` is not a whole number from 0 to 2147483647.
   */
  async BoundedSemaphore(value?: number, options?: NameOptions): Promise<BoundedSemaphoreProxy> {
    return await this.#make("BoundedSemaphore", value, options) as BoundedSemaphoreProxy;
  }

  /**
   * A condition on `lock`, which others may use too. Default: an RLock of its own.
   *
   * @throws {TypeError} If `lock` is no lock, and no proxy of one, or an option is of the wrong type, or unknown.
   */
  async Condition(
    lock?: LockProxy | RLockProxy | Lock | RLock,
    options?: NameOptions,
  ): Promise<ConditionProxy> {
    return await this.#make("Condition", lock, options) as ConditionProxy;
  }

  /**
   * An event that is not set.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  async Event(options?: NameOptions): Promise<EventProxy> {
    return await this.#make("Event", options) as EventProxy;
  }

  /**
   * A barrier for so many parties. An action is a function that a module exports, and is found by those that have the
   * proxy; it cannot be given to the manager of another program.
   *
   * @throws {RangeError} If `parties` is not a whole number from 1 to 1048576.
   * @throws {TypeError} If no module exports the action.
   */
  async Barrier(parties: number, options?: BarrierOptions): Promise<BarrierProxy> {
    if (options?.action === undefined) return await this.#make("Barrier", parties, options) as BarrierProxy;
    using barrier = new Barrier(parties, options); // in shared memory wherever it is made
    return await this.#make("Barrier", barrier) as BarrierProxy;
  }

  /**
   * A queue that holds at most `maxsize` values; 0 or less: any number.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   * @throws {RangeError} If `maxsize` is not a whole number, or more than 2147483647.
   */
  async Queue<T = unknown>(maxsize?: number, options?: NameOptions): Promise<QueueProxy<T>> {
    return await this.#make("Queue", maxsize, options) as QueueProxy<T>;
  }

  /** As {@linkcode Queue}. */
  async JoinableQueue<T = unknown>(maxsize?: number, options?: NameOptions): Promise<JoinableQueueProxy<T>> {
    return await this.#make("JoinableQueue", maxsize, options) as JoinableQueueProxy<T>;
  }

  /**
   * A value in shared memory, with a lock.
   *
   * @param type The typecode of the value.
   * @param init What it begins as; 0 if absent.
   * @throws {TypeError} If `type` is no typecode, or `init` not of the right kind.
   * @throws {RangeError} If the type cannot hold `init`.
   */
  async Value<C extends Codes[TypeCode]>(
    type: C,
    init?: Elements[C],
    options?: ManagedValueOptions,
  ): Promise<ValueProxy<Elements[C]>> {
    return await this.#make("Value", type, init, options) as ValueProxy<Elements[C]>;
  }

  /**
   * An array in shared memory, with a lock.
   *
   * @param type The typecode of the elements.
   * @param sizeOrInit The length, and the elements are 0; or what the elements begin as.
   * @throws {TypeError} If `type` is no typecode, or an element not of the right kind.
   * @throws {RangeError} If the size is negative or no integer, or the type cannot hold an element.
   */
  async Array<C extends Codes[TypeCode]>(
    type: C,
    sizeOrInit: ArrayInit<C>,
    options?: ManagedValueOptions,
  ): Promise<ArrayProxyOf<C>> {
    const init = typeof sizeOrInit === "object" && !ArrayBuffer.isView(sizeOrInit) ? [...sizeOrInit] : sizeOrInit;
    return await this.#make("Array", type, init, options) as ArrayProxyOf<C>;
  }

  /**
   * A pool of `processes` workers, or of `{ min, max }`, in the manager. Its server starts them by the default start method.
   * Hooks are refused, and so are functions among the options of its calls: they could only be called in this process.
   *
   * @throws {RangeError} If a number is not in its range.
   * @throws {TypeError} If an option is of the wrong type, or the initializer or the finalizer is not a function that a
   * module exports.
   */
  async Pool<I extends readonly unknown[] = readonly unknown[]>(
    processes?: number | PoolSize | null,
    options: PoolOptions<I> = {},
  ): Promise<PoolProxy> {
    return await this.#make("Pool", processes ?? null, poolOptions(options)) as PoolProxy;
  }

  async #container(typeid: string, init: unknown, flatten: Flatten, options: ContainerOptions): Promise<unknown> {
    requireKnown(`create a "${typeid}"`, options, ["freeze"]);
    const { freeze = false } = options;
    if (typeof freeze !== "boolean") {
      throw new TypeError(`Cannot create a "${typeid}": "freeze" is ${Deno.inspect(freeze)}, wanted a boolean`);
    }
    const given = operand(null, init, flatten);
    return await this.createWith(typeid, [isThenable(given) ? await given : given], { freeze });
  }

  /** An object of a type, made with these arguments but for those at the end that are absent. */
  async #make(typeid: string, ...args: unknown[]): Promise<unknown> {
    while (args.length > 0 && args.at(-1) === undefined) args.pop();
    return await this.createWith(typeid, args, {});
  }
}

/** Starts a manager with all types of Python's. */
export async function Manager(options?: ManagerOptions): Promise<SyncManager> {
  const manager = new SyncManager(options);
  await manager.start();
  return manager;
}
