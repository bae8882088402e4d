// Programs that are sent to their hosts, and what else is looked at before a host runs one.

import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { digestOf, importedCode, requireSame, sameCode } from "../../src/engine/code.ts";
import { AUTHKEY, startAgent } from "../support/agent.ts";
import { engineTest } from "../support/engine.ts";
import { FIXTURES, runProgram } from "../support/helpers.ts";

const SENT = new URL("remote/sent/", FIXTURES);
const KEY = { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) };

engineTest('code: "upload": a host runs the program from files of its own, with its own package', async (engine) => {
  const cache = Deno.makeTempDirSync();
  try {
    await using _agent = await startAgent(engine.url, { args: ["--cache", cache] });
    let program = "";
    for (const time of ["first", "second", "somebody has removed a file"]) {
      if (time.endsWith("file")) Deno.removeSync(`${program}data.txt`);
      const outcome = await runProgram(new URL("main.ts", SENT), { args: [engine.url], env: KEY });
      assertEquals([outcome.stderr, outcome.code], ["", 0], time);
      const [found, errors] = outcome.stdout.trim().split("\n");
      const [later, the, data, folder, isSame] = found.split(" ");
      assertEquals([later, the, data, isSame], ["later", "the", "data", "true"]);
      assertEquals(errors, "true true from there");
      assert(folder.startsWith(`${cache}/`), folder);
      program = folder;
    }
    const [{ name }, ...more] = [...Deno.readDirSync(cache)];
    assertMatch(name, /^[\da-f]{64}$/);
    assertEquals(more, []);
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
});

engineTest(
  'code: "upload": agents share a cache, in which what is right stays, and what is old goes',
  async (engine) => {
    const cache = Deno.makeTempDirSync();
    /** The folder that a new agent has made of the program, and where in it that has run. */
    const run = async (name: string): Promise<{ list: string; program: string }> => {
      await using _agent = await startAgent(engine.url, { name, args: ["--cache", cache] });
      const outcome = await runProgram(new URL("main.ts", SENT), { args: [engine.url], env: KEY });
      assertEquals([outcome.stderr, outcome.code], ["", 0], name);
      const [list, ...more] = names(cache).filter((it) => it !== "not ours");
      assertMatch(list, /^[\da-f]{64}$/);
      assertEquals(more, []);
      return { list: `${cache}/${list}`, program: outcome.stdout.split(" ")[3] };
    };
    const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);
    try {
      const old = new Date(Date.now() - 31 * 24 * 3600 * 1000);
      for (const name of ["0".repeat(64), `${"1".repeat(64)}.fresh`, "not ours"]) {
        Deno.mkdirSync(`${cache}/${name}`);
        Deno.utimeSync(`${cache}/${name}`, old, old);
      }
      const folder = await run("east");
      assert(names(cache).includes("not ours"));
      Deno.writeTextFileSync(`${folder.list}/mark`, "");
      const recent = new Date(Date.now() - 24 * 3600 * 1000);
      Deno.utimeSync(folder.list, recent, recent);
      assertEquals(await run("west"), folder);
      assert(names(folder.list).includes("mark"), "what is right stays in its place");
      assert(Deno.statSync(folder.list).mtime! > recent, "it was used");
      Deno.writeTextFileSync(`${folder.program}data.txt`, "somebody has changed it");
      assertEquals(await run("north"), folder);
      assert(!names(folder.list).includes("mark"), "what is not is replaced");
    } finally {
      Deno.removeSync(cache, { recursive: true });
    }
  },
);

engineTest('code: "upload": without a cache, what an agent has laid out goes with it', async (engine) => {
  const folder = Deno.makeTempDirSync();
  const before = Deno.env.get("TMPDIR");
  try {
    Deno.env.set("TMPDIR", folder);
    await using _agent = await startAgent(engine.url);
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    const outcome = await runProgram(new URL("main.ts", SENT), { args: [engine.url], env: KEY });
    assertEquals(outcome.code, 0, outcome.stderr);
    assert([...Deno.readDirSync(folder)].some(({ name }) => name.startsWith("multiprocessing-code-")));
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  Deno.removeSync(folder, { recursive: true });
});

engineTest('code: "upload": an agent that does not take it says so', async (engine) => {
  await using _agent = await startAgent(engine.url, { args: ["--allow-code", "same"] });
  const { stderr, code } = await runProgram(new URL("main.ts", SENT), { args: [engine.url], env: KEY });
  assertEquals(code, 1);
  assertMatch(stderr, /NotSupported: Cannot start "Process-1" on host "east": its agent takes no code: "upload"/);
}, { leavesTrees: true }); // the root has died of that error: its tree goes when its lease is over

Deno.test('code: "same": a module that is another there, or missing, is refused, naming file and host', () => {
  const folder = Deno.makeTempDirSync();
  try {
    const path = `${folder}/main.ts`;
    const url = `file://${path}`;
    Deno.writeTextFileSync(path, "export function f() {}\n");
    const code = sameCode([url, "https://example.com/x.ts", "data:text/javascript,1"]);
    assertEquals(code.hashes, { [url]: digestOf(url) });
    requireSame("P-1", "east", code);
    Deno.writeTextFileSync(path, "export function f() { return 1 }\n");
    assertThrows(
      () => requireSame("P-1", "east", code),
      TypeError,
      `Cannot start "P-1" on host "east": its "${path}" is another than here (SHA-256 `,
    );
    Deno.removeSync(path);
    assertThrows(() => requireSame("P-1", "east", code), Deno.errors.NotFound, `on host "east": it has no "${path}"`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test('code: "import": what is in a file of this machine is refused', () => {
  const urls = ["https://jsr.io/@a/b/1.0.0/mod.ts"];
  assertEquals(importedCode("P-1", urls, ["--quiet"]), { way: "import", hashes: {}, list: null });
  const refuse = (modules: string[], flags: string[], what: string) =>
    assertThrows(
      () => importedCode("P-1", modules, flags),
      TypeError,
      `Cannot start "P-1" with code: "import": its "${what}" is in a file of this machine`,
    );
  refuse([...urls, "file:///main.ts"], [], "file:///main.ts");
  refuse(urls, ["--lock=/deno.lock"], "--lock=/deno.lock");
});
