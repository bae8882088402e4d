// What a context on an engine does not have, and why: one list, which docs/several-machines.md has as well.

import type { PythonReference } from "../callable/python_reference.ts";

const NO_MEMORY = "there is no memory that hosts share";

/** Why, by the name of what is refused. Behind a semicolon stands what to use instead. */
export const REFUSALS: Readonly<Record<string, string>> = {
  RawValue: `${NO_MEMORY}; use Value`,
  RawArray: `${NO_MEMORY}; use Array`,
  Structure: `${NO_MEMORY}; put objects into a queue, or into a dict of a manager`,
  copy: `${NO_MEMORY}; make another Value or Array`,
  synchronized: `${NO_MEMORY}; Value and Array have locks`,
  setExecutable: "the agents of the hosts start processes, each with the Deno that it runs in",
  setForkserverPreload: "the agents of the hosts start processes anew",
};

/** The error for what a context on an engine does not have. */
export function refusal(name: string): Error {
  return new Deno.errors.NotSupported(`Cannot use ${name} of a context on an engine: ${REFUSALS[name]}`);
}

/** The error for what is done with the memory of a queue, which one on an engine has not. */
export function refusalOfMemory(action: string): Error {
  return new Deno.errors.NotSupported(
    `Cannot ${action} of a context on an engine: ${NO_MEMORY}; put and get send copies`,
  );
}

/** The error for a process on a host whose target is a function of Python's. */
export function refusalOfPython(process: string, { name, module }: PythonReference): Error {
  return new Deno.errors.NotSupported(
    `Cannot start "${process}" on a host: its target "${name}" is a function of the Python module "${module}", and the ` +
      "agents of the hosts start Deno; use the Process of the package, on this machine",
  );
}

/** A class or function that refuses to be called, in the place of one that a context on an engine does not have. */
// deno-lint-ignore no-explicit-any -- it stands where any class or function may
export function refused(name: string): any {
  if (!Object.hasOwn(REFUSALS, name)) throw new TypeError(`"${name}" has no reason to be refused`);
  const refuse = function (): never {
    throw refusal(name);
  };
  Object.defineProperty(refuse, "name", { value: name });
  return refuse;
}
