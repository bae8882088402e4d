// The children of this process: which are running, and what becomes of them when it ends.

import { shownName } from "../runtime/harmless.ts";
import { isWatched } from "../launch/own_command_line.ts";
import { current } from "../runtime/current.ts";
import { payAtExit } from "../callable/reference.ts";
import { endInOrder } from "../runtime/finalize.ts";
import { getLogger } from "../runtime/logging.ts";
import { native } from "../addon/load.ts";
import { commandLine } from "../launch/own_command_line.ts";
import { tell } from "../runtime/notices.ts";
import type { Child } from "./child.ts";
import type { Process } from "./process.ts";
import { SIGKILL, SIGTERM } from "../runtime/signals.ts";
import { performance } from "../runtime/timing.ts";

/** How long daemons have to end after SIGTERM when this process exits, in milliseconds. */
const DAEMONS_GRACE = 1000;

/** The children that have not been seen to have ended. */
const running = new Map<number, Child>();

/** Notes a child that was just started. */
export function addChild(child: Child): void {
  running.set(child.pid, child);
  endAtExit();
}

/** Forgets a child that has ended. */
export function removeChild(pid: number): void {
  running.delete(pid);
}

/**
 * The processes started here that are running. Those that have ended are joined as a side effect.
 *
 * @example None at first
 * ```ts
 * import { activeChildren } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(activeChildren(), []);
 * ```
 */
export function activeChildren(): Process[] {
  return [...running.values()].filter((child) => child.poll() === null).map(({ process }) => process);
}

/** Sees to it that the children are ended when this process ends: see {@linkcode endInOrder}. */
export function endAtExit(): void {
  endInOrder(() => endChildren([...running.values()]));
}

function endChildren(children: readonly Child[]): void {
  payAtExit(); // some are yet to be told what they are to run
  const logger = getLogger();
  const daemons = children.filter(({ process }) => process.daemon);
  for (const { pid, name } of daemons) {
    logger.info(`calling terminate() for daemon ${shownName(name)}`);
    native().childSignal(pid, SIGTERM);
  }
  // Nobody can read them any more, so nobody must wait for that.
  for (const { outputs } of children) outputs.shut();
  const until = performance.now() + DAEMONS_GRACE;
  for (const { pid } of daemons) {
    if (native().childJoin(pid, Math.max(0, until - performance.now()))) continue;
    native().childSignal(pid, SIGKILL);
    native().childJoin(pid, Infinity);
  }
  for (const { pid, name } of children) {
    logger.info(`calling join() for process ${shownName(name)}`);
    if (!native().childJoin(pid, isRestartable() ? PATIENCE_OF_WATCHERS : Infinity)) {
      tell(
        `The program cannot be started again before "${
          shownName(name)
        }" (pid ${pid}), which is no daemon, has ended: end it, or ` +
          "start it with { daemon: true }",
        "warn",
      );
      native().childJoin(pid, Infinity);
    }
  }
}

/** Milliseconds after which it is printed what holds up the next start of a watched program. */
const PATIENCE_OF_WATCHERS = 500;

/** Whether Deno starts this program again when its files change. */
function isRestartable(): boolean {
  if (current.parent !== null) return false;
  try {
    return isWatched(commandLine());
  } catch {
    return false; // it was overwritten
  }
}
