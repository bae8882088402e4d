// What the parent's half (callable.ts) and the child's half (callable_resolve.ts) of a function reference share.

import { ENTRY_PREFIX } from "./command_line.ts";

/** A function or class as the export of a module that it is: what is named in a message to another process. */
export interface FunctionReference {
  /** What it is called in messages: its own name, or that of the export. */
  label: string;
  /** URL of the module. */
  module: string;
  /** Name of the export. */
  name: string;
  /** The name of the function in the table, class or CommonJS module that the export is; else `null`. */
  member: string | null;
  /**
   * {@linkcode sourceHash} of the function, by which another process notices that the module was edited meanwhile;
   * `null` when the module and the export were given explicitly.
   */
  hash: string | null;
}

/** A function given by the module that exports it, where it cannot be found by itself. */
export interface ModuleExport {
  /** URL or specifier of the module; a relative one is relative to the module that gives it. */
  module: string | URL;
  /** Name of the export. */
  name: string;
}

/** Any function or class. */
// deno-lint-ignore ban-types -- what is common to functions and classes of every signature
export type Callable = Function;

/** Imports the module it stands for. */
export type ModuleLoader = () => Promise<ModuleNamespace>;

/** The exports of a module. */
export type ModuleNamespace = Readonly<Record<string, unknown>>;

/** What a function is called; nothing where its `name` has been made something else than a text. */
export function nameOf(fn: Callable): string {
  try {
    const { name } = fn as { readonly name: unknown };
    return typeof name === "string" ? name : "";
  } catch {
    return ""; // a getter's own idea
  }
}

/**
 * Length and 32-bit FNV-1a hash of a function's source text. Parent and child run the same emitted text, so the
 * same function has the same hash in both. That is no proof of anything, since other functions may have the same text.
 */
export function sourceHash(fn: Callable): string {
  const text = Function.prototype.toString.call(fn);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${text.length}:${(hash >>> 0).toString(16)}`;
}

/**
 * True for the modules of this package, which never export a user's function: its sources, the entry modules of its
 * children, and what it has V8 link to others. To import an entry would start a child once more, or wait for oneself.
 */
export function isOwnModule(url: string): boolean {
  return url.startsWith(OWN_FOLDER) || url === OWN_ENTRY || url.startsWith(ENTRY_PREFIX) ||
    url.includes(`/${LINKING_NAME}`);
}

/** How the names of the files begin that {@linkcode isOwnModule} tells by them: there are no such files. */
export const LINKING_NAME = "$multiprocessing_";

/** Whether a main module is in no file: that of `deno test`, `deno eval` and of a program on standard input. */
export function isInNoFile(url: string): boolean {
  return /\/\$deno\$[^/]*$/.test(url);
}

/** The folder of the module or folder of that URL. Making a `URL` would take 0.3 ms of every process's start. */
function folderOf(url: string): string {
  return url.slice(0, url.lastIndexOf("/", url.length - 2) + 1);
}

const OWN_FOLDER = folderOf(import.meta.url);
const OWN_ENTRY = `${folderOf(OWN_FOLDER)}mod.ts`;
