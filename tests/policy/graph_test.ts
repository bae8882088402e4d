// The reading and judging of import graphs, on made-up modules: what the other policy tests rest on.

import { assertEquals } from "@std/assert";
import { cycles, type Graph, homeless, levels, unitsBelow, upward, without } from "../../tools/graph/arrows.ts";
import * as rust from "../../tools/graph/rust.ts";
import * as typescript from "../../tools/graph/typescript.ts";

/** A graph in which the file `a/1` is of the unit `a`. */
function graph(...arrows: [from: string, to: string][]): Graph {
  const unitOf = new Map(arrows.flat().map((file) => [file, file.split("/")[0]]));
  return { name: "made up", unitOf, arrows: arrows.map(([from, to]) => ({ from, to })) };
}

Deno.test("importsOf finds every form of import, those of types too", () => {
  const text = `// import "./commented.ts";
import "./bare.ts";
import one, { two } from "./default.ts";
import * as three from "./namespace.ts";
import type { Four } from "./type.ts";
import {
  five,
  type Six,
} from "./several_lines.ts";
export { seven } from "./list.ts";
export type { Eight } from "./type_list.ts";
export * from "./star.ts";
/** import { no } from "./documentation.ts"; */
const nine = await import("./dynamic.ts");
type Ten = typeof import("./type_of.ts");
const url = "https://example.com"; // import("./at_the_end.ts")
const code = 'import "./text.ts"';
`;
  assertEquals(
    typescript.importsOf(text),
    "bare default namespace type several_lines list type_list star dynamic type_of".split(" ").map((name) =>
      `./${name}.ts`
    ),
  );
});

Deno.test("moreThanExports shows the first line that is no list of exports", () => {
  const face =
    '/** Doors. */\n// and more\nexport {\n  a,\n  type B,\n} from "./a.ts";\nexport type { C } from "./c.ts";\n';
  assertEquals(typescript.moreThanExports(face), undefined);
  assertEquals(typescript.moreThanExports(`${face}export * from "./d.ts";\n`), undefined);
  assertEquals(typescript.moreThanExports(`${face}\nexport const four = 4;\n`), "export const four = 4;");
  assertEquals(
    typescript.moreThanExports('import { a } from "./a.ts";\nexport { a };\n'),
    'import { a } from "./a.ts";',
  );
});

Deno.test("the units of TypeScript are folders with their faces, and single files", () => {
  const { unitOf, arrows } = typescript.graphOf(
    new Map([
      ["mod.ts", 'export * from "./src/pool.ts";'],
      ["src/pool.ts", 'export { Pool } from "./pool/pool.ts";'],
      ["src/pool/pool.ts", 'import "../errors.ts";\nimport "npm:other";\nimport "./missing.ts";'],
      ["src/errors.ts", "export class Bad extends Error {}"],
    ]),
  );
  assertEquals([...unitOf.values()], ["mod.ts", "pool", "pool", "errors.ts"]);
  assertEquals(arrows, [
    { from: "mod.ts", to: "src/pool.ts" },
    { from: "src/pool.ts", to: "src/pool/pool.ts" },
    { from: "src/pool/pool.ts", to: "src/errors.ts" },
  ]);
});

Deno.test("usedOf finds every path to the crate's root, but for tests and comments", () => {
  const text = `//! See [\`crate::commented\`].
use crate::error::Result;
use crate::{heap::{self, Block}, wait, Error};
use super::super::arena::Arena;
use super::sibling::Sibling;
fn call() -> crate::sys::Word { crate::error::fail() }
#[cfg(test)]
mod tests {
    use crate::only_in_tests::Thing;
}
`;
  assertEquals(rust.usedOf("ring/put.rs", text), [
    ...["error::Result", "heap", "heap::Block", "wait", "Error", "arena::Arena", "ring::sibling", "sys::Word"],
    "error::fail",
  ]);
  assertEquals(rust.usedOf("ring/mod.rs", "use super::arena::Arena;\n"), ["arena::Arena"]);
  assertEquals(rust.usedOf("memory/arena.rs", "use super::{heap, views::View};\n"), ["memory::heap", "memory::views"]);
  const inside = "fn call() {\n    use super::heap::Block;\n    super::super::tree::bury();\n}\n";
  assertEquals(rust.usedOf("memory/arena.rs", inside), ["memory::heap", "tree::bury"]);
});

