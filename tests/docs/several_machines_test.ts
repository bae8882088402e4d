// docs/several-machines.md: its table of refusals is that of the sources, and its options are those that there are.

import { assertEquals } from "@std/assert";
import { OPTIONS } from "../../src/engine/options.ts";
import { REFUSALS } from "../../src/engine/refusals.ts";
import { Document } from "./markdown.ts";

const document = new Document("docs/several-machines.md");

function named(section: string): string[][] {
  return document.rows(section).map((cells) => cells.map((cell) => cell.replaceAll("`", "").trim()));
}

Deno.test("several machines: what a context on an engine refuses is told with its reason", () => {
  assertEquals(
    named("What a context on an engine refuses").map(([name, reason]) => [name, reason]),
    Object.entries(REFUSALS).map(([name, reason]) => [name, reason]),
  );
});

Deno.test("several machines: every option is told", () => {
  assertEquals(named("Options").map(([name]) => name).sort(), [...OPTIONS].sort());
});
