// Where an engine is: URLs as users write them, checked, permitted, and shown without their password.

import { Search } from "../connection/resolve.ts";

/** An engine's place, as a URL names it. */
export interface EngineAddress {
  /** What it is shown as, and known by: the URL in its one form, without user and password. */
  readonly shown: string;
  /** What the client is given: the URL in its one form, with its password. Never to be shown. */
  readonly url: string;
  /** How it is connected to. */
  readonly way: EngineWay;
}

/** How an engine is connected to. */
export type EngineWay =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly ca: string | null }
  | { readonly kind: "unix"; readonly path: string };

/** Where a server listens. */
interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const ACTION = "get a context";
/** The URLs that there are, for messages. */
const FORMS = "redis://[user[:password]@]host[:port][/db], rediss://… (TLS) or redis+unix:///path";
const PORT = 6379;
/** How long the name of a host may be looked for, in milliseconds. */
const LOOK_UP = 5_000;
/** Scheme, user and password, hosts, path, parameters. */
const URL_PARTS = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

/**
 * The engine that a URL names.
 *
 * @throws {Deno.errors.NotSupported} If it names several servers.
 * @throws {RangeError} If it names none. No message has more of it than the scheme: a password may be anywhere in what
 * cannot be read.
 */
export function engineAddressOf(text: string): EngineAddress {
  const fail = (why: string): never => {
    throw new RangeError(`Cannot ${ACTION} of "${schemeOf(text)}://…": ${why}`);
  };
  const parts = text.match(URL_PARTS);
  if (parts === null) return fail(`it is no URL of an engine, wanted ${FORMS}`);
  const [, written, login, authority, path = "", query = ""] = parts;
  const scheme = written.replace(/^valkey/, "redis");
  const given = { authority, path, login: loginOf(login, fail), parameters: parametersOf(query, fail), fail };
  switch (scheme) {
    case "redis":
    case "rediss":
      return tcpAddress(scheme, given);
    case "redis+unix":
      return unixAddress(given);
    case "redis+sentinel":
    case "redis+cluster":
      throw new Deno.errors.NotSupported(`Cannot ${ACTION} of "${schemeOf(text)}://…": wanted one server, ${FORMS}`);
    default:
      return fail(`wanted ${FORMS}`);
  }
}

/** A URL in its parts. */
interface Given {
  readonly authority: string;
  readonly path: string;
  /** As it stands before the hosts, with its `@`; empty if there is none. */
  readonly login: string;
  readonly parameters: ReadonlyMap<string, string>;
  /** Refuses the URL. */
  readonly fail: (why: string) => never;
}

function schemeOf(text: string): string {
  const scheme = text.slice(0, text.indexOf("://"));
  return /^[a-z+]{1,20}$/.test(scheme) ? scheme : "…";
}

/** The user and the password, each written in its one form. */
function loginOf(login: string | undefined, fail: Given["fail"]): string {
  if (login === undefined || login === "") return "";
  const colon = login.indexOf(":");
  const user = decoded(colon < 0 ? login : login.slice(0, colon), "user", fail);
  if (colon < 0) return `${encodeURIComponent(user)}@`;
  const password = decoded(login.slice(colon + 1), "password", fail);
  return `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
}

function decoded(part: string, what: string, fail: Given["fail"]): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return fail(`its ${what} is not percent-encoded`);
  }
}

function parametersOf(query: string, fail: Given["fail"]): Map<string, string> {
  const pairs = query === "" ? [] : query.split("&").map((pair): [string, string] => {
    const equals = pair.indexOf("=");
    if (equals < 0) fail(`its parameter "${pair}" has no value`);
    return [pair.slice(0, equals), decoded(pair.slice(equals + 1), "parameter", fail)];
  });
  return new Map(pairs);
}

/** Refuses parameters that there are not. */
function allow({ parameters, fail }: Given, ...known: string[]): void {
  for (const name of parameters.keys()) {
    const wanted = known.length === 0 ? "it takes none" : `wanted ${known.join(", ")}`;
    if (!known.includes(name)) fail(`there is no parameter "${name}", ${wanted}`);
  }
}

function hostOf(text: string, fail: Given["fail"]): HostAndPort {
  const parts = text.match(/^(\[[0-9a-fA-F:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/);
  if (parts === null) return fail("its host and port cannot be read, wanted host:port or [host]:port");
  const host = (parts[1].replace(/^\[|\]$/g, "") || "localhost").toLowerCase();
  const port = parts[2] === undefined ? PORT : Number(parts[2]);
  if (port < 1 || port > 65535) fail("wanted a port from 1 to 65535");
  return { host, port };
}

function written({ host, port }: HostAndPort): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function databaseOf(text: string, fail: Given["fail"]): number {
  if (/^\d{0,5}$/.test(text)) return Number(text);
  return fail("its database is no number, wanted /0 or nothing");
}

function tcpAddress(scheme: string, given: Given): EngineAddress {
  const isTls = scheme === "rediss";
  allow(given, ...isTls ? ["ca"] : []);
  const place = hostOf(given.authority, given.fail);
  const database = databaseOf(given.path.slice(1), given.fail);
  const ca = given.parameters.get("ca") ?? null;
  const rest = `${written(place)}/${database}`;
  return {
    shown: `${scheme}://${rest}`,
    url: `${scheme}://${given.login}${rest}${ca === null ? "" : `?ca=${encodeURIComponent(ca)}`}`,
    way: { kind: "tcp", ...place, ca },
  };
}

function unixAddress(given: Given): EngineAddress {
  allow(given, "db");
  if (given.authority !== "") given.fail("wanted a path behind three slashes: redis+unix:///run/redis.sock");
  const path = decoded(given.path, "path", given.fail);
  if (path.length < 2) given.fail("it has no path: redis+unix:///run/redis.sock");
  const database = databaseOf(given.parameters.get("db") ?? "", given.fail);
  const rest = `${encodeURI(path)}?db=${database}`;
  return { shown: `redis+unix://${rest}`, url: `redis+unix://${given.login}${rest}`, way: { kind: "unix", path } };
}

/**
 * Asks Deno whether this program may connect to the engine, as it is asked before a `Client` connects.
 *
 * @throws {Deno.errors.NotCapable} If not; the message names the flag that is missing.
 * @throws {Deno.errors.NotFound} If there is no such host or path.
 */
export function requireEnginePermission({ way }: EngineAddress): void {
  const address = way.kind === "unix" ? way.path : [way.host, way.port] as const;
  using search = new Search(address, { action: "connect to the engine at", family: undefined });
  search.finish(LOOK_UP);
  if (way.kind === "tcp" && way.ca !== null) Deno.statSync(way.ca);
}
