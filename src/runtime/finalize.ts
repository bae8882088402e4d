// Runs what is to be done at the end of this process, in order, as Python's `multiprocessing.util.Finalize` and
// `_exit_function` do. Has the only listener of `unload`.
//
// | priority | what |
// | --- | --- |
// | 15 | pools are terminated |
// | 0 | listeners are closed, and their files removed; processes that wait for work are ended |
// | | daemons are terminated, other children waited for (process/children.ts) |
// | below 0 | what children may still have needed |

import { current } from "./current.ts";
import { getLogger } from "./logging.ts";
import { tell } from "./notices.ts";

/** Options of {@linkcode Finalize}. */
export interface FinalizeOptions {
  /** At the exit the highest is first; of the same priority, the newest. */
  priority: number;
  /** For the log. */
  name: string;
}

/** In the order in which they were made. */
const finalizers = new Set<Finalize>();

/** Something that is to be done once: when it is called, or else at the exit of this process. It must not wait. */
export class Finalize {
  readonly priority: number;
  readonly name: string;
  readonly #work: () => void;

  constructor(work: () => void, { priority, name }: FinalizeOptions) {
    this.#work = work;
    this.priority = priority;
    this.name = name;
    finalizers.add(this);
    endInOrder();
  }

  /** Whether it is yet to be done. */
  get isActive(): boolean {
    return finalizers.has(this);
  }

  /** Does it, unless it was done or cancelled. */
  run(): void {
    if (!finalizers.delete(this)) {
      getLogger().subdebug(`finalizer of ${this.name} no longer registered`);
      return;
    }
    getLogger().subdebug(`finalizer of ${this.name} called`);
    this.#work();
  }

  /** It is not to be done any more. */
  cancel(): void {
    finalizers.delete(this);
  }
}

/** Runs the finalizers of `least` priority and above. An error of one is printed, and the others go on. */
export function runFinalizers(least = -Infinity): void {
  const due = [...finalizers].reverse().filter(({ priority }) => priority >= least);
  // Sorting is stable: the newest stay first.
  for (const finalizer of due.sort((a, b) => b.priority - a.priority)) {
    try {
      // One may have cancelled another.
      if (finalizer.isActive) finalizer.run();
    } catch (error) {
      tell(error);
    }
  }
}

let isWatching = false;
let areChildrenEnded = false;

/** Whether this process is exiting and has waited for its children: nobody would wait for another one. */
export function isPastChildren(): boolean {
  return areChildrenEnded;
}

let endChildren = () => {};

/**
 * Sees to it that this process ends in order: finalizers, then its daemons are terminated, then all other children are
 * waited for, then the remaining finalizers, as CPython does. A process that is killed, or a root that dies of an
 * uncaught error (Deno then dispatches no `unload`), cannot do that: its daemons notice, and end themselves; the others
 * finish by themselves.
 *
 * @param ofChildren What ends the children, once there can be some.
 */
export function endInOrder(ofChildren: () => void = endChildren): void {
  endChildren = ofChildren;
  if (isWatching) return;
  isWatching = true;
  addEventListener("unload", () => {
    const logger = getLogger();
    logger.info("process shutting down");
    logger.debug("running all finalizers with priority >= 0");
    runFinalizers(0);
    endChildren();
    areChildrenEnded = true;
    logger.debug("running the remaining finalizers");
    runFinalizers();
    if (current.parent !== null) logger.info(`process exiting with exitcode ${Deno.exitCode}`);
  });
}
