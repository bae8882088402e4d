// Finds the export of a module that a function is, by comparing the functions themselves, never their texts.

import { isOwnModule } from "../runtime/own_modules.ts";
import { importersOf, importsOf, readSource } from "./source.ts";
import {
  knownNamespaces,
  namespaceAtAnyPrice,
  namespaceAtOnce,
  namespaceLater,
  requiredModules,
} from "./namespaces.ts";
import { isText } from "./refusal.ts";
import { type Callable, type ModuleNamespace, nameOf } from "./types.ts";
import { loadedModules } from "./inspector.ts";
import { hasNode } from "../runtime/node.ts";

/** Where a function is exported. */
export interface Place {
  readonly module: string;
  readonly name: string;
  readonly member: string | null;
}

/** The result of a {@linkcode search}. */
export interface Findings {
  /** Where the function is; `null` if it was not found. */
  readonly place: Place | null;
  /** The modules that it may be in all the same: what they export cannot be told at once. */
  readonly later: readonly string[];
}

/** So many modules are looked at, and so many members of an export. */
const MOST_MODULES = 500;
const MOST_MEMBERS = 1000;

/**
 * Looks for the place of a function, in the order of likelihood: in the modules that are known; in `modules`; in those
 * that these import it from; in all that these import, directly or not; in what `require()` has loaded; and, where
 * `--allow-sys` lets them be listed, in all that are loaded. Without Node's part of Deno only the known ones can be told.
 */
export function search(fn: Callable, modules: readonly string[]): Findings {
  const known = placeAmongKnown(fn);
  if (known !== null || !hasNode()) return { place: known, later: [] };
  const later: string[] = [];
  const tried = new Set<string>();
  const look = (url: string): Place | null => {
    if (tried.has(url) || isOwnModule(url) || tried.size >= MOST_MODULES) return null;
    tried.add(url);
    const namespace = namespaceAtOnce(url);
    if (namespace === "later" && !isText(url)) later.push(url); // that would be of no use
    return namespace === null || namespace === "later" ? null : placeIn(namespace, url, fn);
  };
  const place = first(modules, look) ?? first(namingModules(nameOf(fn), modules), look) ??
    first(reachableModules(modules), look) ?? placeAmongRequired(fn);
  if (place !== null || later.length > 0) return { place, later };
  return { place: placeAmongLoaded(look), later };
}

/** As {@linkcode search}, in what is known, or else in these modules only. */
export function searchIn(fn: Callable, modules: () => readonly string[]): Findings {
  const later: string[] = [];
  const place = placeAmongKnown(fn) ?? first(modules(), (url) => {
    const namespace = namespaceAtOnce(url);
    if (namespace === "later") later.push(url);
    return namespace === null || namespace === "later" ? null : placeIn(namespace, url, fn);
  });
  return { place, later };
}

/** Goes on where {@linkcode search} had to stop. */
export async function searchLater(fn: Callable, later: readonly string[]): Promise<Place | null> {
  for (const url of later) {
    const namespace = await namespaceLater(url);
    const place = namespace === null ? null : placeIn(namespace, url, fn);
    if (place !== null) return place;
  }
  return placeAmongLoaded((url) => {
    const namespace = namespaceAtOnce(url);
    return namespace === null || namespace === "later" ? null : placeIn(namespace, url, fn);
  });
}

/** As {@linkcode searchLater}, at the call. `null` where that is not possible, too. */
export function searchAtAnyPrice(fn: Callable, later: readonly string[]): Place | null {
  return first(later, (url) => {
    const namespace = namespaceAtAnyPrice(url);
    return namespace === null ? null : placeIn(namespace, url, fn);
  });
}

/** Whether a place still has the function: `export let` may have been given another. */
export function isAt(fn: Callable, place: Place): boolean {
  const namespace = namespaceAtOnce(place.module);
  return namespace !== null && namespace !== "later" && valueAt(namespace, place) === fn;
}

/** The value at a place of a module; `undefined` if there is none, or not yet. */
export function valueAt(namespace: ModuleNamespace, { name, member }: Pick<Place, "name" | "member">): unknown {
  try {
    const value = namespace[name];
    if (member === null) return value;
    return isTable(value) ? Object.getOwnPropertyDescriptor(value, member)?.value : undefined;
  } catch {
    return undefined; // the module, part of a cycle, has not reached it
  }
}

function first(urls: Iterable<string>, look: (url: string) => Place | null): Place | null {
  for (const url of urls) {
    const place = look(url);
    if (place !== null) return place;
  }
  return null;
}

function placeAmongKnown(fn: Callable): Place | null {
  for (const [url, namespace] of knownNamespaces()) {
    const place = isOwnModule(url) ? null : placeIn(namespace, url, fn);
    if (place !== null) return place;
  }
  return null;
}

/** Where in a module a function is: as an export, or in a table or class that it exports. */
function placeIn(namespace: ModuleNamespace, module: string, fn: Callable): Place | null {
  // Its own name first: others may be gone when the module is edited, or be those of an `import *`.
  const names = Object.getOwnPropertyNames(namespace);
  const own = nameOf(fn);
  const ordered = names.includes(own) ? [own, ...names] : names;
  for (const name of ordered) {
    if (valueAt(namespace, { name, member: null }) === fn) return { module, name, member: null };
  }
  for (const name of names) {
    const value = valueAt(namespace, { name, member: null });
    const member = isTable(value) ? memberOf(value, fn) : null;
    if (member !== null) return { module, name, member };
  }
  return null;
}

function isTable(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

/** The name of the property that has the function: getters are not asked. */
function memberOf(table: object, fn: Callable): string | null {
  try {
    if (ArrayBuffer.isView(table)) return null;
    for (const key of Object.getOwnPropertyNames(table).slice(0, MOST_MEMBERS)) {
      if (Object.getOwnPropertyDescriptor(table, key)?.value === fn) return key;
    }
  } catch {
    // A proxy's own ideas, or a module that has not reached the export.
  }
  return null;
}

/** The modules that some of these import something of that name from, and so on. */
function namingModules(name: string, modules: readonly string[]): string[] {
  const found = [...modules];
  for (const url of found) {
    const source = readSource(url);
    if (source === null) continue;
    found.push(...importersOf(name, source, url).filter((it) => !found.includes(it)));
  }
  return found.slice(modules.length);
}

/** The modules that these import, directly or not, the nearest first. Only what may be read is read. */
function* reachableModules(modules: readonly string[]): Iterable<string> {
  const found = new Set(modules);
  for (const url of found) {
    yield url;
    const source = isOwnModule(url) ? null : readSource(url);
    if (source !== null && found.size < MOST_MODULES) importsOf(source, url).forEach((it) => found.add(it));
  }
}

/** A module that only `require()` has loaded is imported as its `default`. */
function placeAmongRequired(fn: Callable): Place | null {
  for (const [module, exported] of requiredModules()) {
    if (exported === fn) return { module, name: "default", member: null };
    const member = isTable(exported) ? memberOf(exported, fn) : null;
    if (member !== null) return { module, name: "default", member };
  }
  return null;
}

function placeAmongLoaded(look: (url: string) => Place | null): Place | null {
  return first(loadedModules() ?? [], look);
}
