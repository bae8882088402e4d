// The types of proxies: what becomes of a class when its objects are used from another process. Only types: what the
// proxies do is in proxy.ts, and which names they have is said by names.ts.

import type { ModuleExport } from "../callable/types.ts";
import type { Connection } from "../connection/connection.ts";
import type { JoinableQueue } from "../queues/joinable_queue.ts";
import type { Queue } from "../queues/queue.ts";
import type { SimpleQueue } from "../queues/simple_queue.ts";
import type { Guarded } from "../sharedctypes/guarded.ts";
import type { Barrier } from "../synchronize/barrier.ts";
import type { Condition } from "../synchronize/condition.ts";
import type { Event } from "../synchronize/event.ts";
import type { Lock } from "../synchronize/lock.ts";
import type { RLock } from "../synchronize/rlock.ts";
import type { BoundedSemaphore, Semaphore } from "../synchronize/semaphore.ts";
import type { BaseProxy, SyncProxy } from "./proxy.ts";
import type { AnyCallable, Maker } from "./registrations.ts";

/** `true` for `any` alone. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** What messages carry as it is: primitives, built-in objects, functions, shared objects and proxies. */
export type KeptInCopies =
  | (string | number | boolean | bigint | symbol | null | undefined | void)
  | (AnyCallable | { toISOString(): string } | RegExp | Error | URL | ArrayBuffer | SharedArrayBuffer | ArrayBufferView)
  | (Lock | RLock | Semaphore | BoundedSemaphore | Condition | Event | Barrier | Connection)
  // deno-lint-ignore no-explicit-any -- of whatever
  | (Queue<any> | JoinableQueue<any> | SimpleQueue<any> | Guarded<any>)
  | BaseProxy;

/**
 * A value after it was sent to another process: an instance of a class is data, without its methods; primitives, built-in
 * objects, errors, shared objects and proxies stay what they are.
 *
 * The types cannot tell a getter from a field: a getter is not copied.
 *
 * @example
 * ```ts
 * import type { Copied } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * class Point {
 *   constructor(public x: number, public y: number) {}
 *   length() {
 *     return Math.hypot(this.x, this.y);
 *   }
 * }
 * const copy: Copied<Point> = { x: 3, y: 4 };
 * assertEquals(Math.hypot(copy.x, copy.y), 5);
 * ```
 */
export type Copied<T> = IsAny<T> extends true ? T
  : T extends KeptInCopies ? T
  : T extends Map<infer K, infer V> ? Map<Copied<K>, Copied<V>>
  : T extends Set<infer V> ? Set<Copied<V>>
  : T extends readonly unknown[] ? { [K in keyof T]: Copied<T[K]> }
  : T extends object ? { [K in keyof T as DataKey<T, K>]: Copied<T[K]> }
  : T;

/** The key, if what it leads to is data. */
export type DataKey<T, K extends keyof T> = K extends symbol ? never : IsAny<T[K]> extends true ? K
: T[K] extends AnyCallable ? never
: K;

/** What a promise comes to; the same for anything else. */
export type Settled<T> = IsAny<T> extends true ? T : T extends PromiseLike<infer V> ? Settled<V> : T;

/** The items of an iterator, in promises or not; `never` for what is none. */
export type ItemsOf<T> = IsAny<T> extends true ? never
  : T extends Iterator<infer V, infer _R, infer _N> & Iterable<infer _V> ? V
  : T extends AsyncIterator<infer V, infer _R, infer _N> & AsyncIterable<infer _V> ? V
  : never;

/** Says of which class a proxy's object is. There is nothing of it at run time. */
export declare const standsFor: unique symbol;

/** A proxy of an object of a class, as an argument in the place of the object itself. */
export type ProxyFor<T> = BaseProxy & { readonly [standsFor]?: T };

/** An argument: what is wanted or, if that is an object, the proxy of one, which the method gets as the object itself. */
export type ArgumentFor<T> = IsAny<T> extends true ? T
  : T extends KeptInCopies ? T
  : unknown extends T ? T
  : T | ProxyFor<T>;

/** Arguments, as {@linkcode ArgumentFor}. */
export type ArgumentsFor<A> = A extends readonly unknown[] ? { [K in keyof A]: ArgumentFor<A[K]> } : never;

/** Never exposed unless they are listed. */
export type HiddenName =
  | `_${string}`
  | `#${string}`
  | "then"
  | "toJSON"
  | "constructor"
  | "toString"
  | "toLocaleString"
  | "valueOf";

/** What a proxy has itself: an object's method of such a name is called by `callmethod`. */
export type NameOfProxies =
  | "callmethod"
  | "callmethodSync"
  | "getvalue"
  | "sync"
  | "with"
  | "then"
  | "toJSON"
  | "toString";

