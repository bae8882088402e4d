// Requests of a client in Python, written by hand.

import type { Address } from "@parallel/multiprocessing";
import { Client, type Connection } from "@parallel/multiprocessing/connection";
import type { BaseProxy } from "@parallel/multiprocessing/managers";
import { dumps, loads, tuple } from "@parallel/multiprocessing/pickle";
import { insideOf } from "../../src/managers/proxy.ts";
import { within } from "./helpers.ts";

/** The id by which Python knows an object. */
export function idOf(proxy: BaseProxy): string {
  return proxy[insideOf]().id.toString(16);
}

/** Calls as Python's proxies make them. */
export class Calls implements AsyncDisposable, Disposable {
  /** Connects to a server for calls. */
  static async to(address: Address, authkey: Uint8Array): Promise<Calls> {
    const connect = () => Client(address, { authkey });
    const calls = new Calls(connect, await connect());
    await calls.#ask(calls.#connection, tuple(null, "accept_connection", tuple("a test"), {}));
    return calls;
  }

  readonly #connect: () => Promise<Connection>;
  readonly #connection: Connection;

  private constructor(connect: () => Promise<Connection>, connection: Connection) {
    this.#connect = connect;
    this.#connection = connection;
  }

  async #ask(connection: Connection, request: unknown): Promise<unknown> {
    await connection.sendBytes(dumps(request));
    const answer = loads(await within(connection.recvBytes()), { tuples: "tuple", floats: "keep", unknown: "object" });
    const [kind, value] = answer as [string, unknown];
    if (kind === "#RETURN") return value;
    throw Error.isError(value) ? value : new Error(`${kind} ${value}`);
  }

  /** Asks the server itself. */
  async ask(name: string, ...args: unknown[]): Promise<unknown> {
    using connection = await this.#connect();
    return await this.#ask(connection, tuple(null, name, tuple(...args), {}));
  }

  /** Makes an object; its id. */
  async create(typeid: string, ...args: unknown[]): Promise<string> {
    const [id] = await this.ask("create", typeid, ...args) as [string];
    return id;
  }

  /** Calls a method of an object. */
  async call(target: unknown, method: string, args: readonly unknown[] = []): Promise<unknown> {
    return await this.#ask(this.#connection, tuple(target, method, tuple(...args), {}));
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}
