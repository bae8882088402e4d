// What a Python process knows of itself and of its parent.

import { currentProcess, getContext, Process, python as functionOf } from "@parallel/multiprocessing";
import { assertEquals } from "@std/assert";
import { FIXTURES, PATIENCE, runProgram } from "../support/helpers.ts";
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

pythonTest("CPython's own multiprocessing has its name and key, if the module has imported it", async (python) => {
  const { stdout } = await run({ target: targetIn(python, "imports.py", "tell"), name: "told" });
  assertEquals(stdout, `told ${currentProcess().authkey.length}\n`);
});

pythonTest("the folder of its module is the first that others are looked for in, as for a script", async (python) => {
  const { stdout } = await run({ target: targetIn(python, "random.py", "names") });
  assertEquals(stdout.split(" ")[1], "False\n"); // `import random` has found itself, and not Python's
});

pythonTest("it logs as this process does", async ({ path }) => {
  const { stderr } = await runProgram(new URL("python/logs.ts", FIXTURES), { args: [path] });
  assertEquals(stderr.split("\n").filter((line) => line.includes("/P]")), [
    "[INFO/P] child process calling self.run()",
    "[INFO/P] from the function",
    "[INFO/P] process shutting down",
    "[INFO/P] process exiting with exitcode 0",
  ]);
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
