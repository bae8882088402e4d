// What cannot be a Python process, or cannot begin: one sentence each, as early as it can be known.

import {
  getContext,
  Pool,
  Process,
  ProcessError,
  type ProcessOptions,
  python as functionOf,
} from "@parallel/multiprocessing";
import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { reference } from "../../src/callable/reference.ts";
import { FIXTURES, PATIENCE, runProgram, within } from "../support/helpers.ts";
import { picklers } from "../support/python.ts";
import { moduleAt, pythonTest, targetIn } from "../support/python_process.ts";

/** Why a process could not begin. */
async function whyNot(target: () => unknown, options: ProcessOptions<[]> = {}): Promise<string> {
  const child = new Process({ target, name: "P", stderr: "null", ...options });
  child.start();
  const error = await assertRejects(() => within(child.join({ timeout: PATIENCE })), ProcessError);
  return error.message.replace(/^Cannot run "P": /, "");
}

pythonTest("a process that cannot begin says why to who joins it", async (python) => {
  const here = (name: string, module = "ends.py") => whyNot(targetIn(python, module, name));
  const module = moduleAt("ends.py");
  const saysNothing =
    "it ended with exit code 0 before it began, as by sys.exit() in a module that it imports, or since " +
    "its executable is no Python";
  assertEquals(
    await Promise.all([
      here("absent"),
      here("no_function"),
      here("needs_two"),
      here("f", "raising.py"),
      here("f", "exiting.py"),
      here("f", "exiting_well.py"),
      whyNot(functionOf("sys", "exit", { executable: "true" })),
      whyNot(functionOf("no_such_module", "f", { executable: python.path })),
    ]),
    [
      `AttributeError: Cannot find "absent": the Python module "${module}" has none`,
      `TypeError: Cannot call "no_function" of the Python module "${module}": it is of type int`,
      "TypeError: needs_two() needs 'first', 'second', which is not among the 0 arguments given",
      "RuntimeError: not today",
      'it ended with exit code 5 before it began; start it without { stderr: "null" } to read why',
      saysNothing,
      saysNothing,
      "ModuleNotFoundError: No module named 'no_such_module'",
    ],
  );
  assertStringIncludes(await here("f", "broken.py"), `SyntaxError: `);
});

const tooOld = picklers.find(({ version }) => version[1] < 9);
Deno.test({
  name: "python: one that is too old says so",
  ignore: tooOld === undefined,
  fn: async () => {
    const said = await whyNot(functionOf("sys", "exit", { executable: tooOld!.path }));
    assertEquals(said, `"${tooOld!.path}" is Python ${tooOld!.version.join(".")}, wanted 3.9 or later`);
  },
});

Deno.test("python: what names no function of Python's is refused where it is named", () => {
  const refused = (...given: unknown[]) =>
    assertThrows(() => functionOf(...given as Parameters<typeof functionOf>), TypeError).message
      .replace("Cannot name a function of Python's: ", "");
  assertEquals(refused("model.py", "f").split("; ")[1], 'write "./model.py" for a file');
  assertEquals(refused("a b", "f").split(", wanted")[0], 'the module is "a b"');
  assertEquals(refused(7, "f").split(", wanted")[0], "the module is 7");
  assertEquals(refused("./a\0.py", "f"), 'the module is "./a\\x00.py", which has a NUL');
  assertEquals(refused(new URL("https://a.example/b.py"), "f").split(",")[1], " wanted a path or a file: URL");
  assertEquals(refused("a", "f()"), 'the name is "f()", wanted that of a function');
  assertEquals(refused("a", "f", { executable: 7 }).split(",")[0], "the executable is 7");
});

Deno.test("python: a function of Python's is refused wherever a Deno would have to run it", async () => {
  const target = functionOf<() => number>("./model.py", "predict");
  assertThrows(() => target(), TypeError, 'Cannot call "predict" here: it is a function of the Python module "');
  assertEquals(target.name, "predict");
  await using pool = new Pool(1);
  const why = 'Cannot run "predict" in a process of Deno: it is a function of the Python module "';
  assertThrows(() => reference(target), TypeError, why);
  const inPool = 'it is a function of the Python module "';
  await assertRejects(async () => await pool.apply(target), TypeError, inPool);
  const wrong =
    'Cannot create a process of the context "python": its target is undefined, wanted a function of Python\'s';
  assertThrows(() => new (getContext("python").Process)(), TypeError, wrong);
});

Deno.test("python: options that mean nothing to Python are refused, and a run of one's own", () => {
  const target = functionOf("sys", "exit");
  assertThrows(
    () => new Process({ target, permissions: "none" }),
    TypeError,
    'Cannot create a process: "permissions" is "none", wanted "inherit"',
  );
  class Own extends Process {
    override run() {}
  }
  assertThrows(() => new Own({ target }), TypeError, 'Cannot create a process of class "Own": its target, "exit"');
});

Deno.test("python: an executable or a module that is not there is told at the start", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const start = (options: Parameters<typeof functionOf>[2], module = "sys") =>
      new Process({ target: functionOf(module, "exit", options), name: "P" }).start();
    const { NotFound, PermissionDenied } = Deno.errors;
    const wanted = `${folder}/python`;
    assertThrows(() => start({ executable: wanted }), NotFound, `Cannot start "P": there is no Python "${wanted}"`);
    Deno.symlinkSync(`${folder}/moved`, wanted);
    assertThrows(() => start({ executable: wanted }), NotFound, "is a link that leads nowhere: was the virtual");
    Deno.writeTextFileSync(`${folder}/text`, "");
    assertThrows(() => start({ executable: `${folder}/text` }), PermissionDenied, "is no file that may be executed");
    const absent = "no-such-python";
    assertThrows(() => start({ executable: absent }), NotFound, `there is no Python: tried "${absent}" in PATH`);
    const module = `${folder}/model.py`;
    assertThrows(() => start({}, module), NotFound, `Cannot start "P": there is no Python module "${module}"`);
    await Promise.resolve();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

pythonTest("with few permissions, the flag that is missing is named; with it, the process runs", async ({ path }) => {
  const addon = new URL("../../target/release", import.meta.url).pathname;
  const flags = [`--allow-ffi=${addon}`, "--allow-read"];
  const program = new URL("python/starts.ts", FIXTURES);
  const without = await runProgram(program, { flags, args: [path] });
  assertEquals(
    without.stdout,
    `NotCapable: Cannot start "P": permission to run "${path}" is missing; run Deno with --allow-run="${path}"\n`,
  );
  const given = await runProgram(program, { flags: [...flags, `--allow-run=${path}`], args: [path] });
  assertEquals([given.stdout, given.stderr], ["0\n", ""]);
});

pythonTest("a process with limited permissions may not start one", async ({ path }) => {
  const { stdout, stderr } = await runProgram(new URL("python/caged.ts", FIXTURES), { args: [path] });
  assertEquals(
    [stdout, stderr],
    ['NotCapable: Cannot start "P": a process with limited permissions may not start a Python process\n', ""],
  );
});
