// What a class of managers can make: its types, as they were registered.

import { type Given, reference } from "../callable/reference.ts";
import type { TravellingReference } from "../callable/late.ts";
import type { ModuleExport } from "../callable/types.ts";
import { glance } from "../runtime/harmless.ts";
import { isOptions, requireKnown } from "../waiting/options.ts";
import { requireExposable } from "./names.ts";
import { BaseProxy, type ProxyClass } from "./proxy.ts";

/** Options of `BaseManager.register`. */
export interface RegisterOptions<
  Listed extends string = string,
  Proxies = Readonly<Record<string, string>>,
  Proxy = BaseProxy,
  HasMethod = boolean,
> {
  /**
   * The class of the proxies, exported by a module; a process that cannot load that at once uses the default. Names that
   * it does not have itself are added. Default: one with a method for each name that is exposed.
   */
  proxytype?: new (...args: never[]) => Proxy;
  /**
   * The methods and properties that may be used, the object's own properties among them. Default: all public methods and
   * getters of the object's classes: none that begins with `_`, nor `then` or `toJSON`. A listed name that every proxy
   * has itself, such as `with` or `then`, is called by `callmethod`.
   */
  exposed?: readonly Listed[];
  /**
   * Of methods: the type of proxy that their result becomes, instead of a copy. It is registered without a callable.
   */
  methodToTypeid?: Proxies;
  /** Whether managers get a method of this name that makes one. Default: `true`. */
  createMethod?: HasMethod;
  /** How many calls of an object may be under way at once, those of its async methods among them. Default: any number. */
  concurrency?: number;
}

/** What makes the objects of a type: a function, a class, or where a module exports a function. */
export type Maker = AnyCallable | ModuleExport;

/** Any function or class. */
export type AnyCallable = ((...args: never[]) => unknown) | (abstract new (...args: never[]) => unknown);

/** A registered type, in the process that has registered it. */
export interface Registration {
  readonly typeid: string;
  /** `null` if objects of the type only come of methods, or are given. */
  readonly maker: Maker | null;
  readonly proxytype: ProxyClass | null;
  readonly exposed: readonly string[] | null;
  readonly methodToTypeid: Readonly<Record<string, string>>;
  readonly concurrency: number;
  /** Whether it is a type of the package's own: the server knows what it is. */
  readonly isBuiltIn: boolean;
}

/** As {@linkcode Registration}, on its way to the server. */
export interface TravellingRegistration extends Omit<Registration, "maker" | "proxytype" | "isBuiltIn"> {
  readonly maker: TravellingReference | null;
  readonly proxytype: TravellingReference | null;
}

const KNOWN = ["proxytype", "exposed", "methodToTypeid", "createMethod", "concurrency"];

/**
 * Checks what was given to `register`.
 *
 * @throws {TypeError} If something is of the wrong type, or not known.
 * @throws {RangeError} If `concurrency` is no whole number from 1 on.
 */
