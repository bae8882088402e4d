// Functions by reference: what is refused at the call, what the child finds, and how it says that it cannot. Which forms
// of functions can be run is in forms_test.ts.

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type Callable,
  callingModules,
  type FunctionReference,
  type ModuleExport,
  reference,
} from "../../src/callable/reference.ts";
import { isLate, Pledge, promised } from "../../src/callable/late.ts";
import { resolve } from "../../src/callable/resolve.ts";
import { definesPrivately, importersOf, importsOf, withoutComments } from "../../src/callable/source.ts";

export function work(n: number): number {
  return n * 2;
}
export default function main() {}
export class Service {}
export const [nameless] = [() => "nameless"];
export const make = (n: number) =>
  function added(m: number) {
    return n + m;
  };
export const plus = make(1);
export const minus = make(-1);
function hidden(value: string): string {
  return value;
}
const arrow = (value: string) => value + "arrow";

const here = import.meta.url;

/** The reference of a function, proven. */
function travelling(target: Callable | ModuleExport, kind?: "class"): FunctionReference {
  const given = reference(target, { kind });
  given.prove();
  const made = given.travel();
  if (isLate(made)) throw new Error("Cannot go on: it follows later");
  return made;
}

function assertRefused(make: () => unknown, ...parts: string[]) {
  const { message } = assertThrows(make, TypeError);
  for (const part of parts) assert(message.includes(part), message);
}

Deno.test("callable: an exported function comes back", async () => {
  for (const fn of [work, main, plus, minus, nameless]) {
    assertStrictEquals(await resolve(travelling(fn)), fn);
  }
  assertStrictEquals(await resolve(travelling({ module: here, name: "nameless" })), nameless);
  assertStrictEquals(await resolve(travelling(Service, "class")), Service);
});

Deno.test("callable: what travels is the module and the export", () => {
  assertEquals(callingModules().includes(here), true);
  assertEquals(callingModules().some((url) => url.includes("/src/")), false);
  const { label, module, name, member, hash } = travelling(main);
  assertEquals([label, module, name, member, typeof hash], ["main", here, "default", null, "string"]);
  assertEquals(reference(main).modules, [here]);
});

Deno.test("callable: a bound function, a class and what is no function are refused at the call", () => {
  assertRefused(() => reference(work.bind(null, 1)), `"bound work"`, "bound function", `pass "work" itself`);
  assertRefused(() => reference(Service), `"Service"`, "it is a class");
  assertRefused(() => reference(work, { kind: "class" }), `"work"`, "it is a function, wanted a class");
  for (const value of ["work", null, undefined, 1, { module: "x" }, { name: "x" }, { module: 1, name: "x" }]) {
    assertRefused(() => reference(value as unknown as () => void), "wanted a function exported by a module");
  }
});

Deno.test("callable: a generator is refused at the call", () => {
  assertRefused(() => reference(function* pieces() {}), `"pieces"`, "generator function");
  assertRefused(() => reference(async function* parts() {}), `"parts"`, "generator function");
});

Deno.test("callable: an unexported and an inline function are refused while the main module is evaluated", async () => {
  const path = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(
      path,
      `import { reference } from ${JSON.stringify(new URL("../../src/callable/reference.ts", here))};
type Options = { target: () => unknown };
class Process { constructor(options: Options) { reference(options["target"]); } }
export const answer = 1;
export function open(): number { return answer; }
function shut(): number { return answer + 1; }
const attempt = (make: () => void) => {
  try {
    make();
    console.log("accepted");
  } catch (error) {
    console.log(String(error));
  }
};
attempt(() => new Process({ target: open }));
attempt(() => new Process({ target: shut }));
`,
    );
    const inline = path.replace(".ts", "_inline.ts");
    await Deno.writeTextFile(
      inline,
      `import { reference as start } from ${JSON.stringify(new URL("../../src/callable/reference.ts", here))};
const call = (options: Record<string, () => unknown>) => start(Object.values(options)[0]);
try {
  call({ target: () => 1 });
} catch (error) {
  console.log(String(error));
}
`,
    );
    const run = async (script: string, ...flags: string[]) => {
      const args = ["run", "--no-prompt", "--no-config", ...flags, script];
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    assertEquals(
      await run(path, "--allow-read"),
      `accepted
TypeError: Cannot run "shut" in another process: "file://${path}" does not export it; write "export" before its ` +
        `declaration, at the top level of the module\n`,
    );
    assertEquals(await run(path), "accepted\naccepted\n", "without read permission the child finds out");
    const refused = await run(inline, "--allow-read");
    assert(refused.startsWith("TypeError: Cannot run an inline function in another process"), refused);
    await Deno.remove(inline);
  } finally {
    await Deno.remove(path);
  }
});

