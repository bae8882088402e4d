/**
 * Classes of the user's that travel as classes of Python's.
 *
 * @module
 */
import { inOneLine, quoted } from "../runtime/harmless.ts";
import { withUsersFrames } from "../runtime/stack.ts";
import { PythonName } from "./python_object.ts";
import { enter, type Reduced, reducers, type Registration, restorers } from "./registrations.ts";
import { KNOWN } from "./restore/table.ts";
import type { Described, Restorers } from "./restorer.ts";

export type { Reduced };

/** A class, whatever its constructor takes. */
// deno-lint-ignore ban-types -- the only type that also holds classes with private constructors
export type PickledClass<T> = Function & { prototype: T };

/** Which class of Python's a class is, and how instances become what a pickle says of them, and come back. */
export interface PickleReducer<T> {
  /** Python's module. */
  module: string;
  /** The name of the class in it; `Class.name` if absent. */
  name?: string;
  /** Says what Python makes such an object of. */
  reduce(instance: T): Reduced;
  /** Makes an instance of what a pickle says. It may run up to three times for one object, so it should do nothing else. */
  restore(described: Described): T;
}

/** What a pickle may name, of the user's. */
export const REGISTERED: Restorers = restorers;

/**
 * Makes instances of a class travel as those of one of Python's. Only that class is meant, not what extends it.
 *
 * `restore` gets what the pickle says, which may come from anybody who can send one: it should check that.
 *
 * @throws {TypeError} If `type` is no class, or the second argument lacks what it must have.
 * @throws {RangeError} If the class or the name is registered already, or the name is one that is known anyway.
 *
 * @example A class on either side
 * ```ts
 * import { dumps, loads, register } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * class Point {
 *   constructor(readonly x: number, readonly y: number) {}
 * }
 * register(Point, {
 *   module: "shapes", // where Python has its class Point
 *   reduce: ({ x, y }) => ({ args: [x, y] }),
 *   restore: ({ args: [x, y] }) => new Point(Number(x), Number(y)),
 * });
 *
 * const copy = loads(dumps(new Point(1, 2))) as Point;
 * assertEquals([copy instanceof Point, copy.x, copy.y], [true, 1, 2]);
 * ```
 */
export function register<T extends object>(type: PickledClass<T>, reducer: PickleReducer<T>): void {
  const { prototype } = requireClass(type);
  const { module, name = type.name, reduce, restore } = requireReducer(reducer);
  const pythonName = new PythonName(module, name);
  const key = `${pythonName}`;
  if (restorers.has(key) || KNOWN.has(key)) throw taken(`the name ${quoted(key)} is`);
  if (reducers.has(prototype)) throw taken(`the class ${quoted(type.name)} is`);
  enter(prototype as T, pythonName, reduce, restore);
}

/** How an object becomes one of Python's; `undefined` if its class is not registered. */
export function registrationOf(value: object): Registration | undefined {
  return reducers.get(Object.getPrototypeOf(value));
}

function requireClass<T>(type: PickledClass<T>): { prototype: object } {
  const prototype: unknown = typeof type === "function" ? type.prototype : undefined;
  if (typeof prototype === "object" && prototype !== null) return { prototype };
  throw withUsersFrames(new TypeError(`Cannot register ${inOneLine(type)}: wanted a class`));
}

function requireReducer<T>(reducer: PickleReducer<T>): PickleReducer<T> {
  const { module, name, reduce, restore } = reducer ?? {};
  const isWhole = typeof module === "string" && (name === undefined || typeof name === "string") &&
    typeof reduce === "function" && typeof restore === "function";
  if (isWhole) return reducer;
  throw withUsersFrames(
    new TypeError(`Cannot register a class: wanted { module, name?, reduce, restore }, got ${inOneLine(reducer)}`),
  );
}

function taken(what: string): RangeError {
  return withUsersFrames(new RangeError(`Cannot register a class: ${what} taken already`));
}
