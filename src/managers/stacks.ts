// The stacks of errors that come from a server. An error's own is that of the call here, as with any other function; the
// server's is in the text of its last cause (pool/failures.ts), and in `remoteStack`.

import { headOf, isError, leaveOutOwnFrames, partsOf, setStack, usersFrames } from "../runtime/stack.ts";

/** Lines of a stack that are looked at. */
const DEPTH = 50;

/** Gives an error that a call has failed with the stack of the call, without the frames of this package. */
export function atCall(error: unknown): unknown {
  if (!isError(error)) return error;
  try {
    const { stack: value } = error;
    Object.defineProperty(error, "remoteStack", { value, writable: true, configurable: true });
    leaveOutOwnFrames(error);
    setStack(error, headOf(error), framesHere());
  } catch {
    // The class of the user does not let it be changed.
  }
  return error;
}

/** Where the call was made. */
function framesHere(): string[] {
  const { stackTraceLimit } = Error;
  const here: { stack?: unknown } = {};
  Error.stackTraceLimit = DEPTH;
  Error.captureStackTrace(here, atCall);
  Error.stackTraceLimit = stackTraceLimit;
  if (typeof here.stack !== "string") return []; // the user's own idea of a stack
  return usersFrames(partsOf(here.stack).frames).slice(0, stackTraceLimit);
}
