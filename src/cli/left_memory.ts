// Shared memory that has a name, and belonged to a process that was killed: found by the mark that the package gives the
// file of each block that a process owns (native/core/src/memory/named.rs). The addon is loaded only if there is such a file.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";

/** A block whose creator is gone. */
export interface LeftMemory {
  /** Its file. */
  readonly path: string;
  /** Whether nobody has it any more: else somebody has it mapped, or the system does not tell. */
  readonly state: "left" | "mapped" | "unknown";
  /** Why it is still there, though it was to be removed; `null` otherwise. */
  readonly failure: string | null;
}

const FOLDER = "/dev/shm";
/** The mark: a bit of a file's mode. */
const MARK = 0o1000;

/** Finds such blocks, and removes what nobody has if it is to. */
export function leftMemory(remove: boolean): LeftMemory[] {
  return candidates().flatMap((name): LeftMemory[] => {
    const path = `${FOLDER}/${name}`;
    try {
      const state = translated(() => native().namedReclaim(name, remove));
      return state === "foreign" || state === "owned" ? [] : [{ path, state, failure: null }];
    } catch (error) {
      return [{ path, state: "left", failure: (error as Error).message }];
    }
  });
}

/** The names of the files of this user that have the mark. */
function candidates(): string[] {
  try {
    return [...Deno.readDirSync(FOLDER)].map(({ name }) => name).filter(isMarked).sort();
  } catch {
    return []; // there is no such folder
  }
}

function isMarked(name: string): boolean {
  try {
    const { isFile, uid, mode } = Deno.lstatSync(`${FOLDER}/${name}`);
    return isFile && uid === Deno.uid() && (mode! & MARK) !== 0;
  } catch {
    return false; // it was removed meanwhile
  }
}
