// Where listeners listen and clients connect: addresses as users write them, checked and permitted.

import type { SocketName } from "../addon/binding.ts";
import { inPlaceOf } from "../addon/translate.ts";
import { permission, PERMISSIONS, queryDeno } from "../runtime/permissions.ts";

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
export const LONGEST_PATH = 107;

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
  const what = placeName(place);
  if (place.kind === "inet") {
    return requireGranted(
      net(place.host === "" ? place.version === 6 ? "::" : "0.0.0.0" : place.host, place.port),
      action,
      what,
    );
  }
  const { path } = place;
  // A name that is in no folder cannot be named in a flag.
  if (path.startsWith("\0")) return requireGranted({ name: "net" }, action, what);
  for (const descriptor of [...files(path), unix(path)]) requireGranted(descriptor, action, what);
}

/**
 * Asks Deno whether this program may use what the place has turned out to be: another spelling of what was denied is
 * denied, too, and a path leads through links to a file that must be permitted itself.
 *
 * @throws {Deno.errors.NotCapable} If not.
 */
export function requireFound(place: Place, found: readonly SocketName[], action: string): void {
  const what = placeName(place);
  if (place.kind === "inet") {
    for (const { name, port } of found) refuseDenied(net(name, port ?? 0), action, what);
  } else if (!place.path.startsWith("\0")) {
    const path = found[0].name;
    // As Deno has it: nobody can tell where the links there lead to.
    if (path.startsWith("/proc/")) return requireAll(action, what);
    for (const descriptor of files(path)) requireGranted(descriptor, action, what);
    refuseDenied(unix(path), action, what);
  }
}

function requireAll(action: string, what: string): void {
  if (PERMISSIONS.every((name) => queryDeno(permission(name)).state === "granted")) return;
  throw notCapable(`Cannot ${action} ${what}: requires all access`, "--allow-all");
}

function requireGranted(descriptor: Deno.PermissionDescriptor, action: string, what: string): void {
  let { state } = queryDeno(descriptor);
  // Asks the user, where there is one to ask.
  if (state === "prompt") state = Deno.permissions.requestSync(descriptor).state;
  if (state === "granted") return;
  throw notCapable(`Cannot ${action} ${what}: requires ${descriptor.name} access`, flagOf(descriptor));
}

/** What is not permitted, but was not denied either, is permitted by its first name. */
function refuseDenied(descriptor: Deno.PermissionDescriptor, action: string, what: string): void {
  if (queryDeno(descriptor).state !== "denied") return;
  throw notCapable(`Cannot ${action} ${what}: requires ${descriptor.name} access`, flagOf(descriptor));
}

function notCapable(why: string, flag: string): Error {
  return new Deno.errors.NotCapable(`${why}, run again with the ${flag} flag`);
}

function net(host: string, port: number): Deno.PermissionDescriptor {
  return permission("net", `${bracketed(host)}:${port}`);
}

function unix(path: string): Deno.PermissionDescriptor {
  return permission("net", `unix:${path}`);
}

function files(path: string): Deno.PermissionDescriptor[] {
  return [permission("read", path), permission("write", path)];
}

function flagOf(descriptor: Deno.PermissionDescriptor): string {
  const item = descriptor.name === "net" ? descriptor.host : "path" in descriptor ? descriptor.path : undefined;
  return `--allow-${descriptor.name}${item === undefined ? "" : `=${item}`}`;
}

function placeName(place: Place): string {
  return place.kind === "unix" ? Deno.inspect(place.path) : describe([place.host, place.port]);
}

/** `error`, which the addon has thrown, with a message that says what could not be done and where. */
export function placed(error: unknown, action: string, address: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const reason = error.message.replace(/^[^:]*: /, "");
  const ErrorClass = error.constructor as new (message: string) => Error;
  return inPlaceOf(error, new ErrorClass(`Cannot ${action} ${describe(address)}: ${reason}`));
}
