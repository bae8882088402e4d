// Programs made by `deno compile`, of which there can be none here: a program that believes to be one, whose executable
// is a script that starts it again.

import * as mp from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { CHILD_MARKER, frozenArguments, workIfChild } from "../../src/runtime/freeze.ts";
import { FIXTURES, runProgram } from "../support/helpers.ts";

Deno.test("TestStartMethod.test_freeze_support_dont_set_context: it chooses no start method, in no context", async () => {
  mp.setStartMethod(null, { force: true });
  await mp.freezeSupport();
  for (const method of mp.getAllStartMethods()) await mp.getContext(method).freezeSupport();
  assertEquals(mp.getStartMethod({ allowNone: true }), null);
});

Deno.test("the marker is the first argument of a child, and only there it means anything", async () => {
  assertEquals(frozenArguments("/bin/program", ["a", "b"]), ["/bin/program", CHILD_MARKER, "a", "b"]);
  const worked: string[][] = [];
  const work = (args: string[]) => Promise.resolve(void worked.push(args));
  for (const args of [[], ["a", CHILD_MARKER], [`${CHILD_MARKER}=1`]]) assert(!await workIfChild({ args, work }));
  assertEquals(worked, []);
  assert(await workIfChild({ args: [CHILD_MARKER, "a", "b"], work }));
  assertEquals(worked, [["a", "b"]]);
});

Deno.test("the children of a frozen program are the program itself, in which freezeSupport works and never returns", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "frozen #" });
  try {
    const program = new URL("launch/frozen.ts", FIXTURES).href;
    const file = `${folder}/program`;
    Deno.writeTextFileSync(file, `#!/bin/sh\nexec ${Deno.execPath()} run -A '${program}' "$@"\n`, { mode: 0o755 });
    const { code, stdout, stderr } = await runProgram(program, { env: { FROZEN: file }, args: ["a", "b"] });
    assertEquals(code, 0, stderr);
    const lines = stdout.trim().split("\n");
    assertEquals(lines.slice(0, 3), [
      'spawn ["Ada",["a","b"],true] 0',
      'forkserver ["Ada",["a","b"],true] 0',
      "exit code 3",
    ]);
    assertMatch(lines[3], /^NotSupported: Cannot start a process with permissions of its own/);
    assertMatch(lines[4], /^TypeError: Cannot run "inMain" in a process of a compiled program/);
    assertEquals(lines.length, 5);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("the marker without a parent is told, and the program does not go on", async () => {
  const { code, stdout, stderr } = await runProgram(new URL("launch/frozen.ts", FIXTURES), { args: [CHILD_MARKER] });
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, /Cannot begin: /);
});
