// What a process with limited permissions may use of the shared memory: a part, together with all its descendants.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { getContext } from "../../src/context/default.ts";
import { native } from "../../src/addon/load.ts";
import { Process } from "../../src/process.ts";
import { Queue } from "../../src/queues.ts";
import { RawArray, RawValue } from "../../src/sharedctypes/factories.ts";
import { Event } from "../../src/synchronize.ts";
import { hog, modest, type Refusals } from "../fixtures/sharedctypes/quota_targets.ts";
import { begin } from "../support/children.ts";
import { within } from "../support/helpers.ts";
import { collectUntil } from "../support/sharedctypes.ts";

Deno.test.beforeAll(begin);

const LIMIT = 16 * 2 ** 20;

/** Objects of every size can be made. */
function requireMemory(): void {
  for (const size of [1, 16_384, 65_536, 2 ** 20, 2 ** 27, 2 ** 30, 2 ** 33]) {
    assertEquals(RawArray("B", size).length, size);
  }
  using value = RawValue("i32", 1);
  using queue = new Queue<number>();
  queue.putSync(value.value);
  assertEquals(queue.getSync(), 1);
}

for (const method of ["spawn", "forkserver"] as const) {
  for (const maxSharedMemory of method === "spawn" ? [undefined] : [LIMIT]) {
    const limit = maxSharedMemory ?? 2 ** 30;
    Deno.test(`${method}: whatever a caged child takes of ${limit} bytes, others have enough, and all of it comes back`, async () => {
      const before = native().memoryUsage();
      {
        using said = new Queue<Refusals>();
        using other = new Queue<unknown>();
        using done = new Event();
        const child = new (getContext(method).Process)({
          target: hog,
          args: [said, other, done],
          permissions: "none",
          maxSharedMemory,
        });
        child.start();
        await within(done.wait(), "the child to take what it can", 60_000);
        requireMemory();
        const refusals = await said.get();
        for (const [what, refusal] of Object.entries(refusals)) {
          if (what === "grandchild") continue;
          assertStringIncludes(refusal, "RangeError: Cannot ", what);
        }
        assertStringIncludes(refusals[`${2 ** 20}`], `and its descendants may have ${limit} and have `);
        assertStringIncludes(refusals[`${2 ** 20}`], 'raise "maxSharedMemory"');
        await collectUntil(() => native().memoryUsage().bytes - before.bytes < limit + 10e6);
        child.kill();
        await child.join();
        child.close();
        requireMemory();
      }
      await collectUntil(() => native().memoryUsage().bytes <= before.bytes + 1e6);
    });
  }
}

Deno.test("a caged child that needs little is given it, also what others share with it", async () => {
  using said = new Queue<number>();
  const array = RawArray("B", 10_000_000).fill(1);
  const child = new Process({
    target: modest,
    args: [array.subarray(0, 100), said],
    permissions: "none",
    maxSharedMemory: 1_000_000,
  });
  child.start();
  assertEquals(await said.get(), 100);
  await child.join();
  assertEquals(child.exitcode, 0);
  child.close();
});

Deno.test("maxSharedMemory: what makes no sense is refused", () => {
  const make = (maxSharedMemory: unknown, permissions: "inherit" | "none" = "none") =>
    new Process({ target: modest, permissions, maxSharedMemory } as never);
  assertThrows(() => make("1 MB"), TypeError, '"maxSharedMemory" is "1 MB", wanted a number of bytes');
  for (const wrong of [-1, 0.5, NaN, Infinity]) {
    assertThrows(() => make(wrong), RangeError, `"maxSharedMemory" is ${wrong}, wanted an integer >= 0`);
  }
  assertThrows(() => make(1, "inherit"), TypeError, 'only for one with "permissions"');
  make(0).close();
});
