// Proxies of objects that are in shared memory anyway. A relative's proxy has the object itself, which came in the message
// with the proxy: its methods go straight to it, and go on when the server has ended. A stranger's proxy has none, and its
// methods are calls of the server, which does with the object what is asked for on the stranger's behalf (strangers.ts).

import { closedError } from "../../addon/handles.ts";
import { RemoteError } from "../../errors.ts";
import { printed } from "../../pool/failures.ts";
import {
  type AcquireOptions,
  type AcquireSyncOptions,
  timeoutOf,
  WAIT,
  WAIT_SYNC,
  type WaitOptions,
} from "../../waiting/options.ts";
import { LocalLine } from "../local_line.ts";
import { allows, bare, GETVALUE, TO_STRING } from "../names.ts";
import type { Caller, ServedType } from "../objects.ts";
import { BaseProxy, insideOf, optionsOf, requireArguments } from "../proxy.ts";

/** Names the method that gives the object itself. */
export const direct: unique symbol = Symbol("direct");
/** Names the methods that have the server do something, for a stranger. */
export const remote: unique symbol = Symbol("remote");
export const remoteSync: unique symbol = Symbol("remoteSync");
/** Names the methods that check the options of a call, and add those of `with`. */
export const given: unique symbol = Symbol("given");
export const givenSync: unique symbol = Symbol("givenSync");
/** Names the method that gives up the object itself. */
export const letGo: unique symbol = Symbol("letGo");
/** Names the method that makes what `getvalue` gives. */
export const copied: unique symbol = Symbol("copied");

/**
 * What proxies of shared objects have in common. Their methods go straight to the object in shared memory, without the
 * server, and still do so when the server has ended: the object lives as long as somebody has it. In a client that is in
 * no process of the tree they are calls of the server. What is given to `with` applies as if each call had been given it.
 */
export abstract class DirectProxy<D extends Disposable> extends BaseProxy {
  /** @ignore The object itself; `null` for a stranger. */
  [direct](): D | null {
    const { isClosed, description } = this[insideOf]();
    if (isClosed) throw closedError(`use the ${description.typeid}`, "proxy");
    return description.direct as D | null;
  }

  /** @ignore The options of a call in a promise, and those that `with` was given. */
  [given](options: AcquireOptions | undefined, known: readonly string[] = WAIT): AcquireOptions | undefined {
    timeoutOf(options, known);
    const own = this[optionsOf]();
    return own === undefined ? options : { ...own, ...options };
  }

  /** @ignore As `given`, of a call that blocks the thread: no signal ends that. */
  [givenSync](
    options: AcquireSyncOptions | undefined,
    known: readonly string[] = WAIT_SYNC,
  ): AcquireSyncOptions | undefined {
    timeoutOf(options, known);
    const { timeout } = this[optionsOf]() ?? {};
    return timeout === undefined ? options : { timeout, ...options };
  }

  /** @ignore Has the server do something for a stranger; the signal among the options gives up the call. */
  [remote](name: string, args: readonly unknown[], signal?: AbortSignal): Promise<unknown> {
    const { id, line } = this[insideOf]();
    return line.call(id, name, args, signal === undefined ? undefined : { signal });
  }

  /** @ignore As `remote`, blocking the thread. */
  [remoteSync](name: string, args: readonly unknown[]): unknown {
    const { id, line } = this[insideOf]();
    return line.callSync(id, name, args);
  }

  /** @ignore Gives up the object, and what came with it. */
  [letGo](object: D): void {
    object[Symbol.dispose]();
  }

  /** @ignore What `getvalue` gives: the shared object itself, if there is no better copy of it. */
  [copied](object: D): unknown {
    return object;
  }

  /** Calls a method of the object, where that is: see {@linkcode BaseProxy.callmethod}. */
  override async callmethod(name: string, args: readonly unknown[] = []): Promise<unknown> {
    const object = this[direct]();
    return object === null ? await super.callmethod(name, args) : await this.#act(object, this, name, args);
  }

  /** @ignore */
  override callmethodSync(name: string, args: readonly unknown[] = []): unknown {
    const object = this[direct]();
    return object === null ? super.callmethodSync(name, args) : this.#act(object, this.sync, name, args);
  }

  /** What the server would do. */
  #act(object: D, target: object, name: string, args: readonly unknown[]): unknown {
    requireArguments(name, args);
    const { typeid, exposed } = this[insideOf]().description;
    if (name === GETVALUE) return this[copied](object);
    if (name === TO_STRING) return printed(this[copied](object));
    if (!allows(new Set(exposed), name)) {
      throw new RemoteError(
        `Cannot call "${bare(name)}" of a "${typeid}": it does not expose it, but ${exposed.map(bare).join(", ")}`,
      );
    }
    const member = bare(name);
    if (name.startsWith("=")) return void Reflect.set(target, member, args[0]);
    const value: unknown = Reflect.get(target, member);
    return name.startsWith(".") ? value : Reflect.apply(value as () => unknown, target, args);
  }

  /** Gives up the object. */
  override [Symbol.dispose](): void {
    const { isClosed, description: { direct }, line } = this[insideOf]();
    super[Symbol.dispose]();
    // Inside of the server it is the server's own.
    if (!isClosed && direct !== null && !(line instanceof LocalLine)) this[letGo](direct as D);
  }
}

/** Options as a stranger's request has them: without the signal, which gives up the call itself. */
export function sendable(options: AcquireOptions | undefined): readonly unknown[] {
  if (options === undefined) return [];
  const { timeout, block } = options;
  return [{ ...(timeout !== undefined && { timeout }), ...(block !== undefined && { block }) }];
}

/** The options of a stranger's request, which says anything. */
export function arrivedOptions(options: unknown): AcquireOptions {
  const { timeout, block } = (options ?? {}) as AcquireOptions;
  return block === undefined ? { timeout } : { timeout, block };
}

/** A type whose objects are in shared memory. */
export function directType<D extends Disposable>(
  typeid: string,
  exposed: readonly string[],
  make: (...args: never[]) => D,
  forStranger: (object: D, caller: Caller) => object,
  options: Partial<Pick<ServedType, "copy" | "drop" | "keepsProxies">> = {},
): ServedType {
  return {
    typeid,
    make,
    exposed,
    methodToTypeid: {},
    concurrency: Infinity,
    keepsProxies: false,
    isDirect: true,
    forStranger,
    drop: (object: D) => object[Symbol.dispose](),
    ...options,
  };
}

/** The shared object that an argument is, or stands for: of this server, or of another one in the tree. */
export function sharedObjectOf(arg: unknown): unknown {
  return arg instanceof DirectProxy ? arg[direct]() ?? arg : arg;
}

export type { WaitOptions };