/** Evaluates `code`, with `target` given in some way, and asks about the function it gives. */
function judge(code: string, typed = code): string | null {
  const take = new Function("start", `${code}`);
  let given: unknown;
  take(({ target, initializer = target }: { target?: unknown; initializer?: unknown }) => given = initializer);
  return definesPrivately(given as () => void, withoutComments(typed));
}

Deno.test("callable: what a module's text says for certain, and where it stays silent", () => {
  const declared = "function f(a, b) { return a + b; }\n";
  assertEquals(judge(`${declared}start({ target: f });`), "declared");
  assertEquals(judge(`${declared}f(1); start({ target: f });`), "declared");
  assertEquals(judge(`const f = async (a) => a;\nstart({ target: f });`), "declared");
  assertEquals(judge(`const f = function () {};\nstart({ target: f });`), "declared");
  assertEquals(judge(`function outer() {\n  function f() {}\n  start({ target: f });\n}\nouter();`), "declared");
  assertEquals(
    judge(
      `${declared}start({ target: f });`,
      "function f(a: number, b: number): number { /* export */ return a + b; } // f\nstart({ target: f });",
    ),
    "declared",
  );
  assertEquals(judge("start({ target: () => 1 });"), "inline");
  assertEquals(judge("start({ initializer: () => 1 });"), "inline");
  assertEquals(judge("start({ name: 'x', target: function (a) { return a; } });"), "inline");

  for (
    const module of [
      `export ${declared}start({ target: f });`,
      `export default ${declared}start({ target: f });`,
      `${declared}export { f };start({ target: f });`,
      `${declared}export { f as other };start({ target: f });`,
      `${declared}export default f;start({ target: f });`,
      `${declared}export const other = f;start({ target: f });`,
      `${declared}const keep = id(f);export { keep };start({ target: f });`,
      `const table = { f: function f(a, b) { return a + b; } };start({ target: f });`,
      `export const made = (() => { return function f(a, b) { return a + b; } })();start({ target: f });`,
      `import { f } from "./f.js";start({ target: f });`,
      `import * as all from "./f.js";start({ target: all.f });`,
      `start({ target: all["f"] });`,
      `${declared}start({ target: table.pick() });`,
      `function f(a) { return a; }\nstart({ target: all.f });`,
    ]
  ) assertEquals(judge(`${declared}start({ target: f });`, module), null, module);

  const inline = "start({ target: () => 1 });";
  for (const module of ["export const target = () => 1;", "export const { target: f } = { target: () => 1 };"]) {
    assertEquals(judge(inline, `${module}start({ target: target });`), null, module);
    assertEquals(judge(inline, `${module}${inline}`), null, module);
  }
});

Deno.test("callable: where a name is imported from", () => {
  const from = (source: string) => importersOf("f", withoutComments(source), "file:///dir/main.ts");
  assertEquals(from(`import { f } from "./a.ts";`), ["file:///dir/a.ts"]);
  assertEquals(from(`import d, {\n  e,\n  f as g,\n} from '../b.ts'`), ["file:///b.ts"]);
  assertEquals(from(`import f from "file:///c.ts";`), ["file:///c.ts"]);
  assertEquals(from(`import * as all from "./d.ts"; all.f;`), ["file:///dir/d.ts"]);
  assertEquals(from(`import * as all from "./d.ts"; all.g;`), []);
  assertEquals(from(`import type { f } from "./a.ts"; import { type f, g } from "./b.ts";`), []);
  assertEquals(from(`// import { f } from "./a.ts";\nimport "./b.ts"; import { ff } from "./c.ts";`), []);
});

Deno.test("callable: what a module imports", () => {
  const source = `import a from "./a.ts"; export * from './b.ts'; import "./c.ts"; await import("./d.ts"); import(e);
// import "./f.ts"
import type { G } from "./g.ts"; const from = "nowhere";`;
  const found = importsOf(withoutComments(source), "file:///dir/main.ts");
  assertEquals(found.map((url) => url.slice("file:///dir/".length)), ["a.ts", "b.ts", "c.ts", "d.ts", "g.ts"]);
});

