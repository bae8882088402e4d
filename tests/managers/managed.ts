// A manager for each test of containers, by both start methods, and processes that use it.

import type { Process, StartMethod } from "@parallel/multiprocessing";
import type { LocalContext } from "@parallel/multiprocessing/context";
import { SyncManager } from "@parallel/multiprocessing/managers";
import { assert, assertEquals } from "@std/assert";
import { PATIENCE } from "../support/helpers.ts";
import { bothWays, type Given, registeredElsewhere } from "./suite.ts";

/** What a test of a manager has. */
export interface Managed {
  readonly method: StartMethod;
  /** Whose processes use it. */
  readonly context: LocalContext;
  /** Whether a process has the objects. */
  readonly isServed: boolean;
  /** Started, and shut down behind the test. */
  readonly manager: SyncManager;
  /** Starts a process by the same method. */
  started<A extends unknown[]>(target: (...args: A) => unknown, ...args: A): Process;
  /** Runs a function in a process of its own, which must end well. */
  run<A extends unknown[]>(target: (...args: A) => unknown, ...args: A): Promise<void>;
  /** Kills the server. */
  killServer(): Promise<void>;
  /** Another manager. */
  another(): Promise<SyncManager>;
}

/** Registers a test for each start method, which must end in time and leave nothing behind. */
export function testManaged(name: string, test: (managed: Managed) => Promise<void> | void): void {
  if (!registeredElsewhere(name, test)) bothWays(name, (given) => inManager(given, test));
}

async function inManager(
  { method, context }: Given,
  test: (managed: Managed) => Promise<void> | void,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const another = async () => {
    const manager = stack.use(new SyncManager({ ctx: context }));
    await manager.start();
    return manager;
  };
  const manager = await another();
  const started: Managed["started"] = (target, ...args) => {
    const child = new context.Process({ target, args });
    child.start();
    return child;
  };
  await test({
    method,
    context,
    isServed: true,
    manager,
    started,
    another,
    async run(target, ...args) {
      const child = started(target, ...args);
      assert(await child.join({ timeout: PATIENCE }), `${child} has not ended`);
      assertEquals(child.exitcode, 0, child.name);
    },
    async killServer() {
      const { pid } = await manager.stats();
      Deno.kill(pid, "SIGKILL");
      assert(await manager.join({ timeout: PATIENCE }), "the server has not ended");
    },
  });
}
