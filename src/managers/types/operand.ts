// What is given to a method of a container besides simple values: something iterable, or another container.

import { isThenable } from "../../runtime/thenable.ts";
import { BaseProxy, insideOf, SyncProxy } from "../proxy.ts";
import { entriesOf, itemsOf } from "./keys.ts";
import { limited } from "./limited.ts";

const CONTAINERS = ["dict", "list", "set", "Namespace"];

/** The proxy that something is, or belongs to, if it is a container's. */
function containerIn(value: unknown): BaseProxy | null {
  const proxy = value instanceof SyncProxy ? value[insideOf]() : value instanceof BaseProxy ? value : null;
  return proxy !== null && CONTAINERS.includes(proxy[insideOf]().description.typeid) ? proxy : null;
}

function haveSameServer(one: BaseProxy, other: BaseProxy): boolean {
  return one[insideOf]().line === other[insideOf]().line;
}

/** Makes a value that a message takes of something iterable. */
export type Flatten = (value: unknown) => unknown;

/**
 * An operand as it is sent. A container of the same server stays what it is: the server knows its contents. Of another
 * one the contents are sent. In a promise if these are still to come.
 */
export function operand(self: BaseProxy | null, value: unknown, flatten: Flatten): unknown {
  const proxy = containerIn(value);
  if (proxy !== null) {
    return self !== null && haveSameServer(self, proxy) ? proxy : proxy.getvalue().then(flatten);
  }
  if (typeof value === "object" && value !== null && Symbol.asyncIterator in value) {
    return Array.fromAsync(value as AsyncIterable<unknown>).then(flatten);
  }
  return flatten(value);
}

/** As {@linkcode operand}, blocking the thread. */
function operandSync(self: BaseProxy, value: unknown, flatten: Flatten): unknown {
  const proxy = containerIn(value);
  if (proxy === null) return flatten(value);
  return haveSameServer(self, proxy) ? proxy : flatten(proxy.sync.getvalue());
}

/** Calls a method with operands; at once, unless one is still to come. */
export async function callWith(
  proxy: BaseProxy,
  name: string,
  values: readonly unknown[],
  flatten: Flatten,
): Promise<unknown> {
  const operands = values.map((value) => operand(proxy, value, flatten));
  if (!operands.some(isThenable)) return await proxy.callmethod(name, operands);
  return await limited(proxy, name, async (server) => await server.callmethod(name, await Promise.all(operands)));
}

/** As {@linkcode callWith}, blocking the thread. */
export function callWithSync(proxy: SyncProxy, name: string, values: readonly unknown[], flatten: Flatten): unknown {
  const self = proxy[insideOf]();
  return proxy.callmethod(name, values.map((value) => operandSync(self, value, flatten)));
}

/** Of a dict's operand: a Map. */
export function entries(value: unknown): Map<unknown, unknown> {
  return entriesOf(value, "combine it with the dict");
}

/** Of what `fromkeys` is given: an array. */
export function keysOf(value: unknown): readonly unknown[] {
  return itemsOf(value instanceof Map ? value.keys() : value, "make a dict of keys");
}

/** Of a list's operand: an array. */
export function items(value: unknown): readonly unknown[] {
  return itemsOf(value, "combine it with the list");
}

/** Of a set's operand: a Set. */
export function members(value: unknown): Set<unknown> {
  if (value instanceof Set) return value;
  return new Set(value instanceof Map ? value.keys() : itemsOf(value, "combine it with the set"));
}
