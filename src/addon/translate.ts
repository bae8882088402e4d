// Errors of the addon as the error classes that users know.

import { InvalidStateError, ProcessError } from "../errors.ts";
import { isError } from "../runtime/stack.ts";

/**
 * Runs a function of the addon, and throws what it throws as the error class that users know.
 */
export function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw translate(error);
  }
}

/** The error class for the `code` of an error of the addon; anything else unchanged. */
export function translate(error: unknown): unknown {
  if (!isError(error)) return error; // what was called may have called the user's code, which throws anything
  const { code, message } = error as { code?: unknown; message: string };
  if (typeof code !== "string") return error;
  const options = { cause: error };
  if (code.startsWith("OS:")) {
    const ErrorClass = OS_ERRORS[Number(code.slice(3))];
    return ErrorClass === undefined ? new Error(message, options) : new ErrorClass(message, options);
  }
  switch (code) {
    case "EXHAUSTED":
      return new RangeError(message, options);
    case "NO_SUCH_OBJECT":
    case "STATE":
      return new InvalidStateError(message, options);
    case "NOT_CAPABLE":
      return new Deno.errors.NotCapable(message, options);
    case "UNSUPPORTED":
      return new Deno.errors.NotSupported(message, options);
    case "CORRUPTED":
    case "ORPHANED":
      return new ProcessError(message, options);
    case "NO_SUCH_HOST":
      return new Deno.errors.NotFound(message, options);
    case "CUT_OFF":
      return new Deno.errors.UnexpectedEof(message, options);
    case "BAD_LENGTH":
      return new Deno.errors.InvalidData(message, options);
    default:
      return error;
  }
}

/** `errno(3)` numbers of Linux. */
const OS_ERRORS: Readonly<Record<number, new (message: string, options?: ErrorOptions) => Error>> = {
  1: Deno.errors.PermissionDenied, // EPERM
  2: Deno.errors.NotFound, // ENOENT
  7: RangeError, // E2BIG: arguments or environment too long
  9: Deno.errors.BadResource, // EBADF: no such descriptor, or not for this direction
  8: Deno.errors.InvalidData, // ENOEXEC: no program
  11: Deno.errors.WouldBlock, // EAGAIN: no more processes or threads
  13: Deno.errors.PermissionDenied, // EACCES
  20: Deno.errors.NotADirectory, // ENOTDIR
  22: RangeError, // EINVAL: a NUL byte in a name or path
  32: Deno.errors.BrokenPipe, // EPIPE
  40: Deno.errors.FilesystemLoop, // ELOOP
  98: Deno.errors.AddrInUse, // EADDRINUSE
  99: Deno.errors.AddrNotAvailable, // EADDRNOTAVAIL
  101: Deno.errors.NetworkUnreachable, // ENETUNREACH
  103: Deno.errors.ConnectionAborted, // ECONNABORTED
  104: Deno.errors.ConnectionReset, // ECONNRESET
  110: Deno.errors.TimedOut, // ETIMEDOUT
  111: Deno.errors.ConnectionRefused, // ECONNREFUSED
  113: Deno.errors.NetworkUnreachable, // EHOSTUNREACH
};
