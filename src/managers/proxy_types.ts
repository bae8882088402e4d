// Classes of proxies that the user has registered (`proxytype`). The process that has registered them has them; others are
// told which module exports each, and have it if it is loaded, or can be loaded at once.

import { isKnown, knownLoaders, requireModule } from "../callable/modules.ts";
import { knownNamespace, namespaceAtOnce } from "../callable/namespaces.ts";
import { valueAt } from "../callable/proof.ts";
import { type FunctionReference, sourceHash } from "../callable/types.ts";
import { loadedModules } from "../callable/inspector.ts";
import { messagesMayBeHostile } from "../addon/load.ts";
import type { Gate } from "./gate.ts";
import type { BaseProxy, ProxyClass } from "./proxy.ts";

/** Of the servers that this thread has started: what it has registered for them, by the names of the types. */
const registered = new Map<number, ReadonlyMap<string, ProxyClass>>();

/** Notes what was registered for a server; what this gives takes that back. */
export function noteProxyTypes(server: number, classes: ReadonlyMap<string, ProxyClass>): () => void {
  registered.set(server, classes);
  return () => registered.delete(server);
}

/** The classes that were found, by where they are. */
const found = new Map<string, ProxyClass>();
/** Modules that could not be loaded at once; they are not tried again, but looked at when they are loaded by others. */
const sought = new Set<string>();
/** How many of each are remembered: a server with endless names must not use up this process's memory. */
const MOST = 1000;

/** The class of proxies of a type of a server; `null` if this process cannot have it at once. */
export function givenClass(
  gate: Gate | null,
  typeid: string,
  reference: FunctionReference,
  Base: typeof BaseProxy,
): ProxyClass | null {
  const own = gate === null ? undefined : registered.get(gate.number)?.get(typeid);
  if (own !== undefined) return own;
  const { module, name, member, hash } = reference;
  const key = [module, name, member, hash].join("\n");
  const known = found.get(key);
  if (known !== undefined) return known;
  const value = valueOf(reference);
  const isMeant = typeof value === "function" && value.prototype instanceof Base && sourceHash(value) === hash;
  if (!isMeant) return null;
  if (found.size >= MOST) found.clear();
  found.set(key, value as ProxyClass);
  return value as ProxyClass;
}

function valueOf(reference: FunctionReference): unknown {
  const { module } = reference;
  const known = knownNamespace(module);
  if (known !== null) return valueAt(known, reference);
  if (sought.has(module) || !mayLoad(module)) return null;
  const loaded = namespaceAtOnce(module);
  const namespace = loaded === null || loaded === "later" ? requireModule(module) : loaded;
  if (namespace !== null) return valueAt(namespace, reference);
  if (sought.size >= MOST) sought.clear();
  sought.add(module);
  return null;
}

/**
 * Whether a message may have this process load a module. Once a process of the tree has fewer permissions than others,
 * only those count that this one was started with or has loaded: as for functions (callable/resolve.ts).
 */
function mayLoad(module: string): boolean {
  if (isKnown(module, knownLoaders())) return true;
  if (messagesMayBeHostile()) return loadedModules()?.includes(module) ?? false;
  if (!module.startsWith("file:")) return false;
  return Deno.permissions.querySync({ name: "read", path: new URL(module) }).state === "granted";
}
