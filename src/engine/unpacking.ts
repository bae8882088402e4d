// A program that is sent to its hosts, the host's half: it is laid out under the agent's cache, in a folder that is named by the
// digest of its list, and every file is what its digest says. The sender's half is upload.ts.

import { Finalize } from "../runtime/finalize.ts";
import { shownName } from "../runtime/harmless.ts";
import { CHILD_MAIN } from "../runtime/own_modules.ts";
import { Date, wallClock } from "../runtime/timing.ts";
import { sha256 } from "./digests.ts";
import type { Session } from "./session.ts";
import { type FileList, fileUrl } from "./upload.ts";
import { bytesOf, textOf } from "./text.ts";

/** A program that was laid out. */
interface LaidOut {
  readonly folder: string;
  /** Its files. */
  readonly paths: readonly string[];
}

/** The programs that this process has laid out, by the digests of their lists. */
const laidOut = new Map<string, Promise<LaidOut>>();
/** Where programs are laid out if no cache was named. */
let temporary: string | null = null;
/** A program of which no process was started for so long is removed. */
const KEPT = 30 * 24 * 3600 * 1000;
/** Behind the ends of all processes. */
const LAST = -200;

/**
 * Lays a program out; the URL of its folder.
 *
 * @throws {TypeError} If a file is not what its digest says.
 */
export async function unpacked(session: Session, list: string, cache: string | null, name: string): Promise<string> {
  const folder = cache ?? ownFolder();
  const before = laidOut.get(list);
  // Somebody may have removed it since: another agent, or who tidies up temporary folders.
  if (before !== undefined && !isWhole(await before) && laidOut.get(list) === before) laidOut.delete(list);
  let known = laidOut.get(list);
  if (known === undefined) {
    if (laidOut.size === 0) removeOld(folder);
    laidOut.set(list, known = layOut(session, list, folder, shownName(name)));
    known.catch(() => laidOut.delete(list));
  }
  const { folder: laid } = await known;
  touched(laid);
  return fileUrl(`${laid}/`);
}

function isWhole({ folder, paths }: LaidOut): boolean {
  try {
    return paths.every((path) => Deno.statSync(`${folder}/${path}`).isFile);
  } catch {
    return false;
  }
}

/** A folder that goes with this process. */
function ownFolder(): string {
  if (temporary !== null) return temporary;
  const made = temporary = Deno.makeTempDirSync({ prefix: "multiprocessing-code-" });
  new Finalize(() => removed(made), { priority: LAST, name: "the code of programs that were sent here" });
  return made;
}

/** The file of a program, and what is in it. */
type FileOf = readonly [path: string, bytes: Uint8Array];

async function layOut(session: Session, list: string, cache: string, name: string): Promise<LaidOut> {
  const fetch = async (digest: string) => {
    const answer = await session.look(session.tree, "codeGet", digest);
    const bytes = answer.refusal === null ? answer.bytes(0) : new Uint8Array();
    if (sha256(bytes) === digest) return bytes;
    throw new TypeError(`Cannot start "${name}": a file of its program is not what its SHA-256 ${digest} says`);
  };
  const { files, own } = JSON.parse(textOf(await fetch(list))) as FileList;
  const standIns = own.map(([path, module]): FileOf => [path, bytesOf(standIn(module))]);
  const folder = `${cache}/${list}`;
  const paths = [...files, ...standIns].map(([path]) => path);
  for (const path of paths) requireInside(path, name);
  // Another agent of this host may have laid it out, whose processes run there.
  if (files.every(([path, digest]) => digestAt(`${folder}/${path}`) === digest) && areThere(folder, standIns)) {
    return { folder, paths };
  }
  const fresh = `${cache}/${list}.${crypto.randomUUID()}`;
  try {
    for (const [path, digest] of files) put(fresh, [path, await fetch(digest)]);
    for (const file of standIns) put(fresh, file);
  } catch (error) {
    removed(fresh);
    throw error;
  }
  return { folder: inPlace(fresh, folder), paths };
}

function requireInside(path: string, name: string): void {
  const parts = path.split("/");
  if (!parts.includes("..") && parts[0] !== "" && parts.at(-1) !== "") return;
  throw new TypeError(`Cannot start "${name}": its program has a file outside of its folder, "${path}"`);
}

function put(folder: string, [path, bytes]: FileOf): void {
  Deno.mkdirSync(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o700 });
  Deno.writeFileSync(`${folder}/${path}`, bytes, { mode: 0o600 });
}

/** Puts a folder in the place of one that somebody has changed, or of none; where it is. */
function inPlace(fresh: string, folder: string): string {
  const old = `${fresh}.old`;
  try {
    Deno.renameSync(folder, old);
  } catch {
    // There is none.
  }
  try {
    Deno.renameSync(fresh, folder);
  } catch {
    return fresh; // another agent has just put it there
  }
  removed(old);
  return folder;
}

function digestAt(path: string): string | null {
  try {
    return sha256(Deno.readFileSync(path));
  } catch {
    return null;
  }
}

function areThere(folder: string, files: readonly FileOf[]): boolean {
  return files.every(([path, bytes]) => digestAt(`${folder}/${path}`) === sha256(bytes));
}

/** Notes that it was used. */
function touched(folder: string): void {
  const now = new Date(wallClock());
  try {
    Deno.utimeSync(folder, now, now);
  } catch {
    // Whoever owns it keeps it.
  }
}

/** Removes what nobody has used for long, of any agent, and what one that was killed has left half done. */
function removeOld(cache: string): void {
  try {
    for (const { name } of Deno.readDirSync(cache)) {
      if (!/^[\da-f]{64}(\.|$)/.test(name)) continue;
      const { mtime } = Deno.statSync(`${cache}/${name}`);
      if (mtime !== null && wallClock() - mtime.getTime() > KEPT) removed(`${cache}/${name}`);
    }
  } catch {
    // There is no cache yet, or another agent removes the same.
  }
}

function removed(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch {
    // It was not there.
  }
}

/** What is in the place of a module of this package: the one of this host. */
function standIn(module: string): string {
  const isBundle = CHILD_MAIN.endsWith("child_main.js");
  const folder = isBundle ? CHILD_MAIN.slice(0, -"child_main.js".length) : CHILD_MAIN.replace(/child\/main\.\w+$/, "");
  const extension = CHILD_MAIN.slice(CHILD_MAIN.lastIndexOf("."));
  const isFace = module === "mod" || module === "cli";
  const url = isBundle || !isFace ? `${folder}${module}${extension}` : new URL(`../${module}.ts`, folder).href;
  return `export * from ${JSON.stringify(url)};\n`;
}
