// How pickles name the objects of a manager's server: a token, and what makes a proxy of one.

import { PythonName, PythonObject } from "../pickle/python_object.ts";
import type { Call } from "../pickle/reduction.ts";
import type { Restorer, Restorers } from "../pickle/restorer.ts";
import { entriesOf } from "../pickle/dicts.ts";
import { tupleOf } from "../pickle/tuple.ts";
import { AUTO, MANAGERS, REBUILD } from "./wire.ts";

/** An address as Python has it: a path, a host and a port, or the bytes of an abstract name. */
export type PythonAddress = string | readonly [host: string, port: number] | Uint8Array;

/** The most names that an object may expose. */
const MOST_NAMES = 10_000;
/** What a name of Python's is, as far as a class here can have it. */
const IDENTIFIER = /^[\p{ID_Start}_][\p{ID_Continue}]*$/u;

/** Which object of which server. */
export class Token {
  readonly typeid: string;
  readonly address: PythonAddress;
  readonly id: string;

  constructor(typeid: string, address: PythonAddress, id: string) {
    this.typeid = typeid;
    this.address = address;
    this.id = id;
  }
}

/** What a pickle says of a proxy. */
export interface SaidProxy {
  readonly token: Token;
  /** Of its class, with the module: `multiprocessing.managers.DictProxy`. */
  readonly className: string;
  /** What the object exposes; `null` if that is not said. */
  readonly exposed: readonly string[] | null;
}

/**
 * What pickles between a server and its clients may name besides. `proxyOf` makes something of what is said of a proxy; it
 * may be asked more than once for the same one.
 */
export function tablesOf(proxyOf: (said: SaidProxy) => unknown): Restorers {
  return new Map<string, Restorer>([
    [`${MANAGERS}.Token`, { finish: ({ args, state }) => tokenOf(state ?? args) }],
    [REBUILD, { finish: ({ args }) => proxyOf(saidProxy(args)) }],
    // A view of a dict's keys, values or items is sent as a call of `list`.
    ["builtins.list", { make: ([items]) => Array.isArray(items) ? items : [], keeps: true }],
  ]);
}

function tokenOf(parts: unknown): Token {
  const [typeid, given, id] = Array.isArray(parts) ? parts : [];
  const address = addressOf(given);
  if (typeof typeid !== "string" || typeof id !== "string" || address === null) throw new RangeError("it is no token");
  return new Token(typeid, address, id);
}

/** An address that a pickle has; `null` if it is none. */
function addressOf(value: unknown): PythonAddress | null {
  if (typeof value === "string" || value instanceof Uint8Array) return value;
  if (!Array.isArray(value)) return null;
  const [host, port] = value;
  return typeof host === "string" && typeof port === "number" && Number.isInteger(port) ? [host, port] : null;
}

function saidProxy([type, token, , kwds]: readonly unknown[]): SaidProxy {
  if (!(type instanceof PythonName) || !(token instanceof Token)) throw new RangeError("it does not say of what");
  const exposed = entriesOf(kwds)?.find(([name]) => name === "exposed")?.[1];
  return { token, className: `${type}`, exposed: exposed === undefined || exposed === null ? null : namesOf(exposed) };
}

/**
 * The names that an object exposes, as a message has said them, without those that no class here can have.
 *
 * @throws {RangeError} If they are none.
 */
export function namesOf(said: unknown): readonly string[] {
  const names: unknown[] | null = Array.isArray(said) ? said : said instanceof Set ? [...said] : null;
  if (names === null || names.length > MOST_NAMES || names.some((name) => typeof name !== "string")) {
    throw new RangeError("what it exposes are no names");
  }
  return [...new Set(names as string[])].filter((name) => IDENTIFIER.test(name));
}

const TOKEN = new PythonName(MANAGERS, "Token");
const REBUILD_NAME = new PythonName(MANAGERS, "RebuildProxy");

/** A token as Python pickles one. */
export function reducedToken({ typeid, address, id }: Token): Call {
  return { name: TOKEN, args: [], isCalled: false, state: tupleOf([typeid, written(address), id]) };
}

function written(address: PythonAddress): unknown {
  return Array.isArray(address) ? tupleOf(address) : address;
}

/** A proxy as Python pickles one. */
export function reducedProxy({ token, className, exposed }: SaidProxy): Call {
  const { name, args, state } = reducedToken(token);
  const described = new PythonObject(name, args, { isCalled: false, state });
  const dot = className.lastIndexOf(".");
  const type = new PythonName(className.slice(0, dot), className.slice(dot + 1));
  const kwds = className === AUTO && exposed !== null ? { exposed: tupleOf(exposed) } : {};
  return { name: REBUILD_NAME, args: [type, described, "pickle", kwds] };
}
