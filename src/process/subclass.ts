// How an object of a subclass of `Process` travels to the process that it starts: the class as an exported name, the
// object's own properties as data. Its constructor does not run again, as `__init__` does not in Python.

import { type Given, reference } from "../callable/reference.ts";
import { shownName } from "../runtime/harmless.ts";
import { privateMember } from "../callable/source.ts";
import type { Process } from "./process.ts";

/** A class with a `run` of its own, as another process finds it. */
export function classReference(Class: new () => Process, base: new () => Process): Given {
  for (let it = Class; it !== base; it = Object.getPrototypeOf(it)) requireNoPrivateMembers(it);
  return reference(Class, { kind: "class" });
}

/**
 * Refuses a class whose instances have private members: these are made by the constructor alone, so `run` would find
 * none in the other process.
 */
function requireNoPrivateMembers(Class: new () => Process): void {
  const name = privateMember(Class);
  if (name === null) return;
  throw new TypeError(
    `Cannot create a process of class "${Class.name}": its private member "#${name}" would not travel to the ` +
      `process; write "private ${name}" instead`,
  );
}

/**
 * Refuses functions among those own properties of a process: they would not travel.
 *
 * @throws {TypeError} If there is one.
 */
export function requireMethods(process: Process, properties: readonly string[]): void {
  const own = process as unknown as Record<string, unknown>;
  const name = properties.find((it) => Object.hasOwn(own, it) && typeof own[it] === "function");
  if (name === undefined) return;
  throw new TypeError(
    `Cannot start "${
      shownName(process.name)
    }": its "${name}" is a property that has a function, which does not travel to the ` +
      `process; write a method of an exported class, "${name}(…) { … }" instead of "${name} = (…) => { … }"`,
  );
}
