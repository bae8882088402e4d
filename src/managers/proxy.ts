// Proxies: objects that stand for an object of a manager's server. A proxy holds a block of shared memory that the object
// has, so that the server knows by the block alone that it is still wanted: a message under way holds it, too, and a
// process that is killed lets go of it.

import { type BlockHandle, closedError } from "../addon/handles.ts";
import type { FunctionReference } from "../callable/types.ts";
import { register } from "../reduction/registry.ts";
import { glance, shownName } from "../runtime/harmless.ts";
import { showAsText } from "../runtime/shown.ts";
import { requireKnown, timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { deepFreeze } from "./deep_freeze.ts";
import type { Gate } from "./gate.ts";
import type { Line, ObjectId } from "./line.ts";
import { type Exposed, GETVALUE, INNER, TO_STRING } from "./names.ts";

/** What everybody who has a proxy of an object knows of it. */
export interface Description {
  readonly typeid: string;
  /** The names that it answers to (names.ts). */
  readonly exposed: Exposed;
  /** Whether copies of what is in it arrive frozen. */
  readonly isFrozen: boolean;
  /** The object itself, if it is one of shared memory that relatives use without the server; else `null`. */
  readonly direct: unknown;
  /** Which module exports the user's own class of its proxies, if there is one. */
  readonly proxytype?: FunctionReference | null;
}

/** What a proxy consists of; those made by {@linkcode BaseProxy.with} share it. */
export interface ProxyInside {
  readonly id: ObjectId;
  readonly description: Description;
  /** How its calls reach the server. */
  readonly line: Line;
  /** Names it to relatives; `null` where only a stranger has it. */
  readonly gate: Gate | null;
  /** Keeps the object; `null` where a connection does. */
  readonly handle: BlockHandle | null;
  isClosed: boolean;
}

/** Options of {@linkcode BaseProxy.with}. */
export type ProxyCallOptions = WaitOptions;

/** Names the method by which the modules of managers look into a proxy. */
export const insideOf: unique symbol = Symbol("insideOf");

/** Names the method by which they read the options that {@linkcode BaseProxy.with} has given a proxy. */
export const optionsOf: unique symbol = Symbol("optionsOf");

/**
 * Stands for an object in the process of a manager. Its methods are promises; its {@linkcode BaseProxy.sync | sync} has
 * the same methods, blocking. Values that go in or out are copies, except shared objects and proxies. As
 * `multiprocessing.managers.BaseProxy`.
 *
 * A proxy may be sent in any message to a process of the tree. The object lives as long as somebody has a proxy of it.
 *
 * @example A class of one's own for the proxies of a type
 * ```ts ignore
 * import { BaseManager, BaseProxy } from "@parallel/multiprocessing/managers";
 *
 * export class CounterProxy extends BaseProxy {
 *   async increment(by = 1): Promise<number> {
 *     return await this.callmethod("increment", [by]) as number;
 *   }
 * }
 * BaseManager.register("Counter", Counter, { proxytype: CounterProxy });
 * ```
 */
export class BaseProxy implements Disposable, AsyncDisposable {
  static {
    showAsText(BaseProxy);
    register(BaseProxy, {
      name: "multiprocessing.managers.Proxy",
      reduce: (proxy) => form!.reduce(proxy),
      restore: (data) => form!.restore(data),
    });
  }

  readonly #inside: ProxyInside;
  readonly #options: ProxyCallOptions | undefined;
  #sync: SyncProxy | undefined;

  /** @ignore Made by a manager, or by a message. */
  constructor(inside: ProxyInside, options?: ProxyCallOptions) {
    this.#inside = inside;
    this.#options = options;
  }

  /** @ignore For the modules of managers. */
  [insideOf](): ProxyInside {
    return this.#inside;
  }

  /** @ignore For the modules of managers. */
  [optionsOf](): ProxyCallOptions | undefined {
    return this.#options;
  }

  /**
   * Calls a method of the object.
   *
   * @param name A method; or `".name"` for the value of a property.
   * @throws {RemoteError} If the object has no such method, or does not expose it, or has been dropped.
   * @throws {TypeError} If `args` is no array, or an argument cannot be sent.
   * @throws {EOFError} If the server has ended; the message names its process, and says how it ended.
   * @throws {TimeoutError} If it took longer than the time given to {@linkcode with}.
   * @throws {InvalidStateError} If the proxy was closed.
   * @throws Whatever the method throws, with a {@linkcode RemoteError} as its last cause that has the remote stack.
   */
  async callmethod(name: string, args: readonly unknown[] = []): Promise<unknown> {
    requireArguments(name, args);
    const { id, line, description } = this.#open(name);
    const value = await line.call(id, name, args, this.#options);
    return description.isFrozen && !name.startsWith(INNER) ? deepFreeze(value) : value;
  }

  /** A copy of the whole object. */
  getvalue(): Promise<unknown> {
    return this.callmethod(GETVALUE);
  }

  /** The printed form of the object, as `str()` of a proxy gives it in Python. */
  async describe(): Promise<string> {
    return await this.callmethod(TO_STRING) as string;
  }

  /** The same object, blocking the thread; properties can be assigned. */
  get sync(): SyncProxy {
    return this.#sync ??= new (syncClassOf(this.constructor as ProxyClass))(this);
  }

  /**
   * The same proxy, with options for each call: `signal`, which gives up the call, and `timeout` in milliseconds. They are
   * for the whole of a method that is made of several calls, or runs a function, as `modify`, `forEach` and `sort` of
   * containers; of an iteration they limit its beginning.
   *
   * @throws {TypeError} If they are not of these types.
   */
  with(options: ProxyCallOptions): this {
    requireKnown("call with options", options, ["signal", "timeout"]);
    timeoutOf(options);
    const Class = this.constructor as new (inside: ProxyInside, options?: ProxyCallOptions) => this;
    return new Class(this.#inside, { ...this.#options, ...options });
  }

  /** @ignore As {@linkcode callmethod}, blocking the thread: for {@linkcode sync}. */
  callmethodSync(name: string, args: readonly unknown[] = []): unknown {
    requireArguments(name, args);
    const { id, line, description } = this.#open(name);
    const { timeout, signal } = this.#options ?? {};
    signal?.throwIfAborted(); // it cannot be aborted while the thread is blocked
    const value = line.callSync(id, name, args, timeout === undefined ? undefined : { timeout } as WaitSyncOptions);
    return description.isFrozen && !name.startsWith(INNER) ? deepFreeze(value) : value;
  }

  #open(name: string): ProxyInside {
    if (this.#inside.isClosed) throw closedError(`call "${name}"`, "proxy");
    return this.#inside;
  }

  /** Gives up the object: the server drops it when nobody else has it. Again: nothing happens. */
  close(): void {
    this[Symbol.dispose]();
  }

  /** As {@linkcode close}, also where the object has a method of that name, which is then called by it. */
  [Symbol.dispose](): void {
    const { id, line, handle } = this.#inside;
    if (this.#inside.isClosed) return;
    this.#inside.isClosed = true;
    handle?.close();
    line.release(id, this.#inside);
  }

  /** The same. */
  [Symbol.asyncDispose](): Promise<void> {
    this[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Such as `<DictProxy object, typeid 'dict' at 0x1f>`; {@linkcode describe} shows what is in it. */
  toString(): string {
    const { id, description: { typeid }, isClosed } = this.#inside;
    const where = isClosed ? "(closed)" : `at 0x${id.toString(16)}`;
    return `<${this.constructor.name} object, typeid '${shownName(typeid)}' ${where}>`;
  }
}

/**
 * Refuses arguments of a call that are no array.
 *
 * @throws {TypeError} If so.
 */
export function requireArguments(name: string, args: unknown): asserts args is readonly unknown[] {
  if (Array.isArray(args)) return;
  throw new TypeError(`Cannot call "${name}": the arguments are ${glance(args)}, wanted an array of arguments`);
}

/** A class of proxies. */
export type ProxyClass = new (inside: ProxyInside, options?: ProxyCallOptions) => BaseProxy;

/** What blocks the thread instead of giving promises: has the methods of its proxy, and its properties. */
export class SyncProxy {
  static {
    showAsText(SyncProxy);
  }

  readonly #proxy: BaseProxy;

  /** @ignore Made by {@linkcode BaseProxy.sync}. */
  constructor(proxy: BaseProxy) {
    this.#proxy = proxy;
  }

  /** @ignore For the modules of managers. */
  [insideOf](): BaseProxy {
    return this.#proxy;
  }

  /** As {@linkcode BaseProxy.callmethod}. */
  callmethod(name: string, args: readonly unknown[] = []): unknown {
    return this.#proxy.callmethodSync(name, args);
  }

  /** As {@linkcode BaseProxy.getvalue}. */
  getvalue(): unknown {
    return this.callmethod(GETVALUE);
  }

  /** As {@linkcode BaseProxy.describe}. */
  describe(): string {
    return this.callmethod(TO_STRING) as string;
  }

  /** For messages, without asking the server: such as `<SyncDict of <DictProxy object, typeid 'dict' at 0x1f>>`. */
  toString(): string {
    return `<${this.constructor.name} of ${this.#proxy}>`;
  }
}

/** A class of what blocks. */
export type SyncClass = new (proxy: BaseProxy) => SyncProxy;

/** What blocks, by the class of proxies. */
const syncClasses = new Map<ProxyClass, SyncClass>();

/** The class of what blocks for the proxies of a class. */
export function syncClassOf(Class: ProxyClass): SyncClass {
  for (let it: unknown = Class; typeof it === "function"; it = Object.getPrototypeOf(it)) {
    const found = syncClasses.get(it as ProxyClass);
    if (found !== undefined) return found;
  }
  return SyncProxy;
}

/** Notes what blocks for the proxies of a class, and of those that extend it. */
export function noteSyncClass(Class: ProxyClass, Sync: SyncClass): void {
  syncClasses.set(Class, Sync);
}

/** What travels as a proxy: one, or an object in its server. */
export interface Travelling {
  [insideOf](): Omit<ProxyInside, "line">;
}

/** How proxies travel. */
export interface ProxyForm {
  /** What a message says of one. */
  reduce(proxy: Travelling): unknown;
  restore(data: unknown): BaseProxy;
}

let form: ProxyForm | null = null;

/** Says how proxies travel (proxy_form.ts). */
export function setProxyForm(given: ProxyForm): void {
  form = given;
}
