// How a client comes to a connection with a manager's server outside of its tree: it connects, both prove that they know the
// key, the client says hello, and the server says that it is one.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { type Address, describe } from "../connection/address.ts";
import { Client, ClientSync } from "../connection/client.ts";
import { type Connection, receiveAtOnce } from "../connection/connection.ts";
import { AuthenticationError, ProcessError, TimeoutError } from "../errors.ts";
import { performance, setTimeout } from "../runtime/timing.ts";
import { timeoutOf, type WaitOptions, type WaitSyncOptions } from "../waiting/options.ts";
import { Kind } from "./messages.ts";
import type { OutsidePassage } from "./outside.ts";
import { headOf, listOf, PROTOCOL, sendOutside, VERSION } from "./outside_wire.ts";
import { malformed } from "./proxy_classes.ts";

/** Milliseconds that a server has for each of the handshake and its welcome. */
const GREETING = 10_000;
/** The most bytes that a welcome may have. */
const LONGEST_WELCOME = 1000;
/** What a listener begins with that asks for a key. */
const CHALLENGE = new TextEncoder().encode("#CHALLENGE#");

/** No welcome speaks of proxies. */
const NO_PROXIES: OutsidePassage = {
  reduce() {
    throw malformed();
  },
  restore() {
    throw malformed();
  },
};

/**
 * Connects to a manager's server. `authkey` is what it asks for; `null`: nothing.
 *
 * @throws {AuthenticationError} If one of both has another key, or has none.
 * @throws {ProcessError} If what listens there is no server of a manager.
 * @throws {TimeoutError} If it took longer than `timeout`, or the other end is silent.
 * @throws Otherwise as `Client` of the connections.
 */
export async function connectTo(
  address: Address,
  authkey: Uint8Array | null,
  options: WaitOptions = {},
): Promise<Connection> {
  const until = performance.now() + timeoutOf(options);
  const { signal } = options;
  const connection = await Client(address, { ...options, ...handshake(authkey, until) })
    .catch((error) => refused(error, address, until));
  try {
    sayHello(connection);
    const end = Math.min(performance.now() + GREETING, until);
    let bytes: Uint8Array | undefined;
    while ((bytes = connection[receiveAtOnce](LONGEST_WELCOME)) === undefined) {
      const timeout = end - performance.now();
      if (!(timeout > 0) || !await connection.poll({ timeout, signal })) throw silent(address);
      await new Promise((resolve) => setTimeout(resolve, 1)); // a part of it has come, and the rest may take long
    }
    requireWelcome(bytes, address);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** As {@linkcode connectTo}, blocking the thread. */
export function connectToSync(
  address: Address,
  authkey: Uint8Array | null,
  options: WaitSyncOptions = {},
): Connection {
  const until = performance.now() + timeoutOf(options);
  let connection: Connection;
  try {
    connection = ClientSync(address, { ...options, ...handshake(authkey, until) });
  } catch (error) {
    refused(error, address, until);
  }
  try {
    sayHello(connection);
    const end = Math.min(performance.now() + GREETING, until);
    let bytes: Uint8Array | undefined;
    while ((bytes = connection[receiveAtOnce](LONGEST_WELCOME)) === undefined) {
      const left = end - performance.now();
      if (!(left > 0)) throw silent(address);
      translated(() => native().descriptorsPoll([connection.fileno()], left));
    }
    requireWelcome(bytes, address);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Says that this is a client of this package's, and none of Python's. If nobody hears it, the wait for an answer says so. */
function sayHello(connection: Connection): void {
  try {
    sendOutside(connection, { kind: Kind.hello, number: 0, logical: 0 }, [PROTOCOL, VERSION], NO_PROXIES);
  } catch {
    // It has gone, and may have said something before.
  }
}

/** What `Client` is given for the handshake, which is to be over by then. */
function handshake(authkey: Uint8Array | null, until: number): { authkey?: Uint8Array; handshakeTimeout: number } {
  const handshakeTimeout = Math.max(0, Math.min(GREETING, until - performance.now()));
  return { authkey: authkey ?? undefined, handshakeTimeout };
}

/** Throws why there is no connection: if the time of the caller is over, that is the reason. */
function refused(error: unknown, address: Address, until: number): never {
  throw error instanceof AuthenticationError && performance.now() >= until ? silent(address) : error;
}

function requireWelcome(bytes: Uint8Array, address: Address): void {
  const cannot = `Cannot connect to the manager's server at ${describe(address)}`;
  if (startsWith(bytes, CHALLENGE)) throw new AuthenticationError(`${cannot}: it asks for an authkey`);
  const other = () => new ProcessError(`${cannot}: what listens there is no manager's server`);
  let list: unknown[];
  try {
    list = headOf(bytes).kind === Kind.welcome ? listOf(bytes, NO_PROXIES) : [];
  } catch {
    throw other();
  }
  const [protocol, version] = list;
  if (protocol !== PROTOCOL) throw other();
  if (version === VERSION) return;
  throw new ProcessError(`${cannot}: it speaks version ${Deno.inspect(version)}, wanted ${VERSION}`);
}

function silent(address: Address): TimeoutError {
  return new TimeoutError(
    `Cannot connect to the manager's server at ${describe(address)}: it was silent for too long; it may be another ` +
      "program's",
  );
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, place) => bytes[place] === byte);
}