Deno.test("the units of a crate are its modules; what lib.rs exports again counts for its module", () => {
  const { unitOf, arrows } = rust.graphOf(
    "made up",
    new Map([
      ["lib.rs", "pub mod error;\npub use error::{Error, Result};\n"],
      ["error.rs", "pub struct Error;\n"],
      ["heap/mod.rs", "use crate::Error;\nuse crate::heap::journal;\n"],
      ["heap/journal.rs", "use crate::error::Result;\n"],
    ]),
  );
  assertEquals([...unitOf.values()], ["error", "heap", "heap"]);
  assertEquals(arrows, [
    { from: "heap/journal.rs", to: "error.rs" },
    { from: "heap/mod.rs", to: "error.rs" },
  ]);
});

Deno.test("of a shared module each member is a unit, and what it exports again counts for the member", () => {
  const files = new Map([
    ["lib.rs", ""],
    ["memory/mod.rs", "pub mod arena;\npub mod heap;\npub use heap::{Block, Heap};\n"],
    ["memory/arena.rs", "use super::heap::Block;\n"],
    ["memory/heap/mod.rs", "use crate::memory::arena::Arena;\nuse crate::tree;\n"],
    ["tree.rs", "use crate::memory::{Heap, arena::{self, Arena}};\n"],
  ]);
  const { unitOf, arrows } = rust.graphOf("made up", files, ["memory"]);
  assertEquals([...unitOf.values()], ["memory/arena", "memory/heap", "memory", "tree"]);
  assertEquals(arrows, [
    { from: "memory/arena.rs", to: "memory/heap/mod.rs" },
    { from: "memory/heap/mod.rs", to: "memory/arena.rs" },
    { from: "memory/heap/mod.rs", to: "tree.rs" },
    { from: "memory/mod.rs", to: "memory/heap/mod.rs" },
    { from: "tree.rs", to: "memory/heap/mod.rs" },
    { from: "tree.rs", to: "memory/arena.rs" },
  ]);
});

Deno.test("a unit stands one level above the highest that it imports from", () => {
  const below = unitsBelow(graph(["top", "middle"], ["middle", "bottom"], ["top", "bottom"], ["middle", "middle"]));
  assertEquals([...levels(below)].sort(), [["bottom", 1], ["middle", 2], ["top", 3]]);
  assertEquals(cycles(below), []);
});

Deno.test("units that import each other are a cycle, on one level", () => {
  const below = unitsBelow(graph(["a/1", "b/1"], ["b/2", "c"], ["c", "a/2"], ["c", "d"], ["e", "b/1"]));
  assertEquals(cycles(below), [["a", "b", "c"]]);
  assertEquals([...levels(below)].sort(), [["a", 2], ["b", 2], ["c", 2], ["d", 1], ["e", 3]]);
});

Deno.test("upward names the files of every arrow that does not lead down", () => {
  const made = graph(["a/1", "b/1"], ["b/1", "c/1"], ["c/1", "a/1"], ["b/2", "x/1"], ["a/2", "a/1"], ["x/2", "a/1"]);
  assertEquals(upward(made, [["c"], ["b"], ["a"]]), [
    { from: "c/1", to: "a/1" },
    { from: "b/2", to: "x/1" },
    { from: "x/2", to: "a/1" },
  ]);
  assertEquals(upward(graph(["a/1", "b/1"]), [["a", "b"]]), [{ from: "a/1", to: "b/1" }]);
  assertEquals(upward(without(made, [{ from: "c/1", to: "a/1" }]), [["c"], ["b"], ["a"], ["x"]]), [
    { from: "b/2", to: "x/1" },
  ]);
  assertEquals(homeless(made, [["c"], ["b"], ["a"]]), ["x"]);
});
