// Describes the process that held a lock, or was a party of a barrier, and has ended.

import { OwnerDiedError } from "../errors.ts";
import type { Owner } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { exitText } from "../runtime/signals.ts";

/** A process that has ended, as a sentence names it and as an {@linkcode OwnerDiedError} has it. */
export interface DeadOwner {
  /** `"Process-1" (pid 42) was ended by SIGKILL`, if that is known; the sentence goes on. */
  readonly told: string;
  readonly pid: number;
  readonly processName: string | null;
  readonly exitcode: number | null;
}

/** The process of the thread behind a token. */
export function deadOwner(token: number): DeadOwner {
  const owner = native().ownerOf(token);
  if (owner === null) return { told: "a process that is not known any more has ended", ...NOBODY };
  const { pid, processName, exitCode = null } = owner;
  // A client of a manager, in another program, is no process of the tree.
  if (pid === 0 && processName !== "") return { told: `the client "${processName}" has ended`, ...NOBODY, processName };
  const who = processName === "" ? `a process (pid ${pid})` : `"${processName}" (pid ${pid})`;
  return { told: howItEnded(who, owner), pid, processName: processName || null, exitcode: exitCode };
}

const NOBODY = { pid: 0, processName: null, exitcode: null };

function howItEnded(who: string, { livesOn, exitCode = null }: Owner): string {
  if (livesOn) return `a Worker or another thread of ${who} ended`;
  if (exitCode === null) return `${who} ended`; // nobody has told how: its parent was gone before
  return exitCode < 0
    ? `${who} was ended by ${exitText(exitCode).slice(1)}`
    : `${who} ended with exit code ${exitCode}`;
}

/** The error of who inherits a lock from the dead owner of `token`: it cannot `action`, and `state` is how things are. */
export function ownerDied(action: string, token: number, state: string): OwnerDiedError {
  const { told, ...owner } = deadOwner(token);
  return new OwnerDiedError(
    `Cannot ${action}: ${told} while it held it, so what it protects may be half written; ${state}`,
    owner,
  );
}
