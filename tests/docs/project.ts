// A folder as a user's project: with a deno.json that names what the build has made.

import configuration from "../../deno.json" with { type: "json" };
import { type Document, ROOT } from "./markdown.ts";

/** A project, removed with all that is in it when it is disposed. */
export interface Project extends Disposable {
  /** The path of its folder. */
  readonly path: string;
}

/** Makes a project in a temporary folder. */
export function makeProject(): Project {
  const path = Deno.makeTempDirSync({ prefix: "documents_" });
  const { imports } = JSON.parse(Deno.readTextFileSync(new URL("dist/import_map.json", ROOT)));
  const dist = new URL("dist/", ROOT);
  const map = Object.fromEntries(
    Object.entries<string>(imports).map(([name, path]) => [name, new URL(path, dist).href]),
  );
  map["@std/assert"] = configuration.imports["@std/assert"];
  Deno.writeTextFileSync(`${path}/deno.json`, JSON.stringify({ imports: map, nodeModulesDir: "none" }));
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** Writes the program of a document that is called so into a project, and gives its path. */
export function writeProgram(document: Document, name: string, project: Project): string {
  const block = document.blocks.find(({ words }) => words.get("file") === name);
  if (block === undefined) throw new Error(`Cannot find a program called "${name}" in ${document.path}`);
  const path = `${project.path}/${name}`;
  Deno.writeTextFileSync(path, block.text);
  return path;
}
