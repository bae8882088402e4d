// Folders that are gone, closed, or whose names are no text; TMPDIR.

import { assertEquals, assertMatch } from "@std/assert";
import { FIXTURES } from "../support/helpers.ts";
import { fixture, obstacle, run, runWords, testUnless } from "../support/surroundings.ts";

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
  const { code, stdout, stderr } = await runWords(fixture("surroundings/removed_directory.ts"));
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const refused = "NotFound: Cannot start a process in the working directory, which was removed; go to another, " +
    'or give the process a "cwd": No such file or directory (os error 2)';
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
      ...fixture("surroundings/start_in.ts", [`${folder}/closed`, `${folder}/none`]),
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

/** Runs the fixture in a folder whose name is no text, by `./deno` or by Deno where it is; what it said. */
async function saidInBytes(deno: "$0" | "./deno", how: "function" | "name"): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  const imports = { "@parallel/multiprocessing": new URL("../../mod.ts", import.meta.url).href };
  const linked = `{ ln "$0" deno 2>/dev/null || cp "$0" deno; } || exit 1`;
  try {
    const script = `
      cd ${folder} && here="$(printf 'caf\\351')" && mkdir "$here" && cd "$here" || exit 1
      cp "$1" program.ts && cp "$2" deno.json || exit 1
      ${deno === "./deno" ? linked : ""}
      echo '${JSON.stringify({ imports })}' > map.json
      VARIABLE="$here" exec ${deno} run -A --quiet --no-config --import-map=./map.json program.ts ${how}`;
    const { code, stdout, stderr } = await shell(script, "surroundings/bytes_program.ts");
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return stdout.trim().split("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const NO_TEXT = "caf\\351";
const NOT_IN_FLAGS = "bytes that are no text, which Deno's permission flags cannot express";

Deno.test("names that are no text: of the program's folder with flags relative to it, of a cwd, of a variable", async () => {
  const deno = DENO.split("/").at(-2);
  assertEquals(
    await saidInBytes("$0", "function"),
    ["spawn", "forkserver"].flatMap((method) => [
      `${method} ${NO_TEXT} ${deno} ${NO_TEXT} true 0`,
      `${method} / ${deno} ${NO_TEXT} true 0`,
      `${method} no permissions true 0`,
      `${method} ${NOT_IN_FLAGS}`,
    ]),
  );
});

Deno.test("the path of Deno itself is no text: functions that are named run, others are refused with a reason", async () => {
  const refused =
    'Cannot run "sayLittle": Deno cannot be asked which module exports it, because the path of Deno itself ' +
    "is no text (UTF-8); give { module, name }, or start Deno from another path";
  assertEquals(
    await saidInBytes("./deno", "name"),
    ["spawn", "forkserver"].flatMap((method) => [
      `${method} ${NO_TEXT} ${NO_TEXT} ${NO_TEXT} true 0`,
      `${method} / ${NO_TEXT} ${NO_TEXT} true 0`,
      `${method} no permissions true 0`,
      `${method} ${NOT_IN_FLAGS}`,
      `${method} ${refused}`,
    ]),
  );
});

for (
  const [what, TMPDIR, place] of [
    ["is missing", "/does/not/exist", /^\/tmp\/multiprocessing-/],
    ["is too long", `/tmp/${"x".repeat(90)}`, /^\/tmp\/multiprocessing-/],
    ["may not be written", "/proc", /^\/tmp\/multiprocessing-/],
    ["is empty", "", /^\/tmp\/multiprocessing-/],
    ["is relative", ".", /^\/.*\/multiprocessing-/],
  ] as const
) {
  Deno.test(`a TMPDIR that ${what}: a listener listens, and its folder goes with it`, async () => {
    const made = what === "is too long" ? TMPDIR : null;
    if (made !== null) await Deno.mkdir(made, { recursive: true });
    const cwd = await Deno.makeTempDir({ dir: "/tmp" });
    try {
      const { code, stdout, stderr } = await runWords(fixture("surroundings/listen_anywhere.ts"), {
        env: { TMPDIR },
        cwd,
      });
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
