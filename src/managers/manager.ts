// BaseManager: a process that has objects which others share by proxies.
//
// | state | meaning | goes on to |
// | --- | --- | --- |
// | `initial` | no server yet | `starting` (T1), `connected` (T2) |
// | `starting` | the process exists, and has not welcomed this one yet | `started` (T1), `initial` (T3) |
// | `started` | it serves | `over` (T4) |
// | `connected` | a server that another program has started serves | `over` (T4) |
// | `over` | it was shut down | |
//
// T1. `start`, `startSync`. T2. `connect`. T3. The start has failed. T4. `shutdown`, or the end of this process.

import { type Given, reference } from "../callable/reference.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import { EOFError, InvalidStateError, ProcessError, TimeoutError } from "../errors.ts";
import { howItEnded } from "../pool/failures.ts";
import type { ProcessClass } from "../pool/options.ts";
import type { AnyFunction } from "../process/options.ts";
import { type Address, placeOf } from "../connection/address.ts";
import { currentAuthkey, toAuthkey } from "../launch/authkey.ts";
import { Process } from "../process/process.ts";
import { Channel } from "../queues/channel.ts";
import { register } from "../reduction/registry.ts";
import { Finalize } from "../runtime/finalize.ts";
import { shownName } from "../runtime/harmless.ts";
import { SERVER_MAIN } from "../runtime/own_modules.ts";
import { showAsText } from "../runtime/shown.ts";
import { performance } from "../runtime/timing.ts";
import { requireKnown, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { requireSafe } from "./addresses.ts";
import "./built_in.ts";
import { Gate, randomNumber } from "./gate.ts";
import type { Line } from "./line.ts";
import { SERVER_ID } from "./messages.ts";
import { OutsideLine } from "./outside_line.ts";
import { Server } from "./own_server.ts";
import type { ArgsFor, EntryOf, ManagerClass, ProxyFrom, Registered, RegistryOf } from "./proxied.ts";
import type { BaseProxy, ProxyClass } from "./proxy.ts";
import { noteProxyTypes } from "./proxy_types.ts";
import {
  type Maker,
  type RegisterOptions,
  type Registration,
  registrationOf,
  requireResultsKnown,
  requireResultTypes,
  TravellingMakers,
} from "./registrations.ts";
import { RingLine } from "./ring_line.ts";
import type { ServerSettings } from "./server_main.ts";
import "./stranger_form.ts";
import type { ManagerStats } from "./server_object.ts";

/** Options of {@linkcode BaseManager}. */
export interface ManagerOptions {
  /**
   * Where the server listens for other programs, or where the one listens that is connected to: `[host, port]`, with
   * port 0 for any that is free, or the path of a UNIX socket. Default: a UNIX socket that only this user can reach, which
   * is opened when {@linkcode BaseManager.address} is first read.
   */
  address?: Address | null;
  /**
   * What other programs must know to use the server; both sides prove that they know it. `null`: nobody is asked, which is
   * allowed only where no other machine can connect. Default: the key of this process, which its children inherit.
   */
  authkey?: Uint8Array | null;
  /** How values become bytes. Default: `"reduction"`, the only one yet. */
  serializer?: "reduction";
  /** Milliseconds that the server has to end by itself, and again after SIGTERM. Default: 1000. */
  shutdownTimeout?: number;
  /** The context whose processes the server is one of. Default: that of the default start method. */
  ctx?: { readonly Process: ProcessClass };
}

/** The manager's own line to the server. */
interface ManagerLine extends Line {
  readonly isOver: boolean;
  /** The server's process is known to have ended. */
  close?(): void;
}

const KNOWN = ["address", "authkey", "serializer", "shutdownTimeout", "ctx"];
const SHUTDOWN_TIMEOUT = 1000;
/**
 * Milliseconds that a start with the thread blocked waits for the server before it looks whether that lives: long enough
 * to count as blocking (addon/blocking.ts), since the server may wait to be told which module exports what it serves.
 */
const START_LOOK = 100;

const SERVE = { module: SERVER_MAIN, name: "serve" };

/** What each class of managers has registered itself. */
const registries = new WeakMap<object, Map<string, Registration>>();
/** How many servers this process has started, for their names. */
let servers = 0;

/** The registrations of a class: its own, and those of the classes it extends. */
export function registrationsOf(Class: object): Map<string, Registration> {
  const all: Map<string, Registration>[] = [];
  for (let it: object | null = Class; it !== null; it = Object.getPrototypeOf(it)) {
    all.unshift(registries.get(it) ?? new Map());
  }
  return new Map(all.flatMap((own) => [...own]));
}

/** Notes types of the package's own for a class. */
export function registerBuiltIn(Class: object, typeids: readonly string[]): void {
  const own = registries.get(Class) ?? new Map<string, Registration>();
  registries.set(Class, own);
  for (const typeid of typeids) own.set(typeid, { ...registrationOf(typeid, null), isBuiltIn: true });
}

/**
 * Has a server process with objects, which any process of the tree uses by proxies, and other programs by a connection.
 * As `multiprocessing.managers.BaseManager`.
 *
 * @example Types of one's own
 * ```ts ignore
 * import { BaseManager } from "@parallel/multiprocessing/managers";
 *
 * export class Maths {
 *   add(x: number, y: number) {
 *     return x + y;
 *   }
 * }
 * class MyManager extends BaseManager {}
 * const Registered = MyManager.register("Maths", Maths);
 *
 * if (import.meta.main) {
 *   await using manager = new Registered();
 *   await manager.start();
 *   const maths = await manager.Maths();
 *   console.log(await maths.add(4, 3)); // 7
 * }
 * ```
 */
export class BaseManager implements AsyncDisposable {
  static {
    showAsText(BaseManager);
    register(BaseManager, {
      refuse: "a manager belongs to the process that has started its server; send proxies of its objects",
    });
  }

  readonly #shutdownTimeout: number;
  readonly #Process: ProcessClass;
  /** As it was given; from when it is first read, where the server listens. */
  #address: Address | null;
  /** Whether the server has chosen it. */
  readonly #ownsAddress: boolean;
  /** What strangers must know; `null`: nothing. */
  readonly #authkey: Uint8Array | null;
  #state: "initial" | "starting" | "started" | "connected" | "over" = "initial";
  /** Whether it is known where the server listens. */
  #isListening = false;
  #process: Process | null = null;
  #line: ManagerLine | null = null;
  #finalizer: Finalize | null = null;
  #forget: () => void = () => {};

  /**
   * A manager without a server yet: {@linkcode start} it.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  constructor(options: ManagerOptions = {}) {
    const action = "create a manager";
    requireKnown(action, options, KNOWN);
    const { address = null, authkey, serializer = "reduction", shutdownTimeout = SHUTDOWN_TIMEOUT, ctx } = options;
    if (address !== null) placeOf(address, undefined, "listen on");
    if (authkey !== undefined && authkey !== null && !(authkey instanceof Uint8Array)) {
      throw new TypeError(`Cannot ${action}: "authkey" is ${Deno.inspect(authkey)}, wanted a Uint8Array or null`);
    }
    if (serializer !== "reduction") {
      throw new RangeError(
        `Cannot ${action}: "serializer" is ${Deno.inspect(serializer)}, wanted "reduction", the only one yet`,
      );
    }
    if (typeof shutdownTimeout !== "number" || !(shutdownTimeout >= 0)) {
      throw new TypeError(
        `Cannot create a manager: "shutdownTimeout" is ${Deno.inspect(shutdownTimeout)}, wanted milliseconds >= 0`,
      );
    }
    if (ctx !== undefined && typeof ctx?.Process !== "function") {
      throw new TypeError(
        `Cannot create a manager: "ctx" is ${Deno.inspect(ctx, { depth: 0 })}, wanted a context of getContext()`,
      );
    }
    this.#address = address;
    this.#ownsAddress = address === null;
    this.#authkey = authkey === null ? null : toAuthkey(authkey ?? currentAuthkey());
    this.#shutdownTimeout = shutdownTimeout;
    this.#Process = ctx?.Process ?? Process;
  }

  /**
   * Registers a type for this class of managers and those that extend it; again under the same name: the last one counts.
   * A server has the types that were registered when it was started.
   *
   * @param typeid The name of the type.
   * @param callable What makes an object: a function or class that a module exports, or `{ module, name }` of one. Without
   * it, an object of the type is the only argument of {@linkcode create}, or the result of another type's method.
   * @returns This class, whose managers have by its type the method `typeid`, and know the arguments and the proxies of
   * the type.
   * @throws {TypeError} If something is of the wrong type, or not known; if a name cannot be exposed; if managers have
   * another method of this name; or if the type is one of a method's results, and has a callable.
   */
  static register<
    Class extends ManagerClass<BaseManager>,
    const N extends string,
    M extends Maker | null = null,
    const Listed extends string = never,
    const Proxies extends Readonly<Record<string, string>> = Record<never, never>,
    Proxy extends BaseProxy = never,
    const HasMethod extends boolean = true,
  >(
    this: Class,
    typeid: N,
    callable?: M,
    options?: RegisterOptions<Listed, Proxies, Proxy, HasMethod>,
  ): Registered<Class, N, EntryOf<M, Listed, Proxies, Proxy, HasMethod>> {
    const registration = registrationOf(typeid, callable, options as RegisterOptions | undefined);
    requireResultTypes(`register "${typeid}"`, new Map([...registrationsOf(this), [typeid, registration]]));
    if (options?.createMethod ?? true) defineCreator(this, typeid);
    const own = registries.get(this) ?? new Map<string, Registration>();
    registries.set(this, own);
    own.set(typeid, registration);
    return this as unknown as Registered<Class, N, EntryOf<M, Listed, Proxies, Proxy, HasMethod>>;
  }

  /**
   * Starts the server's process.
   *
   * @param initializer Called in it first: a function that a module exports.
   * @throws {ProcessError} If it was started before, or shut down.
   * @throws {TypeError} If the initializer, or what makes a type's objects, is exported by no module.
   * @throws Whatever the initializer throws, with a {@linkcode RemoteError} as its last cause.
   */
  async start(initializer?: AnyFunction | ModuleExport | null, initargs: readonly unknown[] = []): Promise<void> {
    const { line, process } = this.#begin(initializer, initargs);
    const [ended, welcomed] = [new AbortController(), new AbortController()];
    let failure: unknown = null;
    const end = process.join({ signal: welcomed.signal })
      .catch((error: unknown) => failure = error)
      .finally(() => ended.abort());
    await line.welcomed({ signal: ended.signal }).catch(() => {});
    welcomed.abort(); // a wait for the end of the server would keep this program from its own
    await end;
    if (!line.isOpen) {
      line.welcomedSync(0); // it may have said why before it ended
      process.kill();
      await process.join().catch((error: unknown) => failure = error);
    }
    this.#concludeStart(line, process, failure);
  }

  /** As {@linkcode start}, blocking the thread. */
  startSync(initializer?: AnyFunction | ModuleExport | null, initargs: readonly unknown[] = []): void {
    const { line, process } = this.#begin(initializer, initargs);
    let failure: unknown = null;
    try {
      while (!line.isOver && !line.welcomedSync(START_LOOK) && process.exitcode === null);
    } catch (error) {
      failure = error; // the thread may not be blocked yet
    }
    if (!line.isOpen) {
      line.welcomedSync(0); // it may have said why before it ended
      process.kill();
      try {
        process.joinSync();
      } catch (error) {
        failure ??= error;
      }
    }
    this.#concludeStart(line, process, failure);
  }

  #begin(initializer: unknown, initargs: readonly unknown[]): { line: RingLine; process: Process } {
    this.#requireInitial();
    requireSafe(this.#address, this.#authkey);
    if (
      initializer !== undefined && initializer !== null && typeof initializer !== "function" && !isExport(initializer)
    ) {
      throw new TypeError(
        `Cannot start the manager: the initializer is ${Deno.inspect(initializer, { depth: 0 })}, wanted a function`,
      );
    }
    const all = registrationsOf(this.constructor);
    requireResultsKnown(all);
    requireResultTypes("start the manager", all); // a class that this one extends may have registered meanwhile
    const own = [...all.values()].filter((it) => !it.isBuiltIn);
    const makers = new TravellingMakers(own);
    const given = initializer === undefined || initializer === null ? null : proven(initializer as Callable);
    const bell = new Channel();
    const gate = new Gate(randomNumber(), bell, { pid: 0, name: `${this.constructor.name}-${++servers}`, token: 0 });
    const authority = randomNumber();
    const settings: ServerSettings = {
      bell,
      number: gate.number,
      authority,
      builtIn: [...all.values()].filter((it) => it.isBuiltIn).map(({ typeid }) => typeid),
      types: own.map((it) => makers.travel(it)),
      address: this.#address,
      asksForKey: this.#authkey !== null,
      initializer: given?.travel() ?? null,
      initargs,
    };
    const process = new this.#Process({ target: SERVE, args: [settings], daemon: true });
    process.name = gate.facts.name;
    if (this.#authkey !== null) process.authkey = this.#authkey;
    process.start();
    this.#process = process;
    this.#state = "starting";
    this.#finalizer = new Finalize(() => this.#shutdownNow(), { priority: 0, name: process.name });
    this.#forget = noteProxyTypes(gate.number, proxyClasses(own));
    return { line: RingLine.to(gate, authority), process };
  }

  /** T1, or T3. `failure` is what kept the process from its work. */
  #concludeStart(line: RingLine, process: Process, failure: unknown): void {
    const wasShutDown = this.#state === "over"; // meanwhile
    if (line.isOpen && !wasShutDown) {
      this.#line = line;
      this.#state = "started";
      return;
    }
    line.close();
    if (wasShutDown) throw new ProcessError("Manager has shut down");
    this.#finalizer?.cancel();
    this.#forget();
    this.#state = "initial";
    this.#process = null;
    if (line.startFailure !== null) throw line.startFailure.error;
    if (failure instanceof InvalidStateError) throw failure;
    if (failure instanceof Error) {
      throw new ProcessError(`Cannot start the manager: ${failure.message}`);
    }
    throw new ProcessError(
      `Cannot start the manager: its server ${shownName(process.name)} ${
        howItEnded(process.exitcode)
      } before it could serve`,
    );
  }

  /**
   * Uses the server that another program has started at {@linkcode ManagerOptions.address}.
   *
   * @throws {ProcessError} If this manager was started or connected before, or shut down; or if what listens there is no
   * manager's server.
   * @throws {InvalidStateError} If the manager has no address.
   * @throws {AuthenticationError} If the server has another key, or only one of both has any.
   * @throws {Deno.errors.ConnectionRefused} If nobody listens there; and what else the operating system says, as the
   * matching `Deno.errors`.
   * @throws {TimeoutError} If there was no connection within `timeout` milliseconds.
   * @throws What `signal` was aborted with.
   */
  async connect(options?: WaitOptions): Promise<void> {
    for (let line = this.#lineToConnect();; line = this.#lineToConnect()) {
      const wasOpen = line.isOpen;
      await line.connect(options);
      try {
        await line.call(SERVER_ID, "dummy", [], options);
      } catch (error) {
        if (wasOpen && error instanceof EOFError) continue; // it was a former server's; another one may listen there
        throw error;
      }
      this.#requireInitial();
      return this.#connected(line);
    }
  }

  /** As {@linkcode connect}, blocking the thread. */
  connectSync(options?: WaitSyncOptions): void {
    for (let line = this.#lineToConnect();; line = this.#lineToConnect()) {
      const wasOpen = line.isOpen;
      line.connectSync(options);
      try {
        line.callSync(SERVER_ID, "dummy", [], options);
      } catch (error) {
        if (wasOpen && error instanceof EOFError) continue;
        throw error;
      }
      return this.#connected(line);
    }
  }

  #lineToConnect(): OutsideLine {
    this.#requireInitial();
    if (this.#address !== null) return OutsideLine.to(this.#address, this.#authkey);
    throw new InvalidStateError('Cannot connect the manager: it has no address; give "address" to its constructor');
  }

  #connected(line: OutsideLine): void {
    line.enter(proxyClasses([...registrationsOf(this.constructor).values()]));
    this.#line = line;
    this.#state = "connected";
  }

  /**
   * A server of this manager that this process itself runs: what makes the objects may then be any function or class,
   * since it need not be sent anywhere. It listens from now on; {@linkcode Server.serveForever} lets clients in.
   *
   * @throws {ProcessError} If the manager was started or connected before, or shut down.
   * @throws {RangeError} If nobody is asked for a key where other machines can connect.
   * @throws {Deno.errors.AddrInUse} If somebody listens there; and what else the operating system says, as the matching
   * `Deno.errors`.
   */
  getServer(): Server {
    this.#requireInitial();
    const all = registrationsOf(this.constructor);
    requireResultsKnown(all);
    requireResultTypes("serve", all);
    return new Server([...all.values()], this.#address, this.#authkey);
  }

  /**
   * Where other programs connect: once the manager is started, with the port that it got. If no address was given, a UNIX
   * socket is opened for it when this is first read. `null`: not known before the start.
   *
   * @throws What the operating system says against it, as the matching `Deno.errors`.
   */
  get address(): Address | null {
    if (this.#state !== "started" || this.#isListening) return this.#address;
    const address = this.#line!.callSync(SERVER_ID, "listen", [this.#address, this.#authkey !== null]);
    this.#isListening = true;
    return this.#address = address as Address;
  }

  #requireInitial(): void {
    if (this.#state === "initial") return;
    throw new ProcessError(this.#state === "over" ? "Manager has shut down" : "Already started server");
  }

  #require(action: string): Line {
    if (this.#line !== null) return this.#line;
    if (this.#state === "over") throw new InvalidStateError(`Cannot ${action}: Manager has shut down`);
    throw new InvalidStateError(`Cannot ${action}: server not yet started; call start() or connect() first`);
  }

  /**
   * Makes an object in the server; a proxy of it.
   *
   * @throws {InvalidStateError} If the manager was not started, or was shut down.
   * @throws {RemoteError} If no such type is registered.
   * @throws Whatever makes the object throws.
   */
  async create<Self extends BaseManager, const N extends string>(
    this: Self,
    typeid: N | (keyof RegistryOf<Self> & string),
    ...args: ArgsFor<Self, N>
  ): Promise<ProxyFrom<Self, N>> {
    const line = this.#require(`create a "${typeid}"`);
    return await line.call(SERVER_ID, "create", [typeid, args]) as ProxyFrom<Self, N>;
  }

  /** @ignore As {@linkcode create}, with what is not for the object itself. */
  protected async createWith(typeid: string, args: readonly unknown[], options: object): Promise<BaseProxy> {
    return await this.#require(`create a "${typeid}"`).call(SERVER_ID, "create", [typeid, args, options]) as BaseProxy;
  }

  /** How the server is at this moment. */
  async stats(): Promise<ManagerStats> {
    return await this.#require("look at the manager").call(SERVER_ID, "stats", []) as ManagerStats;
  }

  /** How many objects the server has. */
  async numberOfObjects(): Promise<number> {
    return await this.#require("count the objects").call(SERVER_ID, "numberOfObjects", []) as number;
  }

  /** A text with a line for each object of the server. */
  async debugInfo(): Promise<string> {
    return await this.#require("look at the manager").call(SERVER_ID, "debugInfo", []) as string;
  }

  /**
   * Ends the server, and its objects with it; if it was only connected to, the connection. It is told to end, then
   * terminated, then killed, each {@linkcode ManagerOptions.shutdownTimeout} after the other. Again: nothing happens.
   */
  async shutdown(): Promise<void> {
    const [line, process] = this.#endState();
    if (line instanceof OutsideLine) return line.leave();
    if (process === null) return;
    if (line === null) return void (process.kill(), await process.join().catch(() => {})); // it is just starting
    const timeout = this.#shutdownTimeout;
    const told = performance.now();
    await line.call(SERVER_ID, "shutdown", [], { timeout }).catch(mayBeGone);
    if (!await process.join({ timeout: timeout - (performance.now() - told) })) {
      process.terminate();
      if (!await process.join({ timeout })) {
        process.kill();
        await process.join();
      }
    }
    this.#removeSocket(process);
    line.close?.();
  }

  /** A server that was killed has left the file of its socket, and the folder that was made for it. */
  #removeSocket({ exitcode }: Process): void {
    if (exitcode === 0 || typeof this.#address !== "string" || this.#address.startsWith("\0")) return;
    try {
      Deno.removeSync(this.#address);
      if (this.#ownsAddress) Deno.removeSync(this.#address.slice(0, this.#address.lastIndexOf("/")));
    } catch {
      // It is gone, or may not be removed.
    }
  }

  #endState(): [ManagerLine | null, Process | null] {
    const was = this.#state;
    if (was === "initial" || was === "over") return [null, null];
    const line = this.#line;
    this.#finalizer?.cancel();
    this.#forget();
    this.#state = "over";
    this.#line = null;
    return [line, this.#process];
  }

  /** This process ends. */
  #shutdownNow(): void {
    const [line, process] = this.#endState();
    if (process === null) return;
    const timeout = this.#shutdownTimeout;
    const told = performance.now();
    try {
      line?.callSync(SERVER_ID, "shutdown", [], { timeout });
    } catch (error) {
      mayBeGone(error);
    }
    if (!process.joinSync({ timeout: timeout - (performance.now() - told) })) {
      process.terminate();
      if (!process.joinSync({ timeout })) {
        process.kill();
        process.joinSync();
      }
    }
    this.#removeSocket(process);
  }

  /**
   * Waits for the end of the server's process.
   *
   * @returns `true`, or `false` if it did not end in time.
   * @throws {InvalidStateError} If it was not started here.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    if (this.#process !== null) return await this.#process.join(options);
    throw new InvalidStateError("Cannot join the manager's server: it was not started by this manager");
  }

  /** As {@linkcode shutdown}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }

  /** Such as `<SyncManager (started)>`. */
  toString(): string {
    return `<${this.constructor.name} (${this.#state})>`;
  }
}

/** The classes of proxies that were given, by the names of their types. */
function proxyClasses(registrations: readonly Registration[]): Map<string, ProxyClass> {
  return new Map(registrations.flatMap(({ typeid, proxytype }) => proxytype === null ? [] : [[typeid, proxytype]]));
}

/** Gives managers of a class a method that makes objects of a type. */
function defineCreator(Class: ManagerClass<BaseManager>, typeid: string): void {
  if (typeid in BaseManager.prototype || typeid === "then") {
    throw new TypeError(
      `Cannot register "${typeid}": a method of this name would be taken for what every manager has; register it under ` +
        "another name, or with { createMethod: false }",
    );
  }
  Object.defineProperty(Class.prototype, typeid, {
    value: function (this: BaseManager, ...args: unknown[]) {
      return (this.create as (typeid: string, ...args: unknown[]) => Promise<BaseProxy>)(typeid, ...args);
    },
    writable: true,
    configurable: true,
  });
}

/** What may come of telling a server to end: it has ended before it could answer, or takes its time. */
function mayBeGone(error: unknown): void {
  if (!(error instanceof EOFError || error instanceof TimeoutError)) throw error;
}

function isExport(value: unknown): value is ModuleExport {
  return typeof value === "object" && value !== null && "module" in value && "name" in value;
}

function proven(target: Callable | ModuleExport): Given {
  const given = reference(target);
  given.prove();
  return given;
}
