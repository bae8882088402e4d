// The stacks of errors that come from a server. An error's own is that of the call here, as with any other function; the
// server's is in the text of its last cause (pool/failures.ts), and in `remoteStack`.

import { isOwnModule } from "../runtime/own_modules.ts";

/** Lines of a stack that are looked at. */
const DEPTH = 50;

/** Gives an error that a call has failed with the stack of the call, without the frames of this package. */
export function atCall(error: unknown): unknown {
  if (!Error.isError(error)) return error;
  try {
    const { stack } = error as Error;
    define(error, "remoteStack", stack);
    define(error, "stack", [headOf(error as Error), ...framesHere()].join("\n"));
  } catch {
    // The class of the user does not let it be changed.
  }
  return error;
}

function define(error: object, name: string, value: unknown): void {
  Object.defineProperty(error, name, { value, writable: true, configurable: true });
}

function headOf({ name, message }: Error): string {
  return message === "" ? String(name) : `${name}: ${message}`;
}

/** Where the call was made. */
function framesHere(): string[] {
  const { stackTraceLimit } = Error;
  const here: { stack?: unknown } = {};
  Error.stackTraceLimit = DEPTH;
  Error.captureStackTrace(here, atCall);
  Error.stackTraceLimit = stackTraceLimit;
  if (typeof here.stack !== "string") return []; // the user's own idea of a stack
  const lines = here.stack.split("\n").filter((line) => /^ +at /.test(line) && !isOurs(line));
  return lines.slice(0, stackTraceLimit);
}

function isOurs(line: string): boolean {
  const url = line.match(/((?:file|https?|data|jsr|npm):[^)]*?)(?::\d+)*\)?$/)?.[1];
  return url === undefined ? line.includes("<anonymous>") : isOwnModule(url);
}
