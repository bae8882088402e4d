// What the tests of managers in this folder share: each runs once for each start method.

import { activeChildren, getContext, type Process, type StartMethod } from "@parallel/multiprocessing";
import type { LocalContext } from "@parallel/multiprocessing/context";
import type { BaseManager } from "@parallel/multiprocessing/managers";
import { assertNothingLeft, belongings, until, within } from "../support/helpers.ts";

/** What a test runs with. */
export interface Given {
  readonly method: StartMethod;
  /** The context of that method. */
  readonly context: LocalContext;
}

/** Registers a test for each start method, which must end in time and leave nothing behind. */
export function bothWays(name: string, run: (given: Given) => Promise<void>): void {
  for (const method of ["spawn", "forkserver"] as const) {
    const context = getContext(method);
    Deno.test(`${name} (${method})`, async () => {
      // From the first process on, the threads that wait are there, and the processes that wait to be used.
      const first = new context.Process();
      first.start();
      await first.join();
      await startWorker(); // Deno opens descriptors at the first one, and keeps them
      const before = belongings();
      await within(run({ method, context }), "the test");
      if (method === "spawn") await assertNothingLeft(before);
    });
  }
}

async function startWorker(): Promise<void> {
  const worker = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
  await new Promise((done) => worker.onmessage = done);
  worker.terminate();
}

/** The process of a manager's server. */
export async function processOf(manager: BaseManager): Promise<Process> {
  const { pid } = await manager.stats();
  return activeChildren().find((child) => child.pid === pid)!;
}

/** Waits until a server has so many objects. */
export async function objectsOf(manager: BaseManager, wanted: number): Promise<void> {
  let last = -1;
  const look = async () => last = await manager.numberOfObjects();
  await look();
  await until(`${wanted} objects, not ${last}`, () => {
    void look().catch(() => {});
    return last === wanted;
  });
}
