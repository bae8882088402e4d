// Puts the package's modules together into the few files of `dist/`, which programs import: each module costs Deno some
// 0.2 ms of every start, of which a pool of processes has many.
//
// dist/chunk-….js  everything that is exported, and what it needs
// dist/child_main.js, dist/worker_main.js, dist/engine_worker_main.js, dist/server_main.js  what children are started with (src/runtime/own_modules.ts)
// dist/mod.js, dist/queues.js, …  one for each entry of "exports" in deno.json
// dist/managers_inside.js, dist/engine.js, dist/engine_managers.js  what is loaded when it is first wanted; Deno reads them
// at each start all the same, since imports name them, and so they are few
// dist/agent.js  the program that a host runs
// dist/import_map.json  their names
// dist/types/  the sources, for their types (tools/types.ts)
// dist/package.json  says to other runtimes that these are modules, so that they come as far as being told what they lack

import configuration from "../deno.json" with { type: "json" };
import { suitStarts } from "./early.ts";
import { withoutIndentation } from "./syntax.ts";
import { copyTypes, typesLine } from "./types.ts";

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);
const ENTRIES = new URL("target/entries/", ROOT);

/** The modules that children are started with. */
const CHILD_MAIN = "src/child/main.ts";
const WORKER_MAIN = "src/pool/worker_main.ts";
const ENGINE_WORKER_MAIN = "src/engine/pool/worker_main.ts";
/** What is loaded when the first manager is used. */
const MANAGERS = "src/managers.ts";
/** The name of the chunk that all of it is in. */
const MANAGERS_INSIDE = "managers_inside";
/** What is loaded when the first manager on an engine is used. */
const ENGINE_MANAGERS = "src/engine/manager.ts";
/** What is loaded when the first context on an engine is wanted, and what stands in its place until then. */
const ENGINE_CONTEXT = "src/context/remote.ts";
const LATE_CONTEXT = "src/context/remote_late.ts";
/** What a process on a host loads first of all. */
const ENGINE_BOOT = "src/engine/boot.ts";
/** What is loaded of an engine, whoever does: one file, since Deno reads all that an import may ever load. */
const ENGINE = [ENGINE_CONTEXT, ENGINE_BOOT];
/** In the chunk that all share, since a file of its own would cost every start more than these few lines do. */
const ATTRIBUTION = "src/pool/attribution.ts";
const SERVER_MAIN = "src/managers/server_main.ts";
/** The command line, which no program loads. */
const COMMAND_LINE = "cli.ts";
/** Pickles, which only programs load that talk with Python. */
const PICKLE = "src/pickle.ts";
/** What managers need to speak with Python's, which is loaded when the first does. */
const PYTHON_MANAGERS = "src/python_managers/load.ts";
/** The agent's program, which a host runs. */
const AGENT = "src/engine/agent.ts";
/** What that does as a program. */
const LEND = `import { runAgent } from "../../${AGENT}";\nif (import.meta.main) Deno.exit(await runAgent(Deno.args));`;
/** Shared memory with names, which only programs load that import it. */
const SHARED_MEMORY = "src/shared_memory.ts";
/** The entries that are not in the chunk that all share, but beside it. */
const APART = [MANAGERS, SHARED_MEMORY, COMMAND_LINE, PICKLE];
/** What the command line does as a program. The bundler takes `import.meta.main` of a module that an entry imports for false. */
const OBEY = `import { main } from "../../${COMMAND_LINE}";\nif (import.meta.main) Deno.exit(await main(Deno.args));`;

/**
 * Puts the files that the bundler has left in folders beside the others. JavaScript saves Deno the look into its cache of
 * emitted files: what finds the starters by their URLs shall find that.
 */
