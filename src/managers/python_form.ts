// What managers know of the code that speaks with Python's, which is loaded when the first manager wants it: a program that
// has imported `./pickle` has it in its graph, and no other program pays for it.

import { requireModule } from "../callable/modules.ts";
import type { Address } from "../connection/address.ts";
import { InvalidStateError } from "../errors.ts";
import { PYTHON_MANAGERS } from "../runtime/own_modules.ts";
import { offeredSerializer } from "../runtime/serializers.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import type { WaitOptions, WaitSyncOptions } from "../waiting/options.ts";
import type { Line } from "./line.ts";
import type { Request } from "./messages.ts";
import type { ObjectTable } from "./object_table.ts";
import type { Caller } from "./objects.ts";
import type { Registration } from "./registrations.ts";
import type { Speaker, Visitor } from "./visitor.ts";

/** The line of a manager that uses a server of Python's. */
export interface PythonLine extends Line {
  /** Connects, and asks whether a server is there. */
  connect(options?: WaitOptions): Promise<void>;
  /** As `connect`, blocking the thread. */
  connectSync(options?: WaitSyncOptions): void;
  /** A manager has connected by it, which has registered these types: until it calls `leave`. */
  enter(registrations: ReadonlyMap<string, Registration>): void;
  /** Undoes one `enter`; the last one gives back all references, and closes it. */
  leave(): Promise<void>;
}

/** Where the lines to Python's servers come from. */
export interface PythonClients {
  /** That of this thread to a server. `authkey` is what it asks for; `null`: nothing. */
  to(address: Address, authkey: Uint8Array | null): PythonLine;
}

let clients: PythonClients | null = null;

/** Says where lines come from. */
export function offerPythonClients(given: PythonClients): void {
  clients = given;
}

/**
 * Loads what speaks with Python's servers.
 *
 * @param action What is to be done, for the message.
 * @throws {TypeError} If the program has not imported `./pickle`.
 */
export async function pythonClients(action: string): Promise<PythonClients> {
  requirePickles(action);
  if (clients === null) await offeredSerializer("pickle")!.managers();
  return clients!;
}

/** As {@linkcode pythonClients}, at once. */
export function pythonClientsSync(action: string): PythonClients {
  requirePickles(action);
  if (clients === null) requireModule(PYTHON_MANAGERS);
  if (clients !== null) return clients;
  throw new InvalidStateError(
    `Cannot ${action} with the thread blocked: a module is still to be loaded; await it once`,
  );
}

/** What a server has that lets Python's clients in. */
export interface PythonHost {
  readonly table: ObjectTable;
  /** Where it listens. */
  readonly address: Address;
  /** Does what a client asks for: see `Server.request`. */
  request(caller: Caller, request: Request): unknown;
  /** A call was made, besides those by `request`. */
  called(): void;
  /** A call goes on in promises, or has come to its end. */
  begun(): void;
  ended(): void;
  /** Looks now which objects are still wanted. */
  sweep(): void;
  /** The server is to end, after the answer to the current request. */
  stop(): void;
}

/** Serves Python's clients of one server. */
export interface PythonServing {
  /** What clients of this package get for a value that may be Python's. */
  forClients(value: unknown): unknown;
  /** Who understands a client. */
  speaker(visitor: Visitor): Speaker;
  /** Looks which of the processes live that have references. */
  sweep(): void;
  /** The server ends. */
  close(): void;
}

/** Serves Python's clients. */
export type PythonServers = (host: PythonHost) => PythonServing;

let servers: PythonServers | null = null;

/** Says how Python's clients are served. */
export function offerPythonServers(given: PythonServers): void {
  servers = given;
}

/**
 * What serves Python's clients, in a process that was started for that, or in one that has imported `./pickle`.
 *
 * @throws {InvalidStateError} If it cannot be loaded at once.
 */
export function pythonServers(): PythonServers {
  if (servers === null) requireModule(PYTHON_MANAGERS);
  if (servers !== null) return servers;
  throw new InvalidStateError("Cannot serve programs in Python: what speaks with them cannot be loaded");
}

/**
 * Refuses to speak in pickles where nobody can.
 *
 * @throws {TypeError} If the program has not imported `./pickle`.
 */
export function requirePickles(action: string): void {
  if (offeredSerializer("pickle") !== undefined) return;
  throw withUsersFrames(
    new TypeError(`Cannot ${action}: "serializer" is "pickle", and ./pickle of this package is not imported`),
  );
}
