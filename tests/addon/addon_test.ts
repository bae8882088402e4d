// The loader of the addon: found, checked, refused; and the errors that it translates.

import { InvalidStateError, ProcessError } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { flagFor, native } from "../../src/addon/load.ts";
import { isAtLeast } from "../../src/runtime/requirement.ts";
import { codeOf, translate, translated } from "../../src/addon/translate.ts";
import { readFiles } from "../../tools/graph/rust.ts";
import { arenaOf, FIXTURES, outputOf, type ProgramOptions, runProgram, threads } from "../support/helpers.ts";

const ROOT = new URL("../../", import.meta.url);
const ADDON = new URL("target/release/libmultiprocessing.so", ROOT).pathname;
const MOD = new URL("mod.ts", ROOT).href;
const SCRIPT = new URL("addon/load_addon.ts", FIXTURES);

/** How the script that makes one lock fails: it must, with an exit code and one sentence. */
async function failure(options: ProgramOptions): Promise<string> {
  const { code, stdout, stderr } = await runProgram(SCRIPT, options);
  assertEquals([code, stdout], [1, ""], stderr);
  return stderr;
}

const VERSIONS: [given: string, wanted: string, isEnough: boolean][] = [
  ["2.9.5", "2.9.5", true],
  ["2.9.6", "2.9.5", true],
  ["2.10.0", "2.9.5", true],
  ["3.0.0", "2.9.5", true],
  ["10.0.0", "9.9.9", true],
  ["2.9.4", "2.9.5", false],
  ["2.8.99", "2.9.5", false],
  ["1.99.99", "2.9.5", false],
  ["2.9.5-rc.1", "2.9.5", true],
  ["2.9.4-rc.9", "2.9.5", false],
  ["2.9.6+abcdef0", "2.9.5", true],
  ["2.9.5+abcdef0", "2.9.6", false],
];
for (const [given, wanted, isEnough] of VERSIONS) {
  Deno.test(`Deno ${given} is ${isEnough ? "enough" : "too old"} where ${wanted} is needed`, () => {
    assertEquals(isAtLeast(given, wanted), isEnough);
  });
}

const ERRORS: [code: string, ErrorClass: new (message: string) => Error][] = [
  ["OS:1", Deno.errors.PermissionDenied],
  ["OS:2", Deno.errors.NotFound],
  ["OS:13", Deno.errors.PermissionDenied],
  ["OS:20", Deno.errors.NotADirectory],
  ["OS:22", RangeError],
  ["OS:32", Deno.errors.BrokenPipe],
  ["OS:9999", Error],
  ["OS:0", Error],
  ["EXHAUSTED", RangeError],
  ["NO_SUCH_OBJECT", InvalidStateError],
  ["STATE", InvalidStateError],
  ["UNSUPPORTED", Deno.errors.NotSupported],
  ["CORRUPTED", ProcessError],
  ["ORPHANED", ProcessError],
  ["NOT_CAPABLE", Deno.errors.NotCapable],
  ["NO_SUCH_HOST", Deno.errors.NotFound],
  ["CUT_OFF", Deno.errors.UnexpectedEof],
  ["BAD_LENGTH", Deno.errors.InvalidData],
];
for (const [code, ErrorClass] of ERRORS) {
  Deno.test(`an error of the addon with code ${code} becomes ${ErrorClass.name}`, () => {
    const cause = Object.assign(new Error("Cannot do it: reasons"), { code });
    const error = translate(cause) as Error;
    assertStrictEquals(error.constructor, ErrorClass);
    assertEquals([error.message, error.cause, codeOf(error)], ["Cannot do it: reasons", undefined, code]);
  });
}

Deno.test("every code that the addon gives an error becomes a class", () => {
  const sources = [...readFiles(new URL("native/addon/src", ROOT).pathname).values()];
  const codes = sources.flatMap((text) => Array.from(text.matchAll(/"([A-Z][A-Z_]+)"\.into\(\)/g), ([, code]) => code));
  const known = ERRORS.map(([code]) => code).filter((code) => !code.startsWith("OS:"));
  assertEquals([...new Set(codes)].sort(), known.sort());
});

