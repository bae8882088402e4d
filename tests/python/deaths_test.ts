// A Python process whose parent ends, and one that is killed or stopped at each step of its start.

import { Process, ProcessError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import { FIXTURES, isRunning, PATIENCE, startProgram, stateOf, until, within } from "../support/helpers.ts";
import { pythonTest, targetIn } from "../support/python_process.ts";

pythonTest("a daemon ends when its parent is killed, even a stopped one; others live on", async ({ path }) => {
  await using program = startProgram(new URL("python/parent.ts", FIXTURES), { args: [path] });
  const pids: number[] = JSON.parse(await program.said("pids "));
  const [daemon, stopped, other] = pids;
  try {
    assertEquals(pids.map(isRunning), [true, true, true]);
    Deno.kill(stopped, "SIGSTOP");
    await until("the daemon to be stopped", () => stateOf(stopped) === "T");
    program.kill();
    await until("the daemons to end", () => !isRunning(daemon) && !isRunning(stopped));
    assert(isRunning(other));
  } finally {
    for (const pid of pids) if (isRunning(pid)) Deno.kill(pid, "SIGKILL");
  }
});

/** Each step of a start: before the package, its library, the tree, the preparation, and the module of the function. */
const STEPS = [
  "site",
  "import:ctypes",
  "ctypes.dlopen",
  "import:json",
  "import:importlib.machinery",
  "import:resource",
];

pythonTest("killed at each step of its start, a process could not begin, and leaves nothing", async (python) => {
  const before = native().memoryUsage().blocks;
  await Promise.all(STEPS.map(async (step) => {
    const child = new Process({
      target: targetIn(python, "ends.py", "returns"),
      name: step,
      env: { STEP: `${step} SIGKILL`, PYTHONPATH: new URL("python/steps", FIXTURES).pathname },
    });
    child.start();
    const error = await assertRejects(() => within(child.join({ timeout: PATIENCE })), ProcessError);
    assertEquals(error.message, `Cannot run "${step}": it was ended by SIGKILL before it began`);
    assertEquals(child.exitcode, -9);
  }));
  assertEquals(native().memoryUsage().blocks, before);
});

pythonTest("stopped at each step of its start, a process goes on when it is continued", async (python) => {
  await Promise.all(STEPS.map(async (step) => {
    const child = new Process({
      target: targetIn(python, "ends.py", "returns"),
      env: { STEP: `${step} SIGSTOP`, PYTHONPATH: new URL("python/steps", FIXTURES).pathname },
    });
    child.start();
    await until(`it to stop at ${step}`, () => stateOf(child.pid!) === "T");
    assertEquals(await child.join({ timeout: 0 }), false);
    Deno.kill(child.pid!, "SIGCONT");
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals(child.exitcode, 0);
  }));
});

pythonTest("terminate, kill and interrupt end a process that sleeps", async (python) => {
  for (const [way, exitcode] of [["terminate", -15], ["kill", -9], ["interrupt", 1]] as const) {
    const child = new Process({ target: targetIn(python, "waits.py", "sleeps"), stdout: "piped", stderr: "null" });
    child.start();
    await within(child.stdout.getReader().read()); // it has begun
    child[way]();
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals([way, child.exitcode], [way, exitcode]);
  }
});
