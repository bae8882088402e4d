// Process: its life, what it runs, with which rights, and what it leaves.

import {
  activeChildren,
  cpuCount,
  InvalidStateError,
  Lock,
  Process,
  ProcessError,
  type ProcessOptions,
  Queue,
  type Target,
} from "@parallel/multiprocessing";
import {
  assert,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { native } from "../src/native.ts";
import * as targets from "./fixtures/targets.ts";
import {
  assertNothingLeft,
  belongings,
  blocked,
  childrenOf,
  FIXTURES,
  isRunning,
  outputOf,
  PATIENCE,
  runProgram,
  startProgram,
  TARGETS,
  until,
  within,
} from "./helpers.ts";

const ROOT = new URL("../", import.meta.url);
const MOD = new URL("mod.ts", ROOT).href;

/** Starts a process and waits for its end. */
async function ended(process: Process): Promise<number | null> {
  process.start();
  assert(await process.join({ timeout: PATIENCE }), `${process} has not ended`);
  return process.exitcode;
}

interface Folder extends Disposable {
  path: string;
}

/** A temporary folder with the files; removed when disposed. */
function folderWith(files: Record<string, string>, prefix = "mp_"): Folder {
  const path = Deno.makeTempDirSync({ prefix });
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${path}/${name}`, text);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

Deno.test("TestProcess.test_process: the life of a process, from the start to the end", async () => {
  const before = belongings();
  using said = new Queue();
  using orders = new Queue();
  const child = new Process({ target: targets.block, args: [said, orders] });
  const name = child.name;
  assertEquals([child.pid, child.ident, child.exitcode, child.isAlive()], [null, null, null, false]);
  assertMatch(String(child), new RegExp(`^<Process name='${name}' parent=${Deno.pid} initial>$`));
  assert(!activeChildren().includes(child));
  child.start();
  assertEquals(await said.get({ timeout: PATIENCE }), child.pid);
  assertEquals([child.exitcode, child.isAlive(), child.ident === child.pid], [null, true, true]);
  assertEquals(String(child), `<Process name='${name}' pid=${child.pid} parent=${Deno.pid} started>`);
  assert(activeChildren().includes(child));
  assertEquals([child.joinSync({ timeout: 0 }), await child.join({ timeout: -1 })], [false, false]);
  orders.putSync("end");
  assert(await child.join({ timeout: PATIENCE }));
  assertEquals([child.exitcode, child.isAlive()], [0, false]);
  assertEquals(String(child), `<Process name='${name}' pid=${child.pid} parent=${Deno.pid} stopped exitcode=0>`);
  assert(!activeChildren().includes(child));
  assert(await child.join());
  assert(child.joinSync());
  assertEquals(childrenOf(), before.children);
});

Deno.test("a process without a target ends well", async () => {
  assertEquals(await ended(new Process()), 0);
});

const EXIT_CODES: [what: string, child: () => Process, exitcode: number][] = [
  ["that returns", () => new Process({ target: targets.nothing }), 0],
  ["that calls Deno.exit()", () => new Process({ target: targets.exit }), 0],
  ["that calls Deno.exit(1)", () => new Process({ target: targets.exit, args: [1] }), 1],
  ["that calls Deno.exit(3)", () => new Process({ target: targets.exit, args: [3] }), 3],
  ["that calls Deno.exit(255)", () => new Process({ target: targets.exit, args: [255] }), 255],
];
for (const [what, child, exitcode] of EXIT_CODES) {
  Deno.test(`a process ${what} has exit code ${exitcode}`, async () => {
    assertEquals(await ended(child()), exitcode);
  });
}

for (
  const [method, exitcode] of [["terminate", -15], ["kill", -9], ["interrupt", -2]] as const
) {
  for (const target of [targets.block, targets.idle, targets.spin]) {
    Deno.test(`TestProcess.test_terminate: ${method} ends one that is in ${target.name} with ${exitcode}`, async () => {
      using said = new Queue();
      using orders = new Queue();
      const child = new Process({ target, args: [said, orders] });
      child.start();
      await said.get({ timeout: PATIENCE });
      child[method]();
      assert(await child.join({ timeout: PATIENCE }));
      assertEquals(child.exitcode, exitcode);
      assertMatch(String(child), new RegExp(`stopped exitcode=-(${-exitcode}|SIG\\w+)>`));
      child[method]();
    });
  }
}

const FAILURES = [
  { target: targets.fail, error: /RangeError: boom\n +at fail \(.*targets\.ts:\d+:\d+\)/ },
  { target: targets.failLater, error: /RangeError: boom\n +at failLater \(.*targets\.ts:\d+:\d+\)/ },
  { target: targets.failInTimer, error: /RangeError: boom\n[^]* at fail \(.*targets\.ts:\d+:\d+\)/ },
  { target: targets.failUnhandled, error: /RangeError: boom\n[^]* at failLater \(.*targets\.ts:\d+:\d+\)/ },
  { target: targets.throwText, error: /boom/ },
];
for (const { target, error } of FAILURES) {
  Deno.test(`TestSubclassingProcess.test_stderr_flush: ${target.name} prints its error and gives exit code 1`, async () => {
    const { code, stdout, stderr } = await runProgram(new URL("run_target.ts", FIXTURES), {
      args: [target.name, "boom"],
    });
    assertEquals({ code, stdout }, { code: 0, stdout: "1\n" });
    assertMatch(stderr, /^Process Child:\n/);
    assertMatch(stderr, error);
    assertEquals(stderr.match(/Process Child:/g)?.length, 1, stderr);
  });
}

Deno.test("TestProcess.test_wait_for_threads: a process goes on until nothing is left to do", async () => {
  assertMatch(await outputOf(new URL("say_later.ts", FIXTURES)), /^later 0\n$/);
});

Deno.test("names are the class and the numbers from the root on", async () => {
  class Miner extends Process {}
  const [first, second] = [new Process(), new Miner()];
  const number = first.identity[0];
  assertEquals(first.name, `Process-${number}`);
  assertEquals([second.name, second.identity], [`Miner-${number + 1}`, [number + 1]]);
  assertEquals(new Process({ name: "Ada" }).name, "Ada");
  using said = new Queue();
  const child = new Process({ target: targets.startChild, args: [said] });
  assertEquals(await ended(child), 0);
  assertEquals(await said.get({ timeout: PATIENCE }), [0, `Process-${number + 3}:1`]);
});

Deno.test("the name may be changed at any time, to any text", () => {
  const child = new Process({ name: "a" });
  for (const name of ["b", "", "ü\n'"]) {
    child.name = name;
    assertEquals(child.name, name);
  }
  assertThrows(() => child.name = 5 as unknown as string, TypeError, "wanted a string");
});

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
    nameOfNext: `${child.name}:1`,
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
  assertThrows(() => new Process({ target: targets.echo, args: [said, closed] }).start(), InvalidStateError, "closed");
  const refusedKwargs = new Process({ target: targets.echo, args: [said], kwargs: { fn: () => {} } });
  assertThrows(() => refusedKwargs.start(), TypeError);
  await assertNothingLeft(before);
});

export function twice(said: Queue<number>, n: number): void {
  said.putSync(2 * n);
}

const PLACES: Record<string, Target<unknown[]>> = {
  "a function of the main module": twice as never,
  "a function of another module": targets.echo as never,
  "a URL and a name": { module: new URL(TARGETS), name: "echo" },
  "a URL as text and a name": { module: TARGETS, name: "echo" },
  "a relative path and a name": { module: "./fixtures/targets.ts", name: "echo" },
};
for (const [what, target] of Object.entries(PLACES)) {
  Deno.test(`the target may be given as ${what}`, async () => {
    using said = new Queue<unknown>();
    assertEquals(await ended(new Process({ target, args: [said, 21] })), 0);
    assertEquals(await said.get({ timeout: PATIENCE }), target === PLACES["a function of the main module"] ? 42 : [21]);
  });
}

const OPTIONS = { args: "ab", name: 5, daemon: "yes", env: { A: 1 }, stdout: "piped", stderr: 2 };
for (const [option, value] of Object.entries(OPTIONS)) {
  Deno.test(`the option ${option} is refused when it is of the wrong type`, () => {
    assertThrows(() => new Process({ [option]: value } as never), TypeError, `Cannot create a process: "${option}" is`);
  });
}

Deno.test("a NUL in the environment or the directory is refused, and nothing started", () => {
  const before = childrenOf();
  const wrong: ProcessOptions[] = [{ env: { "a\0": "b" } }, { env: { a: "b\0" } }, { cwd: "/\0" }];
  for (const options of wrong) {
    assertThrows(() => new Process(options).start(), RangeError, "Cannot start a process");
  }
  assertEquals(childrenOf(), before);
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

const MISUSES: [what: string, run: (child: Process) => unknown, message: string][] = [
  ["join before the start", (child) => child.join(), "can only join a started process"],
  ["joinSync before the start", (child) => child.joinSync(), "can only join a started process"],
  ["terminate before the start", (child) => child.terminate(), "can only terminate a started process"],
  ["kill before the start", (child) => child.kill(), "can only kill a started process"],
  ["interrupt before the start", (child) => child.interrupt(), "can only interrupt a started process"],
];
for (const [what, run, message] of MISUSES) {
  Deno.test(`${what} is refused`, async () => {
    await assertRejects(async () => await run(new Process({ target: targets.nothing })), InvalidStateError, message);
  });
}

Deno.test("a second start, and a new daemon flag after the start, are refused", async () => {
  const child = new Process({ target: targets.nothing });
  child.daemon = true;
  child.daemon = false;
  child.start();
  assertThrows(() => child.start(), InvalidStateError, "cannot start a process twice");
  assertThrows(() => child.daemon = true, InvalidStateError, "process has already started");
  assert(await child.join({ timeout: PATIENCE }));
  assertThrows(() => child.start(), InvalidStateError, "cannot start a process twice");
});

Deno.test("TestProcess.test_close: a running process cannot be closed, one that has ended can, twice", async () => {
  using said = new Queue();
  using orders = new Queue();
  const child = new Process({ target: targets.block, args: [said, orders] });
  child.start();
  assertThrows(() => child.close(), InvalidStateError, "still running");
  orders.putSync("end");
  assert(await child.join({ timeout: PATIENCE }));
  child.close();
  child.close();
  const uses: (() => unknown)[] = [
    () => child.pid,
    () => child.ident,
    () => child.exitcode,
    () => child.start(),
    () => child.join(),
    () => child.joinSync(),
    () => child.isAlive(),
    () => child.terminate(),
    () => child.kill(),
  ];
  for (const use of uses) {
    await assertRejects(async () => await use(), InvalidStateError, "process object is closed");
  }
  assertMatch(String(child), / closed>$/);
  assertEquals([typeof child.name, child.daemon], ["string", false]);
  new Process().close();
});

Deno.test("join waits as long as it was told, and no longer matters to the process", async () => {
  using said = new Queue();
  using orders = new Queue();
  const child = new Process({ target: targets.idle, args: [said, orders] });
  child.start();
  await said.get({ timeout: PATIENCE });
  for (const join of [() => child.joinSync({ timeout: 60 }), () => child.join({ timeout: 60 })]) {
    const begin = performance.now();
    assertEquals(await join(), false);
    assert(performance.now() - begin >= 58);
  }
  for (const [timeout, ErrorClass] of [["1", TypeError], [NaN, RangeError]] as [never, typeof RangeError][]) {
    assertThrows(() => child.joinSync({ timeout }), ErrorClass);
    await assertRejects(() => child.join({ timeout }), ErrorClass);
  }
  assert(child.isAlive());
  const joins = [child.join(), child.join({ timeout: PATIENCE })];
  orders.putSync("end");
  assertEquals(await within(Promise.all(joins)), [true, true]);
  assertEquals(child.exitcode, 0);
});

Deno.test("an abort of join rejects with its reason and leaves the process alone", async () => {
  using said = new Queue();
  using orders = new Queue();
  const child = new Process({ target: targets.idle, args: [said, orders] });
  child.start();
  await said.get({ timeout: PATIENCE });
  const reason = new Error("enough");
  for (const signal of [AbortSignal.abort(reason), undefined]) {
    const abortion = new AbortController();
    const joining = child.join({ signal: signal ?? abortion.signal, timeout: PATIENCE }).catch((error) => error);
    abortion.abort(reason);
    assertStrictEquals(await within(joining), reason);
  }
  assert(child.isAlive());
  orders.putSync("end");
  assert(await child.join({ timeout: PATIENCE }));
});

Deno.test("joinSync of many, which block the thread of their parent", () => {
  const children = Array.from({ length: 5 }, (_, i) => new Process({ target: targets.exit, args: [i] }));
  children.forEach((child) => child.start());
  children.forEach((child) => assert(child.joinSync({ timeout: PATIENCE })));
  assertEquals(children.map((child) => child.exitcode), [0, 1, 2, 3, 4]);
});

Deno.test("await using terminates a process and waits for its end", async () => {
  using said = new Queue<number>();
  using orders = new Queue();
  let child: Process;
  {
    await using blocking = new Process({ target: targets.block, args: [said, orders] });
    child = blocking;
    blocking.start();
    await said.get({ timeout: PATIENCE });
  }
  assertEquals([child.isAlive(), child.exitcode], [false, -15]);
  {
    await using _unstarted = new Process();
    await using ended = new Process({ target: targets.nothing });
    ended.start();
    await ended.join({ timeout: PATIENCE });
    ended.close();
  }
});

Deno.test("processes that nobody joins are reaped all the same", async () => {
  const before = belongings();
  for (let i = 0; i < 3; i++) new Process({ target: targets.nothing }).start();
  await until("all children gone", () => childrenOf().length === before.children.length);
  await assertNothingLeft(before);
});

Deno.test("TestProcess.test_active_children: a fresh list of those that run", async () => {
  using said = new Queue();
  using orders = new Queue();
  const children = [0, 1].map(() => new Process({ target: targets.idle, args: [said, orders] }));
  assertEquals(activeChildren(), []);
  children.forEach((child) => child.start());
  assertEquals(activeChildren(), children);
  activeChildren().pop();
  assertEquals(activeChildren().length, 2);
  children.forEach((child) => child.kill());
  for (const child of children) await child.join({ timeout: PATIENCE });
  assertEquals(activeChildren(), []);
});

Deno.test("TestProcess.test_cpu_count: at least one, at most what the system has", () => {
  assert(Number.isInteger(cpuCount()) && cpuCount() >= 1 && cpuCount() <= navigator.hardwareConcurrency);
});

Deno.test("TestProcess.test_many_processes: 50 in a row leave no process, descriptor or thread", async () => {
  assertEquals(await ended(new Process({ target: targets.nothing })), 0);
  const before = belongings();
  const { blocks, bytes } = native().memoryUsage();
  for (let i = 0; i < 50; i++) assertEquals(await ended(new Process({ target: targets.exit, args: [i] })), i);
  await assertNothingLeft(before);
  const after = native().memoryUsage();
  assertEquals([after.blocks, after.bytes], [blocks, bytes]);
});

Deno.test("TestProcess.test_many_processes: 10 at a time, terminated right after the start", async () => {
  const before = belongings();
  const { blocks } = native().memoryUsage();
  const children = Array.from({ length: 10 }, () => new Process({ target: targets.nothing }));
  children.forEach((child) => child.start());
  children.forEach((child) => child.terminate());
  for (const child of children) assert(await child.join({ timeout: PATIENCE }));
  assertEquals(children.map((child) => child.exitcode), children.map(() => -15));
  await assertNothingLeft(before);
  assertEquals(native().memoryUsage().blocks, blocks);
});

Deno.test("TestProcess.test_child_fd_inflation: siblings give a child no descriptor", async () => {
  using said = new Queue<{ descriptors: number }>();
  using orders = new Queue();
  using running = new Queue();
  const siblings = Array.from({ length: 4 }, () => new Process({ target: targets.idle, args: [running, orders] }));
  const counts: number[] = [];
  for (const sibling of siblings) {
    assertEquals(await ended(new Process({ target: targets.describe, args: [said] })), 0);
    counts.push((await said.get({ timeout: PATIENCE })).descriptors);
    sibling.start();
    await running.get({ timeout: PATIENCE });
  }
  siblings.forEach((sibling) => sibling.kill());
  for (const sibling of siblings) await sibling.join({ timeout: PATIENCE });
  assertEquals(counts, counts.map(() => counts[0]));
});

Deno.test("a daemon says so, inherits it, and may have no children", async () => {
  using said = new Queue<string>();
  const child = new Process({ target: targets.startChild, args: [said], daemon: true });
  assert(child.daemon);
  assertEquals(await ended(child), 0);
  assertStringIncludes(await said.get({ timeout: PATIENCE }), "daemonic processes are not allowed to have children");
  assertMatch(String(child), / daemon>$/);
});

Deno.test("a child ends its own daemons and waits for its other children when it ends", async () => {
  const output = await outputOf(new URL("exit_order.ts", FIXTURES), { args: ["child"] });
  assertEquals(output.split("\n").sort().filter(Boolean), ["daemon gone", "main ends", "other ends", "other gone"]);
});

for (const how of ["return", "exit"]) {
  Deno.test(`at the end of a program by ${how} daemons are terminated and the others waited for`, async () => {
    const { code, stdout, stderr } = await runProgram(new URL("exit_order.ts", FIXTURES), { args: [how] });
    assertEquals(code, { return: 0, exit: 7 }[how], stderr);
    assertEquals(stdout.split("\n").filter(Boolean).sort(), ["main ends", "other ends"]);
    const [daemon, other] = stderr.match(/\d+ \d+/)![0].split(" ").map(Number);
    assertEquals([isRunning(daemon), isRunning(other)], [false, false]);
  });
}

Deno.test("when a program dies of an uncaught error its daemons end, and its other children finish by themselves", async () => {
  const { code, stdout, stderr } = await runProgram(new URL("exit_order.ts", FIXTURES), { args: ["error"] });
  assertEquals(code, 1);
  assertEquals(stdout.split("\n").filter(Boolean).sort(), ["main ends", "other ends"]);
  const [daemon] = stderr.match(/\d+ \d+/)![0].split(" ").map(Number);
  await until("the end of the daemon", () => !isRunning(daemon));
});

for (const target of ["block", "idle", "spin"]) {
  Deno.test(`a daemon in ${target} is gone within 2 seconds after its parent was killed`, async () => {
    await using program = startProgram(new URL("daemon_parent.ts", FIXTURES), { args: [target] });
    const pid = Number(await program.said("daemon "));
    assert(isRunning(pid));
    if (target === "block") await blocked(pid);
    program.kill();
    const begin = performance.now();
    await until("the end of the daemon", () => !isRunning(pid));
    assert(performance.now() - begin < 2000);
  });
}

Deno.test("TestNoForkBomb.test_noforkbomb: without a main guard there is one clear error, and an end", async () => {
  await using program = startProgram(new URL("no_main_guard.ts", FIXTURES));
  const { code, stderr } = await program.outcome();
  assertNotEquals(code, 0);
  assertStringIncludes(stderr, "import.meta.main");
  assert(stderr.length < 5000, stderr);
});

Deno.test("a start while the module is evaluated by a child is refused in start, not only at the top", async () => {
  const { code, stderr } = await runProgram(new URL("no_main_guard.ts", FIXTURES), { args: ["joined"] });
  assertNotEquals(code, 0);
  assertStringIncludes(stderr, "import.meta.main");
});

Deno.test("a program in a path with spaces and signs, in another folder, with an import map", async () => {
  using folder = folderWith({
    "main module #1.ts": `
      import * as mp from "multi";
      import { triple } from "./other.ts";
      export function twice(said: mp.Queue<number>, n: number) { said.putSync(2 * n); }
      if (import.meta.main) {
        using said = new mp.Queue<number>();
        for (const target of [twice, triple]) {
          const child = new mp.Process({ target, args: [said, 7] });
          child.start();
          console.log(await said.get({ timeout: 10000 }), await child.join(), child.exitcode);
        }
      }`,
    "other.ts": `
      import type { Queue } from "multi";
      export const triple = (said: Queue<number>, n: number) => said.putSync(3 * n);`,
    "map.json": JSON.stringify({ imports: { multi: MOD } }),
  }, "a folder #");
  const url = new URL(`file://${folder.path.split("/").map(encodeURIComponent).join("/")}/main%20module%20%231.ts`);
  for (const flags of [["-A", `--import-map=${folder.path}/map.json`]]) {
    assertEquals(await outputOf(url, { flags, cwd: folder.path }), "14 true 0\n21 true 0\n");
  }
  assertEquals(
    await outputOf("./main module #1.ts", { flags: ["-A", "--import-map", "map.json"], cwd: folder.path }),
    "14 true 0\n21 true 0\n",
  );
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
    const { code: exitcode, stdout, stderr } = await runProgram(`${folder.path}/main.ts`);
    assertEquals([exitcode, stdout], [1, ""], stderr);
    assertStringIncludes(stderr, "TypeError: Cannot");
    assertStringIncludes(stderr, message);
  });
}

