// Namespace, as Python calls it.

import type { ServedNamespace } from "../../../managers/types/namespace.ts";
import { argumentsOf, type Call, type Method } from "../call.ts";
import { raised } from "../raised.ts";

function namespaceOf({ object }: Call): ServedNamespace {
  return object.value as ServedNamespace;
}

function nameOf(call: Call, names: readonly string[] = ["name"]): string {
  const [name] = argumentsOf(call, names, names.length);
  if (typeof name === "string") return name;
  throw raised("TypeError", "attribute name must be string");
}

function existing(call: Call): string {
  const name = nameOf(call);
  if (namespaceOf(call).has(name)) return name;
  throw raised("AttributeError", `'Namespace' object has no attribute '${name}'`);
}

/** By the names of Python's methods. */
export const NAMESPACE_METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ["__getattribute__", (call) => namespaceOf(call).get(existing(call))],
  ["__setattr__", (call) => {
    const name = nameOf(call, ["name", "value"]);
    namespaceOf(call).set(name, argumentsOf(call, ["name", "value"])[1]);
  }],
  ["__delattr__", (call) => void namespaceOf(call).delete(existing(call))],
]);
