// Modules as this process imports them, for finding functions and classes in them.

import { importBoxed, importUrl } from "./imports.ts";
import { readSource, readText } from "./source.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { namespaceAtOnce, rememberNamespace } from "./namespaces.ts";
import type { ModuleLoader, ModuleNamespace } from "./types.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";
import { nodeProcess } from "../runtime/node.ts";

/** Imports of modules by URL: what a computed `import()` may not load for want of read permission. */
export type ModuleLoaders = Readonly<Record<string, ModuleLoader>>;

let loaders: ModuleLoaders = {};

/** Says how modules are imported in this process that a computed `import()` may not load. */
export function useLoaders(known: ModuleLoaders): void {
  loaders = known;
}

/** How modules are imported in this process. */
export function knownLoaders(): ModuleLoaders {
  return loaders;
}

/** True for the modules that this process was started with. */
export function isKnown(url: string, loaders: ModuleLoaders): boolean {
  return Object.hasOwn(loaders, url) || url === Deno.mainModule;
}

/** Where a module may export something of the name `then`, or all of another module that does. */
const THEN = /(?<!\.\s*)\bthen\b|\bexports\s*\.\s*then\b|\bexport\s*\*/;

/** Whether a module may export something of that name. Few have the word, or pass on all of another. */
function mayExportThen(url: string): boolean {
  if (isFrozen()) return false;
  const text = readText(url);
  if (text === null || !text.includes("then") && !mayPassOnAll(text)) return false;
  return THEN.test(readSource(url) ?? "");
}

/** Whether a text has `export *`, or `export` before a comment. */
function mayPassOnAll(text: string): boolean {
  for (let at = text.indexOf("export"); at >= 0; at = text.indexOf("export", at + 1)) {
    const rest = text.slice(at + "export".length).trimStart();
    if (rest.startsWith("*") || rest.startsWith("/")) return true;
  }
  return false;
}

/** Imports a module, by its loader if there is one. */
export async function load(url: string, loaders: ModuleLoaders): Promise<ModuleNamespace> {
  if (mayExportThen(url)) {
    return rememberNamespace(url, (await importBoxed(url)).namespace);
  }
  return rememberNamespace(url, await (Object.hasOwn(loaders, url) ? loaders[url]() : importUrl(url)));
}

/**
 * A module in a file, if it can be had at once: which it cannot if it has a top-level `await`, loaded or not. With a
 * query it would be another module here than for an `import()`.
 */
export function requireModule(url: string): ModuleNamespace | null {
  if (!/^file:[^?#]*$/.test(url)) return null;
  try {
    const path = pathOfUrl(url);
    const exports = nodeProcess().getBuiltinModule("node:module").createRequire(url)(path);
    const namespace = namespaceAtOnce(url); // it is loaded now
    return namespace === null || namespace === "later" ? importedCommonJs(exports) : namespace;
  } catch {
    return null;
  }
}

/** What an `import()` gives of a CommonJS module that `require()` has loaded. */
function importedCommonJs(exports: unknown): ModuleNamespace {
  const hasNames = (typeof exports === "object" && exports !== null) || typeof exports === "function";
  const names = hasNames ? Object.getOwnPropertyDescriptors(exports) : {};
  return Object.create(null, { ...names, default: { value: exports, enumerable: true } });
}
