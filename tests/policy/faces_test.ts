// A file that lies in src itself, and mod.ts, is a face: it exports what the folders have, and does nothing, but that it
// imports first what refuses other runtimes. Only errors.ts has something of its own, which every folder uses.

import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { moreThanExports, readModules } from "../../tools/graph/typescript.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** The first statement of every face. */
const REQUIREMENT = /^(\/\*\*[^]*?\*\/\s*)?import "\.\/(src\/)?runtime\/requirement\.ts";\n/;

/** What is wrong with the faces among the modules, a sentence each. */
function violations(modules: ReadonlyMap<string, string>): string[] {
  const faces = [...modules].filter(([path]) => /^(?:mod|src\/[^/]+)\.ts$/.test(path) && path !== "src/errors.ts");
  return faces.flatMap(([path, text]) => {
    if (!REQUIREMENT.test(text)) return [`"${path}" does not import runtime/requirement.ts before anything else`];
    const more = moreThanExports(text.replace(REQUIREMENT, ""));
    return more === undefined ? [] : [`"${path}" is not only a list of exports, it has: ${more}`];
  });
}

Deno.test("a face that has anything but exports is told, with its line", () => {
  const modules = new Map([
    ["mod.ts", '/** All. */\n\nimport "./src/runtime/requirement.ts";\n\nexport * from "./src/errors.ts";\n'],
    ["src/errors.ts", "export class Bad extends Error {}\n"],
    [
      "src/pool.ts",
      'import "./runtime/requirement.ts";\n\nexport { Pool } from "./pool/pool.ts";\n\nexport function cpuCount() {}\n',
    ],
    ["src/process.ts", 'export { Process } from "./process/process.ts";\n\nimport "./runtime/requirement.ts";\n'],
    [
      "src/queues.ts",
      'import "./runtime/requirement.ts";\nimport "./queues/queue.ts";\nexport { Queue } from "./queues/queue.ts";\n',
    ],
    ["src/pool/pool.ts", "export class Pool {}\n"],
  ]);
  assertEquals(violations(modules), [
    '"src/pool.ts" is not only a list of exports, it has: export function cpuCount() {}',
    '"src/process.ts" does not import runtime/requirement.ts before anything else',
    '"src/queues.ts" is not only a list of exports, it has: import "./queues/queue.ts";',
  ]);
});

Deno.test("the package's faces are lists of exports", () => {
  assertEquals(violations(readModules(ROOT)), []);
});

Deno.test("every face is an entry of deno.json, and has a folder of its name", () => {
  const modules = [...readModules(ROOT).keys()];
  const faces = modules.filter((path) => /^src\/[^/]+\.ts$/.test(path) && path !== "src/errors.ts");
  const entries = Object.values(config.exports).filter((path) => !["./mod.ts", "./cli.ts"].includes(path));
  assertEquals(faces.map((path) => `./${path}`).sort(), entries.sort());
  assertEquals(faces.filter((path) => !modules.some((other) => other.startsWith(path.replace(/\.ts$/, "/")))), []);
});
