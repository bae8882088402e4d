// Decides when to prove that a module exports the target of a process. The first proof in a program takes 15 to 30 ms,
// most of which go into setting up Deno's part of Node. A child takes longer to boot, so the first proof is made
// meanwhile.

import type { Given } from "../callable/reference.ts";
import { hasNode } from "../runtime/node.ts";
import { isReady } from "../callable/namespaces.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { launch } from "../launch/launch.ts";
import type { Launch } from "../launch/plan.ts";
import { native } from "../addon/load.ts";
import type { ProcessOptions } from "./options.ts";
import { SIGKILL } from "../runtime/signals.ts";

/** Proves all. Throws what {@linkcode Given.prove} throws. */
export function proveAll(toRun: readonly Given[]): void {
  for (const given of toRun) given.prove();
}

/**
 * Whether a process may be started before the proof: only where that saves time, and where the child may import
 * whichever module it turns out to be. With less than all that may be read, the modules are named on its command line.
 */
export function mayProveLater(toRun: readonly Given[], permissions: ProcessOptions["permissions"]): boolean {
  return hasNode() && !isReady() && toRun.some((given) => !given.isProven) && permissions === "inherit" &&
    !isFrozen() &&
    Deno.permissions.querySync({ name: "read" }).state === "granted" && !native().isCaged();
}

/** Starts a process before the proof. If that fails, nobody is owed one any more. */
export function launched(toProve: readonly Given[], options: Launch): number {
  try {
    return launch(options);
  } catch (error) {
    for (const given of toProve) {
      try {
        given.prove();
      } catch {
        // It is not to be run.
      }
    }
    throw error;
  }
}

/**
 * As {@linkcode proveAll}, for a process that has just been started. Where there is no proof, it is ended: before it is
 * told so, since it would say on standard error what the caller is told by an exception.
 */
export function proveOrEnd(toRun: readonly Given[], pid: number): void {
  let hasEnded = false;
  const end = () => {
    if (!hasEnded) endNow(pid);
    hasEnded = true;
  };
  try {
    for (const given of toRun) given.prove(end);
  } catch (error) {
    end();
    throw error;
  }
}

function endNow(pid: number): void {
  const addon = native();
  addon.childSignal(pid, SIGKILL);
  addon.childJoin(pid, Infinity);
  addon.childExitCode(pid);
  addon.childClose(pid);
}