Deno.test("limited permissions are repeated in the child, not widened", async () => {
  using folder = folderWith({ "file.txt": "text" });
  const file = `${folder.path}/file.txt`;
  const addon = new URL("target/release/libmultiprocessing.so", ROOT).pathname;
  const cases: [flags: string[], granted: string[]][] = [
    [[`--allow-ffi=${addon}`], []],
    [[`--allow-ffi=${addon}`, `--allow-read=${folder.path}`], ["read"]],
    [["--allow-ffi", `--allow-read=${folder.path}`, `--allow-write=${folder.path}`, "--allow-env=HOME"], [
      "read",
      "write",
      "env",
    ]],
    [["--allow-ffi", "--allow-net", "--allow-sys=hostname", "--allow-run=true"], ["run", "net", "sys"]],
    [["-A", "--deny-write", "--deny-run"], ["read", "env", "net", "sys"]],
    [["-A"], ["read", "write", "env", "run", "net", "sys"]],
  ];
  for (const [flags, granted] of cases) {
    const output = await outputOf(new URL("permissions.ts", FIXTURES), {
      flags: [...flags, "--no-prompt"],
      args: [file],
    });
    const { parent, child } = JSON.parse(output);
    assertEquals(child, parent, flags.join(" "));
    const expected = ["read", "write", "env", "run", "net", "sys"].map((
      name,
    ) => [name, granted.includes(name) ? "done" : "NotCapable"]);
    assertEquals(child, Object.fromEntries(expected), flags.join(" "));
  }
});

