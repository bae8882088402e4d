// dist/, the form of the package that programs import: it has the same exports, by the same names, and works.

import { assertEquals } from "@std/assert";
import configuration from "../deno.json" with { type: "json" };
import { FIXTURES, outputOf } from "./helpers.ts";

const DIST = new URL("../dist/", import.meta.url);

for (const [entry, source] of Object.entries(configuration.exports)) {
  Deno.test(`dist: "${entry}" exports what "${source}" does, and classes and functions have their names`, async () => {
    const said = async (url: URL) => {
      const exported: Record<string, unknown> = await import(url.href);
      return Object.keys(exported).sort().map((key) => {
        const value = exported[key];
        return typeof value === "function" ? `${key} is ${value.name}` : key;
      });
    };
    const name = entry === "." ? "mod" : entry.slice(2);
    assertEquals(await said(new URL(`${name}.js`, DIST)), await said(new URL(source, new URL("../", DIST))));
  });
}

Deno.test("dist: processes, queues, values, pools and a process without permissions", async () => {
  const map = new URL("import_map.json", DIST).pathname;
  assertEquals(
    await outputOf(new URL("dist_program.ts", FIXTURES), { flags: ["-A", `--import-map=${map}`] }),
    "well\n",
  );
});
