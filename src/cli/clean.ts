// `clean`: removes what processes that are gone have left. Shared memory, locks and queues go with the last process that
// has them. What stays is the folder of a socket whose listener was killed (connection/listener.ts, makeFolder), and what
// has a name of the shared memory that such a process has created (left_memory.ts).

import { shownName } from "../runtime/harmless.ts";
import { wallClock } from "../runtime/timing.ts";
import type { Order } from "./arguments.ts";
import { counted } from "./format.ts";
import { type LeftMemory, leftMemory } from "./left_memory.ts";
import { writeAll } from "../runtime/standard_output.ts";

/** What was found. */
export interface Leftover {
  /** The folder. */
  readonly path: string;
  /** Whether there was a socket in it; else the listener was killed before it had made one. */
  readonly hasSocket: boolean;
  /** Why it is still there; `null` if it is not, or was not to be removed. */
  readonly failure: string | null;
}

/** Names of folders that listeners make: `Deno.makeTempDir` has added the digits. */
const FOLDER_NAME = /^multiprocessing-[0-9a-f]{8,32}$/;
/** Nobody but the user may enter them. */
const FOLDER_MODE = 0o700;
/** Younger ones may be those of a listener that is just beginning, in milliseconds. */
const YOUNGEST = 60_000;

/** Obeys `clean`; the exit code. */
export async function clean({ dryRun, json }: Order): Promise<number> {
  const found: Leftover[] = [];
  for (const path of foldersOfListeners()) {
    const state = await stateOf(path);
    if (state === "alive") continue;
    const failure = dryRun ? null : removed(path, state === "socket");
    found.push({ path, hasSocket: state === "socket", failure });
  }
  const memory = leftMemory(!dryRun);
  const text = json ? JSON.stringify({ dryRun, leftovers: found, memory }) : report(found, memory, dryRun).join("\n");
  writeAll(`${text}\n`);
  return [...found, ...memory].every(({ failure }) => failure === null) ? 0 : 1;
}

function report(folders: readonly Leftover[], memory: readonly LeftMemory[], dryRun: boolean): string[] {
  const lines = [
    ...folders.map(({ path, hasSocket, failure }) => {
      const what = `${shownName(path)}, the folder of a listener that is gone${hasSocket ? "" : ", without a socket"}`;
      return lineOf(what, failure, dryRun);
    }),
    ...memory.map(({ path, state, failure }) => {
      const what = `${shownName(path)}, shared memory whose creator is gone`;
      if (state === "mapped") return `Kept ${what}: somebody has it mapped`;
      if (state === "unknown") return `Kept ${what}: the system does not tell whether somebody has it mapped`;
      return lineOf(what, failure, dryRun);
    }),
  ];
  return [...lines, lines.length === 0 ? "Nothing is left of processes that are gone." : sum(folders, memory, dryRun)];
}

function lineOf(what: string, failure: string | null, dryRun: boolean): string {
  if (failure !== null) return `Cannot remove ${what}: ${shownName(failure)}`;
  return dryRun ? `Would remove ${what}` : `Removed ${what}`;
}

function sum(folders: readonly Leftover[], memory: readonly LeftMemory[], dryRun: boolean): string {
  const done = (list: readonly { readonly failure: string | null }[]) =>
    list.filter((it) => it.failure === null).length;
  const parts = [
    counted(done(folders), "folder"),
    counted(done(memory.filter(({ state }) => state === "left")), "block of shared memory", "blocks of shared memory"),
  ];
  const told = memory.length === 0 ? parts.slice(0, 1) : folders.length === 0 ? parts.slice(1) : parts;
  return `${told.join(" and ")} ${dryRun ? "would be removed" : "removed"}.`;
}

/** The folders of this user that have such a name, wherever this program would make one. */
function foldersOfListeners(): string[] {
  const places = [...new Set([Deno.env.get("TMPDIR") || "/tmp", "/tmp"])];
  return places.flatMap((place) => {
    try {
      return [...Deno.readDirSync(place)].filter((it) => it.isDirectory && FOLDER_NAME.test(it.name))
        .map(({ name }) => `${place.replace(/\/$/, "")}/${name}`);
    } catch {
      return []; // it is no folder, or may not be read
    }
  }).filter(isOurs).sort();
}

function isOurs(path: string): boolean {
  try {
    const { uid, mode, isDirectory } = Deno.lstatSync(path);
    return isDirectory && uid === Deno.uid() && (mode! & 0o777) === FOLDER_MODE;
  } catch {
    return false; // it was removed meanwhile
  }
}

/** What is in the folder: the socket of a listener that is gone, nothing, or something that is to stay. */
async function stateOf(path: string): Promise<"socket" | "empty" | "alive"> {
  try {
    const age = wallClock() - Deno.lstatSync(path).mtime!.getTime();
    const names = [...Deno.readDirSync(path)].map(({ name }) => name);
    if (age < YOUNGEST) return "alive";
    if (names.length === 0) return "empty";
    const isSocket = names.length === 1 && names[0] === "socket" && Deno.lstatSync(`${path}/socket`).isSocket;
    return isSocket && !await hasListener(`${path}/socket`) ? "socket" : "alive";
  } catch {
    return "alive"; // it was removed meanwhile, or cannot be looked at
  }
}

/**
 * Whether somebody listens at the socket. The table of the system is asked first, since to connect disturbs a listener;
 * it does not know those of other network namespaces.
 */
async function hasListener(path: string): Promise<boolean> {
  const ending = path.slice(path.lastIndexOf("/multiprocessing-")); // its folder may be reached by another path
  if (Deno.readTextFileSync("/proc/net/unix").split("\n").some((line) => line.endsWith(ending))) return true;
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    return !(error instanceof Deno.errors.ConnectionRefused);
  }
}

/** Removes the folder; what went wrong, or `null`. Only what was seen in it is removed: no tree of files. */
function removed(path: string, hasSocket: boolean): string | null {
  try {
    if (hasSocket) Deno.removeSync(`${path}/socket`);
    Deno.removeSync(path);
    return null;
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? null : (error as Error).message;
  }
}
