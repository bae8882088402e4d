// What the tests of managers in this folder share: each runs once for each start method.

import { activeChildren, getContext, type Process, type StartMethod } from "@parallel/multiprocessing";
import type { LocalContext } from "@parallel/multiprocessing/context";
import type { BaseManager } from "@parallel/multiprocessing/managers";
import { refillWarm } from "../../src/launch/warm.ts";
import { assertNothingLeft, belongings, until, within } from "../support/helpers.ts";

/** What a test runs with. */
export interface Given {
  readonly method: StartMethod;
  /** The context of that method. */
  readonly context: LocalContext;
}

/** What the first process and the first Worker make here, and what stays. */
const begun: Partial<Record<StartMethod, Promise<void>>> = {};

/** From the first process on, the threads that wait are there; from the first Worker on, descriptors that Deno keeps. */
async function begin(context: LocalContext): Promise<void> {
  const process = new context.Process();
  process.start();
  await process.join();
  const worker = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
  await new Promise((done) => worker.onmessage = done);
  worker.terminate();
}

/** Where tests of managers are registered instead of here; see {@linkcode elsewhere}. */
let elsewhereBy: ((name: string, test: unknown) => void) | null = null;

/**
 * Has the tests of managers that are imported from now on registered by `register`, which is given those of
 * `testManaged`; all others are registered in their own file alone.
 */
export function elsewhere(register: (name: string, test: unknown) => void): void {
  elsewhereBy = register;
}

/** Registers a test elsewhere, if that is wanted. */
export function registeredElsewhere(name: string, test: unknown): boolean {
  if (elsewhereBy === null) return false;
  elsewhereBy(name, test);
  return true;
}

/** Registers a test for each start method, which must end in time and leave nothing behind but so many event loops of Workers. */
export function bothWays(name: string, run: (given: Given) => Promise<void>, loops = 0): void {
  if (elsewhereBy !== null) return;
  for (const method of ["spawn", "forkserver"] as const) {
    const context = getContext(method);
    Deno.test(`${name} (${method})`, async () => {
      await (begun[method] ??= begin(context));
      refillWarm(); // now: otherwise it is done at the end of a process of this test, and counted
      const before = belongings();
      await within(run({ method, context }), "the test");
      if (method === "spawn") await assertNothingLeft(before, loops);
    });
  }
}

/** The process of a manager's server. */
export async function processOf(manager: BaseManager): Promise<Process> {
  const { pid } = await manager.stats();
  return activeChildren().find((child) => child.pid === pid)!;
}

/** Waits until a server has so many objects. */
export async function objectsOf(manager: BaseManager, wanted: number): Promise<void> {
  await until(`${wanted} objects`, async () => await manager.numberOfObjects() === wanted);
}
