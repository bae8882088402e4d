/**
 * The error classes that every process knows: the language's, Deno's and this package's. Errors of other classes keep
 * theirs if a module exports it (error_exports.ts); otherwise they arrive as their nearest known ancestor, with the
 * `name` they had.
 *
 * @module
 */
import * as own from "../errors.ts";

/** An error class; its constructor is never called for a received error. */
export type ErrorClass = Error["constructor"] & { prototype: Error };

const LANGUAGE = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError];

const classes = new Map<string, ErrorClass>();
const names = new Map<object, string>();

for (const known of LANGUAGE) add(known.name, known);
for (const [name, known] of Object.entries(own)) add(`multiprocessing.${name}`, known);
for (const [name, known] of Object.entries(Deno.errors)) add(`Deno.errors.${name}`, known);

function add(name: string, known: ErrorClass): void {
  classes.set(name, known);
  names.set(known.prototype, name);
}

/** Whether every process knows the class of an error. */
export function isKnownClass(error: Error): boolean {
  return names.has(Object.getPrototypeOf(error));
}

/** The wire name of the nearest known class of `error`. */
export function nearestClass(error: Error): string {
  for (let prototype = Object.getPrototypeOf(error); prototype !== null; prototype = Object.getPrototypeOf(prototype)) {
    const name = names.get(prototype);
    if (name !== undefined) return name;
  }
  return "Error";
}

/** The `name` that `error` must show where its class is `known`; `undefined` if it shows it by itself. */
export function shownName(error: Error, known: string): string | undefined {
  const prototype = classes.get(known)?.prototype;
  const exact = Object.getPrototypeOf(error) === prototype;
  if (error.name !== prototype?.name) return error.name;
  // A subclass that sets no name of its own would arrive without any trace of its class.
  return exact ? undefined : error.constructor?.name;
}

/** An error of the known class called `name`, made without running its constructor; `undefined` if none is known. */
export function makeError(name: string): Error | undefined {
  const known = classes.get(name);
  return known === undefined ? undefined : errorOf(known);
}

/** An error of a class, made without running its constructor. */
export function errorOf(known: ErrorClass): Error {
  return Reflect.construct(Error, [], known);
}
