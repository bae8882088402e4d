// Several machines as `dist/` has it: what is loaded late there is found, with no permission to read it.

import { assert, assertEquals } from "@std/assert";
import { AUTHKEY } from "../support/agent.ts";
import { engineTest } from "../support/engine.ts";
import { FIXTURES, outputOf, startProgram } from "../support/helpers.ts";

const DIST = new URL("../../dist/", import.meta.url);
const MAP = `--import-map=${new URL("import_map.json", DIST).pathname}`;
const env = { MULTIPROCESSING_AUTHKEY: new TextDecoder().decode(AUTHKEY) };

engineTest("dist: a process on a host, a manager and a pool", async (engine) => {
  const args = ["--url", engine.url, "--slots", "4", "--grace", "1s"];
  await using agent = startProgram(new URL("agent.js", DIST), { args, env });
  await agent.said("ready");
  const program = new URL("engine/dist_program.ts", FIXTURES);
  const said = await outputOf(program, { flags: ["-A", "--no-check", MAP], args: [engine.url], env });
  assertEquals(said, "[ 0, 0 ] 2\n[ 1, 4, 9 ]\n");
  agent.kill("SIGTERM");
  await agent.outcome();
});

engineTest("dist: a context of an engine takes no permission to read the package", async (engine) => {
  const program = await Deno.makeTempFile({ suffix: ".js" });
  try {
    await Deno.writeTextFile(
      program,
      `import { getContext } from "@parallel/multiprocessing";\n` +
        `using context = getContext(Deno.args[0], {});\nconsole.log(String(context));\n`,
    );
    const socket = ["--allow-net", `--allow-read=${engine.socket}`, `--allow-write=${engine.socket}`];
    const flags = ["--no-prompt", "--allow-ffi", ...socket, MAP];
    assertEquals(
      await outputOf(program, { flags, args: [engine.url] }),
      `<RemoteContext(redis+unix://${engine.socket}?db=0)>\n`,
    );
  } finally {
    await Deno.remove(program);
  }
});

Deno.test("dist: a process of one machine loads nothing of engines", async () => {
  const texts = new Map<string, string>();
  const load = async (name: string) => {
    if (texts.has(name)) return;
    const text = await Deno.readTextFile(new URL(name, DIST));
    texts.set(name, text);
    for (const [, other] of text.matchAll(/^(?:\} from|import) "\.\/([\w-]+\.js)";$/gm)) await load(other);
  };
  await load("child_main.js");
  assert(texts.size > 1, "no chunk of child_main.js is found");
  const has = (name: string) =>
    [...texts.values()].some((text) => new RegExp(`^(?:var|class) ${name}\\b`, "m").test(text));
  assertEquals([has("Queue"), has("RemoteQueue"), has("RemoteContext"), has("RemoteChild")], [
    true,
    false,
    false,
    false,
  ]);
  const size = [...texts.values()].reduce((sum, { length }) => sum + length, 0);
  assert(size < 575_000, `${size} bytes are run at each start of a process`);
});

Deno.test("dist: Deno reads as few files for a program of one machine as before there were engines", async () => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", new URL("mod.js", DIST).pathname],
    env: { NO_COLOR: "1" },
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string; size: number }[];
  };
  // What imports name is read whether they are ever run or not; some 0.2 ms a file.
  const read = modules.filter(({ specifier }) => specifier.startsWith(DIST.href) && specifier.endsWith(".js"));
  const names = read.map(({ specifier }) => specifier.slice(DIST.href.length).replace(/^chunk-\w+/, "chunk")).sort();
  assertEquals(names, [
    "child_main.js",
    "chunk.js",
    "engine.js",
    "engine_managers.js",
    "managers_inside.js",
    "mod.js",
  ]);
  const size = read.reduce((sum, { size }) => sum + size, 0);
  assert(size < 985_000, `${size} bytes are read at each start of a program`);
});
