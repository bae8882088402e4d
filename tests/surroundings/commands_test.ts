// Processes in programs of every kind: however Deno was told to run the program, its children see what it sees.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { PATIENCE } from "../support/helpers.ts";

const MOD = new URL("../../mod.ts", import.meta.url).href;

/** A program whose children say what they are given; `start(method)` starts one and returns what it said. */
const PROGRAM = `
import * as mp from "multi";
import data from "./data.json" with { type: "json" };
import { view } from "./view.tsx";
export function say(said: mp.Queue<unknown>, word: string) {
  said.putSync([word, data.text, view, typeof (globalThis as { gc?: unknown }).gc, Deno.args, import.meta.main]);
}
export async function start(method: string) {
  using said = new mp.Queue<unknown>();
  const child = new (mp.getContext(method).Process)({ target: say, args: [said, method] });
  child.start();
  const line = [JSON.stringify(await said.get({ timeout: 50000 })), await child.join(), child.exitcode].join(" ");
  Deno.stdout.writeSync(new TextEncoder().encode(line + "\\n")); // deno bench swallows what console.log prints
}
export async function startAll() {
  for (const method of mp.getAllStartMethods()) await start(method);
}
if (import.meta.main) await startAll();
`;

const FILES = {
  "deno.json": JSON.stringify({
    imports: { multi: MOD },
    tasks: { go: "deno run -A --v8-flags=--expose-gc 'the main#.ts' x" },
    compilerOptions: { jsx: "react", jsxFactory: "h" },
    workspace: ["./member"],
  }),
  "member/deno.json": JSON.stringify({ name: "@test/member", version: "1.0.0", exports: "./main.ts" }),
  "member/main.ts": PROGRAM,
  "member/data.json": JSON.stringify({ text: "member's JSON" }),
  "member/view.tsx": "export const view = 'member';",
  "the main#.ts": PROGRAM,
  "data.json": JSON.stringify({ text: "from JSON" }),
  "view.tsx": "const h = (tag: string) => tag;\nexport const view: string = <b /> as unknown as string;",
  "some_test.ts": `import { startAll } from "./the main%23.ts"; Deno.test("children", startAll);`,
  "some_bench.ts":
    `import { startAll } from "./the main%23.ts"; Deno.bench({ name: "children", n: 1, warmup: 0, fn: startAll });`,
};

async function withFiles(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "sur roundings #" });
  try {
    Deno.mkdirSync(`${folder}/member`);
    for (const [name, text] of Object.entries(FILES)) Deno.writeTextFileSync(`${folder}/${name}`, text);
    await body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** What the children said, in the output of `deno <args>`. */
async function said(args: string[], cwd: string): Promise<string[]> {
  const signal = AbortSignal.timeout(2 * PATIENCE);
  const child = new Deno.Command(Deno.execPath(), { args, cwd, signal, stdin: "null", env: { NO_COLOR: "1" } });
  const { code, stdout, stderr } = await child.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, out + err);
  return [...new Set((out + err).split("\n").filter((line) => line.startsWith("[")))]; // a benchmark runs more than once, and prints on stderr
}

const line = (method: string, text: string, view: string, gc: string, args: string[]) =>
  `${JSON.stringify([method, text, view, gc, args, false])} true 0`;
const lines = (text: string, view: string, gc: string, args: string[]) =>
  ["spawn", "forkserver"].map((method) => line(method, text, view, gc, args));

const CASES: [what: string, args: string[], folder: string, expected: string[]][] = [
  ["deno run", ["run", "-A", "the main#.ts", "a b", "--x"], "", lines("from JSON", "b", "undefined", ["a b", "--x"])],
  [
    "deno run --v8-flags",
    ["run", "-A", "--v8-flags=--expose-gc", "the main#.ts"],
    "",
    lines("from JSON", "b", "function", []),
  ],
  [
    "deno run --unstable-kv --no-lock",
    ["run", "-A", "--unstable-kv", "--no-lock", "the main#.ts"],
    "",
    lines("from JSON", "b", "undefined", []),
  ],
  ["a task", ["task", "go"], "", lines("from JSON", "b", "function", ["x"])],
  ["deno test", ["test", "-A", "--no-check", "some_test.ts"], "", lines("from JSON", "b", "undefined", [])],
  ["deno bench", ["bench", "-A", "--no-check", "some_bench.ts"], "", lines("from JSON", "b", "undefined", [])],
  [
    "deno eval",
    ["eval", `import { startAll } from "./the main%23.ts"; await startAll();`],
    "",
    lines("from JSON", "b", "undefined", []),
  ],
  ["a workspace member", ["run", "-A", "main.ts"], "/member", lines("member's JSON", "member", "undefined", [])],
];
for (const [what, args, folder, expected] of CASES) {
  Deno.test(`TestSpawnedSysPath.test_child_sys_path: children in ${what}, with JSON, TSX and an import map`, () =>
    withFiles(async (root) => assertEquals(await said(args, root + folder), expected)));
}

Deno.test("a function of the text given to deno eval is refused with a sentence that says why", () =>
  withFiles(async (cwd) => {
    const code = `import * as mp from "multi"; export function f() {} ` +
      `try { new mp.Process({ target: f, stderr: "null" }).start(); } catch (error) { console.log("[" + error.message); }`;
    const [message] = await said(["eval", code], cwd);
    assertStringIncludes(message, 'Cannot run "f"');
    assertStringIncludes(
      message,
      "given to Deno as text, which no other process can import; put the function into a file",
    );
  }));