Deno.test("stdout and stderr may be the null device; stdin always is", async () => {
  const { stdout, stderr } = await runProgram(new URL("streams.ts", FIXTURES));
  assertEquals(stdout.split("\n").filter(Boolean).sort(), ["out inherit inherit 0", "out inherit null 0"]);
  assertEquals(stderr.split("\n").filter(Boolean).sort(), ["err inherit inherit", "err null inherit"]);
});

Deno.test("TestAtExit.test_atexit: unload handlers of a child run when it ends", async () => {
  assertEquals(await outputOf(new URL("at_exit.ts", FIXTURES)), "unload in the child\n");
});

Deno.test("a process made by another one cannot be sent, and a Lock argument is the same lock", async () => {
  using lock = new Lock();
  using said = new Queue();
  const guard = lock.acquireSync();
  assertEquals(await ended(new Process({ target: targets.releaseForeign, args: [lock, said] })), 0);
  assert(!lock.locked());
  assertThrows(() => guard.release(), InvalidStateError);
  assertThrows(() => said.putSync(new Process()), TypeError, "a Process cannot be sent");
});

Deno.test("a Worker starts processes, too", async () => {
  const worker = new Worker(new URL("process_worker.ts", FIXTURES), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => {
    event.preventDefault();
    reject(new Error(event.message));
  };
  try {
    assertEquals(await within(promise), [3, ["from a child of a Worker"]]);
  } finally {
    worker.terminate();
  }
});