Deno.test("callable: the explicit form", async () => {
  const url = new URL("../fixtures/callable/star.ts", here);
  const { starred } = await import(url.href);
  assertStrictEquals(await resolve(travelling({ module: url, name: "starred" })), starred);
  const module = "../fixtures/callable/star.ts";
  assertStrictEquals(await resolve(travelling({ module, name: "starred" })), starred);
  await assertRejects(() => resolve(travelling({ module: here, name: "hidden" })), TypeError, `"hidden": "${here}"`);
  await assertRejects(() => resolve(travelling({ module: "./missing.ts", name: "f" })), TypeError, "is missing");
});

Deno.test("callable: a loader is used where there is one", async () => {
  const loaders = { "file:///nowhere.ts": () => Promise.resolve({ work }) };
  const from = { ...travelling(work), module: "file:///nowhere.ts" };
  assertStrictEquals(await resolve(from, loaders), work);
});

Deno.test("callable: what no module exports is refused when it is to be proven, whatever its text", async () => {
  const kept = { arrow, hidden };
  for (const [fn, name] of [[make(3), "added"], [make(1), "added"], [kept.arrow, "arrow"], [kept.hidden, "hidden"]]) {
    const given = reference(fn as Callable);
    assertRefused(() => given.prove(), `Cannot run "${name}": no module exports it`);
    const late = given.travel();
    await assertRejects(() => resolve(late), TypeError, `Cannot run "${name}": no module exports it`);
  }
});

Deno.test("callable: a function of the runtime is refused with what to do instead", () => {
  const own = [parseInt, fetch, Math.sqrt, console.log, Deno.readTextFile, Array.from, String.prototype.trim];
  for (const fn of own) {
    const refusal =
      `Cannot run "${fn.name}" in another process: it is the runtime's own, and no module exports it; call it`;
    assertRefused(() => reference(fn as Callable).prove(), refusal);
  }
  // What only looks like one.
  const wrapped = new Proxy(work, {});
  assertRefused(() => reference(wrapped as Callable).prove(), 'Cannot run "work": no module exports it');
});

Deno.test("callable: whoever ends a process that is not to run learns of it before that process does", () => {
  const given = reference(make(5));
  const late = given.travel();
  if (!isLate(late)) throw new Error("Cannot go on: it was proven before");
  const isTold = () => late.said.some((byte) => byte !== 0);
  const seen: boolean[] = [];
  assertRefused(() => given.prove(() => seen.push(isTold())), 'Cannot run "added": no module exports it');
  assertEquals([...seen, isTold()], [false, true]);
});

Deno.test("callable: a promise of a reference is kept or broken", async () => {
  const found = travelling(work);
  const kept = new Pledge("work");
  const waiting = resolve(kept.reference);
  kept.say({ found });
  assertStrictEquals(await waiting, work);
  const broken = new Pledge("work");
  broken.say({ refused: "Cannot run it" });
  await assertRejects(() => promised(broken.reference), TypeError, "Cannot run it");
  const long = new Pledge("work");
  long.say({ found: { ...found, module: `data:,${"x".repeat(1e5)}` } });
  await assertRejects(() => promised(long.reference), TypeError, "the URL of its module is too long");
});

Deno.test("callable: a module that does not load says why", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const given = async (name: string, text: string) => {
      await Deno.writeTextFile(`${folder}/${name}`, text);
      return { label: "f", module: `file://${folder}/${name}`, name: "f", member: null, hash: "0:0" };
    };
    const rejects = (from: Promise<FunctionReference>, message: string) =>
      assertRejects(async () => await resolve(await from), TypeError, message);
    await rejects(given("syntax.ts", "export const = 1;"), `Cannot run "f": its module cannot be loaded: SyntaxError`);
    await rejects(given("link.js", `import { x } from "./absent.js";`), "a module is missing");
    await Deno.writeTextFile(`${folder}/empty.js`, "export {};");
    await rejects(given("link2.js", `import { x } from "./empty.js"; x;`), "does not provide an export named 'x'");
    await rejects(given("$deno$eval.mts", `import "./$deno$eval2.mts";`), "put the function into a file");
    const thrown = await given("throws.ts", `throw new RangeError("boom");`);
    await assertRejects(() => resolve(thrown), RangeError, "boom");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
