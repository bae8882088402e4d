// Every code block of the documents. A block of TypeScript is a program of its own in a real `deno run`, as a user has
// it: in a folder with a deno.json that names dist/, and with a.txt, b.txt and orders.jsonl. The words after "ts" say:
//
//   args=a.txt,b.txt  what the program is called with
//   file=name.ts      what the file is called; a block that only other programs import is `module`, too, and lies in
//                     the folder of the programs of its section
//   test              it is run by `deno test`
//   flags=a,b         flags instead of -A
//   exit=n            its exit code, if not 0
//   stderr            it writes to its standard error
//   with-python       the Python program beside it runs at the same time
//   python            it runs functions of the Python module of its section, whose word "file" says what that is called
//   engine            it is run where redis-server is installed, with an engine and an agent; the engine's URL is that of
//                     the environment, and whatever URL stands in it, and the key is in mp.key
//   no-run: why       it is checked only
//
// What stands behind a console.log as a comment must be a line of the output, unless it begins with "such as". A block
// of text right after a program is its whole output.

import { assert, assertEquals } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { type Block, Document, documentPaths, ROOT } from "./markdown.ts";
import { hasEngine } from "../support/engine.ts";
import { type Host, KEY, KEY_FILE, startHost } from "./host.ts";
import { complaintOf, type Outcome, PATIENCE, run } from "./programs.ts";
import { makeProject } from "./project.ts";

/** Programs that run at the same time. */
const SIDE_BY_SIDE = navigator.hardwareConcurrency + 1;
const TEXTS = {
  "a.txt": "the quick brown fox jumps\n",
  "b.txt": "over the lazy dog\n",
  "orders.jsonl": '{"country":"NL","amount":3}\n{"country":"CH","amount":5}\n{"country":"NL","amount":4}\n',
};
const WORDS = [
  "args",
  "file",
  "module",
  "test",
  "flags",
  "exit",
  "stderr",
  "with-python",
  "python",
  "engine",
  "no-run",
];

/** A program of a document in a folder of its own. */
interface Program {
  readonly block: Block;
  readonly where: string;
  readonly folder: string;
  readonly path: string;
  readonly python: string | null;
  /** What it is to print, if all of that is said. */
  readonly output: string | null;
}

const documents = documentPaths().map((path) => new Document(path));
const python = await findPython();

async function findPython(): Promise<string | null> {
  try {
    const { success } = await new Deno.Command("python3", { args: ["--version"], stdout: "null" }).output();
    return success ? "python3" : null;
  } catch {
    return null;
  }
}

/** Writes the programs of a document. */
function programsOf(document: Document, base: string): Program[] {
  const blocks = document.blocks.filter(({ language }) => language === "ts");
  return blocks.filter(({ words }) => !words.has("module")).map((block) => {
    const where = document.where(block);
    const folder = `${base}/${where.replace(/[^\w]/g, "_")}`;
    Deno.mkdirSync(folder);
    for (const [name, text] of Object.entries(TEXTS)) Deno.writeTextFileSync(`${folder}/${name}`, text);
    if (block.words.has("engine")) Deno.writeFileSync(`${folder}/${KEY_FILE}`, KEY);
    for (const other of blocks) {
      if (other.section !== block.section || !other.words.has("module")) continue;
      Deno.writeTextFileSync(`${folder}/${other.words.get("file")}`, other.text);
    }
    for (const other of document.blocks) {
      if (!block.words.has("python") || other.section !== block.section || other.language !== "python") continue;
      Deno.writeTextFileSync(`${folder}/${other.words.get("file")}`, other.text);
    }
    const path = `${folder}/${block.words.get("file") ?? (block.words.has("test") ? "main_test.ts" : "main.ts")}`;
    Deno.writeTextFileSync(path, block.text);
    const after = document.blocks[document.blocks.indexOf(block) + 1];
    const output = after?.language === "text" && after.isAdjacent ? after.text : null;
    const peer = document.blocks.find((other) => other.language === "python" && other.section === block.section);
    return { block, where, folder, path, python: block.words.has("with-python") ? peer!.text : null, output };
  });
}