/** The key, if proxies have it: those that are listed, or all public ones. */
export type ShownKey<K, Listed extends string> = K extends string ? K extends NameOfProxies ? never
  : [Listed] extends [never] ? K extends HiddenName ? never : K
  : K extends Listed ? K
  : never
  : never;

/** What is known of a registered type. */
export interface TypeEntry {
  /** The arguments that make an object. */
  readonly args: readonly unknown[];
  /** The class of the objects. */
  readonly type: unknown;
  /** Of methods: the types of proxy that their results become. */
  readonly proxies: object;
  /** The names that were listed as exposed; `never` if none were. */
  readonly listed: string;
  /** The class of proxies that was given; `never` if none was. */
  readonly proxy: unknown;
  /** `false` if managers have no method of this name. */
  readonly method: boolean;
}

/** What is known of registered types, by their names. */
export type Registry = { readonly [typeid: string]: TypeEntry };

/** The result of the method `K` as a further proxy. */
export type ResultProxy<V, K, Proxies, R> = K extends keyof Proxies
  ? Proxies[K] extends keyof R ? ProxyOfEntry<R[Proxies[K]], V, R> : Proxied<V>
  : never;

/** A proxy of an object of type `T` that is registered so. */
export type ProxyOfEntry<E, T, R> = E extends TypeEntry
  ? [E["proxy"]] extends [never] ? Proxied<T, E["proxies"], R, E["listed"]>
  : E["proxy"] & Proxied<T, E["proxies"], R, E["listed"]>
  : Proxied<T>;

/** A proxy that a type's registration leads to; what is made by a generator is iterated. */
export type ProxyOf<R, N> = N extends keyof R ? R[N] extends TypeEntry ? ProxyOrItems<R[N], R> : BaseProxy : BaseProxy;

/** As {@linkcode ProxyOf}, of a type's entry. */
export type ProxyOrItems<E extends TypeEntry, R> = [ItemsOf<E["type"]>] extends [never] ? ProxyOfEntry<E, E["type"], R>
  : BaseProxy & AsyncIterableIterator<Copied<ItemsOf<E["type"]>>>;

/** What a call gives in a promise. */
export type LaterResult<V, K, Proxies, R> = K extends keyof Proxies ? Promise<ResultProxy<Settled<V>, K, Proxies, R>>
  : [ItemsOf<Settled<V>>] extends [never] ? Promise<Copied<Settled<V>>>
  : AsyncIterableIterator<Copied<ItemsOf<Settled<V>>>>;

/** What a call gives that blocks the thread. */
export type ResultAtOnce<V, K, Proxies, R> = K extends keyof Proxies ? ResultProxy<Settled<V>, K, Proxies, R>
  : [ItemsOf<Settled<V>>] extends [never] ? Copied<Settled<V>>
  : IterableIterator<Copied<ItemsOf<Settled<V>>>>;

/** The methods and getters of a class, in promises. */
export type MembersOf<T, Proxies, R, Listed extends string> = {
  readonly [K in keyof T as ShownKey<K, Listed>]: T[K] extends (...args: infer A) => infer V
    ? (...args: ArgumentsFor<A>) => LaterResult<V, K, Proxies, R>
    : Promise<Copied<T[K]>>;
};

/** The same, blocking the thread. */
export type SyncMembersOf<T, Proxies, R, Listed extends string> = {
  [K in keyof T as ShownKey<K, Listed>]: T[K] extends (...args: infer A) => infer V
    ? (...args: ArgumentsFor<A>) => ResultAtOnce<V, K, Proxies, R>
    : Copied<T[K]>;
};

/**
 * A proxy of an object of type `T`: each public method gives a promise of a copy of its result, each getter is a promise;
 * what gives an iterator is iterated by `for await`. `proxy.sync` has the same methods and properties, blocking.
 *
 * A field is no part of a class, so it is there only if it is listed in `exposed`, which the types cannot tell.
 *
 * `Proxies` says of methods which type of proxy their result becomes, as `methodToTypeid` of `register`; `R` what is known
 * of these types; `Listed` which names are exposed.
 *
 * @example A function for any proxy of a class
 * ```ts
 * import type { Proxied } from "@parallel/multiprocessing/managers";
 *
 * class Maths {
 *   add(x: number, y: number) {
 *     return x + y;
 *   }
 * }
 * export async function double(maths: Proxied<Maths>, x: number): Promise<number> {
 *   return await maths.add(x, x);
 * }
 * ```
 */
export type Proxied<T, Proxies = unknown, R = unknown, Listed extends string = never> =
  & MembersOf<T, Proxies, R, Listed>
  & { readonly sync: SyncProxied<T, Proxies, R, Listed>; readonly [standsFor]?: T }
  & BaseProxy;

/** What {@linkcode Proxied} has as `sync`. */
export type SyncProxied<T, Proxies = unknown, R = unknown, Listed extends string = never> =
  & SyncMembersOf<T, Proxies, R, Listed>
  & SyncProxy;