function flatten(folder: string): void {
  const named = (name: string) => name.replace(/^main\b/, "child_main");
  const rewrite = (from: string) => {
    for (const { name, isDirectory } of [...Deno.readDirSync(from)]) {
      const file = `${from}/${name}`;
      if (isDirectory) {
        rewrite(file);
        Deno.removeSync(file);
        continue;
      }
      const text = Deno.readTextFileSync(file)
        .replaceAll(
          /"\.{1,2}\/(?:[\w.]+\/)*(chunk-\w+|main|managers|python_managers|engine(?:_\w+)?)\.js"/g,
          (_, module) => `"./${named(module)}.js"`,
        );
      Deno.removeSync(file);
      Deno.writeTextFileSync(
        `${folder}/${named(name)}`,
        withoutUsing(withNames(withoutComments(requiringFirst(text)))),
      );
    }
  };
  rewrite(folder);
  dropEmptyChunks(folder);
}

/**
 * The file with the module first that says what the package needs, where it is in that file. The bundler puts modules
 * into any order in which each is behind those that it imports; and this one imports none.
 */
function requiringFirst(text: string): string {
  const begin = text.search(/^\/\/ .*src\/runtime\/requirement\.ts\n/m);
  if (begin < 0) return text;
  const length = text.slice(begin + 1).search(/^\/\/ .*\.ts\n/m) + 1;
  return text.slice(begin, begin + length) + text.slice(0, begin) + text.slice(begin + length);
}

/** Removes the chunks of modules that have nothing but types, and what imports them. */
function dropEmptyChunks(folder: string): void {
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name);
  const empty = files.filter((name) => Deno.statSync(`${folder}/${name}`).size === 0);
  for (const name of empty) Deno.removeSync(`${folder}/${name}`);
  for (const name of files.filter((name) => !empty.includes(name))) {
    const text = Deno.readTextFileSync(`${folder}/${name}`);
    const lines = text.split("\n").filter((line) => !empty.some((chunk) => line === `import "./${chunk}";`));
    Deno.writeTextFileSync(`${folder}/${name}`, lines.join("\n"));
  }
}

/** Source files of the package's entry points by their names in `dist/`. */
function entryPoints(): [string, string][] {
  const names = Object.entries(configuration.exports);
  return names.map(([name, path]) => [name === "." ? "mod" : name.slice(2), path.slice(2)]);
}

/** How the files are called that show a module of the inside to tests. */
export function faceOf(path: string): string {
  return `inside_${path.replace(/^src\/|\.ts$/g, "").replaceAll("/", "_")}`;
}

/** What is in the chunks beside those of a module of the inside. */
function besides(path: string, all: string[]): string[] {
  if (path.startsWith("src/shared_memory/")) return [SHARED_MEMORY, MANAGERS, ...all];
  if (path.startsWith("src/python_managers/")) return [PYTHON_MANAGERS, PICKLE, MANAGERS, ...all];
  if (path.startsWith("src/managers/")) return [MANAGERS, ...all];
  if (path.startsWith("src/pickle/")) return [PICKLE, ...all];
  if (path.startsWith("src/engine/")) return [...ENGINE, ...all];
  return all;
}

/**
 * Writes `dist/` anew, or another folder, in which modules of the inside have faces for tests. Throws with what is wrong.
 */
