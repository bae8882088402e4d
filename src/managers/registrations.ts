// What a class of managers can make: its types, as they were registered.

import { type Given, reference } from "../callable/reference.ts";
import type { TravellingReference } from "../callable/late.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import { requireKnown } from "../waiting/options.ts";
import { requireExposable } from "./names.ts";
import { BaseProxy, type ProxyClass } from "./proxy.ts";

/** Options of `BaseManager.register`. */
export interface RegisterOptions {
  /** The class of the proxies. Default: one with a method for each name that is exposed. */
  proxytype?: new (...args: never[]) => BaseProxy;
  /** The methods and properties that may be used. Default: all public ones of the object's classes. */
  exposed?: readonly string[];
  /** Of methods: the type of proxy that their result becomes, instead of a copy. */
  methodToTypeid?: Readonly<Record<string, string>>;
  /** Whether managers get a method of this name that makes one. Default: `true`. */
  createMethod?: boolean;
  /** How many calls of an object may be under way at once, those of its async methods among them. Default: any number. */
  concurrency?: number;
}

/** What makes the objects of a type: a function, a class, or where a module exports a function. */
export type Maker = Callable | ModuleExport;

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
  readonly isClass: boolean;
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
    throw new TypeError(`Cannot register a type: its name is ${Deno.inspect(typeid)}, wanted a string`);
  }
  const action = `register "${typeid}"`;
  requireKnown(action, options, KNOWN);
  const { proxytype, exposed, methodToTypeid = {}, concurrency = Infinity } = options;
  requireMaker(action, maker);
  requireMethods(action, methodToTypeid);
  if (exposed !== undefined) {
    if (!Array.isArray(exposed)) {
      throw new TypeError(`Cannot ${action}: "exposed" is ${Deno.inspect(exposed)}, wanted an array of names`);
    }
    requireExposable(exposed, action);
  }
  if (proxytype !== undefined && !(typeof proxytype === "function" && proxytype.prototype instanceof BaseProxy)) {
    throw new TypeError(`Cannot ${action}: "proxytype" is ${Deno.inspect(proxytype)}, wanted a subclass of BaseProxy`);
  }
  if (concurrency !== Infinity && !(Number.isSafeInteger(concurrency) && concurrency >= 1)) {
    throw new RangeError(`Cannot ${action}: "concurrency" is ${Deno.inspect(concurrency)}, wanted an integer >= 1`);
  }
  return {
    typeid,
    maker: (maker ?? null) as Maker | null,
    proxytype: (proxytype ?? null) as ProxyClass | null,
    exposed: exposed ?? null,
    methodToTypeid,
    concurrency,
    isBuiltIn: false,
  };
}

function requireMaker(action: string, maker: unknown): void {
  if (maker === undefined || maker === null || typeof maker === "function") return;
  if (typeof maker === "object" && "module" in maker && "name" in maker) return;
  throw new TypeError(
    `Cannot ${action}: what makes it is ${
      Deno.inspect(maker)
    }, wanted a function, a class, { module, name } or nothing`,
  );
}

function requireMethods(action: string, methods: unknown): void {
  const isMap = typeof methods === "object" && methods !== null && !Array.isArray(methods);
  if (isMap && Object.values(methods).every((it) => typeof it === "string")) return;
  throw new TypeError(
    `Cannot ${action}: "methodToTypeid" is ${Deno.inspect(methods)}, wanted an object of names of types by methods`,
  );
}

/**
 * Refuses types of results that make their objects themselves: the method's result would be an argument of that.
 *
 * @throws {TypeError} If there is one, or a type that is not registered.
 */
export function requireResultTypes(registrations: ReadonlyMap<string, Registration>): void {
  for (const { typeid, methodToTypeid } of registrations.values()) {
    for (const [method, type] of Object.entries(methodToTypeid)) {
      const result = registrations.get(type);
      const cannot = `Cannot use "${typeid}": the result of its method "${method}" is to be a "${type}"`;
      if (result === undefined) {
        throw new TypeError(`${cannot}, which is not registered; register it, without a callable`);
      }
      if (result.maker === null || BUILT_IN_RESULTS.includes(type)) continue;
      throw new TypeError(
        `${cannot}, which is registered with a callable: that would be called with the result; register "${type}" ` +
          "without one, or under another name",
      );
    }
  }
}

/** Types of the package that make a copy of what they are given, or take it as it is. */
const BUILT_IN_RESULTS = ["Iterator", "AsyncResult"];

/** Whether a function is a class: it is called with `new`. */
export function isClass(maker: unknown): boolean {
  return typeof maker === "function" && /^class\b/.test(Function.prototype.toString.call(maker));
}

/** The makers of a class's types, as they are named to the server's process. */
export class TravellingMakers {
  readonly #given = new Map<string, Given>();

  /**
   * Finds out which modules export them.
   *
   * @throws {TypeError} If one is exported by no module.
   */
  constructor(registrations: Iterable<Registration>) {
    for (const { typeid, maker } of registrations) {
      if (maker === null) continue;
      const given = reference(maker, { kind: isClass(maker) ? "class" : "function" });
      given.prove();
      this.#given.set(typeid, given);
    }
  }

  travel(
    { maker, proxytype: _proxytype, isBuiltIn: _isBuiltIn, ...registration }: Registration,
  ): TravellingRegistration {
    const given = this.#given.get(registration.typeid) ?? null;
    return { ...registration, maker: given?.travel() ?? null, isClass: isClass(maker) };
  }
}
