// The npm package for all platforms: the modules of `dist/`, declarations, and what there is to read.

import configuration from "../../deno.json" with { type: "json" };
import { PLATFORMS } from "../../src/addon/platform.ts";
import { commandText } from "./command.ts";
import { writeDeclarations } from "./declarations.ts";

/** What `PACKAGED` of src/addon/platform.ts is where there are no platform packages. */
const NOT_PACKAGED = /^var PACKAGED = \{\};$/m;

/** The command of the package, by which `npx` runs the command line: its name, and the program among the modules. */
const COMMAND = { name: "multiprocessing", module: "command.js" };

/** What there is to read, besides the folder `docs`. */
const TEXTS = ["README.md", "CHANGELOG.md", "LICENSE", "CONTRIBUTING.md", "SECURITY.md"];

/** Writes the package to a folder. */
export async function writePortable(root: URL, folder: string): Promise<void> {
  copyModules(new URL("dist/", root), `${folder}dist/`);
  Deno.writeTextFileSync(`${folder}dist/${COMMAND.module}`, commandText());
  Deno.chmodSync(`${folder}dist/${COMMAND.module}`, 0o755);
  writeTexts(root, folder);
  const settings = {
    name: configuration.name,
    version: configuration.version,
    description: "Python's multiprocessing for Deno: pools, processes, queues, locks, shared memory and managers",
    keywords: ["deno", "multiprocessing", "parallel", "pool", "process", "queue", "shared-memory", "worker"],
    license: configuration.license,
    type: "module",
    exports: { ...exports(), "./package.json": "./package.json" },
    bin: { [COMMAND.name]: `dist/${COMMAND.module}` },
    files: ["dist", "docs", "*.md"],
    // All of them have the version of this package: the loader refuses any other.
    optionalDependencies: Object.fromEntries(platformPackages().map(([, name]) => [name, configuration.version])),
  };
  Deno.writeTextFileSync(`${folder}package.json`, `${JSON.stringify(settings, null, 2)}\n`);
  await writeDeclarations(root, Object.values(configuration.exports), `${folder}dist/types`);
}

/** Deno's names of the platforms, and the packages of their addons. */
function platformPackages(): [target: string, name: string][] {
  return Object.entries(PLATFORMS).map(([target, platform]) => [target, `${configuration.name}-${platform}`]);
}

function exports(): Record<string, { types: string; default: string }> {
  return Object.fromEntries(
    Object.entries(configuration.exports).map(([entry, source]) => [entry, {
      types: `./dist/types/${source.slice(2).replace(/\.ts$/, ".d.ts")}`,
      default: `./dist/${entry === "." ? "mod" : entry.slice(2)}.js`,
    }]),
  );
}

/** Copies the modules, and has the one that loads the addon find it in the package of the platform. */
function copyModules(from: URL, to: string): void {
  Deno.mkdirSync(to);
  let found = 0;
  for (const { name } of [...Deno.readDirSync(from)].filter(({ name }) => name.endsWith(".js"))) {
    const text = Deno.readTextFileSync(new URL(name, from)).replace(/^\/\/ @ts-self-types=.*\n/, "");
    if (NOT_PACKAGED.test(text)) found++;
    Deno.writeTextFileSync(`${to}${name}`, text.replace(NOT_PACKAGED, packaged));
  }
  if (found !== 1) throw new Error(`Cannot make the package: ${found} modules of dist/ load the addon, wanted 1`);
}

/** Where the addons are. The imports are never run: they tell Deno, which reads them, that the package belongs to the program. */
function packaged(): string {
  const lines = platformPackages().map(([target, name]) =>
    `  "${target}": () => import.meta.resolve("${name}"),\n  "${target} in the graph": () => import("${name}"),\n`
  );
  return `var PACKAGED = {\n${lines.join("")}};`;
}

/** Copies the documentation. A link to what is not in the package becomes plain text. */
function writeTexts(root: URL, folder: string): void {
  Deno.mkdirSync(`${folder}docs`);
  const docs = [...Deno.readDirSync(new URL("docs/", root))].filter(({ name }) => name.endsWith(".md"));
  const files = [...TEXTS, ...docs.map(({ name }) => `docs/${name}`)];
  for (const file of files) {
    const text = Deno.readTextFileSync(new URL(file, root));
    const isThere = (link: string) => /^(#|\w+:)/.test(link) || files.includes(pathFrom(file, link));
    Deno.writeTextFileSync(
      `${folder}${file}`,
      text.replaceAll(/(?<!!)\[([^\]]+)\]\(([^)\s]+)\)/g, (all, words, link) => isThere(link) ? all : words),
    );
  }
}

/** The path that a link in a file leads to. */
function pathFrom(file: string, link: string): string {
  return new URL(link, `file:///${file}`).pathname.slice(1);
}
