// The command line as a program: run from the sources, and from dist/ by a link, as npm installs it.

import { assertEquals, assertMatch } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { commandText } from "../../tools/package/command.ts";
import { lackOf } from "../../src/runtime/requirement.ts";
import { FIXTURES, runProgram } from "../support/helpers.ts";

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

Deno.test("command line: the package's command has Deno do the work, by whatever link, and says where there is none", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const name of ["command", "links", "bin", "empty"]) Deno.mkdirSync(`${folder}/${name}`);
    for (const { name } of Deno.readDirSync(new URL("dist/", ROOT))) {
      if (name.endsWith(".js")) Deno.symlinkSync(new URL(`dist/${name}`, ROOT), `${folder}/command/${name}`);
    }
    const command = `${folder}/command/command.js`;
    Deno.writeTextFileSync(command, commandText(), { mode: 0o755 });
    Deno.symlinkSync("../command/command.js", `${folder}/links/multiprocessing`);
    Deno.symlinkSync(Deno.execPath(), `${folder}/bin/deno`);
    const run = async (path: string, program: string, ...args: string[]) => {
      const env = { PATH: path.replaceAll("~", folder), HOME: folder, NO_COLOR: "1" };
      const { code, stdout, stderr } = await new Deno.Command(program, { args, env, clearEnv: true }).output();
      return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
    };
    const version = `multiprocessing ${configuration.version} (Deno ${Deno.version.deno})\n`;
    const well = { code: 0, stdout: version, stderr: "" };
    assertEquals(await run("~/bin", command, "--version"), well);
    assertEquals(await run("~/bin:/usr/bin:/bin", `${folder}/links/multiprocessing`, "--version"), well);
    assertEquals(await run("~/empty", Deno.execPath(), "run", "-A", command, "-V"), well);
    assertEquals((await run("~/bin", command, "hepl")).code, 2);
    assertEquals(await run("~/empty", command, "--version"), {
      code: 1,
      stdout: "",
      stderr: `Cannot run multiprocessing: there is no Deno in PATH; ${
        lackOf({})!.message.match(/: (it needs .*)/)![1]
      }\n`,
    });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("command line: what cannot be written is said, and nothing else where looks take longer than their interval", async () => {
  const full = await new Deno.Command("/bin/sh", {
    args: ["-c", '"$0" run -A "$1" help >/dev/full', Deno.execPath(), new URL("cli.ts", ROOT).pathname],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(full.code, 1);
  assertMatch(new TextDecoder().decode(full.stderr), /^Cannot write to the standard output: No space left/);
  const { code, stdout, stderr } = await runProgram(new URL("cli/late.ts", FIXTURES));
  assertEquals([code, stdout.trim().split("\n").length, stderr], [0, 4, ""]);
});

Deno.test("command line: wrong usage is told on the standard error, with code 2; help is no error", async () => {
  const cli = new URL("cli.ts", ROOT);
  const wrong = await runProgram(cli, { args: ["hepl"] });
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertMatch(wrong.stderr, /^Cannot run the command "hepl": .* did you mean "help"\?\n$/);
  const help = await runProgram(cli, { args: ["clean", "--help"] });
  assertEquals([help.code, help.stderr], [0, ""]);
  assertMatch(help.stdout, /^Usage: multiprocessing clean \[options\]\n[^]*--dry-run {2}says/);
});