Deno.test("what is no error of the addon is thrown on as it is", () => {
  const others = [
    new Error("plain"),
    Object.assign(new Error("unknown"), { code: "ELSE" }),
    Object.assign(new Error("number"), { code: 5 }),
    { code: "STATE", message: "no error" },
  ];
  for (const other of others) assertStrictEquals(translate(other), other);
  assertEquals(translated(() => 5), 5);
});

Deno.test("importing the package needs no permission and loads nothing", async () => {
  assertEquals(await outputOf(new URL("addon/import_only.ts", FIXTURES), { flags: ["--no-prompt"] }), "imported\n");
});

Deno.test("a path with a comma is granted by the nearest folder that has none", () => {
  assertEquals(flagFor(["/a/b.node", "/c.node"]), '--allow-ffi="/a/b.node,/c.node"');
  const why = ", since a path with a comma cannot be granted by itself; or put the package where its path has none";
  assertEquals(flagFor(["/a/b/x,y/1.node", "/a/b/x,y/2.node"]), `--allow-ffi="/a/b"${why}`);
  assertEquals(flagFor(["/x,y/1.node", "/a/b.node"]), `--allow-ffi${why}`);
});

Deno.test("without --allow-ffi there is one sentence, which names the flag", async () => {
  const text = await failure({ flags: ["--no-prompt"] });
  assertMatch(text, /NotCapable: Cannot load the native addon: permission to load it is missing/);
  assertStringIncludes(text, "--allow-ffi=");
  assertStringIncludes(text, ADDON);
});

Deno.test("the flag that the sentence names is enough", async () => {
  const text = await failure({ flags: ["--no-prompt"] });
  const [, paths] = text.match(/--allow-ffi="([^"]+)"/)!;
  assertEquals(await outputOf(SCRIPT, { flags: ["--no-prompt", `--allow-ffi=${paths}`] }), "false\n");
});

for (const flag of ["--allow-ffi", `--allow-ffi=${ADDON}`]) {
  Deno.test(`${flag.replace(ROOT.pathname, "")} alone is enough`, async () => {
    assertEquals(await outputOf(SCRIPT, { flags: ["--no-prompt", flag] }), "false\n");
  });
}

