// Errors of the addon as the error classes that users know.

import { InvalidStateError, ProcessError } from "../errors.ts";
import { isError, withUsersFrames, withUsersFramesLater } from "../runtime/stack.ts";

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

/** The `code` that the addon has given what became of these errors. */
const codes = new WeakMap<Error, string>();

/** The addon's code of an error; `undefined` if it comes from elsewhere. */
export function codeOf(error: unknown): string | undefined {
  return codes.get(error as Error);
}

/** Has an error that is thrown in place of another have the same code, and the user's frames alone. */
export function inPlaceOf<T extends Error>(other: unknown, error: T): T {
  const code = codeOf(other);
  return code === undefined ? withUsersFrames(error) : coded(error, code);
}

/**
 * The error class for the `code` of an error of the addon, with the user's frames alone; anything else unchanged. The
 * addon's own error says the same, and is no cause of it.
 */
export function translate(error: unknown): unknown {
  if (!isError(error)) return error; // what was called may have called the user's code, which throws anything
  if (typeof (error as { code?: unknown }).code !== "string") return error;
  return coded(ofKnownClass(error as Error & { code: string }), (error as Error & { code: string }).code);
}

function coded<T extends Error>(error: T, code: string): T {
  codes.set(error, code);
  return WITHOUT_DESCRIPTORS.has(code) ? withUsersFramesLater(error) : withUsersFrames(error);
}

/** ENFILE and EMFILE. */
const WITHOUT_DESCRIPTORS: ReadonlySet<string> = new Set(["OS:23", "OS:24"]);

function ofKnownClass(error: Error & { code: string }): Error {
  const { code, message } = error;
  if (code.startsWith("OS:")) {
    const ErrorClass = OS_ERRORS[Number(code.slice(3))];
    const told = ADVICE[Number(code.slice(3))] === undefined ? message : `${message}; ${ADVICE[Number(code.slice(3))]}`;
    return ErrorClass === undefined ? new Error(told) : new ErrorClass(told);
  }
  switch (code) {
    case "EXHAUSTED":
      return new RangeError(message);
    case "NO_SUCH_OBJECT":
    case "STATE":
      return new InvalidStateError(message);
    case "NOT_CAPABLE":
      return new Deno.errors.NotCapable(message);
    case "UNSUPPORTED":
      return new Deno.errors.NotSupported(message);
    case "CORRUPTED":
    case "ORPHANED":
      return new ProcessError(message);
    case "NO_SUCH_HOST":
      return new Deno.errors.NotFound(message);
    case "CUT_OFF":
      return new Deno.errors.UnexpectedEof(message);
    case "BAD_LENGTH":
      return new Deno.errors.InvalidData(message);
    default:
      return error;
  }
}

/** What to change where the system's own words do not say it, by `errno(3)` number. */
const ADVICE: Readonly<Record<number, string>> = {
  23: "the whole machine has no more of them: raise fs.file-max", // ENFILE
  24: "raise the limit that `ulimit -n` shows, or close what is not needed any more", // EMFILE
};

/** `errno(3)` numbers of Linux. */
const OS_ERRORS: Readonly<Record<number, new (message: string) => Error>> = {
  1: Deno.errors.PermissionDenied, // EPERM
  2: Deno.errors.NotFound, // ENOENT
  7: RangeError, // E2BIG: arguments or environment too long
  9: Deno.errors.BadResource, // EBADF: no such descriptor, or not for this direction
  8: Deno.errors.InvalidData, // ENOEXEC: no program
  11: Deno.errors.WouldBlock, // EAGAIN: no more processes or threads
  13: Deno.errors.PermissionDenied, // EACCES
  17: Deno.errors.AlreadyExists, // EEXIST
  20: Deno.errors.NotADirectory, // ENOTDIR
  21: Deno.errors.IsADirectory, // EISDIR
  22: RangeError, // EINVAL: a NUL byte in a name or path
  32: Deno.errors.BrokenPipe, // EPIPE
  36: RangeError, // ENAMETOOLONG
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
