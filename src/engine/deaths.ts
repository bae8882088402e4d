// Describes the member of a tree on an engine that held a lock, or was a party of a barrier, and has ended.

import { OwnerDiedError } from "../errors.ts";
import { exitText, SIGKILL } from "../runtime/signals.ts";
import type { Answer } from "./session.ts";

/** A member that has ended, as a sentence names it and as an {@linkcode OwnerDiedError} has it. */
export interface DeadMember {
  /** `"Process-1" (pid 42) was ended by SIGKILL`; the sentence goes on. */
  readonly told: string;
  readonly pid: number;
  readonly processName: string | null;
  readonly exitcode: number | null;
  readonly host: string;
  /** The same as the engine has it. */
  readonly parts: readonly string[];
}

/** How many values of an answer tell of a member: pid, name, how it ended, host. */
export const DEATH_PARTS = 4;

/** The member of which the values of an answer from `index` on tell; `null` if of none. */
export function deadMember(answer: Answer, index: number): DeadMember | null {
  if (answer.length < index + DEATH_PARTS) return null;
  const parts = [0, 1, 2, 3].map((i) => answer.text(index + i));
  const [pid, name, how, host] = parts;
  if (pid === "" && name === "") return null;
  const who = name === "" ? `a process (pid ${pid})` : `"${name}" (pid ${pid})`;
  const [did, exitcode] = ending(how, host);
  return { told: `${who} ${did}`, pid: Number(pid), processName: name || null, exitcode, host, parts };
}

/** What a sentence says of an end, and its exit code: the texts are those of library/members.lua. */
function ending(how: string, host: string): [did: string, exitcode: number | null] {
  const [, kind, number] = /^(killed by signal|ended with exit code) (\d+)$/.exec(how) ?? [];
  if (kind === "killed by signal") return [`was ended by ${exitText(-number).slice(1)}`, -number];
  if (kind !== undefined) return [`ended with exit code ${number}`, Number(number)];
  if (how === "host lost") return [`was lost with its host "${host}"`, -SIGKILL];
  if (how === "lease ran out") return [`on the host "${host}" was not heard of any more`, null];
  return ["ended", null];
}

/** The error of who inherits a lock from the dead: it cannot `action`, and `state` is how things are. */
export function remoteOwnerDied(
  action: string,
  { told, parts: _, ...owner }: DeadMember,
  state: string,
): OwnerDiedError {
  return new OwnerDiedError(
    `Cannot ${action}: ${told} while it held it on the host "${owner.host}", so what it protects may be half written; ${state}`,
    owner,
  );
}
