// The children of this process: which are running, and what becomes of them when it ends.

import { native } from "../native.ts";

/** What is known of a child that was started here. */
export interface ChildRecord {
  readonly pid: number;
  readonly daemon: boolean;
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
 * Sees to it that no child outlives this process by mistake: at its exit daemons are terminated, then all others are
 * waited for, as CPython does. A process that is killed or dies of an uncaught error (Deno then dispatches no `unload`)
 * cannot do that: its daemons notice, and end themselves; the others finish by themselves.
 */
export function endAtExit(): void {
  if (isEnding) return;
  isEnding = true;
  addEventListener("unload", () => {
    const children = [...running.values()];
    for (const { pid } of children.filter((child) => child.daemon)) native().childSignal(pid, SIGTERM);
    const until = performance.now() + DAEMONS_GRACE;
    for (const { pid } of children.filter((child) => child.daemon)) {
      if (native().childJoin(pid, Math.max(0, until - performance.now()))) continue;
      native().childSignal(pid, SIGKILL);
      native().childJoin(pid, Infinity);
    }
    for (const { pid } of children) native().childJoin(pid, Infinity);
  });
}
