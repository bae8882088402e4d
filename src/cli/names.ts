// How processes, threads and objects of a tree are called in a sentence.

import { labelOf } from "../runtime/object_name.ts";
import { shownName } from "../runtime/harmless.ts";
import type { LiveHolder, LiveProcess, LiveWait } from "../live/snapshot.ts";
import type { TreeIndex, Waiter } from "./tree_index.ts";

/** `worker-1 (pid 4711)`, or `process 4711`. */
export function processLabel({ name, pid }: { readonly name: string; readonly pid: number }): string {
  return name === "" ? `process ${pid}` : `${shownName(name)} (pid ${pid})`;
}

/** Who holds a lock. */
export function holderLabel({ pid, processName }: LiveHolder): string {
  return pid === 0 ? "a client of a manager, in another program" : processLabel({ name: processName, pid });
}

/** `main thread`, or `thread 4713 "worker-0"`. */
export function threadLabel(process: LiveProcess, tid: number): string {
  if (tid === process.pid) return "main thread";
  return `thread ${tid}${labelOf(process.threads.find((it) => it.tid === tid)?.name ?? "")}`;
}

/** `its main thread`, or `a promise of its main thread`; with another word than "its" if it is given. */
export function waiterLabel({ process, thread, isPromise }: Waiter, its = "its"): string {
  const whose = `${its} ${threadLabel(process, thread?.tid ?? process.pid)}`;
  if (!isPromise) return whose;
  return thread === undefined ? "a promise" : `a promise of ${whose}`;
}

/** What is waited for, behind "waits". */
export function goalOf(index: TreeIndex, wait: LiveWait): string {
  const named = (kind: string, objects: ReadonlyMap<string, { readonly name: string }>) =>
    objectLabel(kind, objects, wait);
  switch (wait.kind) {
    case "lock":
      return `for ${lockLabel(index, wait)}`;
    case "semaphore":
      return `for ${named("semaphore", index.semaphores)}`;
    case "event":
      return `for ${named("event", index.events)} to be set`;
    case "condition":
      return `to be notified at ${named("condition", index.conditions)}`;
    case "barrier":
      return `at ${named("barrier", index.barriers)}`;
    case "queue-get":
      return `for a message of ${named("queue", index.queues)}`;
    case "queue-put":
      return `to put into ${named("queue", index.queues)}`;
    case "queue-join":
      return `for the last taskDone() of ${named("queue", index.queues)}`;
    case "queue-lock":
      return `for the short lock inside ${named("queue", index.queues)}`;
    case "process":
      return `for ${goalProcess(index, wait)}`;
    case "connection":
      return "for bytes from or to a connection";
    case "memory":
      return "for the short lock of the tree's shared memory";
    default:
      return "for something else of this package";
  }
}

/** `the lock "a"`, `the lock of a value`. */
export function lockLabel(index: TreeIndex, { object }: Pick<LiveWait, "object">): string {
  const lock = object === null ? undefined : index.locks.get(object);
  if (lock?.kind === "value") return `the lock of the shared value${labelOrId(lock.name, lock.id)}`;
  return objectLabel(lock?.kind === "rlock" ? "RLock" : "lock", index.locks, { object });
}

/** `the queue "jobs"`, or `the queue #17` if it has no name. */
export function objectLabel(
  kind: string,
  objects: ReadonlyMap<string, { readonly name: string }>,
  { object }: Pick<LiveWait, "object">,
): string {
  if (object === null) return `a ${kind}`;
  return `the ${kind}${labelOrId(objects.get(object)?.name ?? "", object)}`;
}

/** What tells an object from others, behind its kind: its name, or else its number in the tree. */
function labelOrId(name: string, id: string): string {
  return name === "" ? ` #${shownName(id)}` : labelOf(name);
}

function goalProcess(index: TreeIndex, { pid }: LiveWait): string {
  if (pid === null) return "another process";
  const process = index.process(pid);
  return `the end of ${process === undefined ? `process ${pid}` : processLabel(process)}`;
}
