// What a caged child has of its parent's streams: an end to write into.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { FIXTURES, within } from "../support/helpers.ts";

const WRITE_ONLY = 1;

async function hasPython(): Promise<boolean> {
  try {
    return (await new Deno.Command("python3", { args: ["-c", "import pty, termios"] }).output()).success;
  } catch {
    return false;
  }
}

for (const kind of ["terminal", "socket", "file"]) {
  Deno.test(`a caged child writes to its parent's ${kind}, and neither reads nor changes it`, async () => {
    if (!await hasPython()) return console.warn("skipped: no python3 here to make a terminal");
    const file = kind === "file" ? await Deno.makeTempFile() : kind;
    const main = new URL("permissions/cage_streams_main.ts", FIXTURES).pathname;
    const script = new URL("terminal.py", FIXTURES).pathname;
    const args = [script, file, Deno.execPath(), "run", "-A", "--quiet", "--no-check", main];
    const { stdout, stderr } = await within(new Deno.Command("python3", { args }).output());
    const said = new TextDecoder().decode(stdout);
    const errors = new TextDecoder().decode(stderr);
    for (const words of ["SAID BY THE CHILD", "WARNED BY THE CHILD", "LAST WORDS", "MODE UNCHANGED"]) {
      assertStringIncludes(said, words, errors);
    }
    const found = JSON.parse(/FOUND (.*)/.exec(said)?.[1] ?? "null");
    assertEquals(found, { heard: [], kinds: ["pipe", "pipe"], modes: [WRITE_ONLY, WRITE_ONLY], exitcode: 0 }, said);
    // Reaped means heard: it has said all before the parent goes on.
    assertEquals(said.indexOf("LAST WORDS") < said.indexOf("FOUND"), true, said);
    if (kind === "file") await Deno.remove(file);
  });
}

Deno.test("a caged child that writes into a stream which nobody reads keeps neither its parent nor its reactor", async () => {
  if (!await hasPython()) return console.warn("skipped: no python3 here to make a socket");
  const [script, main] = ["permissions/unread.py", "permissions/cage_flood_main.ts"].map((name) =>
    new URL(name, FIXTURES).pathname
  );
  const args = [script, Deno.execPath(), "run", "-A", "--quiet", "--no-check", main];
  const { stdout, stderr } = await within(new Deno.Command("python3", { args }).output());
  assertEquals(new TextDecoder().decode(stdout), "joined -9\n", new TextDecoder().decode(stderr));
});
