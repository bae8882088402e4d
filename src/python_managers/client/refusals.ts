// What Python's servers do not have.

import { RemoteError } from "../../errors.ts";
import type { Translation } from "./ask.ts";

/**
 * In the place of what changes a value only if nobody else has: Python's containers have no versions, and a change of what
 * was read before would lose those of others.
 */
export function noVersions(name: string): Translation {
  return refusing(
    `Cannot ${name}: the server is Python's, whose containers do not say whether others have changed them meanwhile; ` +
      "take a lock of the manager around what reads and writes",
  );
}

/** In the place of what has no counterpart. */
export function refusing(message: string): Translation {
  // deno-lint-ignore require-yield -- it asks for nothing
  return function* () {
    throw new RemoteError(message);
  };
}

/** The error for a method that a type of Python's does not have. */
export function unknownMethod(name: string, typeid: string): RemoteError {
  return new RemoteError(`Cannot call "${name}" of a "${typeid}" of Python's: it has nothing that corresponds to it`);
}
