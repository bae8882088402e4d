/**
 * The receiver's half of error classes that the user's modules export: a reference (error_reference.ts) becomes the class
 * again, whose module may have to be imported. Where that is not possible, or not allowed, an error arrives as one of the
 * nearest class that every process knows.
 *
 * @module
 */
import { isKnown, knownLoaders, load, requireModule } from "../callable/modules.ts";
import { knownNamespace, namespaceAtOnce, namespaceLater } from "../callable/namespaces.ts";
import { valueAt } from "../callable/proof.ts";
import { type FunctionReference, type ModuleNamespace, sourceHash } from "../callable/types.ts";
import { loadedModules } from "../callable/inspector.ts";
import { messagesMayBeHostile } from "../addon/load.ts";
import { clearTimeout, setTimeout } from "../runtime/timing.ts";
import type { ErrorClass } from "./error_classes.ts";

/** The classes found, and `null` for those that cannot be found, by {@linkcode keyOf}. */
const found = new Map<string, ErrorClass | null>();
/** What was looked for in vain where one cannot wait, by the same; it is not looked for again. */
const sought = new Set<string>();
/** How many of them are remembered. */
const MAX_SOUGHT = 1000;
/** Milliseconds that a module may take to load before its error goes on as one of a known class. */
const LOADING = 1000;

/**
 * The class that a reference means, if it can be found without waiting; otherwise `null`. A caller that can wait gives a
 * list: what is not known is noted there, for {@linkcode findClasses}, and not looked for here.
 */
export function classFound(reference: FunctionReference, missing: FunctionReference[] | null): ErrorClass | null {
  const key = keyOf(reference);
  const known = found.get(key);
  if (known !== undefined) return known;
  if (missing !== null) {
    missing.push(reference);
    return null;
  }
  if (sought.has(key)) return null;
  const Class = classAtOnce(reference);
  if (Class !== null) return keep(reference, Class);
  if (sought.size === MAX_SOUGHT) sought.clear();
  sought.add(key);
  return null;
}

function classAtOnce(reference: FunctionReference): ErrorClass | null {
  const { module } = reference;
  const known = knownNamespace(module);
  if (known !== null) return exportedClass(known, reference);
  if (!mayBeAskedFor(module) || !(isKnown(module, knownLoaders()) || isReadable(module))) return null;
  const loaded = namespaceAtOnce(module);
  const namespace = loaded === null || loaded === "later" ? requireModule(module) : loaded;
  return namespace === null ? null : exportedClass(namespace, reference);
}

/** As {@linkcode classFound}, for a message from outside of the tree: what it names is not imported for its sake. */
export function classKnown(reference: FunctionReference): ErrorClass | null {
  return found.get(keyOf(reference)) ?? null;
}

/**
 * Looks for classes: also for those of modules that wait for something at their top level, or are in no file. A module
 * that is loaded is not imported: it may be waiting for the very call that asks here.
 */
export async function findClasses(references: readonly FunctionReference[]): Promise<void> {
  for (const reference of references) {
    if (!found.has(keyOf(reference))) keep(reference, await search(reference).catch(() => null));
  }
}

async function search(reference: FunctionReference): Promise<ErrorClass | null> {
  const { module } = reference;
  const isLoaded = mayBeAskedFor(module) && namespaceAtOnce(module) !== null;
  const Class = classAtOnce(reference);
  if (Class !== null) return Class;
  // A loaded module that has come to the class is not imported: it may be waiting for the very call that asks here.
  const namespace = isLoaded ? await namespaceLater(module) : null;
  if (namespace !== null && (hasReached(namespace, reference) || module === Deno.mainModule)) {
    return exportedClass(namespace, reference);
  }
  if (messagesMayBeHostile() || !isReadable(module)) return null;
  const imported = await loadedInTime(module);
  return imported === null ? null : exportedClass(imported, reference);
}

/** Whether a message may have this process look at a module: once a process has fewer permissions, at known ones only. */
function mayBeAskedFor(module: string): boolean {
  return !messagesMayBeHostile() || isKnown(module, knownLoaders()) || (loadedModules()?.includes(module) ?? false);
}

function hasReached(namespace: ModuleNamespace, { name }: FunctionReference): boolean {
  try {
    return namespace[name] !== null;
  } catch {
    return false;
  }
}

/**
 * A module, if it is loaded within {@linkcode LOADING}: it may wait for ever, for the main module, say, which waits for
 * whoever asks here.
 */
async function loadedInTime(url: string): Promise<ModuleNamespace | null> {
  const { promise, resolve } = Promise.withResolvers<null>();
  const timer = setTimeout(() => resolve(null), LOADING);
  try {
    return await Promise.race([load(url, knownLoaders()), promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether a module can be imported without anybody being asked for a permission. */
function isReadable(url: string): boolean {
  if (url.startsWith("data:")) return true;
  return url.startsWith("file:") &&
    Deno.permissions.querySync({ name: "read", path: new URL(url) }).state === "granted";
}

function keep(reference: FunctionReference, Class: ErrorClass | null): ErrorClass | null {
  found.set(keyOf(reference), Class);
  return Class;
}

function keyOf({ module, name, member, hash }: FunctionReference): string {
  return [module, name, member, hash].join("\n");
}

function exportedClass(namespace: ModuleNamespace, reference: FunctionReference): ErrorClass | null {
  const value = valueAt(namespace, reference);
  const isMeant = typeof value === "function" && value.prototype instanceof Error &&
    sourceHash(value) === reference.hash;
  return isMeant ? value as ErrorClass : null;
}
