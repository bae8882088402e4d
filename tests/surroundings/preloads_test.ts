// Modules of `--preload` and `--require`: a process is known as a child before they run in it, and they run in the parent's
// order, by both methods.

import { assertEquals, assertMatch } from "@std/assert";
import { FIXTURES } from "../support/helpers.ts";
import { type Ending, fixture, runWords } from "../support/surroundings.ts";

const METHODS = ["spawn", "forkserver"] as const;
const flag = (name: string, file: string) => `--${name}=${new URL(`surroundings/preloads/${file}`, FIXTURES).pathname}`;

/** Runs the program with those flags. */
async function runWith(flags: string[], args: string[] = []): Promise<Ending> {
  const ending = await runWords(fixture("surroundings/preloads/program.ts", args, flags));
  assertEquals(ending.signal, null);
  return ending;
}

/** What the program and its children said, from the first to the last module. */
async function said(flags: string[], args: string[] = []): Promise<string[]> {
  const { code, stdout, stderr } = await runWith(flags, args);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  return stdout.trim().split("\n");
}

Deno.test("preloads that make shared objects, and required modules, run before the main module and the target, in order", async () => {
  const flags = [
    ...[flag("preload", "first.ts"), flag("require", "third.cjs")],
    ...[flag("preload", "second.ts"), flag("require", "fourth.cjs")],
  ];
  const order = "first second third fourth main";
  const child = (method: string) => `${method} child ${order} target, its lock is its own true`;
  assertEquals(await said(flags), [`parent ${order}`, ...METHODS.flatMap((method) => [child(method), "true 0"])]);
});

Deno.test("a required module alone, and one that is preloaded by --import", async () => {
  assertEquals(await said([flag("require", "third.cjs")]), [
    "parent third main",
    ...METHODS.flatMap((method) => [`${method} child third main target, its lock is its own false`, "true 0"]),
  ]);
  assertEquals(await said([flag("import", "first.ts")]), [
    "parent first main",
    ...METHODS.flatMap((method) => [`${method} child first main target, its lock is its own true`, "true 0"]),
  ]);
});

Deno.test("a preload in a child with permissions: the library is given up before it runs", async () => {
  assertEquals(await said([flag("preload", "first.ts")], ["none"]), [
    "parent first main",
    ...METHODS.flatMap((method) => [`${method} child first main target, its lock is its own true`, "true 0"]),
  ]);
});

for (const what of ["process", "pool"]) {
  Deno.test(`a ${what} that a preload starts is refused in a child, and no process starts others for ever`, async () => {
    const { code, stderr } = await runWith([flag("preload", `starts_${what}.ts`)]);
    assertEquals(code, 1);
    assertMatch(stderr, /Cannot start a process while a child runs the modules of --preload or --require: each child/);
    assertEquals(stderr.match(/^preloaded$/gm)?.length, what === "pool" ? undefined : 2);
  });
}

Deno.test("a preload or a required module that fails only in children is told by join", async () => {
  for (const [name, file] of [["preload", "fails_in_child.ts"], ["require", "fails_in_child.cjs"]]) {
    const { code, stdout } = await runWith([flag(name, file)], ["quiet"]);
    assertEquals(code, 0);
    assertEquals(
      stdout.trim().split("\n").slice(1),
      METHODS.map(() => `ProcessError: Cannot run "child": Error: fails in a child`),
    );
  }
});
