/**
 * What a pickle says of things that only Python has: names of classes and functions, and objects of unknown classes. Both
 * are inert.
 *
 * @module
 */

/**
 * The name of a class or function of Python's: where it is, and what it is called there. Nothing looks it up.
 *
 * @example Send a class as an argument
 * ```ts
 * import { dumps, loads, PythonName } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * const copy = loads(dumps(new PythonName("fractions", "Fraction"))) as PythonName;
 * assertEquals(String(copy), "fractions.Fraction");
 * ```
 */
export class PythonName {
  /** The module. */
  readonly module: string;
  /** The name in it; a class inside of a class is `Outer.Inner`. */
  readonly name: string;

  /** The name of something in a module. */
  constructor(module: string, name: string) {
    if (typeof module !== "string" || typeof name !== "string") {
      throw new TypeError(`Cannot name what Python has: wanted two texts, got ${typeof module} and ${typeof name}`);
    }
    this.module = module;
    this.name = name;
  }

  /** `module.name`. */
  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/** What else there is to an object of Python's than its class and its arguments. */
export interface PythonObjectParts {
  /** Whether Python calls the class, which runs its `__init__`; otherwise its `__new__` only. Default: `true`. */
  isCalled?: boolean;
  /** Arguments by name: of what is not called. */
  kwargs?: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;
  /** What its `__setstate__` is given, or its attributes. */
  state?: unknown;
  /** What is appended to it, as to a list. */
  items?: unknown[];
  /** What is set in it, as in a dict. */
  entries?: [key: unknown, value: unknown][];
}

/**
 * An object of a class that is not known here, as the pickle describes it: whoever reads it may look at that, and Python
 * gets the object back. `loads` makes them with `unknown: "object"`.
 *
 * @example Look at what Python has sent
 * ```ts
 * import { dumps, loads, PythonName, PythonObject } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * const half = new PythonObject(new PythonName("fractions", "Fraction"), ["1/2"]);
 * const copy = loads(dumps(half), { unknown: "object" }) as PythonObject;
 * assertEquals([String(copy.type), copy.args], ["fractions.Fraction", ["1/2"]]);
 * ```
 */
export class PythonObject {
  /** What makes it: its class, or a function. */
  readonly type: PythonName;
  /** What the class or function is given. */
  readonly args: readonly unknown[];
  /** Whether Python calls the class, which runs its `__init__`; otherwise its `__new__` only. */
  readonly isCalled: boolean;
  /** Arguments by name: of what is not called. */
  readonly kwargs?: Readonly<Record<string, unknown>> | ReadonlyMap<unknown, unknown>;
  /** What its `__setstate__` is given, or its attributes; `undefined` if there is none. */
  state?: unknown;
  /** What is appended to it, as to a list. */
  items?: unknown[];
  /** What is set in it, as in a dict. */
  entries?: [key: unknown, value: unknown][];

  /** An object that `type` makes of these arguments. */
  constructor(type: PythonName, args: readonly unknown[] = [], parts: PythonObjectParts = {}) {
    if (!(type instanceof PythonName)) {
      throw new TypeError("Cannot describe an object of Python's: wanted a PythonName");
    }
    if (!Array.isArray(args)) {
      throw new TypeError("Cannot describe an object of Python's: wanted an array of arguments");
    }
    this.type = type;
    this.args = args;
    this.isCalled = parts.isCalled ?? true;
    if (parts.kwargs !== undefined) this.kwargs = parts.kwargs;
    if (parts.state !== undefined) this.state = parts.state;
    if (parts.items !== undefined) this.items = parts.items;
    if (parts.entries !== undefined) this.entries = parts.entries;
  }
}
