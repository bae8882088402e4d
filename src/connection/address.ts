// Where listeners listen and clients connect: addresses as users write them, checked and permitted.

import type { SocketName } from "../native.ts";

/**
 * Where a listener is: a host and a port for TCP (port 0: any that is free, where one listens); or a path for a UNIX
 * socket; or, behind a NUL, the abstract name of one, which is in no folder.
 */
export type Address = string | readonly [host: string, port: number];

/** The kinds of addresses, under Python's names. */
export type Family = "AF_INET" | "AF_INET6" | "AF_UNIX";

/** An address, checked. */
export type Place =
  | { readonly kind: "inet"; readonly host: string; readonly port: number; readonly version: 0 | 4 | 6 }
  | { readonly kind: "unix"; readonly path: string };

/** The longest path of a UNIX socket, in bytes; an abstract name and its NUL have one more, as no NUL ends them. */
const LONGEST_PATH = 107;

/**
 * The place that an address means.
 *
 * @param action What is to be done there, for messages: "listen".
 * @throws {TypeError} If it is no address at all.
 * @throws {RangeError} If it is one of another family or system, or none that can be.
 */
export function placeOf(address: unknown, family: unknown, action: string): Place {
  const fail = (why: string) => new RangeError(`Cannot ${action} ${describe(address)}: ${why}`);
  checkFamily(family, `${action} ${describe(address)}`);
  if (Array.isArray(address)) {
    const [host, port] = address;
    if (address.length !== 2 || typeof host !== "string" || typeof port !== "number") {
      throw new TypeError(`Cannot ${action} ${Deno.inspect(address)}: wanted [host, port] or a path`);
    }
    if (!Number.isInteger(port) || port < 0 || port > 65535) throw fail(`wanted a port from 0 to 65535`);
    if (host.includes("\0")) throw fail("a host has no NUL");
    if (family === "AF_UNIX") throw fail(`a host and a port are no address of family "AF_UNIX"`);
    return { kind: "inet", host, port, version: family === undefined ? 0 : family === "AF_INET" ? 4 : 6 };
  }
  if (typeof address !== "string") {
    throw new TypeError(`Cannot ${action} ${Deno.inspect(address)}: wanted [host, port] or a path`);
  }
  if (address.startsWith("\\\\")) {
    throw fail(`family "AF_PIPE" is not recognized: pipes with names are there on Windows only; use a UNIX socket`);
  }
  if (family === "AF_INET" || family === "AF_INET6") throw fail(`a path is no address of family "${family}"`);
  if (address === "") throw fail("wanted a path or a name");
  if (address.indexOf("\0", 1) > 0) throw fail("a NUL may be its first character only");
  const { length } = new TextEncoder().encode(address);
  const longest = address.startsWith("\0") ? LONGEST_PATH + 1 : LONGEST_PATH;
  if (length > longest) throw fail(`it has ${length} bytes, UNIX sockets at most ${longest}`);
  return { kind: "unix", path: address };
}

/**
 * Checks the name of a family.
 *
 * @throws {RangeError} If it is none, or one that this system does not have.
 */
export function checkFamily(family: unknown, action: string): asserts family is Family | undefined {
  if (family === undefined || family === "AF_INET" || family === "AF_INET6" || family === "AF_UNIX") return;
  throw new RangeError(
    `Cannot ${action}: family ${quoted(family)} is not recognized, wanted "AF_INET", "AF_INET6" or "AF_UNIX"`,
  );
}

/** An address as users write it. */
export function addressOf({ name, port }: SocketName): Address {
  return port === undefined || port === null ? name : [name, port];
}

/** An address in a message. */
export function describe(address: unknown): string {
  if (!Array.isArray(address)) return Deno.inspect(address);
  const [host, port] = address;
  return `"${bracketed(String(host))}:${port}"`;
}

function quoted(given: unknown): string {
  return typeof given === "string" ? `"${given}"` : Deno.inspect(given);
}

/** A host as it stands before a port: the numbers of version 6 have colons of their own. */
function bracketed(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/**
 * Asks Deno whether this program may use the place, as Deno's own sockets do: the addon is not confined by Deno.
 *
 * @throws {Deno.errors.NotCapable} If not; the message names the flag that is missing.
 */
export function requirePermission(place: Place, action: string): void {
  for (const { descriptor, flag } of needs(place)) {
    let { state } = Deno.permissions.querySync(descriptor);
    // Asks the user, where there is one to ask.
    if (state === "prompt") state = Deno.permissions.requestSync(descriptor).state;
    if (state === "granted") continue;
    const where = place.kind === "unix" ? Deno.inspect(place.path) : describe([place.host, place.port]);
    throw new Deno.errors.NotCapable(
      `Cannot ${action} ${where}: requires ${descriptor.name} access, run again with the ${flag} flag`,
    );
  }
}

function needs(place: Place): { descriptor: Deno.PermissionDescriptor; flag: string }[] {
  if (place.kind === "inet") {
    const host = place.host === "" ? (place.version === 6 ? "::" : "0.0.0.0") : place.host;
    const target = `${bracketed(host)}:${place.port}`;
    return [{ descriptor: { name: "net", host: target }, flag: `--allow-net=${target}` }];
  }
  const { path } = place;
  // A name that is in no folder cannot be named in a flag.
  if (path.startsWith("\0")) return [{ descriptor: { name: "net" }, flag: "--allow-net" }];
  return [
    { descriptor: { name: "read", path }, flag: `--allow-read=${path}` },
    { descriptor: { name: "write", path }, flag: `--allow-write=${path}` },
  ];
}

/** `error`, which the addon has thrown, with a message that says what could not be done and where. */
export function placed(error: unknown, action: string, address: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const reason = error.message.replace(/^[^:]*: /, "");
  const ErrorClass = error.constructor as new (message: string, options: ErrorOptions) => Error;
  return new ErrorClass(`Cannot ${action} ${describe(address)}: ${reason}`, { cause: error.cause });
}
