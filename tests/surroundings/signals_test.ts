// SIGCHLD ignored, as some daemons and desktops start their programs: the kernel would reap children, and nobody would
// know how they ended.

import { assertEquals } from "@std/assert";
import { fixture, obstacle, runWords, surrounded, testUnless } from "./helpers.ts";

const why = await obstacle(...surrounded({ ignoresChildSignal: true }, ["/bin/true"]));

testUnless(
  why,
  "SIGCHLD ignored: the exit codes of children, grandchildren, workers and other programs are right",
  async () => {
    const command = surrounded({ ignoresChildSignal: true }, fixture("exit_codes.ts", ["others"]));
    const { stdout, stderr } = await runWords(command);
    const said = ["spawn 0 7 -15 true", "forkserver 0 7 -15 true", "pool WorkerLostError SIGKILL", "command 7", ""];
    assertEquals({ stderr, stdout }, { stderr: "", stdout: said.join("\n") });
  },
);
