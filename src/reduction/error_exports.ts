/**
 * Error classes that the user's modules export: named by the sender as functions are (src/callable/reference.ts), found again by
 * the receiver, which may have to import the module. Where that is not possible, or not allowed, an error arrives as
 * one of the nearest class that every process knows.
 *
 * @module
 */
import { isIdentifier } from "../runtime/identifiers.ts";
import { isOwnModule } from "../runtime/own_modules.ts";
import { isKnown, knownLoaders, load, requireModule } from "../callable/modules.ts";
import { knownNamespace, namespaceAtOnce, namespaceLater } from "../callable/namespaces.ts";
import { searchAtAnyPrice, searchIn, searchLater, valueAt } from "../callable/proof.ts";
import { exportsClass, importersOf, mentions, privateMember, readSource } from "../callable/source.ts";
import { type FunctionReference, type ModuleNamespace, sourceHash } from "../callable/types.ts";
import { loadedModules } from "../callable/inspector.ts";
import { treeHasCage } from "../addon/load.ts";
import { clearTimeout, setTimeout } from "../runtime/timing.ts";
import type { ErrorClass } from "./error_classes.ts";

/** The sender's half: references made, by class; `null` for those that no module exports. */
const references = new WeakMap<object, FunctionReference | null>();

/** The receiver's half: the classes found, and `null` for those that cannot be found, by {@linkcode keyOf}. */
const found = new Map<string, ErrorClass | null>();
/** What was looked for in vain where one cannot wait, by the same; it is not looked for again. */
const sought = new Set<string>();
const MOST_SOUGHT = 1000;
/** How much of a stack is read, and how long a line of it may be: its text may be anybody's. */
const LONGEST_STACK = 64 * 1024;
const LONGEST_LINE = 4096;
/** Milliseconds that a module may take to load before its error goes on as one of a known class. */
const LOADING = 1000;
/** The classes that a caller which can wait is to look for; `null` if no caller can. */
let missing: FunctionReference[] | null = null;

/** How the class of an error is named to others; `null` if no module is seen to export it. */
export function classReference(error: Error): FunctionReference | null {
  const prototype = Object.getPrototypeOf(error);
  const Class: unknown = prototype?.constructor;
  if (typeof Class !== "function" || Class.prototype !== prototype || !isIdentifier(Class.name)) return null;
  const known = references.get(Class);
  if (known !== undefined) return known;
  for (let it = Class; it !== Function.prototype && it !== null; it = Object.getPrototypeOf(it)) {
    if (privateMember(it) !== null) return null; // only the constructor makes them, and it does not run again
  }
  const { place: found, later } = searchIn(Class, () => exportersOf(Class.name, modulesOn(error.stack)));
  const place = found ?? searchAtAnyPrice(Class, later);
  if (place === null && later.some((url) => knownNamespace(url) === null)) {
    // This error goes as one of the nearest known class; the next is told of in time.
    void searchLater(Class, later).catch(() => null);
    return null;
  }
  const made = place && { label: Class.name, ...place, hash: sourceHash(Class) };
  references.set(Class, made);
  return made;
}

/** URLs of the user's modules that a stack tells of, innermost first. */
function modulesOn(stack: unknown): string[] {
  if (typeof stack !== "string") return [];
  const lines = stack.slice(0, LONGEST_STACK).split("\n").filter((line) => line.length <= LONGEST_LINE);
  const urls = lines.flatMap((line) => line.match(/^ +at .*?((?:file|https?|data|blob):.*):\d+:\d+\)?$/)?.[1] ?? []);
  return [...new Set(urls)].filter((url) => !isOwnModule(url));
}

/** Of the modules, and those that they import something of this name from, the ones that may export a class. */
function exportersOf(name: string, throwing: readonly string[]): string[] {
  const main: string | undefined = Deno.mainModule; // undefined in a Worker
  const modules = new Set(main === undefined ? throwing : [...throwing, main]);
  for (const url of modules) {
    const source = readSource(url);
    // What is added is visited, too.
    if (source !== null && mentions(name, source)) importersOf(name, source, url).forEach((it) => modules.add(it));
  }
  return [...modules].filter((url) => exportsClass(name, readSource(url)) || exportsValues(readSource(url)));
}

/** Whether it exports what some expression makes: a class of any name. */
function exportsValues(source: string | null): boolean {
  return source !== null && /\bexport\s+(?:const|let|var|default)\b/.test(source);
}

/** The class that a reference means, if it can be found without waiting. */
export function classFound(reference: FunctionReference): ErrorClass | null {
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
  if (sought.size === MOST_SOUGHT) sought.clear();
  sought.add(key);
  return null;
}

function classAtOnce(reference: FunctionReference): ErrorClass | null {
  const { module } = reference;
  const known = knownNamespace(module);
  if (known !== null) return exportedClass(known, reference);
  const mayBe = isKnown(module, knownLoaders()) || (!treeHasCage() && isReadable(module));
  if (!mayBe) return null;
  const loaded = namespaceAtOnce(module);
  const namespace = loaded === null || loaded === "later" ? requireModule(module) : loaded;
  return namespace === null ? null : exportedClass(namespace, reference);
}

/** As {@linkcode classFound}, for a message from outside of the tree: what it names is not imported for its sake. */
export function classKnown(reference: FunctionReference): ErrorClass | null {
  return found.get(keyOf(reference)) ?? null;
}

/** Runs `read`, and says which classes it was in want of. */
export function noteMissing<T>(read: () => T): { value: T; missing: FunctionReference[] } {
  const outer = missing;
  const mine: FunctionReference[] = missing = [];
  try {
    return { value: read(), missing: mine };
  } finally {
    missing = outer;
  }
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
  if (treeHasCage() || !isReadable(module)) return null;
  const imported = await loadedInTime(module);
  return imported === null ? null : exportedClass(imported, reference);
}

/** Whether a message may have this process look at a module: once a process has fewer permissions, at known ones only. */
function mayBeAskedFor(module: string): boolean {
  return !treeHasCage() || isKnown(module, knownLoaders()) || (loadedModules()?.includes(module) ?? false);
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
