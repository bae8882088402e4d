// How the calls of a proxy reach an object of an engine: there is no server between them. What the methods of the types do
// is in the modules of their names.

import type { Line, ObjectId } from "../../managers/line.ts";
import { PendingCalls } from "../../managers/pending.ts";
import { BaseProxy, insideOf } from "../../managers/proxy.ts";
import type { WaitOptions } from "../../waiting/options.ts";
import type { ObjectHandle } from "../handles.ts";
import { Call, closeProxies, doLater, doSync, type Methods, type Plan, planOf } from "./call.ts";

/** A type whose objects are kept by an engine. */
export interface KeptType {
  /** Its kind in the library. */
  readonly kind: string;
  readonly methods: Methods;
  /** The method that takes over what an object begins with. */
  readonly fill: string;
  /** The methods to whose arguments the contents of other containers belong, and not their proxies. */
  readonly combining: ReadonlySet<string>;
}

/** The line of the proxies of one object. */
export class EngineLine implements Line {
  readonly server = "the engine";
  readonly handle: ObjectHandle;
  readonly #typeid: string;
  readonly #type: KeptType;
  readonly #isFrozen: boolean;
  readonly #pending = new PendingCalls();

  constructor(handle: ObjectHandle, typeid: string, type: KeptType, isFrozen: boolean) {
    this.handle = handle;
    this.#typeid = typeid;
    this.#type = type;
    this.#isFrozen = isFrozen;
  }

  /** A step that is given up was sent all the same, and is done. */
  async call(_target: ObjectId, asked: string, args: readonly unknown[], options?: WaitOptions): Promise<unknown> {
    options?.signal?.throwIfAborted();
    let isWanted = true;
    const done = this.#callLater(asked, args, () => isWanted);
    if (options === undefined) return await done;
    const number = this.#pending.next();
    const answer = this.#pending.wait(number, asked, options, () => isWanted = false);
    done.then((value) => this.#pending.settle(number, { value }), (error) => this.#pending.settle(number, { error }));
    return await answer;
  }

  async #callLater(asked: string, args: readonly unknown[], isWanted: () => boolean): Promise<unknown> {
    const given = this.#areOperands(asked, args)
      ? await Promise.all(args.map((arg) => isOnEngine(arg) ? arg.getvalue() : arg))
      : args;
    const call = new Call(this.handle, this.#isFrozen);
    try {
      return await doLater(this.#plan(call, asked, given), call, asked, this.#typeid, isWanted);
    } finally {
      if (given !== args && CHANGING.has(asked)) closeProxies(given);
    }
  }

  /** Whether the contents of other containers, or of this one, are meant by arguments. */
  #areOperands(asked: string, args: readonly unknown[]): boolean {
    return this.#type.combining.has(asked) && args.some(isOnEngine);
  }

  /** A step never waits, but for an engine that is away: how long that may take is the context's option. */
  callSync(_target: ObjectId, asked: string, args: readonly unknown[]): unknown {
    const given = this.#areOperands(asked, args)
      ? args.map((arg) => isOnEngine(arg) ? arg.sync.getvalue() : arg)
      : args;
    const call = new Call(this.handle, this.#isFrozen);
    try {
      return doSync(this.#plan(call, asked, given), call, asked, this.#typeid);
    } finally {
      if (given !== args && CHANGING.has(asked)) closeProxies(given);
    }
  }

  #plan(call: Call, asked: string, args: readonly unknown[]): Plan {
    return planOf(this.#typeid, this.#type.methods, call, asked, args);
  }

  release(): void {
    this.handle.close();
  }
}

/** The methods that give nothing of the contents with which they combine their object. */
const CHANGING: ReadonlySet<string> = new Set(["update", "extend"]);

/** Whether something is the proxy of a container on an engine. */
function isOnEngine(value: unknown): value is BaseProxy {
  return value instanceof BaseProxy && value[insideOf]().line instanceof EngineLine;
}

/** The line of the proxies of an object that is used without one: a lock, a queue, a value. */
export class NoLine implements Line {
  readonly server = "the engine";

  call(_target: ObjectId, asked: string): Promise<unknown> {
    return Promise.reject(this.#refusal(asked));
  }

  callSync(_target: ObjectId, asked: string): unknown {
    throw this.#refusal(asked);
  }

  #refusal(asked: string): Error {
    return new Deno.errors.NotSupported(`Cannot call "${asked}" of an object on an engine: it has no such method`);
  }

  release(): void {}
}
