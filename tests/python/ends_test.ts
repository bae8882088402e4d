// How a Python process ends, and what its parent is told of it.

import { assertEquals, assertMatch } from "@std/assert";
import { moduleAt, pythonTest, run, targetIn } from "../support/python_process.ts";

/** A traceback as Python prints one, of a function of the fixtures, without the frames of the package. */
const traceback = (name: string, last: string, way = `, in ${name}`) =>
  new RegExp(
    `^Process P:\\nTraceback \\(most recent call last\\):\\n  File "${
      moduleAt("ends.py")
    }", line \\d+${way}\\n[^]*${last}\\n$`,
  );

const ENDS: [name: string, exitcode: number, stderr: RegExp, stdout?: string][] = [
  ["returns", 0, /^$/],
  ["raises", 1, traceback("raises", "ValueError: bad")],
  ["raises_what_has_no_text", 1, traceback("raises_what_has_no_text", ".*Odd.*")],
  ["exits", 3, /^$/],
  ["exits_with_nothing", 0, /^$/],
  ["exits_with_text", 1, /^so\n$/],
  ["exits_at_once", 4, /^$/],
  ["segfaults", -11, /^$/],
  ["aborts", -6, /^$/],
  ["is_killed", -9, /^$/],
  ["is_terminated", -15, /^$/],
  ["is_interrupted", 1, traceback("is_interrupted", "KeyboardInterrupt", ", in .*")],
  ["is_interrupted_again", 1, /^$/],
  ["awaits", 0, /^$/, "awaited\n"],
  ["leaves_a_thread", 0, /^$/, "worked\n"],
  ["closes_descriptors", 0, /^$/, "closed\n"],
  ["has_standard_input_of_nobody", 0, /^$/, "''\n"],
  ["Methods.prints", 0, /^$/, "method\n"],
];

pythonTest("a process ends as its function does, and its exit code and standard error say how", async (python) => {
  await Promise.all(ENDS.map(async ([name, exitcode, stderr, stdout = ""]) => {
    const end = await run({ target: targetIn(python, "ends.py", name), name: "P" });
    assertEquals([name, end.exitcode, end.stdout], [name, exitcode, stdout], end.stderr);
    assertMatch(end.stderr, stderr);
  }));
});

pythonTest("a process prints megabytes, and all of it can be read", async (python) => {
  const { exitcode, stdout } = await run({ target: targetIn(python, "ends.py", "prints_megabytes") });
  assertEquals([exitcode, stdout.length], [0, 4 * 1024 * 1024]);
});

pythonTest("children of forks hold and release nothing, and their ends are not the process's", async (python) => {
  const { exitcode, stdout, stderr } = await run({ target: targetIn(python, "facts.py", "forks") });
  const said = "Cannot use a shared object: this process was forked from one that has it, and is no member of the tree";
  assertEquals([stdout, stderr, exitcode], [`${said}\n0 True\n`.repeat(2), "", 0]);
});
