// Whether this program goes on by itself: it has something in its event loop besides waits at queues that nobody ends.
//
// Deno tells a program so, by `beforeunload`, but not while a module is awaited at its top level, nor in a test: there
// an empty event loop is an error that ends everything. So then a look has to do. In doubt the program goes on.
// The look does not see the timer of an `AbortSignal.timeout`, nor messages between two ports of this thread.

import { isOfRunner } from "../launch/own_command_line.ts";
import { native } from "../addon/load.ts";
import { foregroundWaits, restingWaits } from "../addon/waits.ts";

/** What a program has besides waits at queues; the least comes first. */
export const Activity = {
  nothing: 0,
  /** Only timers, which may be there to end the program if it hangs, or to start the next process. */
  timers: 1,
  more: 2,
} as const;

/** The only name that Deno and Node have for what is in their event loop. */
interface Node {
  process?: { getActiveResourcesInfo?(): string[] };
}

/** What this program has now, as far as can be seen, besides so many waits of this package. */
export function activity(waits = 0): number {
  const { threads, pipes } = isRunner() ? OF_RUNNER : OF_PROGRAM;
  if (foregroundWaits() > waits || native().runtimeIsBusy(threads, pipes)) return Activity.more;
  const active = (globalThis as Node).process?.getActiveResourcesInfo?.() ?? ["Timeout"];
  if (active.length === 0) return Activity.nothing;
  return active.every((kind) => kind === "Timeout") ? Activity.timers : Activity.more;
}

let hasLoaded = false;
addEventListener("load", () => hasLoaded = true, { once: true });

/** What Deno has in a program by itself: threads that block, and pipes that it reads. */
const OF_PROGRAM = { threads: 0, pipes: 0 };
/** What it has besides in a runner of tests, which reads what they print. */
const OF_RUNNER = { threads: 1, pipes: 2 };

let isKnownRunner: boolean | undefined;

function isRunner(): boolean {
  return isKnownRunner ??= isOfRunner(native().processArguments());
}

/**
 * Whether Deno tells this program, by `beforeunload`, when there is nothing else in its event loop: children that live
 * keep it from being empty.
 */
export function isToldOfEnd(): boolean {
  if (!hasLoaded || restingWaits() > 0) return false;
  // Tests are no part of the loading of their modules.
  return !isRunner();
}

/** Whether it can be seen what this program has: a Worker may be given something to do by the thread that made it. */
export function isVisible(): boolean {
  const main: string | undefined = Deno.mainModule; // undefined in a Worker
  return main !== undefined && !main.includes("/$deno$repl");
}
