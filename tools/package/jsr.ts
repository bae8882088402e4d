// The package for JSR: the sources that deno.json lists, and what they have of a clone put in another form.
//
// JSR builds nothing and has no optional dependencies: the addons are those of the npm packages. And modules come from the
// network there, so that a program must name all that its children are started with; in a clone these are in files.

import configuration from "../../deno.json" with { type: "json" };
import { PLATFORMS } from "../../src/addon/platform.ts";

/** A place in a source, and what stands there in the package. */
interface Change {
  readonly file: string;
  readonly from: RegExp;
  readonly to: string;
}

/** Writes the package to a folder. */
export function writeJsr(root: URL, folder: string): void {
  Deno.mkdirSync(folder, { recursive: true });
  for (const path of configuration.publish.include) copy(new URL(path, root).pathname, `${folder}${path}`);
  for (const change of changes()) apply(change, folder);
  const { name, version, license, exports } = configuration;
  // The addons were published a moment ago: `deno publish` would wait for a day until it takes them.
  const settings = { name, version, license, exports, minimumDependencyAge: 0 };
  Deno.writeTextFileSync(`${folder}deno.json`, `${JSON.stringify(settings, null, 2)}\n`);
}

/** What processes run that nothing imports. */
const WORKERS = ['"../pool/worker_main.ts"', '"../engine/pool/worker_main.ts"', '"../managers/server_main.ts"'];

function changes(): Change[] {
  const packages = Object.entries(PLATFORMS).map(([target, platform]) =>
    [target, `"npm:${configuration.name}-${platform}@${configuration.version}"`] as const
  );
  const resolved = packages.map(([target, name]) => `  "${target}": () => import.meta.resolve(${name}),\n`);
  return [
    {
      file: "src/addon/platform.ts",
      from: /^(const PACKAGED: .* = )\{\};$/m,
      to: `$1{\n${resolved.join("")}};\n\n${inGraph(packages.map(([, name]) => name))}`,
    },
    {
      file: "src/child/main.ts",
      from: /$(?![^])/,
      to: `\n${inGraph(WORKERS)}`,
    },
    // What a clone loads when a message first names it, from its file and at once.
    { file: "mod.ts", from: /$(?![^])/, to: 'import "./src/managers.ts";\n' },
  ];
}

/** Imports that are never run: they tell Deno, which reads them, that the modules belong to the program. */
function inGraph(names: readonly string[]): string {
  const imports = names.map((name) => `() => import(${name})`).join(", ");
  return `/** Never called: what Deno shall know to belong to the program. */\n` +
    `export const inGraph: readonly (() => Promise<unknown>)[] = [${imports}];\n`;
}

function apply({ file, from, to }: Change, folder: string): void {
  const text = Deno.readTextFileSync(`${folder}${file}`);
  if (!from.test(text)) throw new Error(`Cannot make the package for JSR: ${file} has no ${from}`);
  Deno.writeTextFileSync(`${folder}${file}`, text.replace(from, to));
}

function copy(from: string, to: string): void {
  if (Deno.statSync(from).isFile) return Deno.copyFileSync(from, to);
  Deno.mkdirSync(to, { recursive: true });
  for (const { name } of Deno.readDirSync(from)) copy(`${from}/${name}`, `${to}/${name}`);
}
