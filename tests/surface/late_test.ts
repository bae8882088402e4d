// Classes of the inside are made when they are first used.

import { assert, assertEquals } from "@std/assert";
import { classesIn, withLate } from "../../tools/late.ts";
import { withoutIndentation } from "../../tools/syntax.ts";

const FILE = `import { x } from "./x.js";
var Plain = class {
  #y = 1;
  get y() { return this.#y; }
};
class Child extends Plain {
  Plain = "property";
  inside = new Field();
  static twice(text) { return \`\${new Plain().y} Plain \${text} Child\`; }
  static inner() { return Child.Inner ??= class { y = 2; }; }
}
class Field {}
class Method { [Symbol.dispose]() {} }
class Stays {}
class OnStays extends Stays {}
var object = {
  Method: 1,
  make() { return [new Method(), Child]; }
};
function use(text) {
  const found = /Plain "/.test(text) && text / 2 / 3;
  return [
    new Child(), Child.name, Child.twice?.("Plain"), text instanceof Plain, found, Plain?.name, { Plain: 1 }.Plain,
    new (Child.inner())(), new Child.Inner(), new class extends Child {}().y, { Child() {} }, new Plain
  ];
}
var early = (function early() {
  return new Field();
});
export {
  OnStays,
  early,
  object,
  use
};
`;

/** Files in which the class stays as it is. */
const STAYS = {
  "a block": "class C { static { globalThis; } }\nexport const use = () => new C();",
  "a static field": "class C { static made = 0; }\nexport const use = () => C.made++;",
  "a computed key": "let n = 0;\nclass C { [`m${n++}`]() {} }\nexport const use = () => new C();",
  "a class that is computed": "class C extends (() => Object)() {}\nexport const use = () => new C();",
  "an export": "class C {}\nexport { C };",
  "an export under another name": "class C {}\nexport { C as D };",
  "the file's own export": "class C {}\nexport default C;",
  "an object at the top level": "class C {}\nexport const made = new C();",
  "a value at the top level": "class C {}\nexport const list = [C];",
  "a key at the top level": "class C {}\nexport const made = { [C.name]() {} };",
  "a static field of another": "class C {}\nexport class D { static made = new C(); }",
  "a block of another": "class C {}\nexport class D { static { new C(); } }",
  "the key of a field": "class C {}\nexport class D { [C.name] = 1; }",
  "the class that one which stays extends": "class C {}\nexport class D extends C {}",
  "a name that a function declares": "class C {}\nexport const use = () => { const C = 1; return C; };",
  "a parameter": "class C {}\nexport const use = (C) => C;",
  "a part of a parameter": "class C {}\nexport const use = ({ a: [C] }) => C;",
  "a function's own name": "class C {}\nexport const use = function C() { return C; };",
  "what is caught": "class C {}\nexport const use = () => { try { use(); } catch (C) { return C; } };",
  "what is set": "class C {}\nexport const use = () => { C = 1; };",
  "what is set in a list": "class C {}\nexport const use = () => { [C] = [1]; };",
  "what is counted": "class C {}\nexport const use = () => { C++; };",
  "what a loop sets": "class C {}\nexport const use = () => { for (C of [1]); };",
  "a property by its name": "class C {}\nexport const use = () => ({ C });",
  "a look at its type": "class C {}\nexport const use = () => typeof C;",
  "a name that is taken": "class C {}\nfunction C$() {}\nexport const use = () => [new C(), C$];",
};

/** What a file says that it exports. */
async function exportsOf(text: string): Promise<Record<string, (...args: unknown[]) => unknown>> {
  const source = text.replace(/^import .*/, "const x = () => {};");
  return await import(`data:text/javascript,${encodeURIComponent(source)}`);
}

/** Names of the classes that are made late. */
const lateIn = (text: string) => [...text.matchAll(/^function (\w+)\$make\(\)/gm)].map(([, name]) => name);

Deno.test("late: classes that nothing looks at before a function runs, each made once, under its own name", async () => {
  const late = withLate(FILE, new Set());
  assertEquals(lateIn(late), ["Plain", "Child", "Field", "Method"]);
  for (
    const text of [
      "class Child extends Plain$() {\n  Plain = ",
      "`${new (Plain$())().y} Plain ${text} Child`",
      "new (Child$())(), Child$().name, Child$().twice?.(",
      "new ((Child$()).inner())(), new (Child$()).Inner()",
      "{ Child() {} }, new (Plain$())\n",
    ]
  ) assert(late.includes(text), `${text}\n${late}`);
  const [before, after] = await Promise.all([FILE, late].map(exportsOf));
  const shown = ({ use, early }: typeof before) => Deno.inspect([use("x"), early(), use("y")], { depth: 9 });
  assertEquals(shown(after), shown(before));
  const { make } = (after as unknown as { object: { make(): [object, { name: string }] } }).object;
  const [[first, Class], [second, same]] = [make(), make()];
  assert(Class === same && first.constructor === second.constructor && Class.name === "Child");
  assertEquals(Object.getPrototypeOf(Class).name, "Plain");
});

Deno.test("late: a class that is in use stays, and the one that it extends", () => {
  assertEquals(lateIn(withLate(FILE, new Set(["Child"]))), ["Field", "Method"]);
  assertEquals(lateIn(withLate(FILE, new Set(["Plain"]))), ["Child", "Field", "Method"]);
});

Deno.test("late: a class stays where a function could not stand for it", async (t) => {
  assertEquals(lateIn(withLate("class C {}\nexport const use = () => new C();", new Set())), ["C"]);
  for (const [what, text] of Object.entries(STAYS)) {
    await t.step(what, () => assertEquals(withLate(text, new Set()), text));
  }
});

Deno.test("indentation: it goes, but for that of texts", async () => {
  const text =
    "var a = `x\n  ${\n  [1,\n    2].join(`\n  `)\n}  \n  y`;\n  // b\n\n  var c = 'd' +\n    / e\\/  \\//g;\nexport { a };\n";
  const short = withoutIndentation(text);
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
