// Exceptions that Python's managers raise besides those of its builtins, and this package's errors, in both directions.

import {
  AuthenticationError,
  BrokenBarrierError,
  Empty,
  EOFError,
  Full,
  InvalidStateError,
  ProcessError,
  RemoteError,
  ShutDown,
  TimeoutError,
} from "../errors.ts";
import type { ErrorClass, PythonException } from "../pickle/exceptions.ts";
import { PythonName } from "../pickle/python_object.ts";
import type { Call } from "../pickle/reduction.ts";
import { stacksOf } from "../pickle/reduce/errors.ts";
import { errorOfClass } from "../pickle/restore/exceptions.ts";
import type { Restorer, Restorers } from "../pickle/restorer.ts";

/** By the names of Python's classes, ours, and what they say without a text of their own. */
const OURS: readonly (readonly [string, ErrorClass, string])[] = [
  ["queue.Empty", Empty, "The queue is empty"],
  ["_queue.Empty", Empty, "The queue is empty"],
  ["queue.Full", Full, "The queue is full"],
  ["queue.ShutDown", ShutDown, "The queue was shut down"],
  ["threading.BrokenBarrierError", BrokenBarrierError, "The barrier is broken"],
  ["multiprocessing.context.TimeoutError", TimeoutError, "It was not done in time"],
  ["multiprocessing.context.ProcessError", ProcessError, ""],
  ["multiprocessing.context.AuthenticationError", AuthenticationError, ""],
  ["multiprocessing.managers.RemoteError", RemoteError, ""],
];

/** Restorers of those. */
export const EXCEPTIONS: Restorers = new Map(OURS.map(([name, Class, words]): [string, Restorer] => [name, {
  make: (args, context) => {
    const [first] = args;
    const type = name.slice(name.lastIndexOf(".") + 1);
    return errorOfClass(Class, typeof first === "string" ? first : words, { type, args, others: null }, context);
  },
}]));

/** By our classes, the modules and names of those that every Python has. A child class comes before its parent. */
const PYTHONS: readonly (readonly [ErrorClass, string, string])[] = [
  [Empty, "queue", "Empty"],
  [Full, "queue", "Full"],
  [BrokenBarrierError, "threading", "BrokenBarrierError"],
  [TimeoutError, "multiprocessing.context", "TimeoutError"],
  [AuthenticationError, "multiprocessing.context", "AuthenticationError"],
  [RemoteError, "multiprocessing.managers", "RemoteError"],
  [EOFError, "builtins", "EOFError"],
  [InvalidStateError, "builtins", "ValueError"],
  [ProcessError, "multiprocessing.context", "ProcessError"],
];

/** Names that Python's builtins have, too: an error that is said to be of that type may be one of those. */
const OF_BUILTINS: readonly string[] = ["EOFError", "TimeoutError", "ValueError"];

/**
 * An error of this package's as the exception that Python has for it, with its stack as a note; `undefined`: another one.
 * One that has come from Python is what it was there.
 */
export function reducedException(error: object): Call | undefined {
  if (!(error instanceof Error)) return undefined;
  const { type, args, notes = stacksOf(error) } = error as Partial<PythonException>;
  const known = PYTHONS.find(([Class, , name]) =>
    error instanceof Class && (type === undefined || type === name && !OF_BUILTINS.includes(type))
  );
  if (known === undefined) return undefined;
  const [, module, name] = known;
  return {
    name: new PythonName(module, name),
    args: Array.isArray(args) ? args : [String(error.message)],
    state: new Map([["__notes__", notes]]),
  };
}
