// What a Python process knows of itself and of its parent.

import { currentProcess, getContext, getLogger, Process, python as functionOf } from "@parallel/multiprocessing";
import { assertEquals, assertMatch } from "@std/assert";
import { FIXTURES, PATIENCE } from "../support/helpers.ts";
import { moduleAt, pythonTest, run, targetIn } from "../support/python_process.ts";

pythonTest("it has its name, key, parent, arguments, directory and environment", async (python) => {
  const target = targetIn(python, "facts.py", "tell");
  const { exitcode, stdout, stderr } = await run({
    target,
    name: "teller",
    daemon: true,
    cwd: FIXTURES,
    env: { SAID: "by the parent" },
  });
  assertEquals([exitcode, stderr], [0, ""]);
  const parent = currentProcess();
  assertEquals(JSON.parse(stdout), {
    name: "teller!",
    pid: true,
    daemon: true,
    alive: [true, true, false],
    exitcode: null,
    key: parent.authkey.length,
    parent: [parent.name, true],
    shown: [
      `<Process name='teller!' pid=PID parent=${Deno.pid} started daemon>`,
      `<ParentProcess name='${parent.name}' pid=${Deno.pid} started>`,
    ],
    argv: [moduleAt("facts.py")],
    path: moduleAt("").replace(/\/$/, ""),
    beside: "beside",
    directory: FIXTURES.pathname.replace(/\/$/, ""),
    variable: "by the parent",
  });
});

pythonTest("CPython's own multiprocessing has the name, if the program has imported it", async (python) => {
  const { stdout } = await run({ target: targetIn(python, "facts.py", "tell_cpython"), name: "late" });
  assertMatch(stdout, /^(MainProcess|late)\n$/); // it is imported by the function itself
});

pythonTest("a module with the name of one of Python's own does not hide that", async (python) => {
  const { stdout } = await run({ target: targetIn(python, "random.py", "names") });
  assertEquals(stdout.split(" ")[1], "False\n"); // its folder comes first, as for a script: `import random` is itself
});

pythonTest("it logs as this process does", async (python) => {
  const before = getLogger().level;
  getLogger().setLevel("INFO");
  try {
    const { stderr } = await run({ target: targetIn(python, "facts.py", "logs"), name: "P" });
    assertEquals(stderr, "", "it prints only where log_to_stderr was called");
  } finally {
    getLogger().setLevel(before as 0);
  }
});

pythonTest(
  'getContext("python") starts nothing else, and its executable is that of functions that name none',
  async (python) => {
    const context = getContext("python");
    assertEquals([`${context}`, context.getStartMethod()], ["<PythonContext(python)>", "spawn"]);
    context.setExecutable(python.path);
    const child = new context.Process({ target: functionOf("sys", "exit") });
    assertEquals([child instanceof Process, child.name.replace(/\d+$/, "")], [true, "PythonProcess-"]);
    child.start();
    await child.join({ timeout: PATIENCE });
    assertEquals(child.exitcode, 0);
  },
);
