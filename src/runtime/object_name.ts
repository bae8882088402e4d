// The name that a user gives an object that processes share, so that messages and whoever looks at the object say which
// one it is. It travels with the object, if there is one, and each handle has it; in shared memory it stands for who looks
// from outside.

import { inOneLine, shownName } from "./harmless.ts";

/** The option of whatever can be named. */
export interface NameOptions {
  /**
   * For messages, such as those of errors, and for `toString()`; in all processes that the object reaches. At most 255
   * bytes of UTF-8 without NUL. Absent: none.
   */
  name?: string;
}

/** Bytes of UTF-8, as of the name of a file. */
const MOST_BYTES = 255;

/** Whether a name may be given, or may have arrived. */
export function isObjectName(name: unknown): name is string {
  return typeof name === "string" && name !== "" && !name.includes("\0") && name.length <= MOST_BYTES &&
    new TextEncoder().encode(name).length <= MOST_BYTES;
}

/**
 * The name among options; empty if there is none.
 *
 * @param action What is to be done, for the message: "create a queue".
 * @throws {TypeError} If it is none that may be given.
 */
export function objectName(action: string, { name }: NameOptions): string {
  if (name === undefined) return "";
  if (isObjectName(name)) return name;
  throw new TypeError(
    `Cannot ${action}: "name" is ${inOneLine(name)}, wanted a string of 1 to ${MOST_BYTES} bytes without NUL`,
  );
}

/** What follows the kind of an object in a sentence: ` "jobs"`; nothing if it has no name. */
export function labelOf(name: string): string {
  return name === "" ? "" : ` "${shownName(name)}"`;
}

/** The last part of an object's text: `…, name='jobs'`; nothing if it has no name. */
export function nameField(name: string, separator = ", "): string {
  return name === "" ? "" : `${separator}name='${shownName(name)}'`;
}
