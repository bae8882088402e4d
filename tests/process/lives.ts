// How lives of several processes hang together: errors that nobody catches, generations, interrupts, circles.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { wait, waitSync } from "@parallel/multiprocessing/connection";
import { Queue } from "@parallel/multiprocessing";
import { block, exit, nothing } from "../fixtures/targets.ts";
import { descendantsOf, FIXTURES, isRunning, PATIENCE, until } from "../support/helpers.ts";
import { ended, type Suite } from "./suite.ts";

/** The tests of what processes mean to each other, for one start method. */
export function livesTogether({ Process, programs }: Suite): void {
  for (const kind of ["error", "rejection"]) {
    for (const handler of ["listener", "onerror", "node"]) {
      Deno.test(`an uncaught ${kind} that the user's ${handler} handles is not told, and the process goes on`, async () => {
        const output = await programs.outputOf(new URL("process/uncaught_program.ts", FIXTURES), {
          args: [handler, kind],
        });
        assertMatch(output, /^heard .*boom.*\ngoes on\nunload\nexitcode 0\n$/);
      });
    }
    for (const handler of ["none", "listener that does not prevent it"]) {
      Deno.test(`TestSubclassingProcess.test_stderr_flush: an uncaught ${kind} with ${handler} ends the process in order`, async () => {
        const program = new URL("process/uncaught_program.ts", FIXTURES);
        const { code, stdout, stderr } = await programs.runProgram(program, { args: [handler, kind] });
        const heard = handler === "none" ? "" : "heard boom\n";
        assertEquals({ code, stdout }, { code: 0, stdout: `${heard}unload\nexitcode 1\n` });
        assertMatch(stderr, /^Process Child:\nRangeError: boom\n +at /);
        assertEquals(stderr.match(/boom/g)?.length, 1);
      });
    }
  }

  Deno.test("an uncaught SuppressedError is told with the errors in it", async () => {
    const program = new URL("process/uncaught_program.ts", FIXTURES);
    const { stdout, stderr } = await programs.runProgram(program, { args: ["disposing"] });
    assertEquals(stdout, "exitcode 1\n");
    const errors = stderr.split("\n").filter((line) => /^\S/.test(line));
    assertMatch(
      errors.join("\n"),
      new RegExp(
        "^Process Child:\nSuppressedError.*\nthrown last:\nRangeError: the outer disposal\nsuppressed by that:\n" +
          "SuppressedError.*\nthrown last:\nRangeError: the inner disposal\nsuppressed by that:\nRangeError: the work$",
      ),
    );
  });

  const CODES: [given: number, exitcode: number][] = [[-3, 253], [300, 44], [256, 0], [8, 8]];
  for (const [given, exitcode] of CODES) {
    Deno.test(`TestSubclassingProcess.test_sys_exit: Deno.exit(${given}) gives exit code ${exitcode}, as the system cuts it`, async () => {
      assertEquals(await ended(new Process({ target: exit, args: [given] })), exitcode);
    });
  }

  Deno.test("three generations whose root is killed: daemons are gone, the others learn it", async () => {
    await using program = programs.startProgram(new URL("process/generations.ts", FIXTURES));
    const names = ["daemon", "child", "grandchild-daemon", "grandchild"];
    const pids = await Promise.all(names.map(async (name) => Number(await program.said(`${name} `))));
    assert(pids.every(isRunning));
    const all = descendantsOf(program.pid);
    program.kill();
    await until("the end of all generations", () => !all.some(isRunning));
    const said = (await program.outcome()).stdout.split("\n").filter((line) => line.startsWith("learnt")).sort();
    assertEquals(said, ["learnt child", "learnt grandchild"]);
  });

  Deno.test("a child that ends while its parent's thread is busy is reaped at once", async () => {
    const output = await programs.outputOf(new URL("process/blocked_reaper.ts", FIXTURES));
    assertEquals(output, "reaped 0\n");
  });

  Deno.test("Ctrl-C, which is a SIGINT to every process of the program, ends them all without a word", async () => {
    await using program = programs.startProgram(new URL("process/generations.ts", FIXTURES));
    const names = ["daemon", "child", "grandchild-daemon", "grandchild"];
    const pids = await Promise.all(names.map(async (name) => Number(await program.said(`${name} `))));
    for (const pid of [...pids, program.pid]) Deno.kill(pid, "SIGINT");
    const { signal, stderr } = await program.outcome();
    assertEquals([signal, stderr], ["SIGINT", ""]);
    await until("the end of all", () => !pids.some(isRunning));
  });

  Deno.test("modules that import each other, and a main module that waits for its children at its top level", async () => {
    assertEquals(await programs.outputOf(new URL("process/circular_main.ts", FIXTURES)), "42 0\n42 0\n");
  });

  Deno.test("TestWait.test_wait_integer: the ends of processes are waited for with everything else", async () => {
    using said = new Queue();
    using orders = new Queue();
    const [lasting, brief] = [new Process({ target: block, args: [said, orders] }), new Process({ target: nothing })];
    lasting.start();
    brief.start();
    const sentinels = [lasting.sentinel, brief.sentinel];
    assertEquals(await wait(sentinels, { timeout: PATIENCE }), [brief.sentinel]);
    assertEquals(waitSync(sentinels, { timeout: 0 }), [brief.sentinel]);
    assert(await brief.join({ timeout: PATIENCE }));
    assertEquals(await wait(sentinels, { timeout: 0 }), [brief.sentinel]);
    lasting.kill();
    assertEquals(waitSync([lasting.sentinel], { timeout: PATIENCE }), [lasting.sentinel]);
    assertEquals(lasting.exitcode, -9);
  });
}
