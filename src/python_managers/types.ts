// The types of Python's own managers: which class their proxies have there, and what they expose.

import { MANAGERS } from "./wire.ts";

/** Of the types that Python's `SyncManager` has, the classes of their proxies. All others have an `AutoProxy`. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ["dict", "DictProxy"],
  ["list", "ListProxy"],
  ["set", "SetProxy"],
  ["Namespace", "NamespaceProxy"],
  ["Iterator", "IteratorProxy"],
  ...["Lock", "RLock", "Semaphore", "BoundedSemaphore"].map((typeid) => [typeid, "AcquirerProxy"] as const),
  ["Condition", "ConditionProxy"],
  ["Event", "EventProxy"],
  ["Barrier", "BarrierProxy"],
  ["Value", "ValueProxy"],
  ["Array", "ArrayProxy"],
  ["Pool", "PoolProxy"],
]);

/** The class of the proxies of a type, with its module: `multiprocessing.managers.DictProxy`. */
export function classOfProxies(typeid: string): string {
  return `${MANAGERS}.${CLASSES.get(typeid) ?? "AutoProxy"}`;
}

/** The type whose proxies have that class; `null` if it is none of Python's own, or of several types. */
export function typeOfClass(className: string): string | null {
  const types = [...CLASSES].filter(([, name]) => `${MANAGERS}.${name}` === className);
  return types.length === 1 ? types[0][0] : null;
}

const ACQUIRER = ["acquire", "release"];
const QUEUE = ["empty", "full", "get", "get_nowait", "join", "put", "put_nowait", "qsize", "task_done"];

/** What objects of Python's own types expose, by the names of the types. */
export const EXPOSED: ReadonlyMap<string, readonly string[]> = new Map([
  ["dict", [
    ...["__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__"],
    ...["clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"],
  ]],
  ["list", [
    ...["__add__", "__contains__", "__delitem__", "__getitem__", "__len__", "__mul__", "__reversed__", "__rmul__"],
    ...["__setitem__", "append", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort", "__imul__"],
  ]],
  ["Namespace", ["__getattribute__", "__setattr__", "__delattr__"]],
  ["Iterator", ["__next__", "send", "throw", "close"]],
  ...["Lock", "RLock", "Semaphore", "BoundedSemaphore"].map((typeid) => [typeid, ACQUIRER] as const),
  ["Condition", [...ACQUIRER, "wait", "notify", "notify_all"]],
  ["Event", ["is_set", "set", "clear", "wait"]],
  ["Barrier", ["__getattribute__", "wait", "abort", "reset"]],
  ["Value", ["get", "set"]],
  ["Array", ["__len__", "__getitem__", "__setitem__"]],
  ["Queue", QUEUE],
  ["JoinableQueue", QUEUE],
  ["Pool", [
    ...["apply", "apply_async", "close", "imap", "imap_unordered", "join"],
    ...["map", "map_async", "starmap", "starmap_async", "terminate"],
  ]],
  ["AsyncResult", ["get", "ready", "successful", "wait"]],
]);
