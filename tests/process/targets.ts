// What processes run, and what they are given. Run once for each start method: see suite.ts.

import { InvalidStateError, type Process, ProcessError, Queue, type Target } from "@parallel/multiprocessing";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";

import * as targets from "../fixtures/targets.ts";
import { assertNothingLeft, belongings, childrenOf, PATIENCE, TARGETS, within } from "../support/helpers.ts";
import { collectUntil } from "../support/sharedctypes.ts";
import { ended, folderWith, MOD, type Suite } from "./suite.ts";

export function twice(said: Queue<number>, n: number): void {
  said.putSync(2 * n);
}

/** The tests, with processes of the suite's kind. */
export function targetsOfProcesses({ Process, programs }: Suite): void {
  Deno.test("a process is told where it is: its main module, arguments, directory and parent", async () => {
    using said = new Queue<Record<string, unknown>>();
    const child = new Process({ target: targets.describe, args: [said] });
    assertEquals(await ended(child), 0);
    const { pid, ppid, main, args, cwd, nameOfNext } = await said.get({ timeout: PATIENCE });
    assertEquals({ pid, ppid, main, args, cwd, nameOfNext }, {
      pid: child.pid,
      ppid: Deno.pid,
      main: false,
      args: Deno.args,
      cwd: Deno.cwd(),
      nameOfNext: `Process-${child.identity.join(":")}:1`,
    });
  });

  Deno.test("env replaces the environment, cwd the directory", async () => {
    using folder = folderWith({}, "a b#c%20_");
    for (const cwd of [folder.path, new URL(`file://${folder.path.replaceAll("%", "%25").replaceAll("#", "%23")}`)]) {
      using said = new Queue<Record<string, unknown>>();
      const env = { NAME: "va=lue", HOME: Deno.env.get("HOME") ?? "", PATH: Deno.env.get("PATH") ?? "" };
      const child = new Process({ target: targets.describe, args: [said], env, cwd });
      assertEquals(await ended(child), 0);
      const { name, cwd: found } = await said.get({ timeout: PATIENCE });
      assertEquals([name, found], ["va=lue", folder.path]);
    }
  });

  Deno.test("a directory that is not there or not local is refused, and nothing started", () => {
    const before = belongings();
    assertThrows(() => new Process({ cwd: "/does/not/exist" }).start(), Deno.errors.NotFound);
    assertThrows(() => new Process({ cwd: new URL("https://example.com/") }).start(), TypeError, "file: URL");
    assertEquals(childrenOf(), before.children);
  });

  Deno.test("arguments of many kinds arrive as they are, and kwargs as the last", async () => {
    using said = new Queue<unknown[]>();
    const args = [1, "ä", null, undefined, [1, [2]], new Map([["a", 1]]), new Date(0), new Uint8Array([1, 2]), 5n, -0];
    const child = new Process({ target: targets.echo, args: [said, ...args], kwargs: { key: "word" } });
    assertEquals(await ended(child), 0);
    assertEquals(await said.get({ timeout: PATIENCE }), [...args, { key: "word" }]);
  });

  Deno.test("TestProcess.test_lose_target_ref: what was sent is not kept once the process has begun", async () => {
    using said = new Queue<unknown[]>();
    let isCollected = false;
    const registry = new FinalizationRegistry(() => void (isCollected = true));
    const start = () => {
      const argument = { text: "sent" };
      registry.register(argument, null);
      const child = new Process({ target: targets.echo, args: [said, argument] });
      child.start();
      return child;
    };
    const child = start();
    await collectUntil(() => isCollected);
    assert(await child.join({ timeout: PATIENCE }));
    assertEquals(await said.get({ timeout: PATIENCE }), [{ text: "sent" }]);
  });

  Deno.test("an object given twice arrives as one, and a megabyte as a megabyte", async () => {
    using said = new Queue<unknown[]>();
    const object = { text: "x".repeat(1 << 20) };
    assertEquals(await ended(new Process({ target: targets.echo, args: [said, object, object] })), 0);
    const [first, second] = await said.get({ timeout: PATIENCE });
    assertStrictEquals(first, second);
    assertEquals(first, object);
  });

  Deno.test("arguments that cannot be sent are refused by start, and nothing is started", async () => {
    using said = new Queue();
    const closed = new Queue();
    closed.close();
    const before = belongings();
    for (const bad of [() => {}, Symbol("s"), new WeakMap(), { deep: [() => {}] }, new Process()]) {
      const child = new Process({ target: targets.echo, args: [said, bad] });
      assertThrows(() => child.start(), TypeError);
      assertEquals([child.pid, child.isAlive()], [null, false]);
    }
    assertThrows(
      () => new Process({ target: targets.echo, args: [said, closed] }).start(),
      InvalidStateError,
      "closed",
    );
    const refusedKwargs = new Process({ target: targets.echo, args: [said], kwargs: { fn: () => {} } });
    assertThrows(() => refusedKwargs.start(), TypeError);
    await assertNothingLeft(before);
  });

  const PLACES: Record<string, Target<unknown[]>> = {
    "a function of the main module": twice as never,
    "a function of another module": targets.echo as never,
    "a URL and a name": { module: new URL(TARGETS), name: "echo" },
    "a URL as text and a name": { module: TARGETS, name: "echo" },
    "a relative path and a name": { module: "../fixtures/targets.ts", name: "echo" },
  };
  for (const [what, target] of Object.entries(PLACES)) {
    Deno.test(`the target may be given as ${what}`, async () => {
      using said = new Queue<unknown>();
      assertEquals(await ended(new Process({ target, args: [said, 21] })), 0);
      assertEquals(
        await said.get({ timeout: PATIENCE }),
        target === PLACES["a function of the main module"] ? 42 : [21],
      );
    });
  }

  const OPTIONS: [option: string, value: unknown][] = [
    ...Object.entries({ args: "ab", kwargs: [1], name: 5, daemon: "yes", env: { A: 1 }, stdout: "pipe", stderr: 2 }),
    ...Object.entries({ cwd: 5, permission: "none" }),
    ["name", "a\0b"] as [string, unknown],
    ...[["a"], { "a\0": "b" }, { a: "b\0" }].map((env) => ["env", env] as [string, unknown]),
    ...["/\0", new URL("http://localhost/")].map((cwd) => ["cwd", cwd] as [string, unknown]),
  ];
  for (const [option, value] of OPTIONS) {
    Deno.test(`the option ${option} is refused when it is ${Deno.inspect(value)}`, () => {
      assertThrows(
        () => new Process({ [option]: value } as never),
        TypeError,
        `Cannot create a process: "${option}" is`,
      );
    });
  }

  Deno.test("options that are no object are refused", () => {
    for (const options of [null, 1, "x"]) {
      assertThrows(() => new Process(options as never), TypeError, "Cannot create a process: the options are");
    }
  });

  Deno.test("a target that is named, and is a class, is told to whoever joins the process", async () => {
    using folder = folderWith({ "c.ts": "export class C {}" });
    const child = new Process({ target: { module: `file://${folder.path}/c.ts`, name: "C" } });
    child.start();
    await assertRejects(() => child.join({ timeout: PATIENCE }), ProcessError, "exports a class of this name");
  });

  const unexported = () => {};
  const REFUSED: [string, unknown, RegExp][] = [
    ["is bound", targets.nothing.bind(null), /bound function/],
    ["is a class", class A {}, /it is a class/],
    ["is not a function", 5, /wanted a function exported by a module/],
    ["is null", null, /wanted a function exported by a module/],
    ["lacks a name", { module: TARGETS }, /wanted a function exported by a module/],
  ];
  for (const [what, target, message] of REFUSED) {
    Deno.test(`a target that ${what} is refused at the call`, () => {
      const error = assertThrows(() => new Process({ target: target as () => void }), TypeError) as TypeError;
      assertMatch(error.message, message);
    });
  }

  const FAILED: [string, () => Process, RegExp][] = [
    [
      "of a module that is missing",
      () => new Process({ target: { module: "./none.ts", name: "f" }, stderr: "null" }),
      /module is missing/,
    ],
    [
      "that the module does not export",
      () => new Process({ target: { module: TARGETS, name: "none" }, stderr: "null" }),
      /exports no function/,
    ],
    [
      "that is in a closure",
      () => new Process({ target: [unexported][0], stderr: "null" }),
      /exports it|does not export it/,
    ],
  ];
  for (const [what, make, message] of FAILED) {
    Deno.test(`a target ${what} is an error of the constructor or of join`, async () => {
      const before = belongings();
      const error = await assertRejects(async () => {
        const child = make();
        child.start();
        await within(child.join());
      }) as Error;
      assertMatch(error.message, message);
      assert(error instanceof ProcessError || error instanceof TypeError);
      await assertNothingLeft(before);
    });
  }

  Deno.test("join tells of a child that could not begin, in every form, and its exit code is 1", async () => {
    const child = new Process({ target: { module: TARGETS, name: "none" }, name: "Nobody", stderr: "null" });
    child.start();
    await assertRejects(() => child.join({ timeout: PATIENCE }), ProcessError, 'Cannot run "Nobody"');
    assertThrows(() => child.joinSync(), ProcessError, 'Cannot run "Nobody"');
    assertEquals([child.exitcode, child.isAlive()], [1, false]);
  });

  const WRONG_TARGETS: [what: string, code: string, message: string][] = [
    ["unexported", "function f() {}\nnew mp.Process({ target: f }).start();", "does not export it"],
    ["inline", "new mp.Process({ target: () => {} }).start();", "inline function"],
    ["bound", "export function f() {}\nnew mp.Process({ target: f.bind(1) }).start();", "bound function"],
    [
      "unserialisable args",
      "export function f(_: unknown) {}\nnew mp.Process({ target: f, args: [() => 1] }).start();",
      "Cannot",
    ],
  ];
  for (const [what, code, message] of WRONG_TARGETS) {
    Deno.test(`a program with ${what} ends with one clear error`, async () => {
      using folder = folderWith({ "main.ts": `import * as mp from "${MOD}";\n${code}\n` });
      const { code: exitcode, stdout, stderr } = await programs.runProgram(`${folder.path}/main.ts`);
      assertEquals([exitcode, stdout], [1, ""], stderr);
      assertStringIncludes(stderr, "TypeError: Cannot");
      assertStringIncludes(stderr, message);
    });
  }
}
