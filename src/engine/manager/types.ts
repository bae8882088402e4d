// The types of a manager on an engine: those that are kept there by methods of their own, and those that are the context's
// own classes behind proxies.

import { sharedObjectOf } from "../../managers/types/direct.ts";
import { RemoteArray, remoteArray } from "../array.ts";
import { RemoteBarrier } from "../barrier.ts";
import { RemoteCondition } from "../condition.ts";
import { RemoteEvent } from "../event.ts";
import { RemoteJoinableQueue } from "../joinable_queue.ts";
import { RemoteLock } from "../lock.ts";
import { RemoteRLock } from "../rlock.ts";
import { RemoteBoundedSemaphore, RemoteSemaphore } from "../semaphore.ts";
import type { Session } from "../session.ts";
import { RemoteValue, remoteValue } from "../value.ts";
import { DICT } from "./dict.ts";
import type { KeptType } from "./line.ts";
import { LIST } from "./list.ts";
import { NAMESPACE } from "./namespace.ts";
import { SET } from "./set.ts";

/** The types of containers, by their names. */
export const KEPT: ReadonlyMap<string, KeptType> = new Map([
  ["dict", {
    kind: "dict",
    methods: DICT,
    fill: "update",
    combining: new Set(["update", "merged", "mergedInto", "fromkeys"]),
  }],
  ["list", { kind: "list", methods: LIST, fill: "extend", combining: new Set(["extend", "concat", "concatTo"]) }],
  ["set", { kind: "set", methods: SET, fill: "update", combining: new Set(Object.keys(SET)) }],
  ["Namespace", { kind: "dict", methods: NAMESPACE, fill: "update", combining: new Set(["update"]) }],
]);

/** A type whose objects are a context's own. */
export interface DirectType {
  make(session: Session, ...args: never[]): Disposable;
  readonly Class: new (...args: never[]) => Disposable;
}

/** The lock that an argument is, or stands for: another object of it, which is closed with what it is given to. */
function anotherLock(given: unknown): unknown {
  const lock = sharedObjectOf(given);
  return lock instanceof RemoteLock || lock instanceof RemoteRLock ? lock.another() : lock;
}

/** Options in which the lock may be a proxy of one. */
function withLock(options: { lock?: unknown } | undefined): object | undefined {
  return options?.lock === undefined ? options : { ...options, lock: anotherLock(options.lock) };
}

/** The types of a context's own objects, by their names. */
export const DIRECT: ReadonlyMap<string, DirectType> = new Map<string, DirectType>([
  ["Lock", { Class: RemoteLock, make: (session, ...args) => new RemoteLock(session, ...args) }],
  ["RLock", { Class: RemoteRLock, make: (session, ...args) => new RemoteRLock(session, ...args) }],
  ["Semaphore", { Class: RemoteSemaphore, make: (session, ...args) => new RemoteSemaphore(session, ...args) }],
  ["BoundedSemaphore", {
    Class: RemoteBoundedSemaphore,
    make: (session, ...args) => new RemoteBoundedSemaphore(session, ...args),
  }],
  ["Condition", {
    Class: RemoteCondition,
    make: (session, lock?: unknown, ...args) => new RemoteCondition(session, anotherLock(lock) as never, ...args),
  }],
  ["Event", { Class: RemoteEvent, make: (session, ...args) => new RemoteEvent(session, ...args) }],
  ["Barrier", {
    Class: RemoteBarrier,
    make: (session, parties, ...args) => new RemoteBarrier(session, parties, ...args),
  }],
  // As Python's, a manager's queues can all be joined.
  ["Queue", { Class: RemoteJoinableQueue, make: makeQueue }],
  ["JoinableQueue", { Class: RemoteJoinableQueue, make: makeQueue }],
  ["Value", {
    Class: RemoteValue,
    make: (session, code, init, options) => remoteValue(session, code, init, withLock(options)),
  }],
  ["Array", {
    Class: RemoteArray,
    make: (session, code, init, options) => remoteArray(session, code, init, withLock(options)),
  }],
]);

function makeQueue(session: Session, ...args: never[]): Disposable {
  return new RemoteJoinableQueue(session, ...args);
}
