// The proxies of Namespace. The object that they stand for is in namespace.ts.

import type { Namespace } from "../namespace.ts";
import { BaseProxy, SyncProxy } from "../proxy.ts";
import { defineBuiltIn } from "../proxy_classes.ts";
import { type Modifier, modify, modifySync, type SyncModifier } from "./modify.ts";

/** The names that a Namespace answers to. */
export const NAMESPACE_NAMES: readonly string[] = [
  "get",
  "has",
  "set",
  "delete",
  "update",
  "names",
  "_read",
  "_assign",
];

/**
 * Stands for a Namespace in the process of a manager: values by their names. Shown without the names that begin with `_`.
 *
 * Values are copies: a change of one is nobody else's. {@linkcode modify} is for that, or a proxy as the value.
 *
 * `sync` has the attributes as properties, too: those that there are when `sync` is read.
 *
 * @example
 * ```ts
 * import { Manager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * await using manager = await Manager();
 * const settings = await manager.Namespace({ depth: 3, name: "first" });
 * await settings.set("name", "second");
 * settings.sync.depth += 1; // blocking
 * assertEquals(await settings.get("depth"), 4);
 * assertEquals(await settings.describe(), 'Namespace(depth=4, name="second")');
 * ```
 */
export class NamespaceProxy<T extends object = Record<string, unknown>> extends BaseProxy {
  /** The last one that was made, and its names. */
  #synced: { readonly names: readonly string[]; readonly sync: SyncNamespace<T> } | null = null;

  /**
   * The same Namespace, blocking the thread; the attributes that it has now are properties. To read this asks the server
   * for their names. Assigning to a name that it does not have throws the engine's `TypeError`, which
   * says that the object is not extensible, and so does `delete`: {@linkcode SyncNamespace.set} adds an attribute, and
   * {@linkcode SyncNamespace.delete} removes one.
   *
   * @throws {EOFError} If the server has ended.
   */
  override get sync(): SyncNamespace<T> & T {
    const names = this.callmethodSync("names") as string[];
    const known = this.#synced;
    if (known === null || known.names.length !== names.length || names.some((name, i) => name !== known.names[i])) {
      this.#synced = { names, sync: new SyncNamespace(this, names) };
    }
    // The properties are those of T, as far as T is true.
    return this.#synced!.sync as SyncNamespace<T> & T;
  }

  /** A copy of the whole. */
  override getvalue(): Promise<Namespace & T> {
    return super.getvalue() as Promise<Namespace & T>;
  }

  /** A copy of an attribute; `undefined` if there is none of that name. */
  get<N extends keyof T & string>(name: N): Promise<T[N] | undefined> {
    return this.callmethod("get", [name]) as Promise<T[N] | undefined>;
  }

  /** Whether there is an attribute of that name. */
  has(name: string): Promise<boolean> {
    return this.callmethod("has", [name]) as Promise<boolean>;
  }

  /**
   * Gives an attribute a value; the proxy.
   *
   * @throws {TypeError} If the name is no string, or the value cannot be sent.
   */
  async set<N extends keyof T & string>(name: N, value: T[N]): Promise<this> {
    await this.callmethod("set", [name, value]);
    return this;
  }

  /** Removes an attribute; whether it was there. */
  delete(name: keyof T & string): Promise<boolean> {
    return this.callmethod("delete", [name]) as Promise<boolean>;
  }

  /** Gives several attributes their values at once; the proxy. */
  async update(attributes: Partial<T>): Promise<this> {
    await this.callmethod("update", [new Map(Object.entries(attributes))]);
    return this;
  }

  /** The names of all attributes. */
  names(): Promise<(keyof T & string)[]> {
    return this.callmethod("names") as Promise<(keyof T & string)[]>;
  }

  /**
   * Changes an attribute, and loses nothing that others change meanwhile: see {@linkcode DictProxy.modify}.
   *
   * @returns The new value.
   */
  modify<N extends keyof T & string>(name: N, change: Modifier<T[N]>): Promise<T[N]> {
    return modify(this, name, change) as Promise<T[N]>;
  }
}

/**
 * As {@linkcode NamespaceProxy}, blocking the thread; with a property for each attribute that there is when
 * {@linkcode NamespaceProxy.sync} is read, except where a name is one of its own methods.
 */
export class SyncNamespace<T extends object = Record<string, unknown>> extends SyncProxy {
  /** @ignore Made by {@linkcode NamespaceProxy.sync}. */
  constructor(proxy: BaseProxy, names: readonly string[] = []) {
    super(proxy);
    for (const name of names) {
      if (name in this) continue;
      Object.defineProperty(this, name, {
        enumerable: true,
        // `delete` throws: it could not tell the server.
        configurable: false,
        get: () => this.callmethod("get", [name]),
        set: (value: unknown) => void this.callmethod("set", [name, value]),
      });
    }
    // An attribute that is not known here could be assigned, and would be nobody else's.
    Object.preventExtensions(this);
  }

  /** As {@linkcode NamespaceProxy.getvalue}. */
  override getvalue(): Namespace & T {
    return super.getvalue() as Namespace & T;
  }

  /** As {@linkcode NamespaceProxy.get}. */
  get<N extends keyof T & string>(name: N): T[N] | undefined {
    return this.callmethod("get", [name]) as T[N] | undefined;
  }

  /** As {@linkcode NamespaceProxy.has}. */
  has(name: string): boolean {
    return this.callmethod("has", [name]) as boolean;
  }

  /** As {@linkcode NamespaceProxy.set}. The attribute need not be there before. */
  set<N extends keyof T & string>(name: N, value: T[N]): this {
    this.callmethod("set", [name, value]);
    return this;
  }

  /** As {@linkcode NamespaceProxy.delete}. */
  delete(name: keyof T & string): boolean {
    return this.callmethod("delete", [name]) as boolean;
  }

  /** As {@linkcode NamespaceProxy.update}. */
  update(attributes: Partial<T>): this {
    this.callmethod("update", [new Map(Object.entries(attributes))]);
    return this;
  }

  /** As {@linkcode NamespaceProxy.names}. */
  names(): (keyof T & string)[] {
    return this.callmethod("names") as (keyof T & string)[];
  }

  /** As {@linkcode NamespaceProxy.modify}. */
  modify<N extends keyof T & string>(name: N, change: SyncModifier<T[N]>): T[N] {
    return modifySync(this, name, change) as T[N];
  }
}

defineBuiltIn("Namespace", NAMESPACE_NAMES, NamespaceProxy, SyncNamespace);
