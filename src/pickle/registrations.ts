/**
 * Which classes travel as classes of Python's, besides those that are known anyway: the user's (registry.ts), and classes of
 * this package that stand above pickles. Apart from what pickles know, so that these need not load all of that.
 *
 * @module
 */
import type { PythonName, PythonObjectParts } from "./python_object.ts";
import type { Described, Restorer } from "./restorer.ts";

/** What Python makes an object of. */
export interface Reduced extends PythonObjectParts {
  /** What the class is given. Default: nothing. */
  args?: readonly unknown[];
}

/** A class that travels. */
export interface Registration {
  readonly name: PythonName;
  reduce(instance: object): Reduced;
}

/** What a pickle may name. */
export const restorers = new Map<string, Restorer>();
/** What becomes an object of Python's, by prototypes. */
export const reducers = new WeakMap<object, Registration>();

/** Has instances of a class travel as those of one of Python's. Neither may be entered already. */
export function enter<T extends object>(
  prototype: T,
  name: PythonName,
  reduce: (instance: T) => Reduced,
  restore: (described: Described) => unknown,
): void {
  restorers.set(`${name}`, { keeps: true, finish: (described) => restore(described) });
  reducers.set(prototype, { name, reduce: (instance) => reduce(instance as T) });
}
