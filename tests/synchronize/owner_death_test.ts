// What is told of a process that ended while it held something: its name and how it ended, also when its place in the
// tree is another's.

import { Event, getContext, JoinableQueue, Lock, OwnerDiedError, Queue, RLock, Value } from "@parallel/multiprocessing";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as targets from "../fixtures/synchronize/owner_targets.ts";
import { isRunning, PATIENCE, until } from "../support/helpers.ts";
import { Thread } from "../support/synchronize.ts";

/** How processes end, what is said of it, and the exit code. */
const ENDS: [end: targets.End, told: string, exitcode: number][] = [
  ["SIGKILL", "was ended by SIGKILL", -9],
  ["SIGTERM", "was ended by SIGTERM", -15],
  [0, "ended with exit code 0", 0],
  [3, "ended with exit code 3", 3],
];

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`OwnerDiedError keeps the name and the end of who died when others have its place (${method})`, async () => {
    const context = getContext(method);
    using over = new Event();
    const value = Value("i", 0);
    const held = [new Lock(), new RLock(), value.getLock(), new Lock()];
    const dead = held.map((lock, i) =>
      new context.Process({ target: targets.acquireAndEnd, args: [lock, ENDS[i][0]], name: `culprit ${i}` })
    );
    for (const process of dead) process.start();
    using queue = new JoinableQueue<number>();
    queue.putSync(1);
    const consumer = new context.Process({ target: targets.takeAndEnd, args: [queue], name: "consumer" });
    consumer.start();
    for (const process of [...dead, consumer]) assert(await process.join({ timeout: PATIENCE }));
    // As many others take the places.
    const others = [...dead, consumer].map(() => new context.Process({ target: targets.nap, args: [over] }));
    for (const process of others) process.start();
    for (const [i, lock] of held.entries()) {
      const [, told, exitcode] = ENDS[i];
      const error = assertThrows(() => lock.acquireSync({ timeout: PATIENCE }), OwnerDiedError);
      const { pid, processName } = error;
      assertEquals({ pid, processName, exitcode: error.exitcode }, {
        pid: dead[i].pid!,
        processName: `culprit ${i}`,
        exitcode,
      });
      assertStringIncludes(error.message, `"culprit ${i}" (pid ${pid}) ${told} while it held it`);
    }
    const error = assertThrows(() => queue.joinSync({ timeout: PATIENCE }), OwnerDiedError);
    assertEquals([error.processName, error.exitcode], ["consumer", 0]);
    over.set();
    for (const process of others) assert(await process.join({ timeout: PATIENCE }));
    held.forEach((lock) => lock[Symbol.dispose]());
  });
}

Deno.test("an orphan that nobody reaps here keeps its name; how it ended nobody knows", async () => {
  const context = getContext("spawn");
  using lock = new Lock();
  using said = new Queue<number>();
  const parent = new context.Process({ target: targets.leaveHolder, args: [lock, said], name: "the parent" });
  parent.start();
  assert(await parent.join({ timeout: PATIENCE }));
  const orphan = said.getSync({ timeout: PATIENCE });
  Deno.kill(orphan, "SIGKILL");
  await until("the orphan's end", () => !isRunning(orphan));
  const error = assertThrows(() => lock.acquireSync({ timeout: PATIENCE }), OwnerDiedError);
  assertEquals([error.pid, error.processName], [orphan, "the orphan"]);
  // Whoever adopts orphans may have been the root itself.
  assertStringIncludes(error.message, `"the orphan" (pid ${orphan}) ended while it held it`);
  assertEquals(error.exitcode, null);
});

Deno.test("a Worker that ended is told from its process, which lives", async () => {
  using lock = new Lock();
  {
    using thread = new Thread(lock);
    assertEquals(await thread.ask("acquireSync"), "guard");
  }
  const error = assertThrows(() => lock.acquireSync({ timeout: PATIENCE }), OwnerDiedError);
  assertEquals([error.pid, error.processName, error.exitcode], [Deno.pid, "MainProcess", null]);
  assertStringIncludes(
    error.message,
    `a Worker or another thread of "MainProcess" (pid ${Deno.pid}) ended while it held it`,
  );
});
