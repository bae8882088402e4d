// A SIGTERM to a whole process group, as a service manager sends it by default.

import { assertEquals } from "@std/assert";
import process from "node:process";
import { FIXTURES, isRunning, startProgram, until } from "../support/helpers.ts";

for (const method of ["spawn", "forkserver"]) {
  for (const way of ["drain", "bare"]) {
    Deno.test(`a SIGTERM to the group of a program with a pool and a manager: ${way} (${method})`, async () => {
      await using program = startProgram(new URL("pool/pool_in_group.ts", FIXTURES), {
        args: [method, way],
        detached: true, // a process group of its own
      });
      const pids = JSON.parse(await program.said("begun ")) as number[];
      assertEquals(pids.length, 3);
      process.kill(-program.pid, "SIGTERM");
      if (way === "drain") assertEquals(await program.said("results "), "[1,4,9,16,25,36]");
      const { code, signal } = await program.outcome();
      assertEquals([code, signal], way === "drain" ? [0, null] : [143, "SIGTERM"]);
      await until("the end of its children", () => !pids.some(isRunning));
    });
  }
}
