// CPython's deadlock classic: a child is joined that still has to put, and nobody takes.

import { assertEquals, assertMatch } from "@std/assert";
import { FIXTURES, outputOf, runProgram, startProgram } from "../support/helpers.ts";

const WARNING = new RegExp(
  '^Waiting for "Producer" \\(pid \\d+\\), which cannot end: it waits to put into the full queue ' +
    "<Queue \\d+ \\(2 of 2 values, name='results'\\)>, and nobody takes from that; take from the queue before you join the process\n$",
);

for (const producer of ["put", "putSync", "late"]) {
  for (const join of ["join", "joinSync"]) {
    Deno.test(`${join} of a process whose ${producer} waits for room says why it hangs, and goes on when it can`, async () => {
      const { code, stdout, stderr } = await runProgram(new URL("queues/queue_deadlock.ts", FIXTURES), {
        args: [producer, join],
      });
      assertEquals(code, 0, stderr);
      assertMatch(stderr, WARNING);
      assertEquals(stdout, "warned\ntook 0,1,2,3\njoined with 0\n");
    });
  }
}

Deno.test("join of a process that puts into a queue with room says nothing", async () => {
  await using program = startProgram(new URL("queues/queue_deadlock.ts", FIXTURES), { args: ["fits", "join"] });
  const { code, stdout, stderr } = await program.outcome();
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: "took 0,1,2,3\njoined with 0\n", stderr: "" });
});

Deno.test("who takes slowly is not taken for a deadlock: a promise, another process, a Worker", async () => {
  await Promise.all(["promise", "process", "Worker"].map(async (way) => {
    assertEquals(await outputOf(new URL("queues/queue_slow.ts", FIXTURES), { args: [way] }), "joined with 0\n", way);
  }));
});
