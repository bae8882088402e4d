// SyncManager: a manager with all types of Python's, and the function that starts one.

import { isThenable } from "./iteration.ts";
import { BaseManager, type ManagerOptions, registerBuiltIn } from "./manager.ts";
import { requireKnown } from "../waiting/options.ts";
import type { DictOperand, DictProxy } from "./types/dict_proxy.ts";
import type { SyncDict } from "./types/dict_sync.ts";
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
    registerBuiltIn(SyncManager, ["dict", "list", "set", "Namespace", "Iterator"]);
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

  async #container(typeid: string, init: unknown, flatten: Flatten, options: ContainerOptions): Promise<unknown> {
    requireKnown(`create a "${typeid}"`, options, ["freeze"]);
    const { freeze = false } = options;
    if (typeof freeze !== "boolean") {
      throw new TypeError(`Cannot create a "${typeid}": "freeze" is ${Deno.inspect(freeze)}, wanted a boolean`);
    }
    const given = operand(null, init, flatten);
    return await this.createWith(typeid, [isThenable(given) ? await given : given], { freeze });
  }
}

/** Starts a manager with all types of Python's. */
export async function Manager(options?: ManagerOptions): Promise<SyncManager> {
  const manager = new SyncManager(options);
  await manager.start();
  return manager;
}
