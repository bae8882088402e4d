// What is asked of a manager's pool, as it travels to the server: functions become references, found and checked here, where
// they are given; what only this process can call is refused.

import type { TravellingReference } from "../../callable/late.ts";
import { reference } from "../../callable/reference.ts";
import type { Callable, ModuleExport } from "../../callable/types.ts";
import type { Line } from "../line.ts";
import { type CallOptions, type MapOptions, requireCallOptions, requirePoolOptions } from "../../pool/options.ts";

/** The names of the calls. */
export type Name = "apply" | "map" | "starmap" | "imap" | "imapUnordered";

/**
 * The reference by which the server, and then a worker, finds a function.
 *
 * @throws {TypeError} If no module exports it.
 */
export function referenceOf(fn: Callable | ModuleExport): TravellingReference {
  const given = reference(fn);
  given.prove();
  return given.travel();
}

/** The arguments of a call as they travel by a line; its signal gives up the call itself. */
export function request(
  name: Name,
  fn: Callable | ModuleExport,
  args: readonly unknown[],
  options: object,
  { line }: { readonly line: Line },
  { isSync = false } = {},
): unknown[] {
  requireCallOptions(name, options, { isSync });
  const { signal: _signal, ...rest } = options as { signal?: AbortSignal };
  requireNoListeners(name, rest);
  return [line.namesFunctions === true ? fn : referenceOf(fn), args, rest];
}

/** As {@linkcode request}, of a call that blocks the thread. */
export function requestSync(
  name: Name,
  fn: Callable | ModuleExport,
  args: readonly unknown[],
  options: object,
  inside: { readonly line: Line },
): unknown[] {
  return request(name, fn, args, options, inside, { isSync: true });
}

function requireNoListeners(action: string, { retries, progress, onReport }: CallOptions & MapOptions): void {
  requireNoFunctions(action, { progress, onReport });
  if (typeof retries !== "object" || retries === null) return;
  requireNoFunctions(action, { "retries.on": retries.on, "retries.delay": retries.delay });
}

/** Refuses functions that a pool calls in its own process: that is the server. */
function requireNoFunctions(action: string, options: Readonly<Record<string, unknown>>): void {
  for (const [name, given] of Object.entries(options)) {
    if (typeof given !== "function") continue;
    throw new TypeError(
      `Cannot ${action}: "${name}" is a function, which the pool of a manager cannot call: it is in another process`,
    );
  }
}

/**
 * Options of a pool as they travel.
 *
 * @throws {TypeError} If one is of the wrong type, there is a context or a hook, or no module exports the initializer or the
 * finalizer.
 */
export function poolOptions(options: object): object {
  requirePoolOptions("create a pool", options);
  const { context, initializer, finalizer, onWorkerStart, onWorkerExit, ...rest } = options;
  if (context !== undefined && context !== null) {
    throw new TypeError(
      'Cannot create a pool: "context" cannot be given to a manager; its server starts workers by the default method',
    );
  }
  requireNoFunctions("create a pool", { onWorkerStart, onWorkerExit });
  return {
    ...rest,
    initializer: travelling(initializer as Callable | ModuleExport | null | undefined),
    finalizer: travelling(finalizer),
  };
}

function travelling(fn: Callable | ModuleExport | null | undefined): TravellingReference | undefined {
  return fn === undefined || fn === null ? undefined : referenceOf(fn);
}
