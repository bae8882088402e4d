// What each start of a process calls is compiled together with its file, which Deno keeps.

import { assert, assertEquals } from "@std/assert";
import { withEarly } from "../../tools/early.ts";
import { outputOf } from "../support/helpers.ts";

const DIST = new URL("../../dist/", import.meta.url);

const FILE = `import { x } from "./x.js";
var a = b();
function b() {
  return \`
  }\`;
}
async function* c(x) {
  yield b;
}
function d() {
  return import.meta;
}
function e() {}
export {
  b
};
`;

Deno.test("early: functions at these places go into parentheses, before all that may call them", () => {
  const places = (...names: string[]) =>
    new Set(names.map((name) => FILE.search(new RegExp(`(?<=function.? ${name})\\(`))));
  assertEquals(withEarly(FILE, new Set()), FILE);
  assert(withEarly(FILE, places("d")).startsWith("var d = (function d() {\n  return import.meta;\n});\nimport "));
  const early = withEarly(FILE, places("b", "c"));
  assert(early.startsWith("var b = (function b() {\n  return `\n  }`;\n});\nvar c = (async function* c(x) {\n"), early);
  assertEquals(early.replace(/^var [bc] = \(([^]*?\n\})\);\n/gm, ""), withoutDeclarations(FILE));
});

function withoutDeclarations(text: string): string {
  return text.replace(/^function b[^]*?\n\}\n/m, "").replace(/^async[^]*?\n\}\n/m, "");
}

Deno.test("dist: a child compiles none of the functions late that stand in parentheses, and few others by declaration", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/program.js`;
    await Deno.writeTextFile(
      program,
      `import { Process } from "@parallel/multiprocessing";
export function nothing() {}
if (import.meta.main) {
  const child = new Process({ target: nothing });
  child.start();
  await child.join();
  console.log(child.pid);
}
`,
    );
    const flags = [
      ...["-A", "--no-config", `--import-map=${new URL("import_map.json", DIST).pathname}`],
      `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${folder}/%p.log`,
    ];
    const env = { DENO_DIR: `${folder}/cache` };
    await outputOf(program, { flags, env }); // from now on Deno knows the files
    const log = await Deno.readTextFile(`${folder}/${(await outputOf(program, { flags, env })).trim()}.log`);
    const [, id, name] = log.match(/^script-details,(\d+),file:[^,]*\/(chunk-\w+\.js),/m)!;
    const text = await Deno.readTextFile(new URL(name, DIST));
    const late = Array.from(
      log.matchAll(/^function,interpreter,(\d+),(\d+),/gm),
      ([, script, place]) => script === id ? text.slice(text.lastIndexOf("\n", Number(place)) + 1, Number(place)) : "",
    );
    const early = late.filter((line) => /^var \w+ = \((?:async )?function/.test(line));
    assertEquals(early, []);
    const declared = late.filter((line) => /^(?:async )?function/.test(line));
    assertEquals(declared.filter((line) => line.includes("$make(")), [], "classes that a start makes late");
    assert(declared.length < 10, `compiled late: ${declared.join(", ")}`);
    assert(text.match(/^var \w+ = \((?:async )?function/gm)!.length > 50);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
