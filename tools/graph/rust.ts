// Reads which modules of a crate use which, from `crate::…` in its sources. Tests are left out: they may look up.

import type { Arrow, Graph } from "./arrows.ts";

const COMMENT = /\/\*[^]*?\*\/|\/\/.*$/gm;
/** A module of tests in the file that it tests. */
const TESTS = /^#\[cfg\((?:all\()?test\b.*\]\n(?:#\[.*\]\n)*mod \w+ \{\n[^]*?^\}$/gm;

/** The names that the file at `path`, relative to the crate's `src`, uses of the crate's root, each once. */
export function usedOf(path: string, text: string): string[] {
  const depth = path.replace(/(?:\/mod)?\.rs$/, "").split("/").length;
  const code = text.replaceAll(TESTS, "").replaceAll(COMMENT, "")
    // `super` that leads from the file's own module to the root.
    .replaceAll(new RegExp(`^(pub(?:\\(.*?\\))? )?use (?:super::){${depth}}`, "gm"), "$1use crate::");
  const names = [...code.matchAll(/\bcrate::(?:(\w+)|\{([^;]*?)\};)/g)].flatMap(([, name, list]) =>
    name === undefined ? firstNames(list) : [name]
  );
  return [...new Set(names)];
}

/** What stands first in each item of `{a::B, c::{d, e}}`. */
function firstNames(list: string): string[] {
  let flat = list;
  while (/\{[^{}]*\}/.test(flat)) flat = flat.replaceAll(/\{[^{}]*\}/g, "");
  return flat.split(",").map((item) => item.trim().match(/^\w+/)?.[0]).filter((name) => name !== undefined);
}

/** The graph of a crate's files, given by their paths relative to its `src`, and texts. */
export function graphOf(name: string, files: ReadonlyMap<string, string>): Graph {
  const root = files.get("lib.rs") ?? "";
  const reexported = new Map(
    [...root.matchAll(/^pub use (\w+)::(?:(\w+)|\{([^}]*)\});/gm)].flatMap(([, module, single, list]) =>
      (single === undefined ? firstNames(list) : [single]).map((name) => [name, module])
    ),
  );
  const unitOf = new Map(
    [...files.keys()].filter((path) => path !== "lib.rs").map((path) => [path, path.match(/^\w+/)![0]]),
  );
  const places = new Map([...unitOf].map(([path, unit]) => [unit, path]));
  for (const path of unitOf.keys()) if (/^\w+(?:\/mod)?\.rs$/.test(path)) places.set(unitOf.get(path)!, path);
  const arrows = [...unitOf.keys()].flatMap((from): Arrow[] =>
    usedOf(from, files.get(from)!)
      .map((name) => places.get(reexported.get(name) ?? name))
      .filter((to) => to !== undefined && unitOf.get(to) !== unitOf.get(from))
      .map((to) => ({ from, to: to! }))
  );
  return { name, unitOf, arrows };
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
