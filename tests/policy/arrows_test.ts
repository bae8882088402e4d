// Imports lead down: from every unit of src only to units on lower floors (tools/floors.ts), and so in no circle.

import { assert, assertEquals } from "@std/assert";
import { BEGINNINGS, SRC_FLOORS } from "../../tools/floors.ts";
import { cycles, type Graph, homeless, unitsBelow, upward, without } from "../../tools/graph/arrows.ts";
import { graphOf, readModules } from "../../tools/graph/typescript.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SRC = graphOf(readModules(ROOT));

/** What is wrong with the graph, a sentence each. */
function violations(graph: Graph): string[] {
  const counted = without(graph, BEGINNINGS);
  return [
    ...homeless(counted, SRC_FLOORS).map((unit) => `"${unit}" is on no floor of tools/floors.ts`),
    ...upward(counted, SRC_FLOORS).map(({ from, to }) =>
      `"${from}" imports "${to}", which is not on a lower floor; move what it needs down, or give it from above`
    ),
  ];
}

Deno.test("an import that leads up, or to the same floor, is told with both files", () => {
  const modules = new Map([
    ["mod.ts", 'export { Pool } from "./src/pool/pool.ts";'],
    ["src/pool/pool.ts", 'import { reference } from "../callable/reference.ts";\nimport "../addon/waits.ts";'],
    ["src/callable/reference.ts", 'import type { Pool } from "../pool/pool.ts";'],
    ["src/addon/waits.ts", 'import { limit } from "../waiting/limits.ts";'],
    ["src/waiting/limits.ts", ""],
    ["src/attic/old.ts", ""],
  ]);
  const advice = "which is not on a lower floor; move what it needs down, or give it from above";
  assertEquals(violations(graphOf(modules)), [
    '"attic" is on no floor of tools/floors.ts',
    `"src/callable/reference.ts" imports "src/pool/pool.ts", ${advice}`,
    `"src/addon/waits.ts" imports "src/waiting/limits.ts", ${advice}`,
  ]);
});

Deno.test("no import of the package leads up", () => {
  assertEquals(violations(SRC), []);
  assertEquals(cycles(unitsBelow(without(SRC, BEGINNINGS))), []);
  assert(SRC.arrows.length > 500, `only ${SRC.arrows.length} imports were found`);
});

Deno.test("every floor is lived on, and every exception is one", () => {
  const units = new Set(SRC.unitOf.values());
  assertEquals(SRC_FLOORS.flat().filter((unit) => !units.has(unit)), []);
  const exceptions = upward(SRC, SRC_FLOORS);
  assertEquals(exceptions, BEGINNINGS);
});
