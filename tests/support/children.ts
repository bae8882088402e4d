// Processes of the tests in this folder.

import { Process } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { nothing } from "../fixtures/targets.ts";
import { assertNothingLeft, belongings, PATIENCE, startOwnThreads } from "./helpers.ts";
import { startReactor } from "./pipes.ts";
import { setUpSignals } from "./set_up_signals.ts";

/**
 * As `within` of the helpers, for a promise at a queue that is to be given up: a program with timers goes on by itself,
 * and is not told.
 */
export async function idly<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`Cannot wait longer than ${PATIENCE} ms`)), PATIENCE);
  Deno.unrefTimer(timer);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Has this program what it keeps from its first connection, process and signal on: threads, and descriptors. For
 * `Deno.test.beforeAll` in files whose tests count these: also one that is run by itself finds as much before it as behind it.
 */
export async function begin(): Promise<void> {
  setUpSignals();
  startReactor();
  await startOwnThreads();
  await ended(started(nothing));
}

/** Starts a process. */
export function started<A extends unknown[]>(target: (...args: A) => unknown, ...args: A): Process {
  const child = new Process({ target, args });
  child.start();
  return child;
}

/** Waits for the end of processes, which must be good. */
export async function ended(...children: Process[]): Promise<void> {
  for (const child of children) {
    assert(await child.join({ timeout: PATIENCE }), `${child} has not ended`);
    assertEquals(child.exitcode, 0, child.name);
  }
}

/** Kills a process and waits until it is gone. */
export async function killed(child: Process): Promise<void> {
  child.kill();
  assert(await child.join({ timeout: PATIENCE }), `${child} has not ended`);
}

/** Runs a test after which there must be no child, descriptor, thread or shared memory more than before. */
export async function leavingNothing(run: () => Promise<void>): Promise<void> {
  // From the first process on, the threads that wait are there.
  await ended(started(nothing));
  const before = belongings();
  await run();
  await assertNothingLeft(before);
}
