// What goes to JSR: exactly what a program needs, with types that need no compiler to be known, and without a warning,
// among which the one that matters would not be seen. `deno publish` has no name for a warning that is meant.

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** All files of a folder, as paths from the root. */
function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))]
    .flatMap(({ name, isDirectory }) => isDirectory ? filesOf(`${folder}${name}/`) : [`${folder}${name}`]);
}

/** What `deno publish` says that it would publish, and whatever else it says of it. */
async function rehearse(): Promise<{ code: number; files: string[]; complaints: string[] }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    // A change is tested before it is committed; and a step of the gate has checked the types. Those that JSR would call
    // slow are told all the same.
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  const lines = `${decoder.decode(stderr)}${decoder.decode(stdout)}`.split("\n");
  const fileOf = (line: string) => line.startsWith(`   ${ROOT}`) ? line.slice(3 + ROOT.href.length) : null;
  const files = lines.flatMap((line) => fileOf(line)?.replace(/ \(\S+\)$/, "") ?? []);
  const expected = /^(Checking for slow types|Simulating publish|Success Dry run) /;
  return {
    code,
    files,
    complaints: lines.filter((line) => line.trim() !== "" && !expected.test(line) && !fileOf(line)),
  };
}

Deno.test("deno publish --dry-run complains of nothing, and takes the sources and what is to be read first", async () => {
  const { code, files, complaints } = await rehearse();
  assertEquals([code, complaints], [0, []]);
  const texts = ["CHANGELOG.md", "LICENSE", "README.md", "deno.json"];
  assertEquals(files.sort(), ["mod.ts", "cli.ts", ...texts, ...filesOf("src/")].sort());
});
