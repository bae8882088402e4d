// Where something has failed: which item of which call, in which worker, and the caller's line. And how an error says it:
//
//     RangeError: bad n
//         at parse (file:///home/me/a.ts:2:61)                          the user's frames there
//         at item 2 of pool.map, { n: 3 } (PoolWorker-2, pid 4711)      what failed
//         at file:///home/me/a.ts:5:14                                  who has called
//
// Frames of this package are left out of the error and of its causes.

import { cut, inOneLine, shownName } from "../runtime/harmless.ts";
import { addFrames, CallSite, headOf, isError, isThrownHere, leaveOutOwnFrames, setStack } from "../runtime/stack.ts";
import type { Task } from "./calls/call.ts";
import { Flag } from "./messages.ts";

/** What has failed, and where. */
export interface Where {
  /** `item 2 of pool.map, { n: 3 }` */
  readonly what: string;
  /** The place of the item among those of its call. */
  readonly index: number | null;
  /** The item, or the arguments. */
  readonly argument: string | null;
  /** The process that it failed in; `null` if it was this one. */
  readonly worker: { readonly pid: number; readonly name: string } | null;
  /** Where the call was begun, if that is known; a `CallSite`, as a rule. */
  readonly site: { readonly frames: readonly string[] } | null;
}

/** A worker, as far as this needs to know it. */
interface Worker {
  readonly pid: number;
  readonly process: { readonly name: string };
}

/** The process of a worker, for {@linkcode Where}. */
export function originOf({ pid, process: { name } }: Worker): NonNullable<Where["worker"]> {
  return { pid, name: shownName(name) };
}

/** Where a task has failed: at its item of that place, or as a whole. */
export function whereOf(task: Task, place: number | null, worker: Worker | null): Where {
  const { call: { begun, flags }, first, list } = task;
  const method = `pool.${begun?.method ?? "map"}`;
  const site = begun?.site ?? null;
  const origin = worker === null ? null : originOf(worker);
  if ((flags & Flag.each) === 0) {
    const argument = cut(list.map((it) => inOneLine(it)).join(", "));
    return { what: `${method}(${argument})`, index: null, argument, worker: origin, site };
  }
  const known = place === null && list.length === 1 ? 0 : place;
  if (known === null || known >= list.length) {
    const what = `items ${first} to ${first + list.length - 1} of ${method}`;
    return { what, index: null, argument: null, worker: origin, site };
  }
  const index = first + known;
  const argument = inOneLine(list[known]);
  return { what: `item ${index} of ${method}, ${argument}`, index, argument, worker: origin, site };
}

/** `PoolWorker-2 (pid 4711)` */
export function nameOf({ name, pid }: NonNullable<Where["worker"]>): string {
  return `${name} (pid ${pid})`;
}

/** Errors of calls whose line was not noted. */
const lacking = new WeakSet<Error>();

/** Notes of an error that was just told whether it lacks the caller's line; gives the error. */
export function noteLack<T extends Error>(error: T, site: Where["site"]): T {
  if (site === null) lacking.add(error);
  return error;
}

/** An error that lacks the caller's line is told who waits for `above`, as the engine knows it; so is nothing else. */
// deno-lint-ignore ban-types -- V8 takes any function
export function tellWaiter(error: unknown, above: Function): unknown {
  if (isError(error) && lacking.delete(error)) addFrames(error, new CallSite(above).frames);
  return error;
}

/** Has an error that was received say where it comes from; whatever else was thrown says nothing. */
export function tellWhere<T>(error: T, where: Where): T {
  if (!isError(error)) return error;
  leaveOutOwnFrames(error, framesOf(where));
  return noteLack(error, where.site);
}

/** Has an error that was just made here say what it is about, and who has called that. */
export function tellMade<T extends Error>(error: T, where: Where): T {
  setStack(error, headOf(error), framesOf(where));
  return noteLack(error, where.site);
}

/** Has an error that was just made here say who has called what it is about, if that is known, and nothing else. */
export function tellCaller<T extends Error>(error: T, site: Where["site"]): T {
  if (site !== null) setStack(error, headOf(error), site.frames);
  return noteLack(error, site);
}

/** Gives the error with which something is refused these frames, if it is this package's; what the user's code throws stays as
 * it is. */
export function tellRefusal(error: unknown, frames: readonly string[]): unknown {
  if (isError(error) && isThrownHere(error)) setStack(error, headOf(error), frames);
  return error;
}

/** The frames that say where. */
export function framesOf({ what, worker, site }: Where): string[] {
  const place = worker === null ? "" : ` (${worker.name}, pid ${worker.pid})`;
  return [...what === "" ? [] : [`    at ${what}${place}`], ...site?.frames ?? []];
}
