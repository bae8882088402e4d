// Proxies: objects that stand for an object of a manager's server. A proxy holds a block of shared memory that the object
// has, so that the server knows by the block alone that it is still wanted: a message under way holds it, too, and a
// process that is killed lets go of it.

import { type BlockHandle, type BlockReference, closedError, partsOf } from "../addon/handles.ts";
import { arrivedReference, isLate } from "../callable/late.ts";
import type { FunctionReference } from "../callable/types.ts";
import { adopted, attach } from "../reduction/passage.ts";
import { register, registerAlias } from "../reduction/registry.ts";
import { glance } from "../runtime/harmless.ts";
import { showAsText } from "../runtime/shown.ts";
import { requireKnown, timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { deepFreeze } from "./deep_freeze.ts";
import { currentGate, Gate } from "./gate.ts";
import { Answer, Iteration } from "./iteration.ts";
import type { Line, ObjectId } from "./line.ts";
import { bare, type Exposed, GETVALUE, INNER, isOfProxies, TO_STRING } from "./names.ts";
import { outside } from "./outside.ts";
import { givenClass } from "./proxy_types.ts";
import { RingLine } from "./ring_line.ts";

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
    register(BaseProxy, { name: "multiprocessing.managers.Proxy", reduce, restore });
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
    return `<${this.constructor.name} object, typeid '${typeid}' ${where}>`;
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
}

/** A class of what blocks. */
export type SyncClass = new (proxy: BaseProxy) => SyncProxy;

/** What blocks, by the class of proxies. */
const syncClasses = new Map<ProxyClass, SyncClass>();

function syncClassOf(Class: ProxyClass): SyncClass {
  for (let it: unknown = Class; typeof it === "function"; it = Object.getPrototypeOf(it)) {
    const found = syncClasses.get(it as ProxyClass);
    if (found !== undefined) return found;
  }
  return SyncProxy;
}

/** The classes of the types that the package has itself. */
const builtIn = new Map<string, BuiltIn>();

/** What is known of such a type in every process. */
interface BuiltIn {
  readonly Class: ProxyClass;
  readonly exposed: Exposed;
  /** Whether a value is such an object, if they are in shared memory. */
  readonly isDirect: (value: unknown) => boolean;
}

/**
 * Notes the class of a type that the package has itself, whose names every process knows. Methods that neither class has
 * are added. `isDirect` says whether a value is an object of the type, if those are in shared memory.
 */
export function defineBuiltIn(
  typeid: string,
  exposed: Exposed,
  Class: ProxyClass,
  Sync: SyncClass,
  isDirect: (value: unknown) => boolean = () => false,
): void {
  addNames(Class.prototype, exposed);
  addSyncNames(Sync.prototype, exposed);
  syncClasses.set(Class, Sync);
  builtIn.set(typeid, { Class, exposed, isDirect });
  registerAlias(Class, "multiprocessing.managers.Proxy");
}

/** The names of a type that the package has itself; `undefined` if it is none. */
export function exposedByBuiltIn(typeid: string): Exposed | undefined {
  return builtIn.get(typeid)?.exposed;
}

/** The type, if it is one that the package has itself, and none of the user's with its name. */
function builtInOf(typeid: string, exposed: Exposed): BuiltIn | undefined {
  const known = builtIn.get(typeid);
  return known?.exposed === exposed ? known : undefined;
}

/** The names of an object as a message has them: `null` for those that every process knows. */
export function namesToSend({ typeid, exposed }: Description): Exposed | null {
  return builtInOf(typeid, exposed) === undefined ? exposed : null;
}

/**
 * The names of an object as a message has said them.
 *
 * @throws {RangeError} If that is malformed.
 */
export function arrivedNames(typeid: unknown, exposed: unknown): Exposed {
  const names = typeof typeid === "string" ? exposed ?? exposedByBuiltIn(typeid) : null;
  if (!isExposed(names)) throw malformed();
  return names;
}