export async function bundle(into: URL = DIST, inside: readonly string[] = []): Promise<void> {
  Deno.mkdirSync(ENTRIES, { recursive: true });
  const write = (name: string, paths: string[], others: string[] = [], program = ""): string => {
    const file = new URL(`${name}.ts`, ENTRIES);
    const lines = [
      paths.map((path) => `export * from "../../${path}";`),
      [ATTRIBUTION, ...others].map((path) => `import "../../${path}";`),
      program,
    ];
    Deno.writeTextFileSync(file, `${lines.flat().join("\n")}\n`);
    return file.pathname;
  };
  const all = entryPoints().map(([, path]) => path).filter((path) => !APART.includes(path));
  // With all of the package in each of them, there is one chunk for what they share, not one for each two or three.
  const files = [
    CHILD_MAIN,
    write("worker_main", [WORKER_MAIN, ...all]),
    write("engine_worker_main", [ENGINE_WORKER_MAIN, ...all], ENGINE),
    write("server_main", [SERVER_MAIN, MANAGERS, ...all]),
    // What is loaded late has all of the package in it, too, under the name by which the sources load it.
    write("managers", [MANAGERS], all),
    write("engine_managers", [ENGINE_MANAGERS], [MANAGERS, ...ENGINE, ...all]),
    write("engine", ENGINE, all),
    write("shared_memory", [SHARED_MEMORY], [MANAGERS, ...all]),
    write("pickle", [PICKLE], all),
    write("python_managers", [PYTHON_MANAGERS], [PICKLE, MANAGERS, ...all]),
    write("cli", [COMMAND_LINE], all, OBEY),
    write("agent", [AGENT], [...ENGINE, ...all], LEND),
    write("multiprocessing", all),
    ...inside.map((path) => write(faceOf(path), [path], besides(path, all))),
  ];
  const map = writeImportMap({
    [MANAGERS]: "target/entries/managers.ts",
    [ENGINE_MANAGERS]: "target/entries/engine_managers.ts",
    [PYTHON_MANAGERS]: "target/entries/python_managers.ts",
    [ENGINE_CONTEXT]: LATE_CONTEXT,
    [ENGINE_BOOT]: "target/entries/engine.ts",
  });
  const fresh = Deno.makeTempDirSync({ dir: ROOT.pathname, prefix: "dist." });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--code-splitting", `--import-map=${map}`, `--outdir=${fresh}`, ...files],
      cwd: ROOT,
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
    flatten(fresh);
    if (inside.length === 0) {
      uniteWithChunk(fresh, "engine");
      passFace(fresh);
    } else { // with faces of the inside, chunks may call things otherwise
      Deno.writeTextFileSync(`${fresh}/${MANAGERS_INSIDE}.js`, 'export * from "./managers.js";\n');
    }
    const [chunk, ...others] = chunksOf(`${fresh}/multiprocessing.js`);
    if (others.length > 0) {
      throw new Error(`Cannot put the package together: it is in ${others.length + 1} chunks, wanted 1`);
    }
    const inChunk = namesInChunk(`${fresh}/multiprocessing.js`);
    for (const [name, path] of entryPoints()) {
      const face = `${fresh}/${name}.js`;
      if (!APART.includes(path)) {
        const names = Object.keys(await import(new URL(path, ROOT).href)).sort();
        const exported = names.map((it) => inChunk(it) === it ? it : `${inChunk(it)} as ${it}`);
        Deno.writeTextFileSync(face, `export { ${exported.join(", ")} } from "${chunk}";\n`);
      }
      prepend(face, typesLine(path));
    }
    for (const name of ["multiprocessing", "managers", "engine_managers"]) {
      renameIn(fresh, `${fresh}/${name}.js`);
    }
    Deno.removeSync(`${fresh}/multiprocessing.js`);
    const imports = entryPoints().map((
      [name],
    ) => [configuration.name + (name === "mod" ? "" : `/${name}`), `./${name}.js`]);
    Deno.writeTextFileSync(`${fresh}/import_map.json`, JSON.stringify({ imports: Object.fromEntries(imports) }));
    Deno.writeTextFileSync(`${fresh}/package.json`, JSON.stringify({ type: "module" }));
    await suitStarts(fresh);
    rewriteAll(fresh, (text, name) => name.endsWith(".js") ? withoutIndentation(text) : text);
    copyTypes(ROOT, fresh, ["mod.ts", "cli.ts", "src"]);
    replace(fresh, into);
  } finally {
    if (exists(fresh)) Deno.removeSync(fresh, { recursive: true });
  }
}

/**
 * Gives the chunk that an entry has all its exports from the entry's own name, instead of a file that does nothing but
 * pass them on. The entry may pass them on by the chunk's own names only.
 */
