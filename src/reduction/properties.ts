/**
 * How own properties of restored objects are set, those of errors among them: as they were, and without calling anything.
 *
 * @module
 */

import { RemoteError } from "../errors.ts";

/** Properties of all errors that the language makes non-enumerable, and of errors of one class. */
const HIDDEN_PROPERTIES: ReadonlySet<string> = new Set(["name", "message", "cause"]);

/** Whether the language, or its class, makes this property of an error non-enumerable. */
export function isHidden(error: Error, key: string): boolean {
  if (key === "errors") return error instanceof AggregateError;
  if (key === "error" || key === "suppressed") return error instanceof SuppressedError;
  if (key === "remote") return error instanceof RemoteError;
  return HIDDEN_PROPERTIES.has(key);
}

/** Sets an own property without calling setters, `__proto__` among them. */
export function define(object: object, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
}

/** Gives an error the stack that it had. */
export function setStack(error: Error, stack: unknown): void {
  define(error, "stack", stack, false);
}
