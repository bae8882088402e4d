// The npm package of a platform: the addon that was built here, that of engines, and what Python processes load: the C
// library and the Python package. It is the one package that is in a folder wherever the modules come from.

import configuration from "../../deno.json" with { type: "json" };
import { MINIMUM_GLIBC, PLATFORMS } from "../../src/addon/platform.ts";
import { byVersion, neededGlibc } from "./glibc.ts";

/** What npm calls the processors that Deno calls so. */
const CPUS: Readonly<Record<string, string>> = { x86_64: "x64", aarch64: "arm64" };

/** Writes the package of this platform to a folder. */
export async function writeNative(root: URL, folder: string): Promise<void> {
  const platform = PLATFORMS[Deno.build.target];
  if (platform === undefined) throw new Error(`Cannot make a package for "${Deno.build.target}"`);
  const addon = `multiprocessing.${platform}.node`;
  // Beside it, under the name that src/engine/load.ts looks for.
  const engine = `multiprocessing.${platform}_engine.node`;
  // Under the name that src/addon/python_files.ts looks for.
  const python = `multiprocessing.${platform}_c.so`;
  const libraries = [["multiprocessing", addon], ["multiprocessing_engine", engine], ["multiprocessing_c", python]];
  for (const [library, file] of libraries) {
    await strip(new URL(`target/release/lib${library}.so`, root).pathname, `${folder}${file}`);
    requireGlibc(`${folder}${file}`);
  }
  copyPython(new URL("python/deno_multiprocessing/", root), `${folder}python/deno_multiprocessing/`);
  const name = `${configuration.name}-${platform}`;
  const description = `The native part of ${configuration.name} for ${Deno.build.target}`;
  const settings = {
    name,
    version: configuration.version,
    description,
    license: configuration.license,
    os: ["linux"],
    cpu: [CPUS[Deno.build.arch]],
    libc: ["glibc"],
    main: addon,
    files: [addon, engine, python, "python"],
  };
  Deno.writeTextFileSync(`${folder}package.json`, `${JSON.stringify(settings, null, 2)}\n`);
  Deno.writeTextFileSync(
    `${folder}README.md`,
    `# ${name}\n\n${description}, which installs it. It needs glibc ${MINIMUM_GLIBC} or later.\n`,
  );
  Deno.copyFileSync(new URL("LICENSE", root), `${folder}LICENSE`);
}

/** Copies the Python package, without what Python has compiled. */
function copyPython(from: URL, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isFile } of Deno.readDirSync(from)) {
    if (isFile) Deno.copyFileSync(new URL(name, from), `${to}${name}`);
  }
}

/** Copies a library without what only debuggers read. */
async function strip(from: string, to: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("strip", { args: ["--strip-all", "-o", to, from] }).output();
  if (!success) throw new Error(`Cannot strip the addon: ${new TextDecoder().decode(stderr).trim()}`);
  Deno.chmodSync(to, 0o644);
}

/** Refuses an addon that could not be loaded where the documentation says that it can. */
function requireGlibc(addon: string): void {
  const needed = neededGlibc(addon);
  if (needed === undefined || byVersion(needed, MINIMUM_GLIBC) > 0) {
    throw new Error(`Cannot publish the addon: it needs glibc ${needed}, wanted ${MINIMUM_GLIBC} or earlier`);
  }
}
