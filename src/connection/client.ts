// Connecting to a listener, ours or Python's.

import { TimeoutError } from "../errors.ts";
import { native } from "../addon/load.ts";
import { requireKnown, timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { descriptorOf, type Waitable } from "../waiting/waitable.ts";
import { type Address, describe, type Family } from "./address.ts";
import { checkedKey, handshakeTimeoutOf, perform, performSync } from "./authentication.ts";
import { Connection } from "./connection.ts";
import { greet } from "./handshake.ts";
import { Search } from "./resolve.ts";
import { type SerializerName, serializerOf } from "./serializer.ts";
import type { Serializer } from "../runtime/serializers.ts";
import { wait } from "./wait.ts";
import { performance } from "../runtime/timing.ts";

/** Options of {@linkcode ClientSync}. */
export interface ClientSyncOptions extends WaitSyncOptions {
  /** The kind of address. Default: as the address says. With `"AF_INET"` only version 4 of a host's addresses, with
   * `"AF_INET6"` only version 6 is tried, otherwise both. */
  family?: Family;
  /** The key that the listener wants to be known. Default: it wants none. */
  authkey?: Uint8Array;
  /** Milliseconds that the listener has to prove that it knows the key; `null`: any time. Default: 10 000. */
  handshakeTimeout?: number | null;
  /**
   * The format of the values that are sent and received. `"pickle"`: what the `send` and `recv` of a Python mean; the
   * program is to import `./pickle`, which says what becomes of what. Default: `"reduction"`, this package's own.
   */
  serializer?: SerializerName;
}

/** Options of {@linkcode Client}. */
export interface ClientOptions extends ClientSyncOptions, WaitOptions {}

const CONNECT = "connect to";

/** The names of {@linkcode ClientSyncOptions}. */
const KNOWN = ["family", "authkey", "handshakeTimeout", "serializer", "timeout"];

/** A connection that is being made, under the addon's number. */
class Dial implements Waitable, Disposable {
  readonly #id: number;

  constructor(id: number) {
    this.#id = id;
  }

  [descriptorOf](): number {
    return native().dialFileno(this.#id);
  }

  /** The connection, once it is made; `null` if it is not within `timeout` milliseconds. */
  finish(timeout: number): number | null {
    return native().dialFinish(this.#id, timeout);
  }

  [Symbol.dispose](): void {
    native().dialClose(this.#id);
  }
}

/** What the options say, checked. */
interface Plan {
  readonly address: Address;
  readonly authkey: Uint8Array | null;
  readonly timeout: number;
  readonly handshakeTimeout: number;
  readonly serializer: Serializer | null;
}

/**
 * Connects to a {@linkcode Listener}, or one of Python's, without blocking the thread. As
 * `multiprocessing.connection.Client`.
 *
 * `Client<Sent, Received>` says which values the connection sends and receives; nothing checks them.
 *
 * @param address Where it listens: `[host, port]`, the path of a UNIX socket, or the abstract name of one behind a NUL.
 * @throws {RangeError} If it is no address of this system or of the family.
 * @throws {TypeError} If an option is of the wrong type, or unknown.
 * @throws {Deno.errors.NotCapable} If Deno does not permit it: that takes `--allow-net` of the host and port; for a
 * UNIX socket `--allow-read` and `--allow-write` of its path, and `--allow-net=unix:<path>`; for an abstract name all
 * of `--allow-net`. No other spelling or link leads to what was denied.
 * @throws {Deno.errors.ConnectionRefused} If nobody listens there; {@linkcode Deno.errors.NotFound} if there is no such
 * host or file; and what else the operating system says, as the matching `Deno.errors`.
 * @throws {TimeoutError} If no connection was made within `timeout` milliseconds.
 * @throws {AuthenticationError} If the listener has another key, or none, or goes away.
 * @throws What `signal` was aborted with.
 *
 * @example Say something to a listener
 * ```ts
 * import { Client, Listener } from "@parallel/multiprocessing/connection";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = new Listener();
 * using client = await Client(listener.address);
 * using server = await listener.accept();
 * await client.sendBytes(new TextEncoder().encode("hi"));
 * assertEquals(await server.recvBytes(), new Uint8Array([104, 105]));
 * ```
 */
export async function Client<Sent = unknown, Received = Sent>(
  address: Address,
  options: ClientOptions = {},
): Promise<Connection<Sent, Received>> {
  const plan = planOf(address, options, [...KNOWN, "signal"]);
  const { signal } = options;
  signal?.throwIfAborted();
  const connection = await dial<Sent, Received>(plan, options);
  if (plan.authkey === null) return connection;
  try {
    await perform(connection, greet(plan.authkey), { timeout: plan.handshakeTimeout, signal });
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** As {@linkcode Client}, blocking the thread. */
export function ClientSync<Sent = unknown, Received = Sent>(
  address: Address,
  options: ClientSyncOptions = {},
): Connection<Sent, Received> {
  const plan = planOf(address, options, KNOWN);
  const connection = dialSync<Sent, Received>(plan, options);
  if (plan.authkey === null) return connection;
  try {
    performSync(connection, greet(plan.authkey), { timeout: plan.handshakeTimeout });
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function planOf(address: Address, options: ClientOptions, known: readonly string[]): Plan {
  requireKnown("connect", options, known);
  const { authkey, handshakeTimeout } = options;
  return {
    address,
    authkey: authkey === undefined || authkey === null ? null : checkedKey(authkey),
    timeout: timeoutOf({ timeout: options.timeout, signal: options.signal }),
    handshakeTimeout: handshakeTimeoutOf(handshakeTimeout, "connect"),
    serializer: serializerOf("connect", options.serializer),
  };
}

async function dial<S, R>(plan: Plan, { family, signal }: ClientOptions): Promise<Connection<S, R>> {
  const { address, timeout } = plan;
  const until = performance.now() + timeout;
  const left = () => timeout === Infinity ? null : until - performance.now();
  using search = new Search(address, { action: CONNECT, family });
  if (!search.finish(0)) {
    await wait([search], { timeout: left(), signal });
    if (!search.finish(0)) throw late(address, timeout);
  }
  const begun = begin(search);
  if (typeof begun === "number") return connected(begun, plan);
  using pending = begun;
  await wait([pending], { timeout: left(), signal });
  const made = search.attempt(() => pending.finish(0));
  if (made === null) throw late(address, timeout);
  return connected(made, plan);
}

function dialSync<S, R>(plan: Plan, { family }: ClientSyncOptions): Connection<S, R> {
  const { address, timeout } = plan;
  const until = performance.now() + timeout;
  using search = new Search(address, { action: CONNECT, family });
  if (!search.finish(timeout)) throw late(address, timeout);
  const begun = begin(search);
  if (typeof begun === "number") return connected(begun, plan);
  using pending = begun;
  const made = search.attempt(() => pending.finish(Math.max(0, until - performance.now())));
  if (made === null) throw late(address, timeout);
  return connected(made, plan);
}

/** Connects at once, or begins to: the number of the connection, or what is under way. */
function begin(search: Search): number | Dial {
  const { connection, dial } = search.attempt(() => native().dial(search.id));
  return connection ?? new Dial(dial!);
}

function connected<S, R>(id: number, { serializer }: Plan): Connection<S, R> {
  return new Connection({ id, readable: true, writable: true, pipe: null, serializer });
}

function late(address: Address, timeout: number): TimeoutError {
  return new TimeoutError(`Cannot connect to ${describe(address)}: it took longer than ${timeout} ms`);
}
