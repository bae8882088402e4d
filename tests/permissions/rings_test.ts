// What a caged child has left behind is given back when it has ended, also if it holds itself in a ring.

import { getContext, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { LEFT, tie, type Way } from "../fixtures/permissions/cage_ring_targets.ts";
import { begin } from "../support/children.ts";
import { within } from "../support/helpers.ts";

Deno.test.beforeAll(begin);

for (const method of ["spawn", "forkserver"] as const) {
  Deno.test(`shared memory that a caged child has tied into a ring is given back at its end (${method})`, async () => {
    const { Process } = getContext(method);
    for (const way of ["alone", "pair", "around", "pipe"] satisfies Way[]) {
      const before = native().memoryUsage().bytes;
      using told = new Queue<string>();
      {
        using given = new Queue<unknown>();
        const child = new Process({ target: tie, args: [way, given, told], permissions: "none" });
        child.start();
        assertEquals(await within(told.get()), "tied");
        assert(native().memoryUsage().bytes > before + LEFT, `${way}: it has something`);
        if (way === "around") given.close(); // else it is this process's, too
        if (way !== "alone") child.kill();
        await within(child.join());
        child.close();
      }
      assert(native().memoryUsage().bytes < before + LEFT / 2, `${way}: it has nothing any more`);
    }
  });
}
