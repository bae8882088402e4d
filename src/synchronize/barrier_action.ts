// The action of a Barrier: a function that was given here, or the reference of one that has arrived.

import { callingModules, type Given, type ModuleExport, reference } from "../callable/reference.ts";
import { ArrivedCallable } from "../callable/arrival.ts";
import type { TravellingReference } from "../callable/late.ts";
import { isFromParent } from "../reduction/passage.ts";

/** What a {@linkcode Barrier} runs once in each round: a function, or the export of a module where that is. */
export type BarrierAction = (() => unknown) | ModuleExport;

/** The action, wherever it comes from. */
export interface Action {
  /** How another process finds it. */
  reference(): TravellingReference;
  get(): Promise<Run> | Run;
  getSync(): Run;
}

type Run = () => unknown;

/** An action that was given here. */
export function localAction(action: BarrierAction): Action {
  if (typeof action !== "function") return arrivedAction(reference(action).travel());
  const callers = callingModules();
  const travelling = () => {
    const given: Given = reference(action, { callers });
    given.prove();
    return given.travel();
  };
  return { reference: travelling, get: () => action, getSync: () => action };
}

/** An action that is found by its reference. */
export function arrivedAction(found: TravellingReference): Action {
  const callable = new ArrivedCallable(found, { isTrusted: isFromParent() });
  return {
    reference: () => found,
    get: () => callable.get() as Promise<Run>,
    getSync: () => callable.getSync() as Run,
  };
}

/**
 * Runs it, the thread blocked.
 *
 * @param described The barrier, for the message.
 * @throws {TypeError} If it returns a promise, which would have to be awaited.
 */
export function runSync(action: Action, described: string): void {
  if (action.getSync()() instanceof Promise) {
    throw new TypeError(
      `Cannot wait at the ${described}: its action returned a promise; use wait() instead of waitSync()`,
    );
  }
}
