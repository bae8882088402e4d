// Names of shared memory: how they are made and checked, and whether this program may use the file that has one.

import { queryDeno } from "../runtime/permissions.ts";
import { quoted } from "../runtime/harmless.ts";
import { withUsersFrames } from "../runtime/stack.ts";

/** Where the system has the files. */
export const FOLDER = "/dev/shm";
/** How names begin that nobody has chosen, as CPython's do. */
const PREFIX = "psm_";
/** Bytes of randomness in them. */
const RANDOM_BYTES = 4;
/** The longest name of a file, in bytes. */
const LONGEST = 255;

/** A name that is most likely not taken. */
export function randomName(): string {
  return PREFIX + crypto.getRandomValues(new Uint8Array(RANDOM_BYTES)).toHex();
}

/**
 * Checks a name, without the slash that POSIX puts before it.
 *
 * @param action What is to be done, for messages.
 * @throws {TypeError} If it is no text.
 * @throws {RangeError} If no file can have it.
 */
export function requireName(name: unknown, action: string): asserts name is string {
  if (typeof name !== "string") {
    throw withUsersFrames(new TypeError(`Cannot ${action}: "name" is ${Deno.inspect(name)}, wanted a text`));
  }
  const why = whyNot(name);
  if (why !== null) throw withUsersFrames(new RangeError(`Cannot ${action}: the name ${quoted(name)} ${why}`));
}

function whyNot(name: string): string | null {
  if (name === "" || name === "." || name === "..") return "is no name of a file";
  if (name.includes("\0")) return "has a NUL in it";
  if (name.includes("/")) return "has a slash in it; names are given without the one that POSIX puts before them";
  if (!name.isWellFormed()) return "has half a character in it";
  const { length } = new TextEncoder().encode(name);
  return length > LONGEST ? `has ${length} bytes, wanted at most ${LONGEST}` : null;
}

/**
 * Asks Deno whether this program may read and write the file of that name: the addon is not confined by Deno.
 *
 * @throws {Deno.errors.NotCapable} If not; the message names the flag that is missing.
 */
export function requirePermission(name: string, action: string): void {
  const path = `${FOLDER}/${name}`;
  for (const permission of ["read", "write"] as const) {
    if (queryDeno({ name: permission, path }).state === "granted") continue;
    throw withUsersFrames(
      new Deno.errors.NotCapable(
        `Cannot ${action}: it requires ${permission} access to ${quoted(path)}, ` +
          `run again with the --allow-${permission}=${FOLDER} flag`,
      ),
    );
  }
}
