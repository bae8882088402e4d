// Functions by reference, the child's half: finds the function that a reference made by callable.ts means.

import {
  type Callable,
  type FunctionReference,
  type ModuleLoader,
  type ModuleNamespace,
  sourceHash,
} from "./callable_types.ts";
import { loadedModules } from "./inspector.ts";
import { treeHasCage } from "./native.ts";
import { nodeProcess } from "./node.ts";

export type { Callable, FunctionReference, ModuleLoader, ModuleNamespace } from "./callable_types.ts";

/** Imports of modules by URL: what a computed `import()` may not load for want of read permission. */
export type ModuleLoaders = Readonly<Record<string, ModuleLoader>>;

/** Options of {@linkcode resolve}. */
export interface ResolveOptions {
  /**
   * Whether the reference certainly comes from a process with at least the permissions of this one. A reference in a
   * message does not, once a process of the tree has fewer: it could name any module, a `data:` URL among them, and its
   * import would run what a hostile process has written. Then only modules count that this process was started with, or
   * has loaded. Default: `false`.
   */
  isTrusted?: boolean;
}

/** True if a reference may name only modules that are known here. */
function isLimited({ isTrusted = false }: ResolveOptions): boolean {
  return !isTrusted && treeHasCage();
}

/** True for the modules that this process was started with. */
export function isKnown(url: string, loaders: ModuleLoaders): boolean {
  return Object.hasOwn(loaders, url) || url === Deno.mainModule;
}

/** The reference with the modules only that are known here. Fails if none is. */
async function knownOnly(reference: FunctionReference, loaders: ModuleLoaders): Promise<FunctionReference> {
  const { name, modules } = reference;
  let known = modules.filter((url) => isKnown(url, loaders));
  if (known.length < modules.length) {
    const loaded = await loadedModules() ?? [];
    known = modules.filter((url) => isKnown(url, loaders) || loaded.includes(url));
  }
  if (known.length > 0) return { ...reference, modules: known };
  throw new TypeError(
    `Cannot run "${name}": a message says that ${
      modules.map((url) => `"${url}"`).join(" or ")
    } exports it, and since ` +
      "a process here has fewer permissions than others, no module is imported because a message names it; import it " +
      "before and start with --allow-sys, or let the main module export the function",
  );
}

/**
 * Finds the function or class that `reference` means: the export with its hash in the modules the reference
 * names, else in the modules that are loaded, where `--allow-sys` lets them be listed.
 *
 * @throws {TypeError} If there is none, or more than one; if a module that the reference names does not load.
 * What a module's own code throws while it is evaluated is thrown on as it is.
 */
export async function resolve(
  reference: FunctionReference,
  loaders: ModuleLoaders = {},
  options: ResolveOptions = {},
): Promise<Callable> {
  if (isLimited(options)) return await resolve(await knownOnly(reference, loaders), loaders, { isTrusted: true });
  if (reference.hash === null) return await resolveExport(reference, loaders);
  const found = new Map<Callable, string>();
  const failures: unknown[] = [];
  for (const url of reference.modules) {
    try {
      collect(await load(url, loaders), url, reference.hash, found);
    } catch (error) {
      if (!isLoadError(error)) throw error;
      failures.push(error);
    }
  }
  const loaded = found.size === 0 ? await loadedModules() : null;
  for (const url of loaded ?? []) {
    if (reference.modules.includes(url)) continue;
    try {
      // Already loaded: nothing is evaluated again, and no permission is needed.
      collect(await import(url), url, reference.hash, found);
    } catch {
      // It failed when it was first imported, and whoever did so was told.
    }
  }
  if (found.size === 0) throw notFound(reference, failures, loaded !== null);
  if (found.size > 1) throw ambiguous(reference, [...found.values()]);
  const [fn] = found.keys();
  return fn;
}

/**
 * As {@linkcode resolve}, without waiting: in the modules that the reference names, if they can be loaded at once,
 * which modules with a top-level `await` cannot. `null` if it is not found.
 */
export function resolveSync(
  { name, hash, modules }: FunctionReference,
  loaders: ModuleLoaders = {},
  options: ResolveOptions = {},
): Callable | null {
  const found = new Map<Callable, string>();
  const isEligible = (url: string) => url.startsWith("file:") && (!isLimited(options) || isKnown(url, loaders));
  for (const url of modules.filter(isEligible)) {
    const module = requireModule(url);
    if (module === null) continue; // whoever can wait is told by `resolve` what is wrong with it
    if (hash !== null) collect(module, url, hash, found);
    else if (typeof module[name] === "function") found.set(module[name], url);
  }
  return found.size === 1 ? [...found.keys()][0] : null;
}

