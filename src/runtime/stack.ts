// The texts of stacks: which part of them says what the error is, and which frames are the user's own. What a user reads
// of an error has no frames of this package, and no module that is written out in its URL.

import { current } from "./current.ts";
import { isOwnFrame } from "./own_modules.ts";

/** Where modules are that have no name but their text: the text is left out of what is longer. */
const LONGEST_DATA = 60;
/** A longer text of a stack is not looked at: it may be anybody's. */
const LONGEST_STACK = 256 * 1024;

/** A frame, as V8 writes it. */
const FRAME = /^\s+at /;
/** The place of a frame, with what follows it. A name before it may have spaces and parentheses in it, as may the place:
 * so it begins at the first scheme. */
const PLACE = /(?:^\s+at (?:async )?|\()((?:file|https?|data|blob|ext|node|wasm|jsr|npm):.*)$/;
/** What was called in another process (pool/where.ts, managers/stacks.ts), in an error that has been through it. */
const TOLD = /^\s+at (?:items? \d.* of |)pool\.|^\s+at initializer |^\s+at \S+ \(a manager's server\)$/;
/** What is a place of the runtime's own. */
const RUNTIME = /^(?:ext|node):/;
/** A module that is its own URL: what its text is in, the text, and the line and column behind it. */
const DATA = /(data:[^,\s]*,)(.*?)((?::\d+){0,2}\)*(?:, <anonymous>[^,]*)?)$/;

/** A stack in two parts. */
export interface Stack {
  /** What the error is, as it was when it was made: `RangeError: out of stock`. */
  readonly head: string;
  /** The frames, innermost first, each with its indentation. */
  readonly frames: readonly string[];
}

/** The parts of a stack; the message tells where its own lines end, some of which may look like frames. */
export function partsOf(stack: string, message = ""): Stack {
  const text = stack.length > LONGEST_STACK ? stack.slice(0, LONGEST_STACK) : stack;
  const at = message === "" ? -1 : text.indexOf(message);
  const isInHead = at >= 0 && !/\n\s+at /.test(text.slice(0, at));
  const end = isInHead ? at + message.length : 0;
  const lines = text.slice(end).split("\n");
  let first = lines.length;
  while (first > 0 && FRAME.test(lines[first - 1])) first--;
  return { head: text.slice(0, end) + lines.slice(0, first).join("\n"), frames: lines.slice(first) };
}

/** The frames that a user wants to see: without this package's, and what only these have called, or are called by. */
export function usersFrames(frames: readonly string[]): string[] {
  const kept: string[] = [];
  /** Frames of the runtime, of which it is not known yet what they were called by. */
  let neutral: string[] = [];
  let isBelowOwn = false;
  for (const frame of frames) {
    const whose = whoseIs(frame);
    if (whose === "runtime") {
      if (!isBelowOwn) neutral.push(frame);
      continue;
    }
    isBelowOwn = whose === "package";
    if (!isBelowOwn) kept.push(...neutral, shortened(frame));
    neutral = [];
  }
  return [...kept, ...neutral];
}

function whoseIs(frame: string): "user" | "package" | "runtime" {
  const place = frame.match(PLACE)?.[1];
  if (place === undefined && TOLD.test(frame)) return "user";
  if (place === undefined || RUNTIME.test(place)) return "runtime"; // such as Array.map (<anonymous>)
  return isOwnFrame(place) ? "package" : "user";
}

/** A frame without the text of a module that is nowhere but in its URL. */
function shortened(frame: string): string {
  return frame.replace(DATA, (whole, before: string, text: string, after: string) => {
    return text.length <= LONGEST_DATA ? whole : `${before}…${after}`;
  });
}

/** Whether something is an error, also of another realm. Anything may be asked: a proxy that was revoked is none. */
export function isError(value: unknown): value is Error {
  if (Error.isError(value)) return true;
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** Leaves frames of this package out of the stacks of an error and of those inside of it; `others` come behind its own. */
export function leaveOutOwnFrames(error: Error, others: readonly string[] = []): void {
  for (const inner of innerOf(error)) retell(inner, []);
  retell(error, others);
}

/** Puts frames behind those of an error. */
export function addFrames(error: Error, frames: readonly string[]): void {
  if (frames.length > 0) retell(error, frames);
}

function retell(error: Error, others: readonly string[]): void {
  try {
    const { head, frames } = stackOf(error);
    const kept = usersFrames(frames);
    if (kept.length === frames.length && others.length === 0) return;
    setStack(error, head, [...kept, ...others]);
  } catch {
    // The class of the user does not let it be changed.
  }
}

/** The stack of an error; what it says of itself, if it has none. */
function stackOf(error: Error): Stack {
  const { stack, message } = error;
  if (typeof stack !== "string" || stack === "") return { head: headOf(error), frames: [] };
  return partsOf(stack, typeof message === "string" ? message : "");
}

/** Lines of a stack that are looked at for the user's: those of this package before them may be many. */
const DEPTH = 50;
/** Errors of this package that have no frames of it any more. */
const stripped = new WeakSet<Error>();

/** Gives an error that this package has just made the user's frames alone, also where V8 had no room for them. */
export function withUsersFrames<T extends Error>(error: T): T {
  const { stackTraceLimit } = Error;
  if (typeof stackTraceLimit !== "number") return error; // no stacks are wanted
  try {
    const { frames } = deepSite(withUsersFrames);
    setStack(error, headOf(error), frames.slice(0, stackTraceLimit));
    stripped.add(error);
  } catch {
    // This program does not let stacks be changed.
  }
  return error;
}

/**
 * As {@linkcode withUsersFrames}, found out when somebody asks: to write a stack Deno needs descriptors, and ends the
 * process where there are none.
 */
export function withUsersFramesLater<T extends Error>(error: T): T {
  const { stackTraceLimit } = Error;
  if (typeof stackTraceLimit !== "number") return error;
  try {
    const site = deepSite(withUsersFramesLater);
    forgetFrames(error);
    Object.defineProperty(error, "stack", {
      get: () => [headOf(error), ...site.frames.slice(0, stackTraceLimit)].join("\n"),
      set: (value: unknown) => Object.defineProperty(error, "stack", { value, writable: true, configurable: true }),
      configurable: true,
    });
    stripped.add(error);
  } catch {
    // This program does not let stacks be changed.
  }
  return error;
}

/** Where a call was begun, with more frames than usual. */
// deno-lint-ignore ban-types -- V8 takes any function
function deepSite(above: Function): CallSite {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = DEPTH;
  try {
    return new CallSite(above);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Whether the body of a module may have called `above`: at the bottom there is no function with a name. */
// deno-lint-ignore ban-types -- V8 takes any function
export function isCalledByBody(above: Function): boolean {
  return BODY.test(deepSite(above).frames.at(-1) ?? "");
}

/** What this package has thrown as {@linkcode withUsersFrames} gives it; what the user's code has thrown as it is. */
export function ofUsersCall(error: unknown): unknown {
  if (!isError(error) || stripped.has(error)) return error;
  return isThrownHere(error) ? withUsersFrames(error) : error;
}

/** Whether an error was thrown by this package, and not by what it has called. */
export function isThrownHere(error: Error): boolean {
  try {
    if (stripped.has(error)) return true;
    const { frames } = stackOf(error);
    return frames.length > 0 && whoseIs(frames[0]) === "package";
  } catch {
    return false; // its stack is a getter of the user's, which throws
  }
}

/** Gives an error a stack. */
export function setStack(error: Error, head: string, frames: readonly string[]): void {
  // Below such a message Deno prints all but the first line of the stack, so its other lines would come twice.
  if (!head.includes("\n") && !isOfImport(frames)) forgetFrames(error);
  else void error.stack; // Deno notes them now, or never
  stripped.delete(error);
  const value = [head, ...frames].join("\n");
  Object.defineProperty(error, "stack", { value, writable: true, configurable: true });
}

/** The outermost frame of a module that is being evaluated, and its URL. */
const BODY = /^\s+at (?:async )?((?:file|https?|data|blob|jsr|npm):.*?)(?::\d+){0,2}$/;

/**
 * Whether an error with these frames may come out of an `import()`. Deno takes one that has forgotten where it was made for
 * a failure of its own, and throws another of class `Error` in its place: what a program expects of it would be lost.
 */
function isOfImport(frames: readonly string[]): boolean {
  const url = frames.at(-1)?.match(BODY)?.[1];
  if (url === undefined) return false;
  return current.parent !== null || url !== (Deno.mainModule ?? globalThis.location?.href); // a child imports its main module
}

/** Has an error forget where it was made: Deno notes the frames when the stack is read for the first time, and prints what
 * nobody has caught by this note, whatever the stack has become. */
function forgetFrames(error: Error): void {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    Error.captureStackTrace(error);
    void error.stack;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What V8 writes above the frames. */
export function headOf({ name, message }: Error): string {
  return message === "" ? `${name}` : `${name}: ${message}`;
}

/** So many errors inside of others are looked at; there may be no end of them. */
const MOST_INNER = 100;

/** The errors inside of an error, each once: causes, and what it is made of. */
function innerOf(error: Error): Set<Error> {
  const found = new Set<Error>();
  const add = (inner: unknown) => {
    if (isError(inner) && inner !== error && found.size < MOST_INNER) found.add(inner);
  };
  const look = (at: Error) => {
    try {
      const { cause, errors, error, suppressed } = at as Error & Partial<AggregateError & SuppressedError>;
      for (const inner of [cause, error, suppressed, ...Array.isArray(errors) ? errors : []]) add(inner);
    } catch {
      // A getter of the user's.
    }
  };
  look(error);
  for (const inner of found) look(inner); // also at those that are added meanwhile
  return found;
}

/** Where a call was begun. What the text of it is, is found out when somebody asks: that takes as long as the call. */
export class CallSite {
  declare readonly stack: unknown;
  #frames: readonly string[] | null = null;

  /** The call of `above`, which is left out as is all that it has called. */
  // deno-lint-ignore ban-types -- V8 takes any function
  constructor(above: Function) {
    Error.captureStackTrace(this, above);
  }

  /** The user's frames, innermost first. */
  get frames(): readonly string[] {
    return this.#frames ??= this.#read();
  }

  #read(): string[] {
    let stack: unknown;
    try {
      stack = this.stack;
    } catch {
      // The user's own idea of a stack throws.
    }
    return typeof stack === "string" ? usersFrames(partsOf(stack).frames) : [];
  }
}
