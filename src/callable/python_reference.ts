// Functions of Python's by module and name, and how they are told from others. python.ts makes them.

import type { AnyFunction } from "./arguments.ts";

/** A function of a Python module. */
export interface PythonReference {
  /** A path that begins with `/`, or a dotted name. */
  readonly module: string;
  readonly name: string;
  /** The folder of the module that has named it, if that is in one: where dotted names are looked for first. */
  readonly folder: string | null;
  /** The Python to run it with; `null`: the one that is found. */
  readonly executable: string | null;
}

const references = new WeakMap<object, PythonReference>();

/** The function of Python's that something stands for; `null` if it is none of these. */
export function pythonOf(target: unknown): PythonReference | null {
  return typeof target === "function" ? references.get(target) ?? null : null;
}

/** A function that stands for one of Python's. It refuses to be called: it has nothing to run here. */
export function standIn<F extends AnyFunction>(reference: PythonReference): F {
  const { module, name } = reference;
  const refuse = function (): never {
    throw new TypeError(
      `Cannot call "${name}" here: it is a function of the Python module "${module}"; give it to a Process as its target`,
    );
  };
  Object.defineProperty(refuse, "name", { value: name });
  references.set(refuse, reference);
  return refuse as unknown as F;
}

/** The error for a function of Python's where only those of this program can be run. */
export function refusalOfPython({ module, name }: PythonReference): TypeError {
  return new TypeError(
    `Cannot run "${name}" in a process of Deno: it is a function of the Python module "${module}", which a process of ` +
      "its own runs: new Process({ target })",
  );
}
