// The children of this process: which are running, and what becomes of them when it ends.

import { current } from "../current.ts";
import { runFinalizers } from "../finalize.ts";
import { getLogger } from "../logging.ts";
import { native } from "../native.ts";

/** What is known of a child that was started here. */
export interface ChildRecord {
  readonly pid: number;
  readonly name: string;
  readonly daemon: boolean;
  /** Closes what is piped of its output: at the exit nobody can read it any more, so it must not wait for that. */
  readonly shutOutputs: () => void;
}

/** How long daemons have to end after SIGTERM when this process exits, in milliseconds. */
const DAEMONS_GRACE = 1000;

const SIGTERM = 15;
const SIGKILL = 9;

const running = new Map<number, ChildRecord>();
let isEnding = false;

/** Notes a child that was just started. */
export function addChild(child: ChildRecord): void {
  running.set(child.pid, child);
  endAtExit();
}

/** Forgets a child that has ended. */
export function removeChild(pid: number): void {
  running.delete(pid);
}

/**
 * Sees to it that this process ends in order: finalizers, then its daemons are terminated, then all other children are
 * waited for, then the remaining finalizers, as CPython does. A process that is killed, or a root that dies of an
 * uncaught error (Deno then dispatches no `unload`), cannot do that: its daemons notice, and end themselves; the others
 * finish by themselves.
 */
export function endAtExit(): void {
  if (isEnding) return;
  isEnding = true;
  addEventListener("unload", () => {
    const logger = getLogger();
    logger.info("process shutting down");
    logger.debug("running all finalizers with priority >= 0");
    runFinalizers(0);
    endChildren([...running.values()]);
    logger.debug("running the remaining finalizers");
    runFinalizers();
    if (current.parent !== null) logger.info(`process exiting with exitcode ${Deno.exitCode}`);
  });
}

function endChildren(children: readonly ChildRecord[]): void {
  const logger = getLogger();
  const daemons = children.filter((child) => child.daemon);
  for (const { pid, name } of daemons) {
    logger.info(`calling terminate() for daemon ${name}`);
    native().childSignal(pid, SIGTERM);
  }
  for (const { shutOutputs } of children) shutOutputs();
  const until = performance.now() + DAEMONS_GRACE;
  for (const { pid } of daemons) {
    if (native().childJoin(pid, Math.max(0, until - performance.now()))) continue;
    native().childSignal(pid, SIGKILL);
    native().childJoin(pid, Infinity);
  }
  for (const { pid, name } of children) {
    logger.info(`calling join() for process ${name}`);
    native().childJoin(pid, Infinity);
  }
}
