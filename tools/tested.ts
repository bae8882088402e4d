// Puts the package together for the tests of the gate, in `dist.tested/`: as `dist/` has it, and with faces for those
// modules of the inside that tests import. A child of a test then loads a few files instead of 400, and begins in a third
// of the time; and what is tested is what users have. A test that is run by itself has the sources.

import configuration from "../deno.json" with { type: "json" };
import { bundle, faceOf } from "./bundle.ts";

const ROOT = new URL("../", import.meta.url);
const TESTED = new URL("dist.tested/", ROOT);

/** The import map by which tests find the package there. */
export const TESTED_MAP = new URL("import_map.json", TESTED);

/** The modules of the inside that tests and their fixtures import, in order. */
export function insideOf(texts: Iterable<string>, isThere: (path: string) => boolean): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    for (const [, path] of text.matchAll(/"(?:\.\.\/)+(src\/[\w/]+\.ts)"/g)) if (isThere(path)) found.add(path);
  }
  for (const path of Object.values(configuration.exports)) found.delete(path.slice(2));
  return [...found].sort();
}

function exists(path: string | URL): boolean {
  try {
    return Deno.statSync(new URL(path, ROOT)).isFile;
  } catch {
    return false;
  }
}

function* textsOf(folder: URL): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* textsOf(new URL(`${name}/`, folder));
    else if (name.endsWith(".ts")) yield Deno.readTextFileSync(new URL(name, folder));
  }
}

/** Writes `dist.tested/` anew, and its import map. */
export async function putTogether(): Promise<void> {
  const inside = insideOf(textsOf(new URL("tests/", ROOT)), exists);
  await bundle(TESTED, inside);
  const imports: Record<string, string> = {};
  for (const [name, place] of Object.entries(configuration.imports)) {
    if (place.startsWith("npm:")) imports[name] = place;
  }
  for (const [name, path] of Object.entries(configuration.exports)) {
    const file = new URL(name === "." ? "mod.js" : `${name.slice(2)}.js`, TESTED).href;
    imports[`${configuration.name}${name.slice(1)}`] = file;
    imports[new URL(path, ROOT).href] = file;
  }
  for (const path of inside) {
    const file = new URL(`${faceOf(path)}.js`, TESTED);
    if (!exists(file)) Deno.writeTextFileSync(file, "export {};\n"); // nothing but types
    imports[new URL(path, ROOT).href] = file.href;
  }
  Deno.writeTextFileSync(TESTED_MAP, JSON.stringify({ imports }, null, 2));
}

if (import.meta.main) await putTogether();
