// Functions by reference, the receiver's half: finds the function that a reference made by reference.ts means.

import { isLate, promised, promisedSync, type TravellingReference } from "./late.ts";
import { isKnown, load, type ModuleLoaders, requireModule } from "./modules.ts";
import { knownNamespace } from "./namespaces.ts";
import { valueAt } from "./proof.ts";
import { GIVEN_AS_TEXT, isText } from "./refusal.ts";
import { type Callable, type FunctionReference, type ModuleNamespace, sourceHash } from "./types.ts";
import { harmless } from "../runtime/harmless.ts";
import { isError } from "../runtime/stack.ts";
import { loadedModules } from "./inspector.ts";
import { messagesMayBeHostile, whyMessagesMayBeHostile } from "../addon/load.ts";

/** Options of {@linkcode resolve}. */
export interface ResolveOptions {
  /**
   * Whether the reference certainly comes from a process with at least the permissions of this one. A reference in a
   * message does not, once a process of the tree has fewer: it could name any module, a `data:` URL among them, and its
   * import would run what a hostile process has written. Then only modules count that this process was started with, or
   * has loaded. Default: `false`.
   */
  isTrusted?: boolean;
  /** Whether what a module exports under a name that was given explicitly may be a class. Default: `false`. */
  mayBeClass?: boolean;
}

/** True if a reference may name only modules that are known here. */
function isLimited({ isTrusted = false }: ResolveOptions): boolean {
  return !isTrusted && messagesMayBeHostile();
}

/** Refuses a reference to a module that is not known here. */
function requireKnown({ label, module }: FunctionReference, loaders: ModuleLoaders): void {
  if (isKnown(module, loaders) || loadedModules()?.includes(module)) return;
  throw new TypeError(
    `Cannot run "${label}": a message says that "${harmless(module)}" exports it, and since ` +
      `${whyMessagesMayBeHostile()}, no module is imported because a message names it; import it before and start with ` +
      "--allow-sys, or let the main module export the function",
  );
}

/**
 * Finds the function or class that `reference` means: that export of that module, with no search.
 *
 * @throws {TypeError} If there is none; if its module does not load, or was edited since the reference was made.
 * What a module's own code throws while it is evaluated is thrown on as it is.
 */
export async function resolve(
  reference: TravellingReference,
  loaders: ModuleLoaders = {},
  options: ResolveOptions = {},
): Promise<Callable> {
  const found = isLate(reference) ? await promised(reference) : reference;
  if (isLimited(options)) requireKnown(found, loaders);
  let module: ModuleNamespace;
  try {
    module = await load(found.module, loaders);
  } catch (error) {
    if (!isLoadError(error)) throw error;
    throw new TypeError(`Cannot run "${found.label}": ${harmless(loadFailure(error), { multiline: true })}`, {
      cause: error,
    });
  }
  return exportedBy(module, found, options);
}

/**
 * As {@linkcode resolve}, without waiting: if its module can be loaded at once, which one with a top-level `await`
 * cannot. `null` if it cannot.
 */
export function resolveSync(
  reference: TravellingReference,
  loaders: ModuleLoaders = {},
  options: ResolveOptions = {},
): Callable | null {
  const found = isLate(reference) ? promisedSync(reference) : reference;
  if (isLimited(options) && !isKnown(found.module, loaders)) return null;
  const module = knownNamespace(found.module) ?? requireModule(found.module);
  // If this finds nothing, `resolve`, which can wait, says what is wrong.
  return module === null ? null : exportedBy(module, found, options);
}

/** What a module exports where a reference says; a TypeError says that this is not what was given. */
function exportedBy(
  namespace: ModuleNamespace,
  { label, module, name, member, hash }: FunctionReference,
  { mayBeClass = false }: ResolveOptions,
): Callable {
  const value = valueAt(namespace, { name, member });
  if (hash === null) {
    if (mayBeClass && typeof value === "function") return value;
    return explicitlyExported(namespace, value, { label, module });
  }
  if (typeof value === "function" && sourceHash(value) === hash) return value;
  const place = harmless(member === null ? `"${name}"` : `"${member}" of "${name}"`);
  throw new TypeError(
    `Cannot run "${label}": "${harmless(module)}" exports ${
      typeof value === "function" ? "another function" : "nothing"
    } as ` +
      `${place} here than in the process that gave it: it was edited meanwhile, or exports what depends on the process; ` +
      "start the program anew, or export the same in every process",
  );
}

function explicitlyExported(
  namespace: ModuleNamespace,
  value: unknown,
  { label, module }: Pick<FunctionReference, "label" | "module">,
): Callable {
  if (typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value))) {
    throw new TypeError(`Cannot run "${label}": "${harmless(module)}" exports a class of this name, wanted a function`);
  }
  if (typeof value === "function") return value;
  const names = Object.getOwnPropertyNames(namespace)
    .filter((name) => typeof valueAt(namespace, { name, member: null }) === "function");
  throw new TypeError(
    `Cannot run "${label}": "${harmless(module)}" exports no function of this name, but ` +
      (names.length === 0 ? "no function at all" : names.map((key) => `"${key}"`).join(", ")),
  );
}

/** True for the errors of finding, reading, parsing and linking modules, as against what modules throw. */
function isLoadError(error: unknown): error is Error {
  if (!isError(error)) return false;
  const { code } = error as { code?: unknown };
  const isLink = error instanceof SyntaxError && /does not provide an export|Ambiguous/.test(error.message);
  return code === "ERR_MODULE_NOT_FOUND" || isLink;
}

/** Deno gives a missing file, a missing permission and a syntax error the same class and code. */
function loadFailure({ message }: Error): string {
  if (isText(message)) return GIVEN_AS_TEXT;
  if (/^Module not found/.test(message)) return `a module is missing: ${message}`;
  if (/^Requires \w+ access/.test(message)) {
    return `its module may not be read in the child: ${message}`;
  }
  return `its module cannot be loaded: ${message}`;
}