/** Classes made for the types of the user, by the classes that they extend and what they expose. */
const made = new WeakMap<ProxyClass, Map<string, ProxyClass>>();
/** How many of each are kept: a server with endless names must not use up this process's memory. */
const MOST_MADE = 1000;

/**
 * The class of proxies of a type that exposes these names, in a server with that gate; it extends `own`, if whoever has
 * connected to the server has registered one.
 */
export function proxyClassOf(
  { typeid, exposed, proxytype }: Description,
  gate: Gate | null = null,
  own: ProxyClass | null = null,
): ProxyClass {
  const known = builtInOf(typeid, exposed);
  if (known !== undefined) return known.Class;
  const given = own ?? (proxytype ? givenClass(gate, typeid, proxytype, BaseProxy) : null);
  const Base = given ?? BaseProxy;
  const ofBase = made.get(Base) ?? new Map<string, ProxyClass>();
  made.set(Base, ofBase);
  const key = JSON.stringify([typeid, exposed]);
  const before = ofBase.get(key);
  if (before !== undefined) return before;
  const Class = class extends Base {};
  const Sync = class extends syncClassOf(Base) {};
  Object.defineProperty(Class, "name", { value: given === null ? `AutoProxy[${typeid}]` : given.name });
  addNames(Class.prototype, exposed);
  addSyncNames(Sync.prototype, exposed);
  adoptClass(Class, Sync);
  if (ofBase.size >= MOST_MADE) ofBase.delete(ofBase.keys().next().value!);
  ofBase.set(key, Class);
  return Class;
}

/** Lets the proxies of a class made at run time travel. */
function adoptClass(Class: ProxyClass, Sync: SyncClass): void {
  registerAlias(Class, "multiprocessing.managers.Proxy");
  syncClasses.set(Class, Sync);
}

/** Whether a class of proxies has a name that nothing is to be made for. */
function has(prototype: object, root: object, name: string): boolean {
  if (isOfProxies(name)) return true;
  for (let it = prototype; it !== root; it = Object.getPrototypeOf(it)) if (Object.hasOwn(it, name)) return true;
  return false;
}

/** Gives a class of proxies the methods and properties of these names that it does not have. */
function addNames(prototype: BaseProxy, exposed: Exposed): void {
  for (const written of exposed) {
    const name = bare(written);
    if (has(prototype, BaseProxy.prototype, name)) continue;
    if (/^[.=]/.test(written)) {
      define(prototype, name, {
        get: function (this: BaseProxy) {
          return this.callmethod(`.${name}`);
        },
      });
    } else if (written.startsWith("*")) {
      define(prototype, name, {
        value: function (this: BaseProxy, ...args: unknown[]) {
          return new Iteration(() => this.callmethod(name, args));
        },
      });
    } else {
      define(prototype, name, {
        value: function (this: BaseProxy, ...args: unknown[]) {
          return Answer.of(this.callmethod(name, args));
        },
      });
    }
  }
}

function addSyncNames(prototype: SyncProxy, exposed: Exposed): void {
  for (const written of exposed) {
    const name = bare(written);
    if (has(prototype, SyncProxy.prototype, name)) continue;
    if (/^[.=]/.test(written)) {
      define(prototype, name, {
        get: function (this: SyncProxy) {
          return this.callmethod(`.${name}`);
        },
        set: written.startsWith("=")
          ? function (this: SyncProxy, value: unknown) {
            this.callmethod(`=${name}`, [value]);
          }
          : undefined,
      });
    } else {
      define(prototype, name, {
        value: function (this: SyncProxy, ...args: unknown[]) {
          const result = this.callmethod(name, args);
          return result instanceof BaseProxy && result[insideOf]().description.typeid === "Iterator"
            ? result.sync
            : result;
        },
      });
    }
  }
}

function define(prototype: object, name: string, property: PropertyDescriptor): void {
  Object.defineProperty(prototype, name, {
    configurable: true,
    ...("value" in property && { writable: true }),
    ...property,
  });
}

