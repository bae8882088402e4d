// Puts the npm packages together in `target/npm/`, a folder and a tarball of each; and that for JSR in `target/jsr/`.
//
// usage: deno task package [-- --dry-run]
//
// @parallel/multiprocessing                  dist/ with declarations, for all platforms (tools/package/portable.ts)
// @parallel/multiprocessing-linux-x64-gnu    the addon, stripped, of the platform that this runs on
//                        …-linux-arm64-gnu   (tools/package/native.ts)
//
// jsr:@parallel/multiprocessing              the sources, for all platforms (tools/package/jsr.ts)
//
// Those of the other platforms are made on these. With `--dry-run`, `npm publish --dry-run` says what it would publish.

import configuration from "../deno.json" with { type: "json" };
import { MINIMUM_GLIBC } from "../src/addon/platform.ts";
import { writeJsr } from "./package/jsr.ts";
import { writeNative } from "./package/native.ts";
import { writePortable } from "./package/portable.ts";

const ROOT = new URL("../", import.meta.url);

/** Where the packages are. */
export const PACKAGES: URL = new URL("target/npm/", ROOT);

/** Where that for JSR is. */
export const JSR_PACKAGE: URL = new URL("target/jsr/", ROOT);

/** An npm package. */
export interface Package {
  readonly name: string;
  /** The folder with what is in it. */
  readonly folder: string;
  readonly tarball: string;
  readonly bytes: { readonly tarball: number; readonly unpacked: number };
}

/** Makes the packages anew from `dist/` and the addon, which must be built; the portable one first. */
export async function makePackages(): Promise<Package[]> {
  const folder = (name: string) => new URL(`${name}/`, PACKAGES).pathname;
  const writers = [
    ["multiprocessing", writePortable],
    [`multiprocessing-${Deno.build.arch === "aarch64" ? "linux-arm64-gnu" : "linux-x64-gnu"}`, writeNative],
  ] as const;
  return await Promise.all(writers.map(async ([name, write]) => {
    if (exists(folder(name))) Deno.removeSync(folder(name), { recursive: true });
    Deno.mkdirSync(folder(name), { recursive: true });
    await write(ROOT, folder(name));
    return await pack(folder(name));
  }));
}

/** Makes the package for JSR anew, which needs nothing that is built. */
export function makeJsrPackage(): void {
  if (exists(JSR_PACKAGE.pathname)) Deno.removeSync(JSR_PACKAGE, { recursive: true });
  writeJsr(ROOT, JSR_PACKAGE.pathname);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Makes the tarball of a folder. */
export async function pack(folder: string): Promise<Package> {
  const args = ["pack", "--json", "--pack-destination", PACKAGES.pathname, folder];
  const [{ name, filename, size, unpackedSize }] = JSON.parse(await npm(args));
  const tarball = `${PACKAGES.pathname}${filename}`;
  return { name, folder, tarball, bytes: { tarball: size, unpacked: unpackedSize } };
}

/** Runs npm; what it says on its standard output. It must not warn of anything. */
export async function npm(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("npm", {
    args: [...args, "--no-update-notifier"],
    env: { ...environmentBut(Object.keys(env)), ...env },
    clearEnv: true,
    stdout: "piped",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr).trim();
  if (!success || WARNING.test(said)) throw new Error(`Cannot run npm ${args.join(" ")}: ${said}`);
  return new TextDecoder().decode(stdout);
}

/**
 * The environment without these variables in whatever letters: npm reads its settings in small ones, too, in which it gives
 * them to what it starts, such as this program by `npx`.
 */
function environmentBut(names: readonly string[]): Record<string, string> {
  const taken = new Set(names.map((name) => name.toLowerCase()));
  return Object.fromEntries(Object.entries(Deno.env.toObject()).filter(([name]) => !taken.has(name.toLowerCase())));
}

/** What npm warns of, but for packages of others that are out of date, and that a dry run will not be enough. */
const WARNING = /^npm warn (?!deprecated|publish This command requires you to be logged in)/m;

async function main(args: readonly string[]): Promise<void> {
  const unknown = args.filter((arg) => arg !== "--" && arg !== "--dry-run");
  if (unknown.length > 0) throw new SyntaxError(`Cannot read "${unknown.join(" ")}": wanted --dry-run, or nothing`);
  for (const { name, tarball, bytes } of await makePackages()) {
    const [packed, unpacked] = [bytes.tarball, bytes.unpacked].map((size) => `${(size / 1e6).toFixed(2)} MB`);
    console.log(`${name} ${configuration.version}: ${packed}, unpacked ${unpacked}: ${tarball}`);
    if (args.includes("--dry-run")) await npm(["publish", "--dry-run", "--access", "public", tarball]);
  }
  makeJsrPackage();
  console.log(`jsr:${configuration.name} ${configuration.version}: ${JSR_PACKAGE.pathname}`);
  console.log(`The addon can be loaded with glibc ${MINIMUM_GLIBC} or later.`);
}

if (import.meta.main) await main(Deno.args);
