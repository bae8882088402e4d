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
    for (const time of ["first", "second"]) {
      const outcome = await runProgram(new URL("main.ts", SENT), { args: [engine.url], env: KEY });
      assertEquals([outcome.stderr, outcome.code], ["", 0], time);
      const [found, errors] = outcome.stdout.trim().split("\n");
      const [later, the, data, folder, isSame] = found.split(" ");
      assertEquals([later, the, data, isSame], ["later", "the", "data", "true"]);
      assertEquals(errors, "true true from there");
      assert(folder.startsWith(`${cache}/`), folder);
    }
    const [{ name }, ...more] = [...Deno.readDirSync(cache)];
    assertMatch(name, /^[\da-f]{64}$/);
    assertEquals(more, []);
  } finally {
    Deno.removeSync(cache, { recursive: true });
  }
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
