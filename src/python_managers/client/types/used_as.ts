// Which of our types an object of Python's is used as.

import { exposedByBuiltIn, proxyClassOf } from "../../../managers/proxy_classes.ts";
import type { ProxyClass } from "../../../managers/proxy.ts";
import type { Registration } from "../../../managers/registrations.ts";
import { classOfProxies, typeOfClass } from "../../types.ts";
import { AUTO } from "../../wire.ts";

/** A name that an object of one of Python's own types exposes, as nothing else that is registered under its name. */
const SIGNS: Readonly<Record<string, string>> = {
  dict: "__setitem__",
  list: "append",
  set: "add",
  Queue: "task_done",
  JoinableQueue: "task_done",
  Lock: "acquire",
  RLock: "acquire",
  Semaphore: "acquire",
  BoundedSemaphore: "acquire",
  Condition: "notify",
  Event: "is_set",
  Barrier: "wait",
  Namespace: "__getattribute__",
  Value: "get",
  Array: "__len__",
  Pool: "apply_async",
  AsyncResult: "successful",
};
const ACQUIRERS = ["Lock", "RLock", "Semaphore", "BoundedSemaphore"];

/** What is said of an object. */
export interface Said {
  readonly typeid: string;
  /** Of its proxies in Python, with the module; `null` if that is not said. */
  readonly className: string | null;
  /** What it exposes; `null` if that is not said. */
  readonly names: readonly string[] | null;
}

/**
 * The type; `null` if it is none of ours.
 *
 * @param registration Of its type, by who has connected.
 */
export function typeUsedAs({ typeid, className, names }: Said, registration: Registration | undefined): string | null {
  const given = registration?.proxytype ?? null;
  if (given !== null) return builtInTypeOf(given);
  if (className !== null && className !== AUTO) {
    return typeOfClass(className) ??
      (className === classOfProxies("Lock") && ACQUIRERS.includes(typeid) ? typeid : null);
  }
  if (names?.includes("__next__")) return "Iterator";
  const isOurs = className === AUTO || registration?.isBuiltIn === true;
  if (!isOurs || exposedByBuiltIn(typeid) === undefined) return null;
  // Somebody may have registered another type under the name.
  return names === null || !Object.hasOwn(SIGNS, typeid) || names.includes(SIGNS[typeid]) ? typeid : null;
}

/** The type of ours whose proxies have that class, or one that it extends. */
function builtInTypeOf(Class: ProxyClass): string | null {
  for (const typeid of Object.keys(SIGNS)) {
    const known = proxyClassOf({ typeid, exposed: exposedByBuiltIn(typeid)!, isFrozen: false, direct: null });
    if (Class === known || Class.prototype instanceof known) return typeid;
  }
  return null;
}