/** Whether somebody listens: at the TCP port, or at a socket in the folder. */
function isListening(port: number, folder: string): boolean {
  const address = `:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  if (Deno.readTextFileSync("/proc/net/tcp").includes(address)) return true;
  return [...Deno.readDirSync(folder)].some(({ name }) => name.endsWith(".sock"));
}

/** What listens, in either language. */
const LISTENS = /\b(?:Listener|getServer)\(|\bSyncManager\b/;

/** Runs a program and Python's beside it: if they talk, first the one that listens, at another port. */
async function runBoth(program: Program, start: () => Promise<Outcome>): Promise<Outcome> {
  const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = free.addr as Deno.NetAddr;
  free.close();
  const here = (text: string) => text.replaceAll("6000", String(port));
  Deno.writeTextFileSync(program.path, here(program.block.text));
  Deno.writeTextFileSync(`${program.folder}/peer.py`, here(program.python!));
  const other = () => run(python!, ["peer.py"], program.folder);
  const isTalk = [program.python!, program.block.text].some((text) => LISTENS.test(text));
  const [first, second] = LISTENS.test(program.python!) ? [other, start] : [start, other];
  const listening = first();
  const end = performance.now() + PATIENCE;
  const isOver = listening.then(() => true);
  while (isTalk && !isListening(port, program.folder)) {
    assert(performance.now() < end, "nobody listens");
    const isAtEnd = await Promise.race([isOver, new Promise<false>((resolve) => setTimeout(resolve, 20, false))]);
    if (isAtEnd) return await listening;
  }
  const [a, b] = await Promise.all([listening, second()]);
  return { code: a.code + b.code, stdout: a.stdout + b.stdout, stderr: a.stderr + b.stderr };
}

/** What is wrong with a program's run, or `null`. */
async function complaint(program: Program, host: Host | null): Promise<string | null> {
  const { words, text } = program.block;
  const flags = words.get("flags")?.split(",") ?? ["-A"];
  const args = words.get("args")?.split(",") ?? [];
  const command = words.has("test") ? ["test", "--no-check"] : ["run"];
  if (words.has("engine")) Deno.writeTextFileSync(program.path, host!.reached(text));
  const line = [...command, "--quiet", ...flags, program.path, ...args];
  const start = () => run(Deno.execPath(), line, program.folder, host?.env);
  const outcome = await (program.python === null ? start() : runBoth(program, start));
  return complaintOf(program.where, text + (program.python ?? ""), outcome, {
    exit: Number(words.get("exit") ?? 0),
    output: program.output,
    mayComplain: words.has("stderr"),
  });
}

/** Runs `work` for each item, some at a time. */
async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: SIDE_BY_SIDE }, worker));
}

Deno.test("documents: the words of code blocks are known, and what does not run says why", () => {
  for (const document of documents) {
    for (const block of document.blocks.filter(({ language }) => language === "ts")) {
      const where = document.where(block);
      for (const word of block.words.keys()) assert(WORDS.includes(word), `${where}: unknown word "${word}"`);
      const fence = document.text.split("\n")[block.line - 2];
      if (block.words.has("no-run")) assert(/no-run: \w/.test(fence), `${where}: say why it does not run`);
      if (block.words.has("module")) assert(block.words.has("file"), `${where}: a module needs a name`);
    }
  }
});

Deno.test("documents: every program type-checks", async () => {
  using project = makeProject();
  const paths = documents.flatMap((document) => programsOf(document, project.path)).map(({ path }) => path);
  assert(paths.length > 20, `only ${paths.length} programs`);
  const { code, stderr } = await run(Deno.execPath(), ["check", "--quiet", ...paths], project.path);
  assertEquals(code, 0, stderr);
});

for (const document of documents) {
  if (!document.blocks.some(({ language }) => language === "ts")) continue;
  const isOnEngine = document.blocks.some(({ words }) => words.has("engine"));
  const without = isOnEngine && !hasEngine ? " (those with an engine are left out: redis-server is not installed)" : "";
  Deno.test(`documents: the programs of ${document.path} run${without}`, async () => {
    using project = makeProject();
    const programs = programsOf(document, project.path).filter(({ block: { words }, python: needed }) =>
      !words.has("no-run") && (python !== null || needed === null && !words.has("python")) &&
      (!words.has("engine") || hasEngine)
    );
    await using host = isOnEngine && hasEngine ? await startHost() : null;
    const complaints: string[] = [];
    await forEach(programs, async (program) => {
      const found = await complaint(program, host).catch((error) => `${program.where}: ${error}`);
      if (found !== null) complaints.push(found);
    });
    assert(complaints.length === 0, complaints.join("\n\n"));
  });
}

Deno.test("documents: a project that is made as the README says runs its first program", async () => {
  const { imports } = JSON.parse(Deno.readTextFileSync(new URL("dist/import_map.json", ROOT)));
  assertEquals(Object.keys(imports).length, Object.keys(configuration.exports).length);
  const readme = documents.find(({ path }) => path === "README.md")!;
  const text = (language: string) => readme.blocks.find((block) => block.language === language)!.text;
  const base = Deno.makeTempDirSync({ prefix: "documents_" });
  try {
    const clone = ROOT.pathname.slice(0, -1);
    Deno.writeTextFileSync(`${base}/deno.json`, text("json").replaceAll("/path/to/clone", clone));
    Deno.writeTextFileSync(`${base}/main.ts`, text("ts"));
    Deno.writeTextFileSync(`${base}/a.txt`, TEXTS["a.txt"]);
    assertEquals(await run(Deno.execPath(), ["run", "-A", "main.ts", "a.txt"], base), {
      code: 0,
      stdout: "[ 5 ]\n",
      stderr: "",
    });
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});

Deno.test("documents: JSON parses; commands name tasks and files that exist", () => {
  for (const document of documents) {
    for (const block of document.blocks) {
      const where = document.where(block);
      if (block.language === "json") JSON.parse(block.text);
      if (block.language !== "sh") continue;
      for (const [, task] of block.text.matchAll(/\btask ([a-z]\S*)/g)) {
        assert(Object.hasOwn(configuration.tasks, task), `${where}: there is no task "${task}"`);
      }
      for (
        const [path] of block.text.matchAll(/(?<![\w/.~-])(?:bench|docs|examples|native|src|tests|tools)\/[\w./-]+/g)
      ) {
        assert(isThere(path), `${where}: there is no ${path}`);
      }
    }
  }
});

function isThere(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}
