// Imports lead down: from every unit of src, and of the native core, only to units on lower floors (tools/floors.ts), and
// so in no circle.

import { assert, assertEquals } from "@std/assert";
import { BEGINNINGS, CORE_FLOORS, CORE_SHARED, SRC_FLOORS } from "../../tools/floors.ts";
import { cycles, type Floors, type Graph, homeless, unitsBelow, upward, without } from "../../tools/graph/arrows.ts";
import * as rust from "../../tools/graph/rust.ts";
import { graphOf, importedPath, importsOf, readModules } from "../../tools/graph/typescript.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const MODULES = readModules(ROOT);
const SRC = graphOf(MODULES);
const CORE = rust.graphOf("core", rust.readFiles(`${ROOT}native/core/src`), CORE_SHARED);

/** What is wrong with the graph, a sentence each. */
function violations(graph: Graph, floors: Floors): string[] {
  const counted = without(graph, BEGINNINGS);
  return [
    ...homeless(counted, floors).map((unit) => `"${unit}" is on no floor of tools/floors.ts`),
    ...upward(counted, floors).map(({ from, to }) =>
      `"${from}" imports "${to}", which is not on a lower floor; move what it needs down, or give it from above`
    ),
  ];
}

Deno.test("an import that leads up, or to the same floor, is told with both files", () => {
  const modules = new Map([
    ["mod.ts", 'export { Pool } from "./src/pool/pool.ts";'],
    ["src/pool/pool.ts", 'import { reference } from "../callable/reference.ts";\nimport "../addon/waits.ts";'],
    ["src/callable/reference.ts", 'import type { Pool } from "../pool/pool.ts";'],
    ["src/callable/types.ts", 'import { Pool } from "@parallel/multiprocessing";'],
    ["src/addon/waits.ts", 'import { limit } from "../waiting/limits.ts";'],
    ["src/waiting/limits.ts", ""],
    ["src/attic/old.ts", ""],
  ]);
  const advice = "which is not on a lower floor; move what it needs down, or give it from above";
  assertEquals(violations(graphOf(modules), SRC_FLOORS), [
    '"attic" is on no floor of tools/floors.ts',
    `"src/callable/reference.ts" imports "src/pool/pool.ts", ${advice}`,
    `"src/callable/types.ts" imports "mod.ts", ${advice}`,
    `"src/addon/waits.ts" imports "src/waiting/limits.ts", ${advice}`,
  ]);
});

Deno.test("no import of the package leads up", () => {
  assertEquals(violations(SRC, SRC_FLOORS), []);
  assertEquals(cycles(unitsBelow(without(SRC, BEGINNINGS))), []);
  assert(SRC.arrows.length > 500, `only ${SRC.arrows.length} imports were found`);
});

Deno.test("the package imports no file that is outside of it", () => {
  const outside = [...MODULES].flatMap(([from, text]) =>
    importsOf(text).map((specifier) => importedPath(from, specifier)).filter((to) =>
      to !== undefined && !MODULES.has(to)
    )
      .map((to) => `"${from}" imports "${to}"`)
  );
  assertEquals(outside, []);
  assertEquals(importedPath("src/pool/pool.ts", "../../tools/floors.ts"), "tools/floors.ts");
});

Deno.test("no module of the native core uses one above it", () => {
  assertEquals(violations(CORE, CORE_FLOORS), []);
  assertEquals(cycles(unitsBelow(CORE)), []);
  assert(CORE.arrows.length > 100, `only ${CORE.arrows.length} uses were found`);
});

Deno.test("every floor is lived on, and every exception is one", () => {
  for (const [{ unitOf }, floors] of [[SRC, SRC_FLOORS], [CORE, CORE_FLOORS]] as const) {
    const units = new Set(unitOf.values());
    assertEquals(floors.flat().filter((unit) => !units.has(unit)), []);
  }
  assertEquals(upward(SRC, SRC_FLOORS), BEGINNINGS);
});
