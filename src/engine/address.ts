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
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "sentinel"; readonly servers: readonly HostAndPort[] }
  | { readonly kind: "cluster"; readonly servers: readonly HostAndPort[]; readonly ca: string | null };

/** Where a server listens. */
interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const ACTION = "get a context";
/** The URLs that there are, for messages. */
const FORMS = "redis://[user[:password]@]host[:port][/db], rediss://… (TLS), redis+unix:///path, " +
  "redis+sentinel://host[:port],…/name[/db] or redis+cluster://host[:port],…";
const PORT = 6379;
/** That of a sentinel. */
const SENTINEL_PORT = 26379;
/** How long the name of a host may be looked for, in milliseconds. */
const LOOK_UP = 5_000;
/** What all keys begin with, unless a URL says it. */
const PREFIX = "mp:";
/** Scheme, user and password, hosts, path, parameters. */
const URL_PARTS = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

/**
 * The engine that a URL names.
 *
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
  const parameters = parametersOf(query, fail);
  const prefix = prefixOf(parameters, fail);
  const given = { authority, path, login: loginOf(login, fail), parameters, prefix, fail };
  switch (scheme) {
    case "redis":
    case "rediss":
      return tcpAddress(scheme, given);
    case "redis+unix":
      return unixAddress(given);
    case "redis+sentinel":
      return sentinelAddress(given);
    case "redis+cluster":
    case "rediss+cluster":
      return clusterAddress(scheme, given);
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
  /** What all keys begin with, as a parameter; none if it is the usual. */
  readonly prefix: string[];
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

function prefixOf(parameters: ReadonlyMap<string, string>, fail: Given["fail"]): string[] {
  const prefix = parameters.get("prefix") ?? PREFIX;
  if (!/^[A-Za-z0-9.:_-]{1,64}$/.test(prefix)) fail('its prefix is none, wanted 1 to 64 letters, digits and ".:_-"');
  return prefix === PREFIX ? [] : [`prefix=${prefix}`];
}

/** Refuses parameters that there are not. */
function allow({ parameters, fail }: Given, ...known: string[]): void {
  for (const name of parameters.keys()) {
    const wanted = [...known, "prefix"].join(", ");
    if (name !== "prefix" && !known.includes(name)) fail(`there is no parameter "${name}", wanted ${wanted}`);
  }
}

/** What is behind the path: those that there are of the parameters. */
function queryOf(...parameters: string[]): string {
  return parameters.length === 0 ? "" : `?${parameters.join("&")}`;
}

function caOf({ parameters }: Given): { ca: string | null; asParameter: string[] } {
  const ca = parameters.get("ca") ?? null;
  return { ca, asParameter: ca === null ? [] : [`ca=${encodeURIComponent(ca)}`] };
}

function hostOf(text: string, fail: Given["fail"], usual = PORT): HostAndPort {
  const parts = text.match(/^(\[[0-9a-fA-F:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/);
  if (parts === null) return fail("its host and port cannot be read, wanted host:port or [host]:port");
  const host = (parts[1].replace(/^\[|\]$/g, "") || "localhost").toLowerCase();
  const port = parts[2] === undefined ? usual : Number(parts[2]);
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
  const { ca, asParameter } = caOf(given);
  const rest = `${written(place)}/${database}`;
  return {
    shown: `${scheme}://${rest}${queryOf(...given.prefix)}`,
    url: `${scheme}://${given.login}${rest}${queryOf(...asParameter, ...given.prefix)}`,
    way: { kind: "tcp", ...place, ca },
  };
}

function unixAddress(given: Given): EngineAddress {
  allow(given, "db");
  if (given.authority !== "") given.fail("wanted a path behind three slashes: redis+unix:///run/redis.sock");
  const path = decoded(given.path, "path", given.fail);
  if (path.length < 2) given.fail("it has no path: redis+unix:///run/redis.sock");
  const database = databaseOf(given.parameters.get("db") ?? "", given.fail);
  const rest = `${encodeURI(path)}${queryOf(`db=${database}`, ...given.prefix)}`;
  return { shown: `redis+unix://${rest}`, url: `redis+unix://${given.login}${rest}`, way: { kind: "unix", path } };
}

/** `redis+sentinel://host,host/name/db`: the login is that of the servers; sentinels have one in the parameters. */
function sentinelAddress(given: Given): EngineAddress {
  const { authority, path, login, parameters, fail } = given;
  allow(given, "sentinelUser", "sentinelPassword");
  const [, name = "", database = ""] = path.match(/^\/([^/]*)(?:\/([^/]*))?$/) ?? [];
  if (name === "") fail("it has no name of a primary: redis+sentinel://host,host/name");
  const servers = authority.split(",").map((host) => hostOf(host, fail, SENTINEL_PORT));
  const rest = `${servers.map(written).join()}/${encodeURIComponent(decoded(name, "name", fail))}/${
    databaseOf(database, fail)
  }`;
  const logins = [...parameters].filter(([key]) => key !== "prefix");
  const query = logins.map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return {
    shown: `redis+sentinel://${rest}${queryOf(...given.prefix)}`,
    url: `redis+sentinel://${login}${rest}${queryOf(...query, ...given.prefix)}`,
    way: { kind: "sentinel", servers },
  };
}

/** `redis+cluster://host,host`: servers of it, which are asked who has the keys. */
function clusterAddress(scheme: string, given: Given): EngineAddress {
  allow(given, ...scheme === "rediss+cluster" ? ["ca"] : []);
  const { authority, path, login, prefix, fail } = given;
  if (!["", "/", "/0"].includes(path)) fail("a cluster has no databases, wanted redis+cluster://host,host");
  const { ca, asParameter } = caOf(given);
  const servers = authority.split(",").map((host) => hostOf(host, fail));
  const rest = servers.map(written).join();
  return {
    shown: `${scheme}://${rest}${queryOf(...prefix)}`,
    url: `${scheme}://${login}${rest}${queryOf(...asParameter, ...prefix)}`,
    way: { kind: "cluster", servers, ca },
  };
}

/**
 * Asks Deno whether this program may connect to the engine, as it is asked before a `Client` connects. Of a group the
 * sentinels are asked for, of a cluster the servers that are named: whom these name is the engine.
 *
 * @throws {Deno.errors.NotCapable} If not; the message names the flag that is missing.
 * @throws {Deno.errors.NotFound} If there is no such host or path.
 */
export function requireEnginePermission({ way }: EngineAddress): void {
  if (way.kind === "unix") return requirePlace(way.path);
  requireServers(way.kind === "tcp" ? [way] : way.servers);
  if (way.kind !== "sentinel" && way.ca !== null) Deno.statSync(way.ca);
}

/** Of several that are named not all need be there. */
function requireServers(servers: readonly HostAndPort[]): void {
  let missing: unknown;
  let found = 0;
  for (const { host, port } of servers) {
    try {
      requirePlace([host, port]);
      found++;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      missing = error; // one of several
    }
  }
  if (found === 0) throw missing;
}

function requirePlace(address: string | readonly [host: string, port: number]): void {
  using search = new Search(address, { action: "connect to the engine at", family: undefined });
  search.finish(LOOK_UP);
}
