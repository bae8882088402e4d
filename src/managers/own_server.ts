// A manager's server in the process that has asked for it, instead of one of its own.

import { load } from "../callable/modules.ts";
import type { ModuleExport } from "../callable/types.ts";
import { type Address, describe } from "../connection/address.ts";
import { InvalidStateError } from "../errors.ts";
import { showAsText } from "../runtime/shown.ts";
import { BUILT_IN } from "./built_in.ts";
import type { CheckedOptions } from "./manager_options.ts";
import type { ServedType } from "./objects.ts";
import { pythonServers } from "./python_form.ts";
import { isClass, type Registration } from "./registrations.ts";
import { Server as Core } from "./server.ts";

/** Where a server listens, and for whom. */
export type ServerPlace = Pick<CheckedOptions, "address" | "authkey" | "serializer">;

/** Milliseconds for which the thread may be blocked while calls come: other things go on in this process. */
const SLICE = 1;

/**
 * Serves the objects of a manager to other programs, in this process: as Python's `BaseManager.get_server()`.
 *
 * @example Share a closure's object with whoever knows the key
 * ```ts
 * import { BaseManager } from "@parallel/multiprocessing/managers";
 * import { assertEquals } from "@std/assert";
 *
 * const log: string[] = [];
 * class LogManager extends BaseManager {}
 * LogManager.register("log", () => log, { exposed: ["push", "length"] });
 *
 * const authkey = new TextEncoder().encode("secret");
 * const server = new LogManager({ address: ["127.0.0.1", 0], authkey }).getServer();
 * const serving = server.serveForever();
 *
 * const client = new LogManager({ address: server.address, authkey });
 * await client.connect();
 * const proxy = await client.create("log");
 * await proxy.callmethod("push", ["hello"]);
 * assertEquals(log, ["hello"]);
 *
 * await client.shutdown();
 * server.stop();
 * await serving;
 * ```
 */
export class Server implements AsyncDisposable {
  static {
    showAsText(Server);
  }

  readonly #registrations: readonly Registration[];
  readonly #types = new Map<string, ServedType>();
  readonly #core: Core;
  readonly #address: Address;
  #serving: Promise<void> | null = null;

  /** @ignore Made by `BaseManager.getServer`. */
  constructor(registrations: readonly Registration[], { address, authkey, serializer }: ServerPlace) {
    this.#registrations = registrations;
    this.#core = new Core({
      types: this.#types,
      slice: SLICE,
      python: serializer === "pickle" ? pythonServers() : null,
    });
    try {
      this.#address = this.#core.listen(address, authkey);
    } catch (error) {
      this.#core.close();
      throw error;
    }
  }

  /** Where it listens: with the port that it got, if it was to have any. */
  get address(): Address {
    return this.#address;
  }

  /**
   * Lets clients in, and serves them until {@linkcode stop}.
   *
   * @throws {InvalidStateError} If it serves already, or was stopped.
   * @throws Whatever is thrown by the modules that are imported, where a type was registered as `{ module, name }`.
   */
  async serveForever(): Promise<void> {
    if (this.#serving !== null || this.#core.stopped.aborted) {
      throw new InvalidStateError(
        `Cannot serve: the server ${
          this.#serving === null || this.#core.stopped.aborted ? "was stopped" : "serves already"
        }`,
      );
    }
    this.#serving = this.#serve();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    try {
      for (const registration of this.#registrations) {
        this.#types.set(registration.typeid, await servedType(registration));
      }
      await this.#core.serve();
    } finally {
      this.#core.close();
    }
  }

  /** Ends the connections of all clients, and drops the objects. Again: nothing happens. */
  stop(): void {
    if (this.#serving === null) this.#core.close();
    else this.#core.stop();
  }

  /** For messages: `<Server(serving, at "/tmp/…")>`, with its address. */
  toString(): string {
    const state = this.#core.stopped.aborted ? "stopped" : this.#serving === null ? "not serving yet" : "serving";
    return `<Server(${state}, at ${describe(this.#address)})>`;
  }

  /** As {@linkcode stop}, and waits until it has come to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#serving?.catch(() => {});
  }
}

async function servedType({ maker, isBuiltIn, ...type }: Registration): Promise<ServedType> {
  if (isBuiltIn) return BUILT_IN.get(type.typeid)!;
  const { typeid, exposed, methodToTypeid, concurrency } = type;
  const made = maker === null || typeof maker === "function" ? maker : await imported(maker);
  const make = made === null ? null : calling(made);
  return {
    typeid,
    exposed,
    methodToTypeid,
    concurrency,
    make,
    isClass: isClass(made),
    keepsProxies: false,
    isDirect: false,
    isUsers: true,
  };
}

/**
 * The function or class that a module exports.
 *
 * @throws {TypeError} If it exports none of that name.
 */
async function imported({ module, name }: ModuleExport): Promise<unknown> {
  const namespace = await load(String(module), {});
  const found = Object.hasOwn(namespace, name) ? namespace[name] : undefined;
  if (typeof found === "function") return found;
  throw new TypeError(`Cannot serve: "${module}" exports no function or class "${name}"`);
}

function calling(made: unknown): (...args: unknown[]) => unknown {
  if (!isClass(made)) return made as (...args: unknown[]) => unknown;
  return (...args) => Reflect.construct(made as new (...args: unknown[]) => unknown, args);
}
