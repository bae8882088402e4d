// The command line as a program: run from the sources, and from dist/ by a link, as npm installs it.

import { assertEquals, assertMatch } from "@std/assert";
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

Deno.test("command line: wrong usage is told on the standard error, with code 2; help is no error", async () => {
  const cli = new URL("cli.ts", ROOT);
  const wrong = await runProgram(cli, { args: ["hepl"] });
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertMatch(wrong.stderr, /^Cannot run the command "hepl": .* did you mean "help"\?\n$/);
  const help = await runProgram(cli, { args: ["clean", "--help"] });
  assertEquals([help.code, help.stderr], [0, ""]);
  assertMatch(help.stdout, /^Usage: multiprocessing clean \[options\]\n[^]*--dry-run {2}says/);
});
