// Everything public is documented, and speaks of public types only: in the whole package, and in its root alone, which is
// all that most programs import.

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
const CONFIGURATION = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
const ALL = Object.values<string>(CONFIGURATION.exports);

for (const [what, files] of [["the package", ALL], ["its root alone", [CONFIGURATION.exports["."]]]] as const) {
  Deno.test(`deno doc --lint finds nothing in ${what}`, async () => {
    const command = new Deno.Command(Deno.execPath(), {
      args: ["doc", "--lint", ...files],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    });
    const { code, stderr } = await command.output();
    const errors = new TextDecoder().decode(stderr).split("\n").filter((line) => line.startsWith("error"));
    assertEquals([code, errors], [0, []]);
  });
}