function uniteWithChunk(folder: string, entry: string): void {
  const face = `${folder}/${entry}.js`;
  const [chunk, ...others] = chunksOf(face);
  if (others.length > 0 || namesOf(face).some(([exported, inChunk]) => exported !== inChunk)) {
    throw new Error(`Cannot put the package together: "${entry}" is more than a face of one chunk`);
  }
  renameChunk(folder, chunk, entry);
}

/** Has what loads managers late load their chunk; the face is for programs that import managers by name. */
function passFace(folder: string): void {
  const [chunk] = chunksOf(`${folder}/managers.js`);
  renameChunk(folder, chunk, MANAGERS_INSIDE);
  rewriteAll(folder, (text) => text.replaceAll('import("./managers.js")', `import("./${MANAGERS_INSIDE}.js")`));
}

function renameChunk(folder: string, chunk: string, name: string): void {
  Deno.renameSync(`${folder}/${chunk}`, `${folder}/${name}.js`);
  rewriteAll(folder, (text) => text.replaceAll(`"${chunk}"`, `"./${name}.js"`));
}

function rewriteAll(folder: string, rewrite: (text: string, name: string) => string): void {
  for (const { name } of [...Deno.readDirSync(folder)]) {
    const file = `${folder}/${name}`;
    Deno.writeTextFileSync(file, rewrite(Deno.readTextFileSync(file), name));
  }
}

/** The chunks that a file imports from. */
function chunksOf(file: string): string[] {
  return [...new Set(Deno.readTextFileSync(file).match(/(?<= from ")\.\/(?:chunk-\w+|managers_inside)\.js(?=")/g))];
}

/**
 * What the chunk calls that which the package exports under a name. It may be called otherwise there: other chunks use
 * things of the inside by the same name.
 */
function namesInChunk(file: string): (exported: string) => string {
  const names = new Map(namesOf(file));
  return (name) => {
    const inChunk = names.get(name);
    if (inChunk === undefined) throw new Error(`Cannot put the package together: nothing is exported as "${name}"`);
    return inChunk;
  };
}

/** What a file exports that it has from a chunk, and what the chunk calls that. */
function namesOf(file: string): [exported: string, inChunk: string][] {
  const text = Deno.readTextFileSync(file);
  const imported = new Map(listed(text, "import").map(([inChunk, local]) => [local, inChunk]));
  return listed(text, "export").flatMap(([local, exported]) =>
    imported.has(local) ? [[exported, imported.get(local)!]] : []
  );
}

/** The names in the lists of imports, or of exports: `a as b` is `["a", "b"]`. */
function listed(text: string, keyword: "import" | "export"): [string, string][] {
  const lists = [...text.matchAll(new RegExp(`^${keyword} \\{([^}]*)\\}`, "gm"))].map(([, list]) => list);
  const items = lists.flatMap((list) => list.split(",")).map((it) => it.trim()).filter((it) => it !== "");
  return items.map((it) => {
    const [from, to = from] = it.split(" as ");
    return [from, to];
  });
}

/** Has functions and classes say the names that they are exported by in the end, where their chunk calls them otherwise. */
function renameIn(folder: string, entry: string): void {
  const names = new Map(
    namesOf(entry).filter(([exported, inChunk]) => exported !== inChunk).map(([to, from]) => [from, to]),
  );
  for (const chunk of chunksOf(entry).map((it) => `${folder}/${it}`)) {
    const text = Deno.readTextFileSync(chunk);
    const lines = listed(text, "export").filter(([local, inChunk]) => names.has(inChunk) && isFunction(text, local))
      .map(([local, inChunk]) => nameLine(local, names.get(inChunk)!));
    Deno.writeTextFileSync(chunk, text + lines.join(""));
  }
}

/** Whether a file has a function or class of that name. */
function isFunction(text: string, local: string): boolean {
  return new RegExp(`^(async )?function\\*? ${local}\\(|^class ${local} |^var ${local} = class `, "m").test(text);
}

function nameLine(local: string, name: string): string {
  return `Object.defineProperty(${local}, "name", { value: "${name}" });\n`;
}

