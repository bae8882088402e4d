// Exceptions of Python's builtins, as its own objects raise them.

import type { PythonException } from "../../pickle/exceptions.ts";

/** The exception of that name. It has no stack: where it was raised says nothing about who is to blame. */
export function raised(type: string, ...args: unknown[]): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const error = new Error(args.length === 1 && typeof args[0] === "string" ? args[0] : type);
    return Object.assign(error, { type, args } satisfies Partial<PythonException>);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What an error is where Python has another exception for it: `builtins`, by our classes. The others stay as they are. */
export function as(type: string, ...classes: (new (...args: never[]) => Error)[]): (error: unknown) => never {
  return (error) => {
    if (error instanceof Error && classes.some((Class) => error instanceof Class)) throw raised(type, error.message);
    throw error;
  };
}
