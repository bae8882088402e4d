// The manager of a context on an engine. There is no server's process: containers are kept by the engine, whose steps are
// their methods; locks, queues and the like are the context's own.

import { InvalidStateError, ProcessError, RemoteError } from "../errors.ts";
import type { Address } from "../connection/address.ts";
import type { BaseProxy } from "../managers/proxy.ts";
import { SyncManager } from "../managers/sync_manager.ts";
import type { BarrierProxy } from "../managers/types/barrier.ts";
import type { BarrierOptions } from "../synchronize/barrier.ts";
import { setTimeout } from "../runtime/timing.ts";
import { requireKnown } from "../waiting/options.ts";
import { ObjectHandle } from "./handles.ts";
import { directProxyOf, proxyOf } from "./manager/form.ts";
import { DIRECT, KEPT } from "./manager/types.ts";
import type { Session } from "./session.ts";

const NO_SERVER = "a manager on an engine has no server of its own";

function refused(action: string, why: string): Error {
  return new Deno.errors.NotSupported(`Cannot ${action}: ${why}`);
}

/**
 * A manager on an engine: the types that Python's has, but for pools, and their proxies with the same methods. Objects live
 * as long as somebody has a proxy of them, and so they outlive the manager.
 */
export class RemoteManager extends SyncManager {
  /**
   * Refused: what makes an object of a registered type would run in a server.
   *
   * @throws {Deno.errors.NotSupported} Always.
   */
  static override register(typeid: unknown): never {
    throw refused(`register ${Deno.inspect(typeid)}`, `${NO_SERVER}, in which objects of registered types would live`);
  }

  readonly #session: Session;
  #state: "initial" | "started" | "over" = "initial";

  /** @ignore Made by a context. */
  constructor(session: Session, options: object = {}) {
    requireKnown("create a manager", options, []);
    super();
    this.#session = session;
  }

  /** Begins its work, for which nothing is to be done. */
  override start(initializer?: unknown): Promise<void> {
    return Promise.try(() => this.startSync(initializer));
  }

  /** As {@linkcode start}. */
  override startSync(initializer?: unknown): void {
    if (initializer !== undefined && initializer !== null) {
      throw refused("start the manager with an initializer", `${NO_SERVER}, in which that would run`);
    }
    if (this.#state === "over") throw new ProcessError("Manager has shut down");
    if (this.#state === "started") throw new ProcessError("Already started server");
    this.#state = "started";
  }

  /** Refused: whoever gets the context of the same engine in another process of the tree has the same objects. */
  override connect(): Promise<void> {
    return Promise.reject(refused("connect the manager", NO_SERVER));
  }

  /** As {@linkcode connect}. */
  override connectSync(): void {
    throw refused("connect the manager", NO_SERVER);
  }

  /** Refused. */
  override getServer(): never {
    throw refused("get the manager's server", NO_SERVER);
  }

  /** `null`: nobody can connect to it. */
  override get address(): Address | null {
    return null;
  }

  /** @ignore As {@linkcode create}, with what is not for the object itself. */
  protected override createWith(
    typeid: string,
    args: readonly unknown[],
    { freeze = false }: { freeze?: boolean },
  ): Promise<BaseProxy> {
    return Promise.try(() => this.#make(typeid, args, freeze));
  }

  /**
   * Makes an object of a type.
   *
   * @throws {RemoteError} If there is no such type.
   * @throws {Deno.errors.NotSupported} If it is a pool: the context has its own.
   */
  override create(typeid: string, ...args: unknown[]): Promise<never> {
    return this.createWith(typeid, args, {}) as Promise<never>;
  }

  #make(typeid: string, args: readonly unknown[], isFrozen: boolean): BaseProxy {
    if (this.#state !== "started") {
      const why = this.#state === "initial" ? "the manager is not started" : "the manager was shut down";
      throw new InvalidStateError(`Cannot create a "${typeid}": ${why}`);
    }
    const direct = DIRECT.get(typeid);
    if (direct !== undefined) return directProxyOf(typeid, direct.make(this.#session, ...args as never[]));
    const kept = KEPT.get(typeid);
    if (kept === undefined) throw unknownType(typeid);
    const proxy = proxyOf(typeid, ObjectHandle.make(this.#session, kept.kind, ""), isFrozen);
    try {
      if (args.length > 0) proxy.callmethodSync(kept.fill, args);
      return proxy;
    } catch (error) {
      proxy.close();
      throw error;
    }
  }

  /** A barrier for so many parties: as that of the context. */
  override async Barrier(parties: number, options?: BarrierOptions): Promise<BarrierProxy> {
    return await this.createWith("Barrier", options === undefined ? [parties] : [parties, options], {}) as BarrierProxy;
  }

  /** Refused. */
  override stats(): Promise<never> {
    return Promise.reject(refused("look at the manager", NO_SERVER));
  }

  /** How many containers there are in the whole tree, whoever has made them. */
  override async numberOfObjects(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve)); // what was closed until now is given up then (handles.ts)
    return (await this.#session.look(this.#session.tree, "containers")).number(0);
  }

  /** Refused. */
  override debugInfo(): Promise<never> {
    return Promise.reject(refused("look at the manager", NO_SERVER));
  }

  /** Makes no more objects; those that there are stay with whoever has them. Again: nothing happens. */
  override shutdown(): Promise<void> {
    if (this.#state === "started") this.#state = "over";
    return Promise.resolve();
  }

  /** `true`: there is no process whose end could be waited for. */
  override join(): Promise<boolean> {
    if (this.#state !== "initial") return Promise.resolve(true);
    return Promise.reject(
      new InvalidStateError("Cannot join the manager's server: it was not started by this manager"),
    );
  }

  /** Such as `<RemoteManager (started)>`. */
  override toString(): string {
    return `<${this.constructor.name} (${this.#state})>`;
  }
}

function unknownType(typeid: string): Error {
  if (typeid === "Pool" || typeid === "AsyncResult") {
    return refused(`create a "${typeid}"`, `${NO_SERVER}, whose pool it would be; make a Pool of the context`);
  }
  const known = [...KEPT.keys(), ...DIRECT.keys()].map((name) => `"${name}"`).join(", ");
  return new RemoteError(`Cannot create a "${typeid}": no such type, wanted ${known}`);
}

/** Begins a manager: what the `Manager` of a context does. */
export async function remoteManager(session: Session, options?: object): Promise<RemoteManager> {
  const manager = new RemoteManager(session, options);
  await manager.start();
  return manager;
}
