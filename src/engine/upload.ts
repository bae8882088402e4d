// A program that is sent to its hosts, the sender's half: the files of its graph, its configuration, and what else it says that it
// reads. Each is kept in the engine by its digest; the list of them is what a launch names. The hosts' half is unpacking.ts.

import { isInNoFile, isOwnModule } from "../runtime/own_modules.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";
import { absolutePath } from "../runtime/paths.ts";
import type { Code } from "./code.ts";
import { sha256 } from "./digests.ts";
import { useCodeFolder } from "../callable/places.ts";
import type { Session } from "./session.ts";
import { bytesOf, textOf } from "./text.ts";

/** How many bytes a program may have in all. */
const MOST_BYTES = 64 * 1024 * 1024;
/** What configures a program, in its folder or in one around it. */
const CONFIGURATIONS = ["deno.json", "deno.jsonc", "package.json"];
const LOCK = "deno.lock";

/** The list of a program's files, relative to the folder that they have in common. */
export interface FileList {
  /** Each file: its path, its SHA-256. */
  readonly files: readonly (readonly [path: string, digest: string])[];
  /** The places where this package's modules are for the program, and which of them: "mod", "pool". */
  readonly own: readonly (readonly [path: string, name: string])[];
}

/** What is to be sent. */
export interface Upload {
  /** URLs of the main module, and of others that processes begin with. */
  readonly roots: readonly string[];
  /** Paths of files that the program reads besides. */
  readonly include: readonly string[];
  /** The flags that the program was started with. */
  readonly flags: readonly string[];
  /** The directory that paths are relative to. */
  readonly directory: string;
}

/** What was sent in each tree. */
const sent = new WeakMap<Session, { code: Code; modules: ReadonlySet<string> }>();

/**
 * Sends a program, once in each tree.
 *
 * @throws {Deno.errors.NotCapable} If Deno may not be run to tell the program's graph.
 * @throws {TypeError} If a process is to begin with a module that was not sent.
 * @throws {RangeError} If the program is too large.
 */
export function uploadedCode(session: Session, upload: Upload): Code {
  const roots = upload.roots.filter((url) => url.startsWith("file:") && !isOwnModule(url) && !isInNoFile(url));
  const known = sent.get(session);
  if (known !== undefined) {
    const missing = roots.find((url) => !known.modules.has(url));
    if (missing === undefined) return known.code;
    throw new TypeError(
      `Cannot start a process with code: "upload": its module "${missing}" is not among those that were sent with the ` +
        'first one; import it in the main module, or name it in "include"',
    );
  }
  const program = gathered({ ...upload, roots });
  const folder = commonFolder([...program.paths, ...program.own.keys()]);
  const relative = (path: string) => path.slice(folder.length);
  const list: FileList = {
    files: [...program.paths].map((path) => [relative(path), send(session, Deno.readFileSync(path))] as const),
    own: [...program.own].map(([path, name]) => [relative(path), name] as const),
  };
  const digest = send(session, bytesOf(JSON.stringify(list)));
  useCodeFolder(fileUrl(folder));
  const code: Code = { way: "upload", hashes: {}, list: digest };
  sent.set(session, { code, modules: new Set([...program.paths].map(fileUrl)) });
  return code;
}

/** Sends the bytes of a file, unless the engine has them; their digest. */
function send(session: Session, bytes: Uint8Array): string {
  const digest = sha256(bytes);
  if (session.lookSync(session.tree, "codeHas", digest).text(0) === "1") return digest;
  session.lookSync(session.tree, "codePut", digest, bytes);
  return digest;
}

/** The files of a program, by their paths; and where this package's modules are for it. */
interface Program {
  readonly paths: ReadonlySet<string>;
  readonly own: ReadonlyMap<string, string>;
}

