// Classes of the inside are made when they are first used.

import { assert, assertEquals } from "@std/assert";
import { classesIn, withLate } from "../../tools/late.ts";
import { withoutIndentation } from "../../tools/scan.ts";

const FILE = `import { x } from "./x.js";
var Plain = class {
  #y = 1;
  get y() { return this.#y; }
};
class Child extends Plain {
  static twice(text) { return \`\${new Plain().y} Plain \${text} Child\`; }
}
class WithBlock { 
  static {
    x(this);
  }
}
class WithField { 
  static #made = 0;
  static get made() { return WithField.#made++; }
}
class Exported {}
class Base {}
class OnBase extends Base {}
class Named {}
class AsProperty {}
class AsMethod {}
class InExpression {}
var made = new Named();
function use(text) {
  const found = /Plain "/.test(text) && text / 2 / 3;
  return [
    new Child(), Child, Child.twice("Plain"), text instanceof Plain, found, new WithBlock(), new WithField(), { AsProperty },
    ...[OnBase], { Plain: 1 }.Plain, typeof InExpression
  ];
}
var early = (function early() {
  return new InExpression();
});
var object = {
  AsMethod() { return 1; }
};
export {
  Exported,
  OnBase,
  early,
  object,
  use
};
`;

/** What a file says that it exports. */
async function exportsOf(text: string): Promise<Record<string, (...args: unknown[]) => unknown>> {
  const source = text.replace(/^import .*/, "const x = () => {};");
  return await import(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** Names of the classes that are made late. */
const lateIn = (text: string) => [...text.matchAll(/^function (\w+)\$make\(\)/gm)].map(([, name]) => name);

Deno.test("late: classes that nothing looks at before a function runs", async () => {
  const late = withLate(FILE, new Set());
  // Base is extended by a class that stays; Plain is the name of a property somewhere.
  assertEquals(lateIn(late), ["Child", "InExpression"]);
  assert(late.includes("    new (Child$())(), Child$(), Child$().twice("), late);
  const [before, after] = await Promise.all([FILE, late].map(exportsOf));
  const shown = ({ use, early }: Awaited<ReturnType<typeof exportsOf>>) => Deno.inspect([use("x"), early(), use("y")]);
  assertEquals(shown(after), shown(before));
});

Deno.test("late: a class of a class that is late is late, and each is made once, under its own name", async () => {
  const text = FILE.replace("{ Plain: 1 }.Plain, ", "");
  const late = withLate(text, new Set());
  assertEquals(lateIn(late), ["Plain", "Child", "InExpression"]);
  assert(late.includes("class Child extends Plain$() {"), late);
  assert(late.includes("`${new (Plain$())().y} Plain ${text} Child`"), late);
  const { use } = await exportsOf(late);
  const [[first, Class], [second, same]] = [use("x"), use("x")] as [object, { name: string }][];
  assert(Class === same && first.constructor === second.constructor && Class.name === "Child");
  assertEquals(Object.getPrototypeOf(Class).name, "Plain");
  assertEquals(lateIn(withLate(text, new Set(["Child", "Plain"]))), ["InExpression"]);
  assertEquals(lateIn(withLate(text, new Set(["Child"]))), ["InExpression"]); // Plain is extended by it
});

Deno.test("indentation: it goes, but for that of texts", async () => {
  const text =
    "var a = `x\n  ${\n  [1,\n    2].join(`\n  `)\n}  \n  y`;\n  // b\n\n  var c = 'd' /\n    / e\\/  \\//g;\nexport { a };\n";
  const short = withoutIndentation(text.replace("/\n    /", "+\n    /"));
  assertEquals(
    short,
    "var a = `x\n  ${\n[1,\n2].join(`\n  `)\n}  \n  y`;\n// b\nvar c = 'd' +\n/ e\\/  \\//g;\nexport { a };\n",
  );
  assertEquals(String((await exportsOf(short)).a), "x\n  1\n  2  \n  y");
});

Deno.test("late: in dist, classes of the inside are made late, and those that programs see are there", async () => {
  const dist = new URL("../../dist/", import.meta.url);
  const chunks = [...Deno.readDirSync(dist)].map(({ name }) => name).filter((name) => name.startsWith("chunk-"));
  const texts = await Promise.all(chunks.map((name) => Deno.readTextFile(new URL(name, dist))));
  const late = texts.flatMap(lateIn);
  const all = texts.flatMap(classesIn).map(({ name }) => name);
  for (const name of ["Dispatcher", "Crew", "Lobby"]) assert(late.includes(name), name);
  for (const name of ["Queue", "Lock", "Process", "Pool"]) assert(all.includes(name) && !late.includes(name), name);
});