/** A module in a file, if it can be had at once: which it cannot if it has a top-level `await`, loaded or not. */
export function requireModule(url: string): ModuleNamespace | null {
  try {
    const path = decodeURIComponent(new URL(url).pathname);
    return nodeProcess().getBuiltinModule("node:module").createRequire(url)(path);
  } catch {
    return null;
  }
}

/** Adds the functions among the exports whose source has the hash, each with a description for messages. */
function collect(module: ModuleNamespace, url: string, hash: string, found: Map<Callable, string>): void {
  for (const name of Object.getOwnPropertyNames(module)) {
    const value = exported(module, name);
    if (typeof value === "function" && !found.has(value) && sourceHash(value) === hash) {
      found.set(value, `"${name}" of "${url}"`);
    }
  }
}

/** The value of an export, or `undefined` while the module, part of a cycle, has not reached it. */
function exported(module: ModuleNamespace, name: string): unknown {
  try {
    return module[name];
  } catch {
    return undefined;
  }
}

async function resolveExport({ name, modules: [url] }: FunctionReference, loaders: ModuleLoaders): Promise<Callable> {
  let module: ModuleNamespace;
  try {
    module = await load(url, loaders);
  } catch (error) {
    throw isLoadError(error) ? new TypeError(`Cannot run "${name}": ${loadFailure(error)}`, { cause: error }) : error;
  }
  const value = exported(module, name);
  if (typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value))) {
    throw new TypeError(`Cannot run "${name}": "${url}" exports a class of this name, wanted a function`);
  }
  if (typeof value === "function") return value;
  const names = Object.getOwnPropertyNames(module).filter((key) => typeof exported(module, key) === "function");
  throw new TypeError(
    `Cannot run "${name}": "${url}" exports no function of this name, but ` +
      (names.length === 0 ? "no function at all" : names.map((key) => `"${key}"`).join(", ")),
  );
}

/** Imports a module, by its loader if there is one. */
export function load(url: string, loaders: ModuleLoaders): Promise<ModuleNamespace> {
  return Object.hasOwn(loaders, url) ? loaders[url]() : import(url);
}

/** True for the errors of finding, reading, parsing and linking modules, as against what modules throw. */
function isLoadError(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  const isLink = error instanceof SyntaxError && /does not provide an export|Ambiguous/.test(error.message);
  return code === "ERR_MODULE_NOT_FOUND" || isLink;
}

/** Deno gives a missing file, a missing permission and a syntax error the same class and code. */
function loadFailure({ message }: Error): string {
  if (/\$deno\$(eval|stdin|repl)/.test(message)) {
    return "the program was given to Deno as text, which no other process can import; put the function into a file";
  }
  if (/^Module not found/.test(message)) return `a module is missing: ${message}`;
  if (/^Requires \w+ access/.test(message)) {
    return `its module may not be read in the child: ${message}`;
  }
  return `its module cannot be loaded: ${message}`;
}

function notFound({ name, hash, modules }: FunctionReference, failures: unknown[], isSearched: boolean): TypeError {
  const [failure] = failures;
  // Functions without a name are refused at once (callable.ts).
  const wanted = name === "" && hash !== null ? "a class without a name" : `"${name}"`;
  if (failure instanceof Error) {
    return new TypeError(`Cannot run ${wanted}: ${loadFailure(failure)}`, { cause: failure });
  }
  const places = isSearched ? "no module" : `none of ${modules.map((url) => `"${url}"`).join(", ")}`;
  const otherwise = isSearched ? "" : ", or start with --allow-sys so that every loaded module is searched";
  return new TypeError(
    `Cannot run ${wanted}: ${places} exports it; write "export" before its declaration at the top level of a ` +
      `module (a closure or an inline function cannot be run in another process), or give { module, name }${otherwise}`,
  );
}

function ambiguous({ name }: FunctionReference, found: string[]): TypeError {
  return new TypeError(
    `Cannot run "${name}": ${found.join(" and ")} have the same source text; give { module, name } instead`,
  );
}
