// Reads which modules of a crate use which, from `crate::…` in its sources. Tests are left out: they may look up.

import type { Arrow, Graph } from "./arrows.ts";

const COMMENT = /\/\*[^]*?\*\/|\/\/.*$/gm;
/** A module of tests in the file that it tests. */
const TESTS = /^#\[cfg\((?:all\()?test\b.*\]\n(?:#\[.*\]\n)*mod \w+ \{\n[^]*?^\}$/gm;

/**
 * The paths that the file at `path`, relative to the crate's `src`, uses from the crate's root, each once and at most two
 * names long: `memory::heap`.
 */
export function usedOf(path: string, text: string): string[] {
  const modules = modulesOf(path);
  const code = text.replaceAll(TESTS, "").replaceAll(COMMENT, "")
    // `super`, as often as it stands there, from the file's own module: in `use`, and before a name in an expression.
    .replaceAll(/\b(?:super::)+/g, (supers) => {
      const rest = modules.slice(0, modules.length - supers.length / "super::".length);
      return ["crate", ...rest, ""].join("::");
    });
  const paths = [...code.matchAll(/\bcrate::((?:\w+::)*(?:\{[^;]*?\}(?=;)|\w+))/g)].flatMap(([, used]) =>
    pathsIn(used)
  );
  return [...new Set(paths.map((used) => used.split("::").slice(0, 2).join("::")))];
}

/** The paths in what stands behind `use`: `a::B` and `a::c::D` in `a::{B, c::{self, D}}`, and `a::c`. */
function pathsIn(used: string): string[] {
  const [, front, list] = used.match(/^([\w:]*)\{([^]*)\}/) ?? [];
  if (list === undefined) return used.match(/^\w[\w:]*/) ?? [];
  return itemsOf(list).flatMap(pathsIn).map((path) => path === "self" ? front.replace(/::$/, "") : `${front}${path}`);
}

/** Splits a list at its own commas, not at those of lists in it. */
function itemsOf(list: string): string[] {
  let depth = 0;
  const items = [""];
  for (const char of list) {
    if (char === "{") depth++;
    if (char === "}") depth--;
    if (char === "," && depth === 0) items.push("");
    else items[items.length - 1] += char;
  }
  return items.map((item) => item.trim());
}

/** The names of the modules that lead to the file at `path`. */
function modulesOf(path: string): string[] {
  return path.replace(/(?:\/mod)?\.rs$/, "").split("/");
}

/** The modules that names come from which `text` exports again, by these names. */
function reexports(text: string): Map<string, string> {
  const lists = [...text.matchAll(/^pub(?:\(.*?\))? use (?:self::)?(\w+::[^;]*);/gm)].flatMap(([, used]) =>
    pathsIn(used)
  );
  return new Map(lists.map((path) => [path.split("::").at(-1)!, path.split("::")[0]]));
}

/**
 * The graph of a crate's files, given by their paths relative to its `src`, and texts. A unit is a module of the crate;
 * of the modules `shared`, which have members on several floors, each member is one.
 */
export function graphOf(name: string, files: ReadonlyMap<string, string>, shared: readonly string[] = []): Graph {
  const units = new Map<string, string>(); // by path
  const faces = new Map<string, string>(); // path of a unit's first file, by unit
  for (const path of [...files.keys()].sort()) {
    const [first, second] = modulesOf(path);
    if (path === "lib.rs") continue;
    const unit = shared.includes(first) && second !== undefined ? `${first}/${second}` : first;
    units.set(path, unit);
    if (!faces.has(unit) || modulesOf(path).join("/") === unit) faces.set(unit, path);
  }
  const ofRoot = reexports(files.get("lib.rs") ?? "");
  const ofShared = new Map(shared.map((it) => [it, reexports(files.get(`${it}/mod.rs`) ?? "")]));
  const fileOf = (used: string): string | undefined => {
    const [first, second] = used.split("::");
    const module = ofRoot.get(first) ?? first;
    const member = ofShared.get(module)?.get(second) ?? second;
    return faces.get(`${module}/${member}`) ?? faces.get(module);
  };
  const arrows = [...units.keys()].flatMap((from): Arrow[] => {
    const given = shared.includes(modulesOf(from).join("/")) ? [...ofShared.get(modulesOf(from)[0])!.values()] : [];
    const paths = [...usedOf(from, files.get(from)!), ...given.map((member) => `${modulesOf(from)[0]}::${member}`)];
    const used = paths.map(fileOf).filter((to) => to !== undefined);
    return [...new Set(used)].filter((to) => units.get(to) !== units.get(from)).map((to) => ({ from, to }));
  });
  return { name, unitOf: units, arrows };
}

/** The files of the crate whose sources are in `folder`, by their paths. */
export function readFiles(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  const read = (under: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(`${folder}/${under}`)) {
      const path = `${under}${name}`;
      if (name === "tests" || name === "tests.rs") continue;
      if (isDirectory) read(`${path}/`);
      else if (name.endsWith(".rs")) files.set(path, Deno.readTextFileSync(`${folder}/${path}`));
    }
  };
  read("");
  return files;
}
