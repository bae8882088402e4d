// Filters of system calls (seccomp), as containers and services have them, and kernels that do not know a call: another
// way, or one sentence at the first use.

import { assertEquals, assertMatch } from "@std/assert";
import { fixture, obstacle, runWords, surrounded, testUnless } from "../support/surroundings.ts";

const EPERM = 1;
const ENOSYS = 38;
const IS_ARM = Deno.build.arch === "aarch64";
const CALLS = {
  ...{ memfd_create: IS_ARM ? 279 : 319, waitid: IS_ARM ? 95 : 247, pidfd_open: 434, pidfd_send_signal: 424 },
  ...{ futex_waitv: 449, close_range: 436, faccessat2: 439 },
};
const why = await obstacle(...surrounded({ denied: [EPERM, [CALLS.futex_waitv]] }, ["/bin/true"]));

for (const [errno, said] of [[EPERM, "Operation not permitted"], [ENOSYS, "Function not implemented"]] as const) {
  const cases = ["spawn", "forkserver"].flatMap(() => ["Empty", "asleep", "asked, and locked true"]);
  testUnless(why, `futex_waitv that fails with ${errno}: promises wait for other processes, asleep`, async () => {
    const { stdout, stderr } = await runWords(
      surrounded({ denied: [errno, [CALLS.futex_waitv]] }, fixture("surroundings/waits_program.ts")),
    );
    assertEquals({ stderr, said: stdout.trim().split("\n") }, { stderr: "", said: cases });
  });

  testUnless(
    why,
    `pidfd_send_signal, close_range and faccessat2 that fail with ${errno}: processes begin and end as told`,
    async () => {
      const denied = [CALLS.pidfd_send_signal, CALLS.close_range, CALLS.faccessat2];
      const { stdout, stderr } = await runWords(
        surrounded({ denied: [errno, denied] }, fixture("surroundings/exit_codes.ts")),
      );
      assertEquals({ stderr, stdout }, { stderr: "", stdout: "spawn 0 7 -15 true\nforkserver 0 7 -15 true\n" });
    },
  );

  for (const name of ["memfd_create", "pidfd_open", "waitid"] as const) {
    testUnless(why, `${name} that fails with ${errno}: one sentence names it`, async () => {
      const { code, stdout, stderr } = await runWords(
        surrounded({ denied: [errno, [CALLS[name]]] }, fixture("surroundings/start_with.ts")),
      );
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      const sentence =
        `NotSupported: Cannot use multiprocessing: the system call ${name}[^(]* is denied or missing here ` +
        `\\(${said} \\(os error ${errno}\\)\\); it needs Linux 5\\.4 or later, and a filter .* that allows it`;
      assertMatch(stdout, new RegExp(`^spawn ${sentence}\nforkserver ${sentence}\n$`));
    });
  }
}
