// A program that is sent to its hosts, the host's half: it is laid out under the agent's cache, in a folder that is named by the
// digest of its list, and every file is what its digest says. The sender's half is upload.ts.

import { shownName } from "../runtime/harmless.ts";
import { CHILD_MAIN } from "../runtime/own_modules.ts";
import { sha256 } from "./digests.ts";
import type { Session } from "./session.ts";
import { type FileList, fileUrl } from "./upload.ts";
import { bytesOf, textOf } from "./text.ts";

/** The folders of programs that this process has laid out, by the digests of their lists. */
const laidOut = new Map<string, Promise<string>>();
/** Where programs are laid out if no cache was named. */
let temporary: string | null = null;

/**
 * Lays a program out; the URL of its folder.
 *
 * @throws {TypeError} If a file is not what its digest says.
 */
export async function unpacked(session: Session, list: string, cache: string | null, name: string): Promise<string> {
  const folder = cache ?? (temporary ??= Deno.makeTempDirSync({ prefix: "multiprocessing-code-" }));
  let known = laidOut.get(list);
  if (known === undefined) {
    laidOut.set(list, known = layOut(session, list, folder, shownName(name)));
    known.catch(() => laidOut.delete(list));
  }
  return await known;
}

async function layOut(session: Session, list: string, cache: string, name: string): Promise<string> {
  const fetch = async (digest: string) => {
    const answer = await session.look(session.tree, "codeGet", digest);
    const bytes = answer.refusal === null ? answer.bytes(0) : new Uint8Array();
    if (sha256(bytes) === digest) return bytes;
    throw new TypeError(`Cannot start "${name}": a file of its program is not what its SHA-256 ${digest} says`);
  };
  const { files, own } = JSON.parse(textOf(await fetch(list))) as FileList;
  const folder = `${cache}/${list}`;
  const fresh = `${cache}/${list}.${crypto.randomUUID()}`;
  const put = (path: string, bytes: Uint8Array) => {
    if (path.split("/").includes("..") || path.startsWith("/")) {
      throw new TypeError(`Cannot start "${name}": its program has a file outside of its folder, "${path}"`);
    }
    Deno.mkdirSync(`${fresh}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true, mode: 0o700 });
    Deno.writeFileSync(`${fresh}/${path}`, bytes, { mode: 0o600 });
  };
  try {
    for (const [path, digest] of files) put(path, await fetch(digest));
    for (const [path, module] of own) put(path, bytesOf(standIn(module)));
    // Whoever has laid out the same before has the same files, unless somebody has changed them since.
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      removed(fresh);
      throw error;
    }
  }
  try {
    Deno.renameSync(fresh, folder);
  } catch {
    return fileUrl(`${fresh}/`); // another agent has just put it there
  }
  return fileUrl(`${folder}/`);
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
