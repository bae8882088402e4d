/**
 * Which of JavaScript's errors correspond to which of Python's exceptions.
 *
 * @module
 */

/** An error that was an exception of Python's, as `loads` makes it. */
export interface PythonException extends Error {
  /** The name of its class, `KeyError` for instance. */
  type: string;
  /** What it was raised with. */
  args: unknown[];
  /** What was added to it by `add_note`; absent if nothing was. */
  notes?: unknown[];
  /** Its other attributes, as a dict; absent if there are none. */
  state?: unknown;
}

/** An error class of the language, or of Deno. */
export type ErrorClass = new (message: string) => Error;

const { errors } = Deno;

/** By the names of exceptions, the error classes that are nearest; all others are plain errors. */
export const ERRORS: ReadonlyMap<string, ErrorClass> = new Map<string, ErrorClass>([
  ["TypeError", TypeError],
  ["SyntaxError", SyntaxError],
  ["IndentationError", SyntaxError],
  ["TabError", SyntaxError],
  ["NameError", ReferenceError],
  ["UnboundLocalError", ReferenceError],
  ...["ValueError", "ArithmeticError", "OverflowError", "ZeroDivisionError", "FloatingPointError", "LookupError"]
    .map((name) => [name, RangeError] as const),
  ...["IndexError", "KeyError", "RecursionError", "MemoryError", "UnicodeError", "UnicodeDecodeError"]
    .map((name) => [name, RangeError] as const),
  ...["UnicodeEncodeError", "UnicodeTranslateError"].map((name) => [name, RangeError] as const),
  ["FileNotFoundError", errors.NotFound],
  ["FileExistsError", errors.AlreadyExists],
  ["PermissionError", errors.PermissionDenied],
  ["IsADirectoryError", errors.IsADirectory],
  ["NotADirectoryError", errors.NotADirectory],
  ["BlockingIOError", errors.WouldBlock],
  ["InterruptedError", errors.Interrupted],
  ["TimeoutError", errors.TimedOut],
  ["BrokenPipeError", errors.BrokenPipe],
  ["ConnectionAbortedError", errors.ConnectionAborted],
  ["ConnectionRefusedError", errors.ConnectionRefused],
  ["ConnectionResetError", errors.ConnectionReset],
  ["EOFError", errors.UnexpectedEof],
]);

/** The other exceptions of Python's builtins, that nothing is near. */
export const OTHERS: readonly string[] = [
  ...["Exception", "BaseException", "AssertionError", "AttributeError", "BufferError", "ImportError"],
  ...["ModuleNotFoundError", "NotImplementedError", "OSError", "ChildProcessError", "ConnectionError"],
  ...["ProcessLookupError", "ReferenceError", "RuntimeError", "StopIteration", "StopAsyncIteration", "SystemError"],
  ...["SystemExit", "KeyboardInterrupt", "GeneratorExit", "PythonFinalizationError"],
  ...["Warning", "UserWarning", "DeprecationWarning", "PendingDeprecationWarning", "SyntaxWarning", "RuntimeWarning"],
  ...["FutureWarning", "ImportWarning", "UnicodeWarning", "BytesWarning", "ResourceWarning", "EncodingWarning"],
];

/** Exceptions that have others in them. */
export const GROUPS: readonly string[] = ["ExceptionGroup", "BaseExceptionGroup"];

/** Of an OSError, the class that Python makes of it, by the number that it is raised with (those of Linux). */
export const BY_NUMBER: ReadonlyMap<number, string> = new Map([
  [1, "PermissionError"],
  [2, "FileNotFoundError"],
  [3, "ProcessLookupError"],
  [4, "InterruptedError"],
  [10, "ChildProcessError"],
  [11, "BlockingIOError"],
  [13, "PermissionError"],
  [17, "FileExistsError"],
  [20, "NotADirectoryError"],
  [21, "IsADirectoryError"],
  [32, "BrokenPipeError"],
  [103, "ConnectionAbortedError"],
  [104, "ConnectionResetError"],
  [108, "BrokenPipeError"],
  [110, "TimeoutError"],
  [111, "ConnectionRefusedError"],
  [114, "BlockingIOError"],
  [115, "BlockingIOError"],
]);

/** By the names of error classes, the exception that Python gets. All others are a RuntimeError. */
const EXCEPTIONS: ReadonlyMap<string, string> = new Map([
  ["RangeError", "ValueError"],
  ["TypeError", "TypeError"],
  ["SyntaxError", "SyntaxError"],
  ["ReferenceError", "NameError"],
  ["URIError", "ValueError"],
  ["NotFound", "FileNotFoundError"],
  ["AlreadyExists", "FileExistsError"],
  ["PermissionDenied", "PermissionError"],
  ["NotCapable", "PermissionError"],
  ["IsADirectory", "IsADirectoryError"],
  ["NotADirectory", "NotADirectoryError"],
  ["WouldBlock", "BlockingIOError"],
  ["Interrupted", "InterruptedError"],
  ["TimedOut", "TimeoutError"],
  ["TimeoutError", "TimeoutError"],
  ["BrokenPipe", "BrokenPipeError"],
  ["ConnectionAborted", "ConnectionAbortedError"],
  ["ConnectionRefused", "ConnectionRefusedError"],
  ["ConnectionReset", "ConnectionResetError"],
  ["UnexpectedEof", "EOFError"],
  ["EOFError", "EOFError"],
]);

/** Whether Python's builtins have an exception of that name. */
export function isException(name: string): boolean {
  return ERRORS.has(name) || OTHERS.includes(name) || GROUPS.includes(name);
}

/** The exception that Python gets for an error: by its own name, or by that of the class which it extends. */
export function exceptionOf(error: Error): string {
  for (let at: object | null = error; at !== null; at = Object.getPrototypeOf(at)) {
    const name: unknown = Object.getOwnPropertyDescriptor(at, "name")?.value ??
      Object.getOwnPropertyDescriptor(at, "constructor")?.value?.name;
    const found = typeof name === "string" ? EXCEPTIONS.get(name) : undefined;
    if (found !== undefined) return found;
  }
  return "RuntimeError";
}