/** Says of what type an export is. There is nothing of it at run time. */
export declare const exported: unique symbol;

/**
 * Where a module exports a class or function, and its type: so that what makes a type's objects need not be imported to
 * be known.
 *
 * @example
 * ```ts ignore
 * import type { Maths } from "./maths.ts";
 *
 * const where: ExportOf<typeof Maths> = { module: new URL("./maths.ts", import.meta.url), name: "Maths" };
 * const MyManager = BaseManager.register("Maths", where);
 * ```
 */
export interface ExportOf<M> extends ModuleExport {
  /** @ignore */
  readonly [exported]?: M;
}

/** What a maker makes, and of which arguments. */
export type MadeBy<M> = M extends abstract new (...args: infer A) => infer T ? { args: ArgumentsFor<A>; type: T }
  : M extends (...args: infer A) => infer V ? { args: ArgumentsFor<A>; type: Settled<V> }
  : M extends { readonly [exported]?: infer F }
    ? unknown extends F ? UnknownMade : F extends Maker ? MadeBy<F> : UnknownMade
  : M extends null | undefined ? { args: [object: unknown]; type: unknown }
  : UnknownMade;

/** Nothing is known of it. */
export interface UnknownMade {
  /** Any arguments. */
  readonly args: readonly unknown[];
  /** Anything. */
  readonly type: unknown;
}

/** What a registration says of its type, as {@linkcode TypeEntry}. */
export interface EntryOf<M, Listed extends string, Proxies, Proxy, HasMethod> {
  /** The arguments that make an object: any, if a server of Python's may make it, as its class of proxies says. */
  readonly args: [M, Proxy] extends [null | undefined, BaseProxy] ? [Proxy] extends [never] ? MadeBy<M>["args"]
    : readonly unknown[]
    : MadeBy<M>["args"] extends infer A extends readonly unknown[] ? A
    : never;
  /** The class of the objects. */
  readonly type: MadeBy<M>["type"];
  /** Of methods: the types of proxy that their results become. */
  readonly proxies: Proxies & object;
  /** The names that were listed as exposed. */
  readonly listed: Listed;
  /** The class of proxies that was given. */
  readonly proxy: Proxy;
  /** `false` if managers have no method of this name. */
  readonly method: HasMethod;
}

/** Names what a class of managers knows of its types. There is nothing of it at run time. */
export declare const registry: unique symbol;

/** A class that says which types it has registered: the last one to say so counts. */
export interface Knowing<R> {
  /** @ignore */
  readonly [registry]?: (() => R) | undefined;
}

/** What a manager knows of its types. */
export type RegistryOf<Manager> = Manager extends { readonly [registry]?: infer F }
  ? NonNullable<F> extends () => infer R ? R : unknown
  : unknown;

/** The methods of a manager that make objects of the types that it knows. */
export type Makers<R> = {
  readonly [N in keyof R as R[N] extends TypeEntry ? [R[N]["method"]] extends [false] ? never : N : never]: R[N] extends
    TypeEntry ? (...args: [...R[N]["args"]]) => Promise<ProxyOf<R, N>> : never;
};

/** The registry with one more type, which may take the place of one of the same name. */
export type RegistryWith<R, N extends string, E> = Omit<R, N> & { readonly [K in N]: E };

/** A class of managers. */
// deno-lint-ignore no-explicit-any -- the constructor of a subclass may take anything
export type ManagerClass<M = object> = new (...args: any[]) => M;

/** The class `Class` with one more registered type. */
export type Registered<Class extends ManagerClass, N extends string, E> =
  & { readonly [K in Exclude<keyof Class, "prototype">]: Class[K] }
  & { readonly prototype: RegisteredManager<InstanceType<Class>, RegistryWith<RegistryOf<InstanceType<Class>>, N, E>> }
  & (new (...args: ConstructorParameters<Class>) => RegisteredManager<
    InstanceType<Class>,
    RegistryWith<RegistryOf<InstanceType<Class>>, N, E>
  >);

/** A manager that knows the types `R`: the methods of what was registered last come first. */
export type RegisteredManager<M, R> = Makers<R> & M & Knowing<R>;

/** The arguments that `create` takes for a type: those that are known, or any. */
export type ArgsFor<Manager, N> = N extends keyof RegistryOf<Manager>
  ? RegistryOf<Manager>[N] extends TypeEntry ? [...RegistryOf<Manager>[N]["args"]] : unknown[]
  : N extends keyof Manager ? Manager[N] extends (...args: infer A) => Promise<BaseProxy> ? A : unknown[]
  : unknown[];

/** The proxy that `create` gives for a type. */
export type ProxyFrom<Manager, N> = N extends keyof RegistryOf<Manager> ? ProxyOf<RegistryOf<Manager>, N>
  : N extends keyof Manager
    ? Manager[N] extends (...args: never[]) => Promise<infer P extends BaseProxy> ? P : BaseProxy
  : BaseProxy;
