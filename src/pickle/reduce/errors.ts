/**
 * Errors as exceptions.
 *
 * @module
 */
import { exceptionOf, isException, type PythonException } from "../exceptions.ts";
import { PythonName } from "../python_object.ts";
import type { Reduction } from "../reduction.ts";

/** So many causes are told. */
const MOST_CAUSES = 20;

/**
 * What becomes of an error: the exception that corresponds to it, whose notes are its stack and those of its causes. One
 * that came from Python goes back as it was.
 */
export function reducedError(error: Error): Reduction {
  const { type, args, notes, state } = error as Partial<PythonException>;
  if (typeof type === "string" && isException(type) && Array.isArray(args)) {
    const attributes = new Map(state instanceof Map ? state : []);
    if (Array.isArray(notes)) attributes.set("__notes__", notes);
    return { name: builtin(type), args, state: attributes.size > 0 ? attributes : undefined };
  }
  const added = { __notes__: stacksOf(error) };
  return { name: builtin(exceptionOf(error)), args: [String(error.message)], state: added };
}

function builtin(name: string): PythonName {
  return new PythonName("builtins", name);
}

/** The stack of an error, and those of its causes. */
export function stacksOf(error: Error): string[] {
  const notes: string[] = [];
  const seen = new Set<unknown>();
  let at: unknown = error;
  while (at instanceof Error && !seen.has(at) && seen.size < MOST_CAUSES) {
    seen.add(at);
    const { stack } = at;
    notes.push((at === error ? "" : "Caused by: ") + (typeof stack === "string" ? stack : String(at)));
    at = at.cause;
  }
  return notes;
}
