// Programs with pools: when they end, and what they say.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FIXTURES, isRunning, outputOf, runProgram, startProgram, until } from "../helpers.ts";

const program = (name: string) => new URL(`pool_${name}.ts`, FIXTURES);

Deno.test("TestPoolWorkerLifetime.test_worker_finalization_via_atexit_handler_of_multiprocessing: a pool in a global", async () => {
  assertEquals(await outputOf(program("in_global")), "[ 1, 4, 9 ]\n");
});

Deno.test("a program goes on for a call that is under way, and for nothing else of a pool", async () => {
  assertEquals(await outputOf(program("unawaited")), "7\n");
});

Deno.test("a terminated call that nobody waits for is no uncaught error", async () => {
  assertEquals(await outputOf(program("abandoned")), "out\n");
});

Deno.test("a pool runs what it is told beside a child with no permissions, whichever module exports it", async () => {
  assertEquals(await outputOf(program("beside_cage")), "[ 1, 4 ]\ndone\n[ 1, 4 ]\ndone\n");
});

Deno.test("a program catches an error of its own class, while it is being evaluated", async () => {
  assertEquals(await outputOf(program("own_error")), "true Own Error\nfalse OutOfStock RangeError\n");
  // Nothing is imported because a message names it, once there is a process with fewer permissions.
  assertEquals(
    await outputOf(program("own_error"), { args: ["cage"] }),
    "true Own Error\nfalse RangeError OutOfStock\n",
  );
});

Deno.test("an error whose class is in a module that waits for the program is one of the nearest class", async () => {
  assertEquals(await outputOf(program("circular")), "RangeError SoldOut none of 7\n");
});

Deno.test("a running pool that is dropped warns once, with its name", async () => {
  const { code, stdout, stderr } = await runProgram(program("dropped"), { flags: ["-A", "--v8-flags=--expose-gc"] });
  assertEquals([code, stdout], [0, "[ 9 ]\n"]);
  assertMatch(stderr, /^unclosed running multiprocessing pool "Forgotten" \(pids \d+\): it was dropped\n$/);
});

Deno.test("an endless input runs in constant memory", async () => {
  const output = await outputOf(program("endless"), { flags: ["-A", "--v8-flags=--expose-gc"], args: ["3"] });
  const grown = Number(output.match(/grown: (-?[\d.]+) MiB/)?.[1]);
  assert(grown < 8, output);
});

Deno.test("a worker that allocates without end is lost, with its last words", async () => {
  const flags = ["-A", "--v8-flags=--max-old-space-size=100"];
  const { code, stdout } = await runProgram(program("greedy"), { flags });
  assertEquals([code, stdout], [0, "WorkerLostError true\n9\n"]);
});

for (const way of ["exit", "interrupt", "throw", "reject"]) {
  Deno.test(`workers end with a program that ends in the middle of a map: ${way}`, async () => {
    const { code, signal, stdout } = await runProgram(program("killed"), { args: [way] });
    const wanted = { exit: [3, null], interrupt: [130, "SIGINT"], throw: [1, null], reject: [1, null] }[way];
    assertEquals([code, signal], wanted);
    const pids = JSON.parse(stdout.match(/pids (.*)/)![1]) as number[];
    await until("the workers' end", () => pids.filter(isRunning).length === 0);
  });
}

Deno.test("workers end with a program that is killed", async () => {
  await using running = startProgram(program("killed"));
  const pids = JSON.parse(await running.said("pids ")) as number[];
  running.kill();
  await until("the workers' end", () => pids.filter(isRunning).length === 0);
});
