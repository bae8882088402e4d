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

import type { ModuleExport } from "../callable/types.ts";
import type { Address } from "../connection/address.ts";
import { EOFError, InvalidStateError, ProcessError } from "../errors.ts";
import type { ProcessClass } from "../pool/options.ts";
import type { AnyFunction } from "../callable/arguments.ts";
import { register } from "../reduction/registry.ts";
import { Finalize } from "../runtime/finalize.ts";
import { showAsText } from "../runtime/shown.ts";
import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";
import { requireSafe } from "./addresses.ts";
import "./built_in.ts";
import type { Line } from "./line.ts";
import { checkedOptions, type ManagerOptions } from "./manager_options.ts";
import { SERVER_ID } from "./messages.ts";
import { OutsideLine } from "./outside_line.ts";
import { pythonClients, pythonClientsSync, type PythonLine } from "./python_form.ts";
import type { SerializerName } from "../connection/serializer.ts";
import { Server } from "./own_server.ts";
import type { ArgsFor, EntryOf, ManagerClass, Proxied, ProxyFrom, Registered, RegistryOf } from "./proxied.ts";
import type { BaseProxy } from "./proxy.ts";
import {
  type Maker,
  proxyClasses,
  type RegisterOptions,
  registrationOf,
  requireResultsKnown,
  requireResultTypes,
} from "./registrations.ts";
import { noteRegistrations, registrationsOf } from "./registries.ts";
import type { ManagerStats } from "./server_object.ts";
import { ServerProcess } from "./server_process.ts";
import "./proxy_form.ts";
import "./stranger_form.ts";

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
  readonly #serializer: SerializerName;
  /** The line to a server that speaks in pickles. */
  #python: PythonLine | null = null;
  #state: "initial" | "starting" | "started" | "connected" | "over" = "initial";
  /** Whether it is known where the server listens. */
  #isListening = false;
  #server: ServerProcess | null = null;
  #line: Line | null = null;
  #finalizer: Finalize | null = null;

  /**
   * A manager without a server yet: {@linkcode start} it.
   *
   * @throws {TypeError} If an option is of the wrong type, or unknown.
   */
  constructor(options: ManagerOptions = {}) {
    const checked = checkedOptions(options);
    this.#address = checked.address;
    this.#ownsAddress = checked.address === null;
    this.#authkey = checked.authkey;
    this.#serializer = checked.serializer;
    this.#shutdownTimeout = checked.shutdownTimeout;
    this.#Process = checked.Process;
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
    noteRegistrations(this, [registration]);
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
    const server = this.#begin(initializer, initargs);
    this.#concludeStart(server, await server.begun());
  }

  /** As {@linkcode start}, blocking the thread. */
  startSync(initializer?: AnyFunction | ModuleExport | null, initargs: readonly unknown[] = []): void {
    const server = this.#begin(initializer, initargs);
    this.#concludeStart(server, server.begunSync());
  }

  #begin(initializer: unknown, initargs: readonly unknown[]): ServerProcess {
    this.#requireInitial();
    requireSafe(this.#address, this.#authkey);
    const all = registrationsOf(this.constructor);
    requireResultsKnown(all);
    requireResultTypes("start the manager", all); // a class that this one extends may have registered meanwhile
    const server = new ServerProcess({
      name: this.constructor.name,
      registrations: [...all.values()],
      initializer,
      initargs,
      address: this.#address,
      authkey: this.#authkey,
      serializer: this.#serializer,
      Process: this.#Process,
    });
    this.#server = server;
    this.#state = "starting";
    this.#finalizer = new Finalize(() => this.#shutdownNow(), { priority: 0, name: server.process.name });
    return server;
  }

  /** T1, or T3. `failure` is what kept the process from its work. */
  #concludeStart(server: ServerProcess, failure: unknown): void {
    const wasShutDown = this.#state === "over"; // meanwhile
    if (server.line.isOpen && !wasShutDown) {
      this.#line = server.line;
      this.#state = "started";
      server.listens(this.#address);
      return;
    }
    server.line.close();
    if (wasShutDown) throw new ProcessError("Manager has shut down");
    this.#finalizer?.cancel();
    server.forget();
    this.#state = "initial";
    this.#server = null;
    throw server.whyNot(failure);
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
    if (this.#serializer === "pickle") {
      const clients = await pythonClients("connect the manager");
      const line = clients.to(this.#addressToConnect(), this.#authkey);
      await line.connect(options);
      this.#requireInitial();
      return this.#connectedToPython(line);
    }
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
    if (this.#serializer === "pickle") {
      const line = pythonClientsSync("connect the manager").to(this.#addressToConnect(), this.#authkey);
      line.connectSync(options);
      return this.#connectedToPython(line);
    }
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
    return OutsideLine.to(this.#addressToConnect(), this.#authkey);
  }

  #connectedToPython(line: PythonLine): void {
    line.enter(registrationsOf(this.constructor));
    this.#line = this.#python = line;
    this.#state = "connected";
  }

  #addressToConnect(): Address {
    this.#requireInitial();
    if (this.#address !== null) return this.#address;
    throw new InvalidStateError('Cannot connect the manager: it has no address; give "address" to its constructor');
  }

  #connected(line: OutsideLine): void {
    line.enter(proxyClasses(registrationsOf(this.constructor).values()));
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
    return new Server([...all.values()], {
      address: this.#address,
      authkey: this.#authkey,
      serializer: this.#serializer,
    });
  }

  /**
   * Where other programs connect: once the manager is started, with the port that it got. If no address was given, a UNIX
   * socket is opened for it when this is first read; mostly one with an abstract name, which begins with a NUL: it cannot
   * be an argument or in the environment of a program as it is, but as JSON. `null`: not known before the start.
   *
   * @throws What the operating system says against it, as the matching `Deno.errors`.
   */
  get address(): Address | null {
    if (this.#state !== "started" || this.#isListening) return this.#address;
    const address = this.#line!.callSync(SERVER_ID, "listen", [this.#address, this.#authkey !== null]);
    this.#isListening = true;
    this.#server!.listens(address as Address);
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
  create<Self extends BaseManager, const N extends string>(
    this: Self,
    typeid: N | (keyof RegistryOf<Self> & string),
    ...args: ArgsFor<Self, N>
  ): Promise<ProxyFrom<Self, N>>;
  /** As above, of a type of which only the interface is known: a class of Python's, for instance. */
  create<T extends object = never>(
    typeid: [T] extends [never] ? never : string,
    ...args: unknown[]
  ): Promise<Proxied<T>>;
  async create(typeid: string, ...args: unknown[]): Promise<BaseProxy> {
    return await this.#require(`create a "${typeid}"`).call(SERVER_ID, "create", [typeid, args]) as BaseProxy;
  }

  /** @ignore As {@linkcode create}, with what is not for the object itself. */
  protected async createWith(typeid: string, args: readonly unknown[], options: object): Promise<BaseProxy> {
    return await this.#require(`create a "${typeid}"`).call(SERVER_ID, "create", [typeid, args, options]) as BaseProxy;
  }

  /** @ignore Has the server own a block of named shared memory, which this process owns until then. */
  protected async trackSegment(name: string, identity: string): Promise<void> {
    await this.#require("create shared memory").call(SERVER_ID, "trackSegment", [name, identity]);
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
    const [line, server] = this.#endState();
    if (line instanceof OutsideLine) return line.leave();
    if (line !== null && line === this.#python) return await this.#python.leave();
    await server?.end(this.#shutdownTimeout);
    server?.removeSocket(this.#ownsAddress);
    if (server !== null) this.afterServer();
  }

  /** @ignore Called when the server that this manager has started is gone, however it ended. */
  protected afterServer(): void {}

  #endState(): [Line | null, ServerProcess | null] {
    const was = this.#state;
    if (was === "initial" || was === "over") return [null, null];
    const line = this.#line;
    this.#finalizer?.cancel();
    this.#server?.forget();
    this.#state = "over";
    this.#line = null;
    return [line, this.#server];
  }

  /** This process ends. */
  #shutdownNow(): void {
    const [, server] = this.#endState();
    server?.endSync(this.#shutdownTimeout);
    server?.removeSocket(this.#ownsAddress);
    if (server !== null) this.afterServer();
  }

  /**
   * Waits for the end of the server's process.
   *
   * @returns `true`, or `false` if it did not end in time.
   * @throws {InvalidStateError} If it was not started here.
   */
  async join(options?: WaitOptions): Promise<boolean> {
    if (this.#server !== null) return await this.#server.process.join(options);
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
