// What a server of Python's has answered: a value, or the error that fits the exception.

import { AuthenticationError, ProcessError, PythonError, RemoteError } from "../../errors.ts";
import { Namespace } from "../../managers/namespace.ts";
import { entriesOf, itemOf } from "../../pickle/dicts.ts";
import { loadWith } from "../../pickle/loads.ts";
import { PythonObject } from "../../pickle/python_object.ts";
import type { Restorer, Restorers } from "../../pickle/restorer.ts";
import { EXCEPTIONS } from "../exceptions.ts";
import { namesOf, Token } from "../token.ts";
import { Kind, MANAGERS } from "../wire.ts";
import type { Answer } from "./ask.ts";

/** What a listener begins with that asks for a key. */
const CHALLENGE = new TextEncoder().encode("#CHALLENGE#");

/** Copies of the objects of Python's own types that are none of plain data. */
const COPIES: Restorers = new Map<string, Restorer>([
  [`${MANAGERS}.Namespace`, {
    finish: ({ state }) => new Namespace(Object.fromEntries(entriesOf(state) ?? [])),
    keeps: true,
  }],
  [`${MANAGERS}.Value`, { finish: ({ state }) => itemOf(state, "_value"), keeps: true }],
]);

/** What an answer may say of proxies. */
export interface Reading {
  /** What a pickle may name. */
  readonly tables: Restorers;
  /** An object that the result has become; the client has one reference to it. */
  given(token: Token, exposed: readonly string[]): unknown;
}

/** Of answers that speak of no objects. */
export const NO_PROXIES: Reading = {
  tables: new Map(),
  given() {
    throw new RangeError("it speaks of an object");
  },
};

/**
 * Reads an answer.
 *
 * @param server For messages.
 * @returns What it says; what cannot be read is an error of this answer alone.
 */
export function answerOf(bytes: Uint8Array, { tables, given }: Reading, server: string): Answer {
  if (startsWith(bytes, CHALLENGE)) {
    return { error: new AuthenticationError(`Cannot use the manager's server ${server}: it asks for an authkey`) };
  }
  try {
    const message = loadWith(bytes, { unknown: "object" }, [tables, EXCEPTIONS, COPIES]);
    const [kind, said] = Array.isArray(message) && message.length === 2 ? message : [];
    switch (kind) {
      case Kind.result:
        return { value: said };
      case Kind.error:
        return { error: errorOf(said) };
      case Kind.proxy:
        return { value: becomes(said, given) };
      case Kind.traceback:
        return { error: remoteError(said, server) };
      case Kind.unserializable:
        return { error: new RemoteError(`Unserializable message: ${lastLine(said)}`, { remoteStack: String(said) }) };
    }
    throw new RangeError("it is no pair of a kind and what it says");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return {
      error: new ProcessError(`Cannot read the answer of the manager's server ${server}: ${why}`, { cause: error }),
    };
  }
}

function becomes(said: unknown, given: Reading["given"]): unknown {
  const [exposed, token] = Array.isArray(said) ? said : [];
  if (!(token instanceof Token)) throw new RangeError("it does not say which object the result has become");
  return given(token, namesOf(exposed));
}

/** The error of an exception: that of a class which fits it, or a {@linkcode PythonError}. */
function errorOf(exception: unknown): unknown {
  if (exception instanceof PythonObject) {
    const { type, args, state } = exception;
    const notes = itemOf(state, "__notes__");
    return new PythonError(words(args), { type: `${type}`, args, notes: Array.isArray(notes) ? notes : [] });
  }
  if (!(exception instanceof Error)) {
    return new RemoteError("A method of a manager's object has failed, and its server does not say by what exception");
  }
  const { type, args, notes } = exception as Partial<PythonError>;
  if (Object.getPrototypeOf(exception) !== Error.prototype || typeof type !== "string") return exception;
  return new PythonError(exception.message, { type, args, notes });
}

/** What an exception of an unknown class was raised with, in words. */
function words(args: readonly unknown[]): string {
  const [first] = args;
  if (args.length === 1 && typeof first === "string") return first;
  return args.length === 0 ? "" : Deno.inspect(args, { depth: 1, colors: false, compact: true, breakLength: Infinity });
}

function remoteError(said: unknown, server: string): RemoteError {
  const text = typeof said === "string" ? said : "";
  return new RemoteError(`The manager's server ${server} has refused the call: ${lastLine(text)}`, {
    remoteStack: text,
  });
}

/** Of a traceback, what says what went wrong: that a name is not exposed is said before the failure to do otherwise. */
function lastLine(text: unknown): string {
  const unexposed = /^AttributeError: method .* is not in exposed=.*$/m.exec(String(text));
  return unexposed !== null ? unexposed[0] : String(text).trimEnd().split("\n").at(-1)!.trim();
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, place) => bytes[place] === byte);
}
