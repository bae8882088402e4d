// What can be run in another process: walks the table in docs/callables.md, and tries what depends on where the program
// is.

import { Barrier, getContext, InvalidStateError, Pool, Process, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { loadedModules } from "../../src/callable/inspector.ts";
import { waitAtReceived } from "../fixtures/callable/ring.ts";
import { logged, type Said, tell } from "../fixtures/callable/wrap.ts";
import { FIXTURES, runProgram, within } from "../support/helpers.ts";

const FOLDER = new URL("callable/", FIXTURES);
/** A program of many processes on a busy machine. */
const LONG = 120_000;

/** The rows of the first table: their names, and what happens. */
function rows(): [string, string][] {
  const text = Deno.readTextFileSync(new URL("../../docs/callables.md", import.meta.url));
  const table = text.slice(text.search(/^\| row /m), text.indexOf("The same holds"));
  const found = table.trim().split("\n").slice(2).map((line): [string, string] => {
    const cells = line.split("|").map((cell) => cell.trim());
    return [cells[1], cells[3]];
  });
  assert(found.length > 30, table);
  return found;
}

/** A folder for one test. */
class Folder implements Disposable {
  readonly path = Deno.makeTempDirSync();

  write(name: string, text: string): string {
    Deno.writeTextFileSync(`${this.path}/${name}`, text);
    return `${this.path}/${name}`;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

const CONFIG = ["-A", `--config=${new URL("../../deno.json", import.meta.url).pathname}`];
const MODULE = (name: string) => JSON.stringify(new URL(name, FOLDER).href);

for (const [main, method] of [["plain_main.ts", "spawn"], ["awaiting_main.ts", "forkserver"]]) {
  Deno.test(`callables: every row of the table, by every asker (${main}, ${method})`, async () => {
    using folder = new Folder();
    const link = `${folder.path}/linked.ts`;
    Deno.writeTextFileSync(`${folder.path}/wrap.ts`, `export * from ${MODULE("wrap.ts")};`);
    Deno.symlinkSync(new URL("plugin.ts", FOLDER).pathname, link);
    const args = [method, `file://${link}`];
    const { stdout, stderr, code } = await within(
      runProgram(new URL(main, FOLDER), { flags: CONFIG, args, patience: LONG }),
      "the walk",
      LONG,
    );
    assertEquals(code, 0, stderr);
    const report: Record<string, string> = JSON.parse(stdout);
    for (const asker of ["Pool", "Process"]) {
      for (const [row, what] of rows()) {
        const came = report[`${asker}: ${row}`] ?? "nothing";
        if (what === "runs") assertEquals(came, "runs", `${asker}: ${row}`);
        else assertStringIncludes(came, what, `${asker}: ${row}`);
      }
    }
    const others = Object.keys(report).filter((key) => !/^(Pool|Process): /.test(key));
    const wanted = [
      /^error: Failure failure of forms failure of forms$/,
      /^error: Failure failure of other failure of other$/,
      /^error: Error secret failure undefined$/,
      /^subclass: speaker of forms$/,
      /^subclass: speaker of other$/,
      /^subclass: \w+Error: .*Cannot run "Speaker": no module exports it/,
      /^initializer: wrapped of forms$/,
      /^initializer: wrapped of other$/,
      /^initializer: \w+Error: .*Cannot run "run": no module exports it/,
      /^action: action of forms$/,
      /^action: action of other$/,
      /^action: \w+Error: .*Cannot run "ring": no module exports it/,
    ];
    assertEquals(others.length, wanted.length, others.join("\n"));
    others.forEach((it, i) => assertMatch(it, wanted[i]));
  });
}

export const here: (said?: Said) => string = logged("of the test");
const nowhere = logged("nowhere");
export function alsoHere(said?: Said): string {
  return tell("also of the test", said);
}

Deno.test("callables: a test file's own functions, and one that it keeps to itself", async () => {
  await using pool = new Pool(1);
  assertEquals(await pool.apply(here), "of the test");
  assertEquals(await pool.apply(alsoHere), "also of the test");
  await assertRejects(() => pool.apply(nowhere), TypeError, 'Cannot run "run": no module exports it');
  const said = new Queue<string>();
  const child = new Process({ target: nowhere, args: [said] });
  assertThrows(() => child.start(), TypeError, 'Cannot run "run": no module exports it');
  assertEquals([child.pid, said.empty()], [null, true]);
});

Deno.test("callables: a refusal leaves nothing that the next would have to search", async () => {
  await using pool = new Pool(1);
  const refused = () => assertRejects(() => pool.apply(logged("nowhere")), TypeError, "no module exports it");
  await refused();
  const before = loadedModules()!;
  await refused();
  await refused();
  assertEquals(loadedModules(), before);
});

Deno.test("callables: a function whose name is no text is found all the same", async () => {
  using folder = new Folder();
  const path = folder.write(
    "names.js",
    `export const f = Object.defineProperty(() => "five", "name", { value: 5 });
export const g = Object.defineProperty(() => "getter", "name", { get() { throw new Error("no name") } });
export const h = Object.defineProperty(() => "symbol", "name", { value: Symbol() });`,
  );
  const { f, g, h } = await import(`file://${path}`);
  const closure = Object.defineProperty(logged("nowhere"), "name", { value: 6 });
  await using pool = new Pool(1);
  for (const [fn, said] of [[f, "five"], [g, "getter"], [h, "symbol"]]) assertEquals(await pool.apply(fn), said);
  await assertRejects(() => pool.apply(closure), TypeError, "Cannot run a function without a name: no module exports");
});

Deno.test("callables: callbacks of promises that run during a proof find the process starting", async () => {
  const { f } = await import("data:text/javascript,export function f(said) { said.putSync('once') }");
  const said = new Queue<string>();
  const child = new Process({ target: f, args: [said] });
  const again = Promise.resolve().then(() => assertThrows(() => child.start(), InvalidStateError, "twice"));
  child.start();
  await again;
  await child.join();
  assertEquals([await said.get(), said.empty()], ["once", true]);
});

Deno.test("callables: what module.exports is, is found without waiting, too", async () => {
  const { default: ring } = await import("../fixtures/callable/ring.cjs");
  const children = ["spawn", "forkserver"].map((method) => {
    const [barriers, said] = [new Queue<Barrier>(), new Queue<string>()];
    const child = new (getContext(method as "spawn").Process)({ target: waitAtReceived, args: [barriers, said] });
    child.start();
    return { child, barriers, said };
  });
  for (const { child, barriers, said } of children) {
    await barriers.put(new Barrier(1, { action: ring }));
    await child.join();
    assertEquals(await said.get(), "rung");
  }
});

Deno.test("callables: an export that was given another function is that one from then on", async () => {
  using folder = new Folder();
  const path = folder.write(
    "changing.js",
    "export let f = () => 'first'; export const g = f; export function turn() { f = () => 'second' }",
  );
  const changing = await import(`file://${path}`);
  await using pool = new Pool(1);
  const { f } = changing;
  assertEquals(await pool.apply(f), "first");
  changing.turn();
  assertEquals(await pool.apply(f), "first"); // by its other name
  // The worker's module has not turned: what it has is another function.
  await assertRejects(() => pool.apply(changing.f), TypeError, 'exports another function as "f"');
});

Deno.test("callables: a module that was edited meanwhile", async () => {
  using folder = new Folder();
  const path = folder.write("edited.js", "export const f = () => 'old'; export const gone = () => 'old';");
  const { f, gone } = await import(`file://${path}`);
  folder.write("edited.js", "export const f = () => 'new, and longer';");
  await using pool = new Pool(1);
  await assertRejects(() => pool.apply(f), TypeError, `exports another function as "f" here`);
  await assertRejects(() => pool.apply(gone), TypeError, `exports nothing as "gone" here`);
  await assertRejects(() => pool.apply(f), TypeError, "it was edited meanwhile");
});

Deno.test("callables: programs that were given as text run what is in files, and nothing of their own", async () => {
  const text = `import { Pool } from "@parallel/multiprocessing";
import { named, secrets } from ${MODULE("forms.ts")};
export function own() {}
const { plug } = await import(${MODULE("plugin.ts")} + "");
await using pool = new Pool(1);
const say = (error) => error.message;
console.log(await pool.apply(named));
console.log(await pool.apply(plug));
console.log(await pool.apply(own).catch(say));
console.log(await pool.apply(secrets().closure).catch(say));`;
  const evaluate = async (args: string[], input?: string) => {
    const command = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped", stderr: "piped" });
    const child = command.spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input ?? ""));
    await writer.close();
    const { stdout, stderr } = await within(child.output(), "deno", LONG);
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  };
  const [, config] = CONFIG;
  const lines = `const mp = await import("@parallel/multiprocessing");
const { named } = await import(${MODULE("forms.ts")});
const pool = new mp.Pool(1);
console.log("by itself:", await pool.apply(named).catch((error) => error.message));
console.log("by name:", await pool.apply({ module: ${MODULE("forms.ts")}, name: "named" }));
await pool.terminate();
close();
`;
  const interactive = evaluate(["repl", "-q", "-A", config], lines);
  for (const said of await Promise.all([evaluate(["eval", config, text]), evaluate(["run", ...CONFIG, "-"], text)])) {
    const [file, plugin, own, closure] = said.split("\n");
    assertEquals([file, plugin], ["named", "plugin plugin.ts"], said);
    assertMatch(own, /^Cannot run "own": .*the program was given to Deno as text/);
    assertMatch(closure, /^Cannot run "run": /);
  }
  const said = await interactive;
  assertMatch(said, /by itself: Cannot run "named": .* if a module in a file has it, give \{ module, name \}/);
  assertMatch(said, /by name: named/);
});

Deno.test("callables: a Worker's module is imported in no other process, unless it has the function", async () => {
  const { stdout, stderr, code } = await runProgram(new URL("in_worker.ts", FOLDER), { flags: CONFIG });
  assertEquals([code, stderr], [0, ""], stdout);
  const [first, ...others] = stdout.trim().split("\n");
  assertMatch(first, /^worker in \d+$/);
  assertEquals(others.filter((line) => !line.startsWith("worker in ")), ["named", "own"]);
  assertEquals(others.length, 3, stdout); // once more for its own function
});

Deno.test("callables: who blocks the thread before the proof is served all the same, or told why not", async () => {
  const program = new URL("blocking.ts", FOLDER);
  const config = CONFIG[1];
  const free = await runProgram(program, { flags: CONFIG });
  assertEquals([free.code, free.stdout, free.stderr], [0, "of main\nof main\nrefused\n", ""]);
  const flags = ["--allow-read", "--allow-ffi", "--allow-run", config];
  const { stdout, stderr } = await runProgram(program, { flags });
  assertStringIncludes(stdout + stderr, "Cannot block the thread yet: a process was just started");
});

Deno.test("callables: a name means in { module, name } what it means to who says it", async () => {
  using folder = new Folder();
  const package_ = new URL("../../mod.ts", import.meta.url).href;
  Deno.mkdirSync(`${folder.path}/one`);
  folder.write(
    "deno.json",
    JSON.stringify({ workspace: ["./one"], imports: { "@parallel/multiprocessing": package_, helper: "./root.ts" } }),
  );
  folder.write(
    "one/deno.json",
    JSON.stringify({ name: "@x/one", version: "1.0.0", exports: "./main.ts", imports: { helper: "./helper.ts" } }),
  );
  folder.write("root.ts", "export function who() { return 'the root'; }");
  folder.write("one/helper.ts", "export function who() { return 'member one'; }");
  folder.write("one/relative.ts", "export function who() { return 'beside'; }");
  const main = folder.write(
    "one/main.ts",
    `import * as mp from "@parallel/multiprocessing";
if (import.meta.main) {
  await using pool = new mp.Pool(1);
  for (const module of ["helper", "./relative.ts", "../root.ts", "nobody"]) {
    console.log(await Promise.try(() => pool.apply({ module, name: "who" })).catch((error) => error.message));
  }
}
`,
  );
  const { stdout, stderr } = await runProgram(main, { cwd: folder.path });
  const [named, relative, upwards, missing] = stdout.split("\n");
  assertEquals([named, relative, upwards], ["member one", "beside", "the root"], stderr);
  assertMatch(missing, /^Cannot find the module "nobody" from "file:.*main.ts"/);
});

Deno.test("copies: a second copy is refused at load, with both URLs, also in a child; the same URL is none", async () => {
  using folder = new Folder();
  const root = new URL("../../", import.meta.url);
  Deno.symlinkSync(root.pathname, `${folder.path}/link`);
  const [sources, built] = [`${root.href}mod.ts`, `${root.href}dist/mod.js`];
  const linked = `file://${folder.path}/link/dist/mod.js`;
  const second = folder.write("second.ts", `import "${built}/../queues.js";\nexport function f() {}`);
  const main = folder.write(
    "main.ts",
    `import * as mp from "${sources}";
import "${root.href}src/pool.ts";
const tried = async (url: string) => console.log(await import(url).then(() => "loaded", (error) => error.message));
if (import.meta.main) {
  for (const url of ${
      JSON.stringify([built, linked, `${root.href}dist/queues.js`, `${sources}?again`])
    }) await tried(url);
  const child = new mp.Process({ target: { module: "file://${second}", name: "f" }, stderr: "null" });
  child.start();
  console.log(await child.join().then(() => "joined", (error) => error.message));
}
`,
  );
  const { stdout, stderr } = await runProgram(main, { flags: CONFIG });
  const refused = (url: string) =>
    `Cannot load multiprocessing from "${url}": this program has loaded it from "${sources}" already`;
  const lines = stdout.split("\n");
  assert(lines.length >= 5, stdout + stderr);
  for (const [i, url] of [built, linked, built].entries()) assertStringIncludes(lines[i], refused(url));
  assertEquals(lines[3], "loaded");
  assertStringIncludes(lines[4], refused(built));
});

Deno.test("callables: a process whose parent is killed before the proof says so, and runs nothing", async () => {
  const { signal, stdout, stderr } = await runProgram(new URL("killed.ts", FOLDER), { flags: CONFIG });
  assertEquals([signal, stdout], ["SIGKILL", ""], stderr);
  assertStringIncludes(stderr, 'Cannot run "never": the process that gave it has ended before it could say');
});

Deno.test("a function of a module that exports one of the name `then` runs, as that module is no promise", async () => {
  const { namespace: { triple } } = await boxed("thenable.ts");
  const { namespace: { quadruple } } = await boxed("thenable_star.ts");
  const { namespace: { quintuple } } = await boxed("thenable_common.cjs");
  const named = { module: new URL("thenable.ts", FOLDER), name: "triple" };
  await using pool = new Pool(1);
  for (const [fn, result] of [[triple, 6], [quadruple, 8], [quintuple, 10], [named, 6]] as const) {
    assertEquals(await within(pool.apply(fn as typeof triple, [2])), result);
  }
  await using child = new Process({ target: triple, args: [2] });
  child.start();
  assertEquals([await within(child.join()), child.exitcode], [true, 0]);
  const missing = { module: new URL("thenable.ts", FOLDER), name: "then" };
  await assertRejects(() => within(pool.apply(missing)), TypeError, "exports no function of this name");
});

/** The exports of a fixture, which an `import()` would never give if one of them is called `then`. */
function boxed(name: string): Promise<{ namespace: Record<string, (n: number) => number> }> {
  const text = `import * as namespace from ${MODULE(name)}; export { namespace };`;
  return import(`data:text/javascript,${encodeURIComponent(text)}`);
}
