// The command line as a program: run from the sources, and from dist/ by a link, as npm installs it.

import { assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { runProgram } from "../support/helpers.ts";

const ROOT = new URL("../../", import.meta.url);

Deno.test("command line: the sources and dist/, which a link may lead to, are the same program", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/node_modules/.bin`, { recursive: true });
    Deno.symlinkSync(new URL("dist", ROOT), `${folder}/node_modules/multiprocessing`);
    const link = `${folder}/node_modules/.bin/multiprocessing`;
    Deno.symlinkSync("../multiprocessing/cli.js", link);
    for (const program of [new URL("cli.ts", ROOT), link]) {
      const { code, stdout, stderr } = await runProgram(program, { args: ["--version"] });
      assertEquals([code, stderr], [0, ""], `${program}`);
      assertEquals(stdout, `multiprocessing ${configuration.version} (Deno ${Deno.version.deno})\n`);
    }
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("command line: the package's command has Deno do the work, and says so where there is none", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["command", "bin", "empty"]) Deno.mkdirSync(`${folder}/${name}`);
    for (const { name } of Deno.readDirSync(new URL("dist/", ROOT))) {
      if (name.endsWith(".js")) Deno.symlinkSync(new URL(`dist/${name}`, ROOT), `${folder}/command/${name}`);
    }
    const command = `${folder}/command/command.js`;
    Deno.copyFileSync(new URL("tools/package/command.js", ROOT), command);
    Deno.symlinkSync(Deno.execPath(), `${folder}/bin/deno`);
    const node = await pathOf("node");
    const run = async (PATH: string, program: string, ...args: string[]) => {
      const env = { PATH: `${folder}/${PATH}`, HOME: folder, NO_COLOR: "1" };
      const { code, stdout, stderr } = await new Deno.Command(program, { args, env, clearEnv: true }).output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    };
    const version = `multiprocessing ${configuration.version} (Deno ${Deno.version.deno})\n`;
    assertEquals(await run("bin", node, command, "--version"), { code: 0, stdout: version, stderr: "" });
    assertEquals((await run("bin", node, command, "hepl")).code, 2);
    assertEquals(await run("bin", Deno.execPath(), "run", "-A", command, "-V"), {
      code: 0,
      stdout: version,
      stderr: "",
    });
    assertEquals(await run("empty", node, command, "--version"), {
      code: 1,
      stdout: "",
      stderr:
        "Cannot run multiprocessing: there is no Deno in PATH; it needs Deno 2.9.5 or later, see https://deno.com\n",
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

/** Where the program is. */
async function pathOf(program: string): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: ["-p", "process.execPath"] }).output();
  const path = new TextDecoder().decode(stdout).trim();
  assertNotEquals(path, "");
  return path;
}

Deno.test("command line: wrong usage is told on the standard error, with code 2; help is no error", async () => {
  const cli = new URL("cli.ts", ROOT);
  const wrong = await runProgram(cli, { args: ["hepl"] });
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertMatch(wrong.stderr, /^Cannot run the command "hepl": .* did you mean "help"\?\n$/);
  const help = await runProgram(cli, { args: ["clean", "--help"] });
  assertEquals([help.code, help.stderr], [0, ""]);
  assertMatch(help.stdout, /^Usage: multiprocessing clean \[options\]\n[^]*--dry-run {2}says/);
});
