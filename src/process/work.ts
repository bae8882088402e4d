// The default of `Process.run`: calls the target with its arguments.

import type { Given } from "../callable/reference.ts";
import { resolve } from "../callable/resolve.ts";
import type { Target } from "../callable/arguments.ts";
import type { ProcessSettings } from "./options.ts";

/** The target of a process, with its arguments. */
export type Work = () => unknown;

/** Arguments of the target. */
export function argumentsOf({ args = [], kwargs }: ProcessSettings): unknown[] {
  return [...args, ...kwargs === undefined ? [] : [kwargs]];
}

/** Calls the target, in the process that was given it. */
export function workOf<A extends readonly unknown[]>(
  target: Target<A>,
  given: Given,
  args: unknown[],
): Work {
  if (typeof target === "function") return () => target(...args as unknown as A);
  return async () => await (await resolve(given.travel()))(...args);
}
