// What is told about the holder of a lock that was killed.

import { OwnerDiedError } from "../errors.ts";
import { native } from "../native.ts";

/** The error of who inherits a lock from the dead owner of `token`: it cannot `action`, and `state` is how things are. */
export function ownerDied(action: string, token: number, state: string): OwnerDiedError {
  const { pid, processName } = native().ownerOf(token) ?? { pid: 0, processName: "" };
  return new OwnerDiedError(
    `Cannot ${action}: "${processName}" (pid ${pid}) was killed while it held it, ` +
      `so what it protects may be half written; ${state}`,
    { pid, processName },
  );
}
