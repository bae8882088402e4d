// The classes of proxies, by the types of the objects: those that the package has itself, and those that are made of the names
// that an object exposes.

import { registerAlias } from "../reduction/registry.ts";
import type { Gate } from "./gate.ts";
import { Answer, Iteration } from "./iteration.ts";
import { bare, type Exposed, isOfProxies } from "./names.ts";
import {
  BaseProxy,
  type Description,
  insideOf,
  noteSyncClass,
  type ProxyClass,
  type SyncClass,
  syncClassOf,
  SyncProxy,
} from "./proxy.ts";
import { givenClass } from "./proxy_types.ts";

/** The classes of the types that the package has itself. */
const builtIn = new Map<string, BuiltIn>();

/** What is known of such a type in every process. */
export interface BuiltIn {
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
  noteSyncClass(Class, Sync);
  builtIn.set(typeid, { Class, exposed, isDirect });
  registerAlias(Class, "multiprocessing.managers.Proxy");
}

/** The names of a type that the package has itself; `undefined` if it is none. */
export function exposedByBuiltIn(typeid: string): Exposed | undefined {
  return builtIn.get(typeid)?.exposed;
}

/** The type, if it is one that the package has itself, and none of the user's with its name. */
export function builtInOf(typeid: string, exposed: Exposed): BuiltIn | undefined {
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
  noteSyncClass(Class, Sync);
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