export function registrationOf(typeid: unknown, maker: unknown, options: RegisterOptions = {}): Registration {
  if (typeof typeid !== "string" || typeid === "") {
    throw new TypeError(`Cannot register a type: its name is ${glance(typeid)}, wanted a string that is not empty`);
  }
  const action = `register "${typeid}"`;
  requireKnown(action, options, KNOWN);
  const { proxytype, exposed, methodToTypeid = {}, concurrency = Infinity } = options;
  requireMaker(action, maker);
  requireMethods(action, methodToTypeid);
  requireFlag(action, options.createMethod);
  if (exposed !== undefined) {
    if (!Array.isArray(exposed)) {
      throw new TypeError(`Cannot ${action}: "exposed" is ${glance(exposed)}, wanted an array of names`);
    }
    requireExposable(exposed, action);
  }
  if (proxytype !== undefined && !(typeof proxytype === "function" && proxytype.prototype instanceof BaseProxy)) {
    throw new TypeError(`Cannot ${action}: "proxytype" is ${glance(proxytype)}, wanted a subclass of BaseProxy`);
  }
  if (concurrency !== Infinity && !(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    throw new RangeError(`Cannot ${action}: "concurrency" is ${Deno.inspect(concurrency)}, wanted an integer >= 1`);
  }
  return {
    typeid,
    maker: (maker ?? null) as Maker | null,
    proxytype: (proxytype ?? null) as ProxyClass | null,
    exposed: exposed === undefined ? null : [...exposed],
    methodToTypeid: { ...methodToTypeid },
    concurrency,
    isBuiltIn: false,
  };
}

function requireMaker(action: string, maker: unknown): void {
  if (maker === undefined || maker === null || typeof maker === "function") return;
  if (typeof maker === "object" && "module" in maker && "name" in maker) return;
  throw new TypeError(
    `Cannot ${action}: what makes it is ${glance(maker)}, wanted a function, a class, { module, name } or nothing`,
  );
}

function requireFlag(action: string, createMethod: unknown): void {
  if (createMethod === undefined || typeof createMethod === "boolean") return;
  throw new TypeError(`Cannot ${action}: "createMethod" is ${glance(createMethod)}, wanted true or false`);
}

function requireMethods(action: string, methods: unknown): void {
  if (isOptions(methods) && Object.values(methods).every((it) => typeof it === "string")) {
    return requireExposable(Object.keys(methods), action);
  }
  throw new TypeError(
    `Cannot ${action}: "methodToTypeid" is ${glance(methods)}, wanted an object of names of types by methods`,
  );
}

/**
 * Refuses types of results that make their objects themselves: the method's result would be an argument of that.
 *
 * @param action For messages.
 * @throws {TypeError} If there is one.
 */
export function requireResultTypes(action: string, registrations: ReadonlyMap<string, Registration>): void {
  for (const { typeid, methodToTypeid } of registrations.values()) {
    for (const [method, type] of Object.entries(methodToTypeid)) {
      if ((registrations.get(type)?.maker ?? null) === null) continue;
      throw new TypeError(
        `Cannot ${action}: the result of method "${method}" of "${typeid}" is to be a "${type}", which has a callable: ` +
          `that would be called with the result; register "${type}" without one, or give the method's results another name`,
      );
    }
  }
}

/**
 * Refuses types of results that nobody has registered.
 *
 * @throws {TypeError} If there is one.
 */
export function requireResultsKnown(registrations: ReadonlyMap<string, Registration>): void {
  for (const { typeid, methodToTypeid } of registrations.values()) {
    const missing = Object.entries(methodToTypeid).find(([, type]) => !registrations.has(type));
    if (missing === undefined) continue;
    const [method, type] = missing;
    throw new TypeError(
      `Cannot start the manager: the result of method "${method}" of "${typeid}" is to be a "${type}", which is not ` +
        `registered; register("${type}") without a callable`,
    );
  }
}

/** Whether a function is a class: it is called with `new`. Of those that the engine has, such as `Map`, each constructor is. */
export function isClass(maker: unknown): boolean {
  if (typeof maker !== "function") return false;
  const text = Function.prototype.toString.call(maker);
  return /^class\b/.test(text) || /\{\s*\[native code\]\s*\}$/.test(text) && Object.hasOwn(maker, "prototype");
}

/** The makers and the proxies' classes of a class's types, as they are named to other processes. */
export class TravellingMakers {
  readonly #makers = new Map<string, Given>();
  readonly #proxytypes = new Map<string, Given>();

  /**
   * Finds out which modules export them.
   *
   * @throws {TypeError} If one is exported by no module.
   */
  constructor(registrations: Iterable<Registration>) {
    for (const { typeid, maker, proxytype } of registrations) {
      if (maker !== null) this.#makers.set(typeid, proven(maker, "what makes the objects", typeid));
      if (proxytype !== null) this.#proxytypes.set(typeid, proven(proxytype, 'the "proxytype"', typeid));
    }
  }

  travel({ isBuiltIn: _isBuiltIn, ...registration }: Registration): TravellingRegistration {
    const { typeid } = registration;
    const maker = this.#makers.get(typeid)?.travel() ?? null;
    return { ...registration, maker, proxytype: this.#proxytypes.get(typeid)?.travel() ?? null };
  }
}

function proven(maker: Maker, role: string, typeid: string): Given {
  try {
    const given = reference(maker, { kind: "maker" });
    given.prove();
    return given;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(
      `Cannot start the manager: the server's process cannot find ${role} of the type "${typeid}"; register a function ` +
        `or class that a module exports, or { module, name }. ${error.message}`,
      { cause: error },
    );
  }
}

/** The classes of proxies that were given, by the names of their types. */
export function proxyClasses(registrations: Iterable<Registration>): Map<string, ProxyClass> {
  return new Map(
    [...registrations].flatMap(({ typeid, proxytype }) => proxytype === null ? [] : [[typeid, proxytype]]),
  );
}