Deno.test("MULTIPROCESSING_ADDON names the addon, if it may be read", async () => {
  const env = { MULTIPROCESSING_ADDON: "/does/not/exist.so" };
  const text = await failure({ env });
  assertMatch(text, /NotFound: Cannot load the native addon: tried "\/does\/not\/exist\.so" \(/);
  assertStringIncludes(text, "run `deno task build`");
  assertEquals(await outputOf(SCRIPT, { env, flags: ["--allow-ffi", "--no-prompt"] }), "false\n");
  const copy = await Deno.makeTempFile({ suffix: ".so" });
  try {
    await Deno.copyFile(ADDON, copy);
    assertEquals(await outputOf(SCRIPT, { env: { MULTIPROCESSING_ADDON: copy } }), "false\n");
  } finally {
    await Deno.remove(copy);
  }
});

Deno.test("a file that is no addon is refused in one line, whatever the linker and Deno say of it", async () => {
  for (const path of ["/etc/hostname", "/tmp", new URL("mod.ts", ROOT).pathname]) {
    const text = await failure({ env: { MULTIPROCESSING_ADDON: path } });
    assertMatch(text, new RegExp(`Cannot load the native addon: tried "${RegExp.escape(path)}" \\([^/\n].*\\); run `));
    assert(!/\/(?:src|dist)\/\S+:\d/.test(text), text);
  }
});

Deno.test("an addon with another interface is refused", async () => {
  const { code, stderr } = await runProgram(new URL("addon/other_interface.ts", FIXTURES));
  assertEquals(code, 1);
  assertStringIncludes(stderr, "it has interface another, wanted ");
  assertStringIncludes(stderr, "run `deno task build`");
});

Deno.test("the addon tells the truth about this process", () => {
  const addon = native();
  assertStrictEquals(native(), addon);
  assertEquals(addon.workingDirectory(), Deno.cwd());
  assertEquals(addon.executable(), Deno.realPathSync(Deno.execPath()));
  assertEquals(addon.processArguments().slice(1).includes("test"), true);
  assert(addon.availableCpus() >= 1);
  assertThrows(() => addon.parentIsAlive(), Error, "was not started by another");
  assertEquals(addon.ownerOf(addon.threadToken()), {
    pid: Deno.pid,
    threadId: addon.threadId(),
    processName: "MainProcess",
    isThisProcess: true,
    livesOn: true,
  });
  assertEquals(addon.ownerOf(0), null);
});

Deno.test("the addon keeps calls in order, and survives numbers that are nonsense", () => {
  const addon = native();
  const nonsense: (() => unknown)[] = [
    () => addon.adoptBlock(0xffff_ffff, 1),
    () => addon.cellOf(0xffff_fff0, 1),
    () => addon.valueBytes(0xffff_fff0),
    () => addon.generationOf(123_456_789),
    () => addon.viewOpen(0xffff_ffff),
    () => addon.window(0xffff_ffff),
    () => addon.lockAcquire(0xffff_ffff, 0),
    () => addon.queueSize(0xffff_ffff),
    () => addon.createBlock(999, 8),
    () => addon.childExitCode(1),
    () => addon.joinParent(),
  ];
  for (const call of nonsense) {
    let error: unknown;
    try {
      translated(call);
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof InvalidStateError, `${call}: ${error}`);
  }
});

Deno.test("one tree has one shared memory, which has no name in the file system", () => {
  native();
  assertMatch(String(arenaOf(Deno.pid)), /^\w+:\w+ \d+$/);
  const mapped = Deno.readTextFileSync("/proc/self/maps").split("\n");
  assertEquals(mapped.filter((line) => /\s\/dev\/shm\//.test(line)), []);
  assert(threads().filter((name) => name.startsWith("mp-")).length <= 2);
});

Deno.test("mod.ts exports exactly what it should", async () => {
  const names = Object.keys(await import(MOD)).sort();
  for (
    const name of ["JoinableQueue", "Lock", "OwnerDiedError", "Process", "Queue", "RLock", "activeChildren", "cpuCount"]
  ) {
    assert(names.includes(name), name);
  }
  assertEquals(names.filter((name) => !/^([A-Z]\w+|[a-z]\w+)$/.test(name)), []);
});

const TITLED = new URL("addon/titled.ts", FIXTURES);

for (const title of ["srv", "a title that is long ".repeat(40)]) {
  const name = title.slice(0, 10);
  Deno.test(`processes start after process.title was set ("${name}"), with all permissions`, async () => {
    const text = await outputOf(TITLED, { args: [title] });
    assertMatch(text, /spawn true 0/);
    assertMatch(text, /forkserver true 0/);
    assertEquals(text.match(/hello 1/g)?.length, 2);
  });

  Deno.test(`processes start after process.title was set ("${name}"), if the package was used before`, async () => {
    const text = await outputOf(TITLED, {
      args: [title, "used"],
      flags: ["--allow-ffi", "--allow-read", "--no-prompt"],
    });
    assertEquals(text.match(/hello 2/g)?.length, 2);
  });

  Deno.test(`one sentence says that process.title ("${name}") was set too early`, async () => {
    const flags = ["--allow-ffi", "--allow-read", "--no-prompt"];
    const { code, stderr: text } = await runProgram(TITLED, { args: [title], flags });
    assertEquals(code, 1);
    assertMatch(text, /InvalidStateError: Cannot start a process: the command line of this one was overwritten/);
  });
}