function gathered({ roots, include, flags, directory }: Upload): Program {
  const paths = new Set<string>();
  const own = new Map<string, string>();
  const configuring = flags.filter((flag) =>
    /^--(config|import-map|lock|no-lock|no-config|node-modules-dir)\b/.test(flag)
  );
  for (const root of roots) {
    if (paths.has(pathOfUrl(root))) continue;
    for (const { specifier, local, dependencies = [] } of graphOf(root, configuring)) {
      if (!specifier.startsWith("file:") || local === undefined || isOwnModule(specifier)) continue;
      paths.add(local);
      for (const { code } of dependencies) {
        const url = code?.specifier ?? "";
        if (url.startsWith("file:") && isOwnModule(url)) own.set(pathOfUrl(url), nameOf(url));
      }
    }
  }
  for (const path of configurations(roots, configuring)) paths.add(path);
  for (const path of include) paths.add(absolutePath(path, directory));
  requireSmall(paths);
  return { paths, own };
}

/** The name of a module of this package: that of its file. */
function nameOf(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1).replace(/\.\w+$/, "");
}

/** A module as `deno info` tells of it. */
interface GraphModule {
  readonly specifier: string;
  readonly local?: string;
  readonly dependencies?: readonly { readonly code?: { readonly specifier?: string } }[];
}

function graphOf(url: string, flags: readonly string[]): readonly GraphModule[] {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", ...flags, url],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  const { success, stdout, stderr } = command.outputSync();
  if (!success) {
    throw new TypeError(
      `Cannot start a process with code: "upload": the graph of "${url}" is not known: ${textOf(stderr).trim()}`,
    );
  }
  return (JSON.parse(textOf(stdout)) as { modules: GraphModule[] }).modules;
}

/** The files that configure the program: those of flags, else those that Deno finds by itself. */
function configurations(roots: readonly string[], flags: readonly string[]): string[] {
  const named = flags.flatMap((flag) => flag.match(/^--(?:config|import-map|lock)=(.*)$/s)?.[1] ?? []);
  const found = flags.some((flag) => /^--(config=|no-config)/.test(flag)) || roots.length === 0
    ? []
    : discovered(pathOfUrl(roots[0]));
  const all = [...named, ...found].filter((path) => !/^\w+:/.test(path) && isFile(path));
  return [...all, ...all.flatMap(importMapIn)];
}

function discovered(main: string): string[] {
  for (let at = main.lastIndexOf("/"); at >= 0; at = main.lastIndexOf("/", at - 1)) {
    const folder = main.slice(0, at + 1);
    const here = CONFIGURATIONS.map((name) => folder + name).filter(isFile);
    if (here.length > 0) return isFile(folder + LOCK) ? [...here, folder + LOCK] : here;
  }
  return [];
}

/** The file of the import map that a configuration names. */
function importMapIn(path: string): string[] {
  if (!/deno\.jsonc?$/.test(path)) return [];
  const map = Deno.readTextFileSync(path).match(/"importMap"\s*:\s*"([^"]+)"/)?.[1];
  if (map === undefined || /^\w+:/.test(map)) return [];
  const file = absolutePath(map, path.slice(0, path.lastIndexOf("/")));
  return isFile(file) ? [file] : [];
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function requireSmall(paths: ReadonlySet<string>): void {
  const sizes = [...paths].map((path) => ({ path, size: Deno.statSync(path).size })).sort((a, b) => b.size - a.size);
  const sum = sizes.reduce((all, { size }) => all + size, 0);
  if (sum <= MOST_BYTES) return;
  throw new RangeError(
    `Cannot start a process with code: "upload": the program has ${sum} bytes, wanted ${MOST_BYTES} at most; its largest ` +
      `file is "${sizes[0].path}" with ${sizes[0].size}; put large data where all hosts reach it`,
  );
}

/** The longest folder that all paths are in, with "/" at its end. */
function commonFolder(paths: readonly string[]): string {
  let common = paths[0].slice(0, paths[0].lastIndexOf("/") + 1);
  for (const path of paths) {
    while (!path.startsWith(common)) common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1);
  }
  return common;
}

/** The `file:` URL of a path. */
export function fileUrl(path: string): string {
  return new URL(`file://${path.replace(/[%?#\\]/g, encodeURIComponent)}`).href;
}
