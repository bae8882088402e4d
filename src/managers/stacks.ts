// The stacks of errors that come from a server: the user's frames there, a line that says so, and the frames of the call. All
// that the server would have printed is in the last cause (pool/failures.ts); its stack is in `remoteStack`.

import { headOf, isError, leaveOutOwnFrames, partsOf, setStack, usersFrames } from "../runtime/stack.ts";

/** Lines of a stack that are looked at. */
const DEPTH = 50;

/** Gives an error that the call of a method has failed with the frames of the call, and leaves out those of this package. */
export function atCall(error: unknown, asked: string): unknown {
  if (!isError(error)) return error;
  try {
    const { stack: value, message } = error;
    Object.defineProperty(error, "remoteStack", { value, writable: true, configurable: true });
    leaveOutOwnFrames(error);
    const here = framesHere();
    // What was made here, such as the end of a time limit, may have them already.
    const there = usersFrames(partsOf(`${value}`, message).frames).filter((frame) => !here.includes(frame));
    const line = there.length === 0 ? [] : [`    at ${asked} (a manager's server)`];
    setStack(error, headOf(error), [...there, ...line, ...here]);
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
