// Signals that are ignored, as some daemons and desktops start their programs. With SIGCHLD ignored the kernel would reap
// children, and nobody would know how they ended; with SIGTERM ignored a child that boots could not be terminated.

import { assertEquals } from "@std/assert";
import { fixture, obstacle, runWords, surrounded, testUnless } from "../support/surroundings.ts";

const SIGTERM = 15;
const SIGCHLD = 17;
const why = await obstacle(...surrounded({ ignored: [SIGCHLD] }, ["/bin/true"]));
const said = ["spawn 0 7 -15 true", "forkserver 0 7 -15 true"];

testUnless(
  why,
  "SIGCHLD ignored: the exit codes of children, grandchildren, workers and other programs are right",
  async () => {
    const command = surrounded({ ignored: [SIGCHLD] }, fixture("surroundings/exit_codes.ts", ["others"]));
    const { stdout, stderr } = await runWords(command);
    const lines = [...said, "pool WorkerLostError SIGKILL", "command 7", ""];
    assertEquals({ stderr, stdout }, { stderr: "", stdout: lines.join("\n") });
  },
);

testUnless(why, "SIGTERM ignored: a child that boots can be terminated all the same", async () => {
  const { stdout, stderr } = await runWords(surrounded({ ignored: [SIGTERM] }, fixture("surroundings/exit_codes.ts")));
  assertEquals({ stderr, stdout }, { stderr: "", stdout: [...said, ""].join("\n") });
});
