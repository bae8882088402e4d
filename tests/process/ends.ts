// How processes end: exit codes, errors, daemons, and the end of the program. Run once for each start method: see suite.ts.

import { type Process, ProcessError, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";

import { exitText } from "../../src/runtime/signals.ts";
import { throwOdd } from "../fixtures/odd_thrown.ts";
import * as targets from "../fixtures/targets.ts";
import { blocked, FIXTURES, isRunning, PATIENCE, runProgram, until } from "../support/helpers.ts";
import { ended, folderWith, type Suite } from "./suite.ts";

/** The tests, with processes of the suite's kind. */
export function endsOfProcesses({ method, Process, programs }: Suite): void {
  Deno.test("a process without a target ends well", async () => {
    assertEquals(await ended(new Process()), 0);
  });

  const EXIT_CODES: [what: string, child: () => Process, exitcode: number][] = [
    ["that returns", () => new Process({ target: targets.nothing }), 0],
    ["that calls Deno.exit()", () => new Process({ target: targets.exit }), 0],
    ["that calls Deno.exit(1)", () => new Process({ target: targets.exit, args: [1] }), 1],
    ["that calls Deno.exit(3)", () => new Process({ target: targets.exit, args: [3] }), 3],
    ["that calls Deno.exit(255)", () => new Process({ target: targets.exit, args: [255] }), 255],
  ];
  for (const [what, child, exitcode] of EXIT_CODES) {
    Deno.test(`a process ${what} has exit code ${exitcode}`, async () => {
      assertEquals(await ended(child()), exitcode);
    });
  }

  Deno.test("a process whose target returns a promise that never settles ends with exit code 1", async () => {
    const source = "export const never = () => new Promise(() => {})";
    const module = `data:text/javascript,${encodeURIComponent(source)}`;
    assertEquals(await ended(new Process({ target: { module, name: "never" } })), 1);
  });

  Deno.test("the children of a program that is killed while they begin say nothing", async () => {
    // Its children have its standard error, so that this ends when they have.
    const args = [method];
    const { signal, stderr } = await runProgram(new URL("process/killed_at_once.ts", FIXTURES), { args });
    assertEquals([signal, stderr], ["SIGKILL", ""]);
  });

  Deno.test("an exit code is shown with the name of its signal", () => {
    assertEquals(
      [0, 1, -2, -9, -15, -20, -31, -34].map(exitText).join(),
      "0,1,-SIGINT,-SIGKILL,-SIGTERM,-SIGTSTP,-SIGSYS,-34",
    );
  });

  for (
    const [cited, method, exitcode] of [
      ["TestProcess.test_terminate", "terminate", -15],
      ["TestProcess.test_kill", "kill", -9],
      ["TestProcess.test_interrupt_no_handler", "interrupt", -2],
    ] as const
  ) {
    for (const target of [targets.block, targets.idle, targets.spin]) {
      Deno.test(`${cited}: ${method} ends one that is in ${target.name} with ${exitcode}`, async () => {
        using said = new Queue();
        using orders = new Queue();
        const child = new Process({ target, args: [said, orders] });
        child.start();
        await said.get({ timeout: PATIENCE });
        child[method]();
        assert(await child.join({ timeout: PATIENCE }));
        assertEquals(child.exitcode, exitcode);
        assertMatch(String(child), new RegExp(`stopped exitcode=-(${-exitcode}|SIG\\w+)>`));
        child[method]();
      });
    }
  }

  Deno.test("interrupt ends one that has not begun yet, every time", async () => {
    using said = new Queue();
    using orders = new Queue();
    for (let i = 0; i < 6; i++) { // with forkserver some are warm, others are booting
      const child = new Process({ target: targets.idle, args: [said, orders], daemon: true });
      child.start();
      child.interrupt();
      assert(await child.join({ timeout: PATIENCE }), "the interrupt is lost");
      assertEquals(child.exitcode, -2);
    }
  });

  Deno.test("a process that a module ends before it began is a failure, whatever its exit code says", async () => {
    using folder = folderWith({ "ends.ts": "export function work() {}\nDeno.exit(0);\n" });
    const target = { module: new URL(`file://${folder.path}/ends.ts`), name: "work" };
    const child = new Process({ target, name: "Early" });
    child.start();
    const message = 'Cannot run "Early": it ended with exit code 0 before it began';
    await assertRejects(() => child.join({ timeout: PATIENCE }), ProcessError, message);
    assertEquals(child.exitcode, 0);
  });

  Deno.test("an uncaught error is told, also where the user's console.error throws", async () => {
    const { stdout, stderr } = await programs.runProgram(new URL("process/run_target.ts", FIXTURES), {
      args: ["failWithoutConsole", "boom"],
    });
    assertEquals(stdout, "1\n");
    assertMatch(stderr, /^Process Child:\nRangeError: boom\n/);
  });

  Deno.test("whatever a target throws is told, and ends its process with exit code 1", async () => {
    for (
      const kind of ["a revoked proxy", "an object whose printed form throws", "an error whose getters throw"] as const
    ) {
      await using child = new Process({ target: throwOdd, args: [kind], name: "Child", stderr: "piped" });
      child.start();
      const [told] = await Promise.all([new Response(child.stderr).text(), child.join({ timeout: PATIENCE })]);
      assertEquals(child.exitcode, 1);
      assertMatch(told, /^Process Child:\n./, kind);
    }
  });

  Deno.test("a start after the children have been waited for is refused", async () => {
    const output = await programs.outputOf(new URL("process/start_at_exit.ts", FIXTURES));
    const refused = "InvalidStateError: Cannot start a process: this one is exiting, and has waited for its children\n";
    assertEquals(output, `in the child: ${refused}in the program: ${refused}`);
  });

  const FAILURES = [
    { target: targets.fail, error: /RangeError: boom\n +at fail \(.*targets\.ts:\d+:\d+\)/ },
    { target: targets.failLater, error: /RangeError: boom\n +at failLater \(.*targets\.ts:\d+:\d+\)/ },
    { target: targets.failInTimer, error: /RangeError: boom\n[^]* at fail \(.*targets\.ts:\d+:\d+\)/ },
    { target: targets.failUnhandled, error: /RangeError: boom\n[^]* at failLater \(.*targets\.ts:\d+:\d+\)/ },
    { target: targets.throwText, error: /boom/ },
  ];
  for (const { target, error } of FAILURES) {
    Deno.test(`TestSubclassingProcess.test_stderr_flush: ${target.name} prints its error and gives exit code 1`, async () => {
      const { code, stdout, stderr } = await programs.runProgram(new URL("process/run_target.ts", FIXTURES), {
        args: [target.name, "boom"],
      });
      assertEquals({ code, stdout }, { code: 0, stdout: "1\n" });
      assertMatch(stderr, /^Process Child:\n/);
      assertMatch(stderr, error);
      assertEquals(stderr.match(/Process Child:/g)?.length, 1, stderr);
    });
  }

  Deno.test("TestProcess.test_wait_for_threads: a process goes on until nothing is left to do", async () => {
    assertMatch(await programs.outputOf(new URL("process/say_later.ts", FIXTURES)), /^later 0\n$/);
  });

  Deno.test("a daemon says so, inherits it, and may have no children", async () => {
    using said = new Queue<string>();
    const child = new Process({ target: targets.startChild, args: [said], daemon: true });
    assert(child.daemon);
    assertEquals(await ended(child), 0);
    assertStringIncludes(await said.get({ timeout: PATIENCE }), "daemonic processes are not allowed to have children");
    assertMatch(String(child), / daemon>$/);
  });

  Deno.test("a child ends its own daemons and waits for its other children when it ends", async () => {
    const output = await programs.outputOf(new URL("process/exit_order.ts", FIXTURES), { args: ["child"] });
    assertEquals(output.split("\n").sort().filter(Boolean), ["daemon gone", "main ends", "other ends", "other gone"]);
  });

  for (const how of ["return", "exit"]) {
    Deno.test(`at the end of a program by ${how} daemons are terminated and the others waited for`, async () => {
      const { code, stdout, stderr } = await programs.runProgram(new URL("process/exit_order.ts", FIXTURES), {
        args: [how],
      });
      assertEquals(code, { return: 0, exit: 7 }[how], stderr);
      assertEquals(stdout.split("\n").filter(Boolean).sort(), ["main ends", "other ends"]);
      const [daemon, other] = stderr.match(/\d+ \d+/)![0].split(" ").map(Number);
      assertEquals([isRunning(daemon), isRunning(other)], [false, false]);
    });
  }

  Deno.test("when a program dies of an uncaught error its daemons end, and its other children finish by themselves", async () => {
    const { code, stdout, stderr } = await programs.runProgram(new URL("process/exit_order.ts", FIXTURES), {
      args: ["error"],
    });
    assertEquals(code, 1);
    assertEquals(stdout.split("\n").filter(Boolean).sort(), ["main ends", "other ends"]);
    const [daemon] = stderr.match(/\d+ \d+/)![0].split(" ").map(Number);
    await until("the end of the daemon", () => !isRunning(daemon));
  });

  for (const target of ["block", "idle", "spin"]) {
    Deno.test(`a daemon in ${target} is gone after its parent was killed`, async () => {
      await using program = programs.startProgram(new URL("process/daemon_parent.ts", FIXTURES), { args: [target] });
      const pid = Number(await program.said("daemon "));
      assert(isRunning(pid));
      if (target === "block") await blocked(pid);
      program.kill();
      await until("the end of the daemon", () => !isRunning(pid));
    });
  }

  Deno.test("TestNoForkBomb.test_noforkbomb: without a main guard there is one clear error, and an end", async () => {
    await using program = programs.startProgram(new URL("process/no_main_guard.ts", FIXTURES));
    const { code, stderr } = await program.outcome();
    assertNotEquals(code, 0);
    assertStringIncludes(stderr, "import.meta.main");
    assert(stderr.length < 5000, stderr);
  });

  Deno.test("a start while the module is evaluated by a child is refused in start, not only at the top", async () => {
    const { code, stderr } = await programs.runProgram(new URL("process/no_main_guard.ts", FIXTURES), {
      args: ["joined"],
    });
    assertNotEquals(code, 0);
    assertStringIncludes(stderr, "import.meta.main");
  });

  Deno.test("TestAtExit.test_atexit: unload handlers of a child run when it ends", async () => {
    assertEquals(await programs.outputOf(new URL("process/at_exit.ts", FIXTURES)), "unload in the child\n");
  });
}
