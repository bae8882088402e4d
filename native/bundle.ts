// Puts the package's modules together into the few files of `dist/`, which programs import: each module costs Deno some
// 0.2 ms of every start, of which a pool of processes has many. The types are still those of the sources.
//
// dist/multiprocessing.js  everything that is exported, and a chunk that it shares with the two below
// dist/child_main.ts, dist/worker.ts  what children are started with; named as in the sources, which find them by URL
// dist/mod.js, dist/queues.js, …      one for each entry of "exports" in deno.json
// dist/import_map.json  their names

import configuration from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);
const DIST = new URL("dist/", ROOT);
const ENTRIES = new URL("target/entries/", ROOT);

/** The modules that children are started with. */
const STARTERS = { child_main: "src/child_main.ts", worker: "src/pool/worker.ts" };

/** Source files of the package's entry points by their names in `dist/`. */
function entryPoints(): [string, string][] {
  const names = Object.entries(configuration.exports);
  return names.map(([name, path]) => [name === "." ? "mod" : name.slice(2), path.slice(2)]);
}

/** Writes `dist/` anew. Throws with what is wrong. */
export async function bundle(): Promise<void> {
  Deno.mkdirSync(ENTRIES, { recursive: true });
  const write = (name: string, paths: string[]): string => {
    const file = new URL(`${name}.ts`, ENTRIES);
    Deno.writeTextFileSync(file, paths.map((path) => `export * from "../../${path}";\n`).join(""));
    return file.pathname;
  };
  const files = Object.entries(STARTERS).map(([name, path]) => write(name, [path]));
  files.push(write("multiprocessing", entryPoints().map(([, path]) => path)));
  const fresh = Deno.makeTempDirSync({ dir: ROOT.pathname, prefix: "dist." });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--code-splitting", `--outdir=${fresh}`, ...files],
      cwd: ROOT,
      stderr: "piped",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
    for (const { name } of Deno.readDirSync(fresh)) {
      const file = `${fresh}/${name}`;
      Deno.writeTextFileSync(file, withNames(Deno.readTextFileSync(file)));
    }
    for (const name of Object.keys(STARTERS)) Deno.renameSync(`${fresh}/${name}.js`, `${fresh}/${name}.ts`);
    for (const [name, path] of entryPoints()) {
      const exported = Object.keys(await import(new URL(path, ROOT).href)).sort();
      Deno.writeTextFileSync(
        `${fresh}/${name}.js`,
        `// @ts-self-types="../${path}"\nexport { ${exported.join(", ")} } from "./multiprocessing.js";\n`,
      );
    }
    const imports = entryPoints().map((
      [name],
    ) => [configuration.name + (name === "mod" ? "" : `/${name}`), `./${name}.js`]);
    Deno.writeTextFileSync(`${fresh}/import_map.json`, JSON.stringify({ imports: Object.fromEntries(imports) }));
    replace(fresh);
  } finally {
    if (exists(fresh)) Deno.removeSync(fresh, { recursive: true });
  }
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
  const exported = [...classes.matchAll(/^  (\w+) as (\w+),?$/gm)];
  const renamed = exported.filter(([, local]) =>
    new RegExp(`^(async )?function\\*? ${local}\\(|^class ${local} |^var ${local} = class `, "m").test(classes)
  );
  const named = renamed.map(([, local, name]) => `Object.defineProperty(${local}, "name", { value: "${name}" });\n`);
  return classes + named.join("");
}

/** Puts the folder in the place of `dist/`. */
function replace(fresh: string): void {
  Deno.chmodSync(fresh, 0o755); // a temporary folder is for its owner only
  if (exists(DIST.pathname)) Deno.removeSync(DIST, { recursive: true });
  Deno.renameSync(fresh, DIST.pathname);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