/** What a message says of a proxy. */
type ProxyData = [
  gate: Gate | null,
  id: ObjectId,
  block: BlockReference,
  typeid: string,
  exposed: Exposed | null,
  isFrozen: boolean,
  direct: unknown,
  proxytype: FunctionReference | null,
];

/** The servers that run in this thread, by their numbers. */
const servers = new Map<number, (id: ObjectId, handle: BlockHandle) => BaseProxy>();

/**
 * Notes a server of this thread: a proxy that comes back to it is made by `proxyOf`. What this gives takes that back.
 */
export function noteServer(number: number, proxyOf: (id: ObjectId, handle: BlockHandle) => BaseProxy): () => void {
  servers.set(number, proxyOf);
  return () => servers.delete(number);
}

/** Describes an object to a relative. Its block goes with the message. */
function describeTo(gate: Gate, id: ObjectId, handle: BlockHandle, description: Description): ProxyData {
  attach(handle.block);
  const { typeid, isFrozen, direct, proxytype = null } = description;
  const named = gate === currentGate() ? null : gate;
  return [named, id, handle.reference(), typeid, namesToSend(description), isFrozen, direct, proxytype];
}

/** In the place of the gate: the object is one of a server outside of the tree. */
export const OUTSIDE = "outside";

/** How proxies of a server outside of the tree travel within it. */
export interface StrangerForm {
  /** What a message says of one; the first part is {@linkcode OUTSIDE}. */
  reduce(inside: ProxyInside): readonly unknown[];
  restore(parts: readonly unknown[]): BaseProxy;
}

let strangers: StrangerForm | null = null;

/** Says how proxies of servers outside of the tree travel. */
export function setStrangerForm(form: StrangerForm): void {
  strangers = form;
}

/** What travels as a proxy: one, or an object in its server. */
export interface Travelling {
  [insideOf](): Omit<ProxyInside, "line">;
}

function reduce(proxy: Travelling): unknown {
  const inside = proxy[insideOf]();
  if (inside.isClosed) throw closedError("send it", "proxy");
  const { id, gate, handle, description } = inside;
  const passage = outside();
  if (passage !== null) return passage.reduce(proxy);
  if (gate === null || handle === null) return strangers!.reduce(inside as ProxyInside);
  return describeTo(gate, id, handle, description);
}

function restore(data: unknown): BaseProxy {
  const passage = outside();
  if (passage !== null) return passage.restore(data);
  const parts = partsOf(data, "a manager's proxy");
  if (parts[0] === OUTSIDE && strangers !== null) return strangers.restore(parts);
  const [named, id, reference, typeid, exposed, isFrozen, given, proxytype] = parts;
  const gate = named ?? currentGate();
  if (!(gate instanceof Gate) || typeof id !== "number" || typeof typeid !== "string") throw malformed();
  const names = arrivedNames(typeid, exposed);
  const direct = given ?? null; // anybody may have written the message
  if (direct !== null && builtInOf(typeid, names)?.isDirect(direct) !== true) throw malformed();
  const handle = adopted(reference as BlockReference);
  const own = servers.get(gate.number);
  if (own !== undefined) {
    (direct as Disposable | null)?.[Symbol.dispose](); // the server has it itself
    return own(id, handle);
  }
  const where = proxytype === null ? null : arrivedReference(proxytype);
  if (where !== null && isLate(where)) throw malformed();
  const description: Description = { typeid, exposed: names, isFrozen: isFrozen === true, direct, proxytype: where };
  const inside = { id, description, line: RingLine.to(gate), gate, handle, isClosed: false };
  return new (proxyClassOf(description, gate))(inside);
}

/** The most names that a description may have. */
const MOST_NAMES = 10_000;

/** Whether it is a list of names. */
function isExposed(value: unknown): value is Exposed {
  return Array.isArray(value) && value.length <= MOST_NAMES && value.every((name) => typeof name === "string");
}

/** The error for a proxy in a message that says what no proxy says. */
export function malformed(): RangeError {
  return new RangeError("Cannot restore a manager's proxy: its description is malformed");
}
