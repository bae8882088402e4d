// What a process cannot be or have whose target is a function of Python's.

import type { PythonReference } from "../callable/python_reference.ts";
import type { ProcessSettings } from "./options.ts";

/**
 * Refuses options that mean nothing to Python.
 *
 * @throws {TypeError} If there is one.
 */
export function requirePythonOptions({ permissions = "inherit" }: ProcessSettings): void {
  if (permissions === "inherit") return;
  throw new TypeError(
    `Cannot create a process: "permissions" is ${
      Deno.inspect(permissions, { depth: 1 })
    }, wanted "inherit": they are Deno's, ` +
      "and its target is a function of Python's, which may do all that its user may",
  );
}

/** The error for a class with a `run` of its own. */
export function refusalOfRun(className: string, { name }: PythonReference): TypeError {
  return new TypeError(
    `Cannot create a process of class "${className}": its target, "${name}", is a function of Python's, and its "run" ` +
      "is not; wanted one of them",
  );
}
