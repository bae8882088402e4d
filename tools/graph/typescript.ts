// Reads the import graph of the package's TypeScript. What is imported for its types only counts, too: a reader who
// follows a type goes the same way.
//
// The text is searched, not parsed: `deno fmt` has every statement in one form, and a checkout that does not compile, or
// of another time, can be read as well.

import type { Arrow, Graph } from "./arrows.ts";

/** `import … from "…"`, `export … from "…"`. */
const FROM =
  /^(?:import|export)\s+(?:type\s+)?(?:[\w$]+,?\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+[\w$]+)?)?\s*from\s*"([^"]+)"/gm;
/** `import "…"`, `import("…")`. */
const BARE = /^import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)/gm;
/** `export { … } from "…";`, `export * from "…";`. */
const EXPORTS = /^export\s+(?:type\s+)?(?:\{[^}]*\}|\*)\s*from\s*"[^"]+";$/gm;
const COMMENT = /\/\*[^]*?\*\/|(?<=^|[;{}\s])\/\/.*$/gm;

/** The package by its own name, or one of its sub-paths. */
const OWN_NAME = /^@parallel\/multiprocessing(?:\/(\w+))?$/;

/** The specifiers that a module imports or exports from, in the order of the text, each once. */
export function importsOf(text: string): string[] {
  const code = text.replaceAll(COMMENT, "");
  const found = [...code.matchAll(FROM), ...code.matchAll(BARE)].sort((a, b) => a.index - b.index);
  return [...new Set(found.map(([, first, second]) => first ?? second))];
}

/** What a module has besides lists of exports, its first line; `undefined` if it has nothing else. */
export function moreThanExports(text: string): string | undefined {
  const rest = text.replaceAll(COMMENT, "").replaceAll(EXPORTS, "");
  return rest.split("\n").find((line) => line.trim() !== "");
}

/** The path of the file of this repository that the module at `from` imports by that specifier, if it is one. */
export function importedPath(from: string, specifier: string): string | undefined {
  const own = specifier.match(OWN_NAME);
  if (own !== null) return own[1] === undefined ? "mod.ts" : own[1] === "cli" ? "cli.ts" : `src/${own[1]}.ts`;
  return specifier.startsWith(".") ? new URL(specifier, `file:///${from}`).pathname.slice(1) : undefined;
}

/**
 * The graph of modules given by their paths, relative to the package's folder, and texts. A unit is a folder of `src`,
 * together with the file of its name, which is its face; or a file in no folder.
 */
export function graphOf(modules: ReadonlyMap<string, string>): Graph {
  const folderOf = (path: string) => path.match(/^src\/([^/]+)\//)?.[1];
  const folders = new Set([...modules.keys()].map(folderOf));
  const unitOf = (path: string) => {
    const file = path.replace(/^src\//, "");
    const faced = file.replace(/\.ts$/, "");
    return folderOf(path) ?? (folders.has(faced) ? faced : file);
  };
  const arrows = [...modules].flatMap(([from, text]): Arrow[] =>
    importsOf(text)
      .map((specifier) => importedPath(from, specifier))
      .filter((to) => to !== undefined && modules.has(to))
      .map((to) => ({ from, to: to! }))
  );
  return { name: "src", unitOf: new Map([...modules.keys()].map((path) => [path, unitOf(path)])), arrows };
}

/** The modules of the package in the folder `root`, by their paths. */
export function readModules(root: string): Map<string, string> {
  const modules = new Map(["mod.ts", "cli.ts"].map((path) => [path, Deno.readTextFileSync(`${root}/${path}`)]));
  const read = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(`${root}/${folder}`)) {
      const path = `${folder}/${name}`;
      if (isDirectory) read(path);
      else if (name.endsWith(".ts")) modules.set(path, Deno.readTextFileSync(`${root}/${path}`));
    }
  };
  read("src");
  return modules;
}
