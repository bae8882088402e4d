// What processes have of the operating system: threads, descriptors, signals and streams. Run once for each start
// method: see suite.ts.

import { Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as targets from "../fixtures/process/system_targets.ts";
import { FIXTURES, PATIENCE, within } from "../support/helpers.ts";
import { ended, type Suite } from "./suite.ts";

/** The tests, with processes of the suite's kind. */
export function systemOfProcesses({ method, Process }: Suite): void {
  /** Runs a program by a shell that does `before` first. */
  const shell = async (before: string, program: string) => {
    const url = new URL(program, FIXTURES).href;
    const flags = ["run", "-A", "--quiet", `--preload=${new URL(`process/use_${method}.ts`, FIXTURES)}`];
    const command = new Deno.Command("sh", {
      args: ["-c", `exec "$0" "$@" ${before}`, Deno.execPath(), ...flags, url],
      stdin: "null",
      signal: AbortSignal.timeout(PATIENCE),
    });
    const { code, stdout, stderr } = await command.output();
    return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  };

  Deno.test("TestProcess.test_process_mainthread_native_id: the main thread of a child is not that of its parent", async () => {
    using said = new Queue<number>();
    const child = new Process({ target: targets.sayThread, args: [said] });
    assertEquals(await ended(child), 0);
    const thread = await said.get({ timeout: PATIENCE });
    assertNotEquals(thread, native().threadId());
    assertEquals(thread, child.pid);
  });

  Deno.test("TestProcess.test_interrupt: one that throws when it is interrupted ends with 1, and says what it threw", async () => {
    using said = new Queue();
    using orders = new Queue();
    const { throwWhenInterrupted: target } = targets;
    const child = new Process({ target, args: [said, orders], stderr: "piped", name: "Ada" });
    child.start();
    assertEquals(await said.get({ timeout: PATIENCE }), "listens");
    child.interrupt();
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals(child.exitcode, 1);
    assertMatch(await new Response(child.stderr).text(), /^Process Ada:\nRangeError: interrupted\n/);
  });

  Deno.test("TestPollEintr.test_poll_eintr: a signal to the parent is handled while it joins, and ends no join", async () => {
    for (const how of ["join", "joinSync"] as const) {
      const { promise, resolve } = Promise.withResolvers<void>();
      Deno.addSignalListener("SIGUSR1", resolve);
      try {
        using orders = new Queue();
        if (how === "join") {
          const child = new Process({ target: targets.signalParent, args: ["SIGUSR1", orders] });
          child.start();
          const joining = child.join({ timeout: PATIENCE });
          await within(promise);
          assertEquals(child.exitcode, null);
          orders.putSync("end");
          assert(await joining);
          assertEquals(child.exitcode, 0);
        } else {
          const child = new Process({ target: targets.signalParent, args: ["SIGUSR1"] });
          child.start();
          assert(child.joinSync({ timeout: PATIENCE }));
          assertEquals(child.exitcode, 0);
          await within(promise);
        }
      } finally {
        Deno.removeSignalListener("SIGUSR1", resolve);
      }
    }
  });

  Deno.test("TestCloseFds.test_closefd: a child has no descriptor of its parent's, even one that could be inherited", async () => {
    const { code, stdout, stderr } = await shell("9</dev/zero", "process/descriptors_program.ts");
    assertEquals([code, stderr], [0, ""]);
    const { parent, children } = JSON.parse(stdout) as Record<"parent", Record<string, string>> & {
      children: Record<string, string>[];
    };
    assertEquals(parent["9"], "/dev/zero");
    const listened = Object.values(parent).filter((it) => it.startsWith("socket:"));
    assert(listened.length > 0);
    for (const child of children) {
      assertEquals(Object.values(child).filter((it) => it === "/dev/zero" || listened.includes(it)), []);
    }
  });

  Deno.test("TestProcess.test_error_on_stdio_flush_1: a child of a parent without output streams ends well", async () => {
    for (const closed of [">&-", "2>&-", ">&- 2>&-", "</dev/null >&- 2>&- <&-"]) {
      assertEquals((await shell(closed, "process/closed_streams.ts")).code, 40, closed);
    }
  });

  Deno.test("TestProcess.test_error_on_stdio_flush_2: a child that closes its own streams ends as it would", async () => {
    assertEquals(await ended(new Process({ target: targets.breakStreams, args: [false] })), 0);
    const failing = new Process({ target: targets.breakStreams, args: [true], stderr: "piped" });
    assertEquals(await ended(failing), 1);
    assertEquals(await new Response(failing.stderr).text(), "");
  });
}