/** An import map by which the sources find other modules in the places of some; the entries find these themselves. */
function writeImportMap(instead: Record<string, string>): string {
  const file = new URL("import_map.json", ENTRIES);
  const absolute = (path: string) => new URL(path, ROOT).href;
  const imports = Object.fromEntries(Object.entries(instead).map(([path, other]) => [absolute(path), absolute(other)]));
  const own = Object.fromEntries(Object.keys(instead).map((path) => [absolute(path), absolute(path)]));
  const packages = Object.entries(configuration.imports).filter(([, place]) => place.startsWith("npm:"));
  // What stands in the place of a module loads its entry.
  const late = { [absolute(ENGINE_CONTEXT)]: new URL("engine.ts", ENTRIES).href };
  const scopes = { [ENTRIES.href]: own, [absolute(LATE_CONTEXT)]: late };
  const map = { imports: { ...Object.fromEntries(packages), ...imports }, scopes };
  Deno.writeTextFileSync(file, JSON.stringify(map));
  return file.pathname;
}

function prepend(file: string, text: string): void {
  Deno.writeTextFileSync(file, text + Deno.readTextFileSync(file));
}

/**
 * The file without the comments that have lines of their own. They are a sixth of it, and what is not ASCII stands in
 * them: with that V8 holds the text at two bytes a character. Each start of a process is more than 1 ms shorter. (No
 * text of the package that goes over several lines has a line that looks like a comment.)
 */
function withoutComments(text: string): string {
  return text.replaceAll(/^[ \t]*(?:\/\*\*(?:[^*]|\*(?!\/))*\*\/|\/\/ .*)[ \t]*\n/gm, "");
}

/**
 * The file with classes, and functions that it exports, under the names that they have in the sources. The bundler's own
 * `--keep-names` does so by a call for each of some 500, which takes 3 ms of every start.
 */
function withNames(text: string): string {
  // A class that speaks of itself has been given a name of its own inside: `var Lock = class _Lock`.
  const selves = Array.from(text.matchAll(/^var (\w+) = class _\1\b/gm), ([, name]) => name);
  const classes = selves.reduce((text, name) => text.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), name), text);
  // What had to give way to another module's: `export { wait2 as wait }`.
  const exported = [...classes.matchAll(/^ +(\w+) as (\w+),?$/gm)];
  const renamed = exported.filter(([, local]) => isFunction(classes, local));
  const named = renamed.map(([, local, name]) => nameLine(local, name));
  return classes + named.join("");
}

/**
 * The file without `using`, which older runtimes cannot read: they are to be told that they are no Deno, or too old
 * (src/runtime/requirement.ts), and a file is read as a whole before any of it runs. The bundler's own indentation tells
 * where a block ends.
 */
export function withoutUsing(text: string): string {
  const lines = text.split("\n");
  const indentOf = (line: string) => line.length - line.trimStart().length;
  // From the last to the first: each block ends before the line that the next one further up ends with.
  for (let begin = lines.length - 1; begin >= 0; begin--) {
    const [, indent, name] = lines[begin].match(/^( +)using (\w+) = /) ?? [];
    if (indent === undefined) continue;
    const isIn = (line: string) => line === "" || indentOf(line) >= indent.length;
    const statement = lines.findIndex((line, i) =>
      i >= begin && line.endsWith(";") && indentOf(line) === indent.length
    );
    const end = lines.findIndex((line, i) => i > statement && !isIn(line));
    lines.splice(end, 0, `${indent}} finally {`, `${indent}  ${name}?.[Symbol.dispose]();`, `${indent}}`);
    lines.splice(statement + 1, 0, `${indent}try {`);
    lines[begin] = lines[begin].replace("using", "const");
  }
  return lines.join("\n");
}

/** Puts the folder in the place of another. */
function replace(fresh: string, into: URL): void {
  Deno.chmodSync(fresh, 0o755); // a temporary folder is for its owner only
  if (exists(into.pathname)) Deno.removeSync(into, { recursive: true });
  Deno.renameSync(fresh, into.pathname);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
