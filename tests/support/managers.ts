// What the tests of managers share: a manager for each test, by both start methods, and processes that use it.

import { getContext, type Process, type StartMethod } from "@parallel/multiprocessing";
import { SyncManager } from "@parallel/multiprocessing/managers";
import { assert, assertEquals } from "@std/assert";
import { assertNothingLeft, belongings, PATIENCE, within } from "./helpers.ts";

/** What a test of a manager has. */
export interface Managed {
  readonly method: StartMethod;
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

const METHODS: readonly StartMethod[] = ["spawn", "forkserver"];

/** Registers a test for each start method, which must end in time and leave nothing behind. */
export function testManaged(name: string, test: (managed: Managed) => Promise<void> | void): void {
  for (const method of METHODS) {
    Deno.test(`${name} (${method})`, async () => {
      const context = getContext(method);
      {
        // From the first manager on, the threads that wait are there, and the processes that wait to be used.
        await using first = new SyncManager({ ctx: context });
        await first.start();
      }
      const before = belongings();
      await within(inManager(method, test), "the test", 2 * PATIENCE);
      if (method === "spawn") await assertNothingLeft(before);
    });
  }
}

async function inManager(method: StartMethod, test: (managed: Managed) => Promise<void> | void): Promise<void> {
  const context = getContext(method);
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

/** Waits until the server has so many objects. */
export async function untilObjects(manager: SyncManager, count: number): Promise<void> {
  const end = performance.now() + PATIENCE;
  for (;;) {
    const found = await manager.numberOfObjects();
    if (found === count) return;
    if (performance.now() > end) assertEquals(found, count, await manager.debugInfo());
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
