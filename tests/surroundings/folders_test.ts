// Folders that are gone, closed, or whose names are no text; TMPDIR.

import { assertEquals, assertMatch } from "@std/assert";
import { FIXTURES } from "../helpers.ts";
import { fixture, obstacle, run, runWords, testUnless } from "./helpers.ts";

const DENO = Deno.execPath();

/** Runs a shell script, with Deno as `$0` and the path of the fixture as `$1`. */
const shell = (script: string, name: string) =>
  run("sh", [
    "-c",
    script,
    DENO,
    new URL(name, FIXTURES).pathname,
    new URL("../deno.json", import.meta.resolve("../")).pathname,
  ]);

Deno.test("a working directory that was removed: start says so, and with a cwd it goes well, warm or not", async () => {
  const { code, stdout, stderr } = await runWords(fixture("removed_directory.ts"));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const refused = "NotFound: Cannot start a process in the working directory, which was removed; go to another " +
    '(Deno.chdir), or give the process a "cwd": No such file or directory (os error 2)';
  const lines = ["spawn", "forkserver"].flatMap((method) => [
    `${method} ${refused}`,
    `${method} in / true 0`,
    `${method} NotFound: Cannot start a process in "gone": No such file or directory (os error 2)`,
    `${method} after chdir in / true 0`,
  ]);
  assertEquals(stdout.trim().split("\n"), lines);
});

const noDrop = await obstacle("setpriv", "--bounding-set=-dac_override,-dac_read_search", "true");
testUnless(noDrop, "a directory that may not be entered is named by start, by both methods", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/closed`, { mode: 0o600 });
    const { code, stdout, stderr } = await run("setpriv", [
      "--bounding-set=-dac_override,-dac_read_search",
      ...fixture("start_in.ts", [`${folder}/closed`, `${folder}/none`]),
    ]);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const lines = ["spawn", "forkserver"].flatMap((method) => [
      `${method} PermissionDenied: Cannot start a process in "${folder}/closed": Permission denied (os error 13)`,
      `${method} NotFound: Cannot start a process in "${folder}/none": No such file or directory (os error 2)`,
    ]);
    assertEquals(stdout.trim().split("\n"), lines);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("names that are no text: of the program's folder with flags relative to it, of a cwd, of Deno, of a variable", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const script = `
      cd ${folder} && here="$(printf 'caf\\351')" && mkdir "$here" && cd "$here" || exit 1
      cp "$1" program.ts && cp "$2" deno.json && { ln "$0" deno 2>/dev/null || cp "$0" deno; } || exit 1
      echo '{ "imports": { "@parallel/multiprocessing": "${
      new URL("../../mod.ts", import.meta.url).href
    }" } }' > map.json
      VARIABLE="$here" exec ./deno run -A --quiet --no-config --import-map=./map.json program.ts`;
    const { code, stdout, stderr } = await shell(script, "bytes_program.ts");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const said = "caf\\351 caf\\351 caf\\351 true 0";
    assertEquals(
      stdout.trim().split("\n"),
      ["spawn", "forkserver"].flatMap((method) => [`${method} ${said}`, `${method} / ${said}`.replace(/caf\S+ /, "")]),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

for (
  const [what, TMPDIR, place] of [
    ["is missing", "/does/not/exist", /^\/tmp\/multiprocessing-/],
    ["is too long", `/tmp/${"x".repeat(90)}`, /^\/tmp\/multiprocessing-/],
    ["may not be written", "/proc", /^\/tmp\/multiprocessing-/],
    ["is relative", ".", /^\/.*\/multiprocessing-/],
  ] as const
) {
  Deno.test(`a TMPDIR that ${what}: a listener listens, and its folder goes with it`, async () => {
    const made = what === "is too long" ? TMPDIR : null;
    if (made !== null) await Deno.mkdir(made, { recursive: true });
    const cwd = await Deno.makeTempDir({ dir: "/tmp" });
    try {
      const { code, stdout, stderr } = await runWords(fixture("listen_anywhere.ts"), { env: { TMPDIR }, cwd });
      assertEquals({ code, stderr }, { code: 0, stderr: "" });
      const [address, said] = stdout.trim().split("\n");
      assertMatch(address, place);
      assertEquals(said, "hello");
      assertEquals([...Deno.readDirSync(made ?? cwd)], []);
    } finally {
      await Deno.remove(cwd);
      if (made !== null) await Deno.remove(made);
    }
  });
}
