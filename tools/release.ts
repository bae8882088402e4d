// Publishes a release: what `deno task package` has made, on all platforms, and put into `target/npm/` and `target/jsr/`.
//
// usage: deno task release -- v1.2.3 [--dry-run]
//
// The packages of the platforms come first: Deno installs none whose optional dependencies are not in the registry. What
// is there already is left out, so that a release that was broken off can be repeated. With `--dry-run`, npm and Deno say
// what they would publish.

import configuration from "../deno.json" with { type: "json" };
import { PLATFORMS } from "../src/addon/platform.ts";
import { JSR_PACKAGE, makeJsrPackage, PACKAGES } from "./package.ts";

const ROOT = new URL("../", import.meta.url);

/** One package to be published. */
export interface Step {
  readonly name: string;
  readonly command: readonly string[];
  readonly cwd: string;
  /** The command that ends well if the package is there already; Deno looks by itself. */
  readonly probe?: readonly string[];
}

/** What keeps the release from being made: sentences. */
export function obstacles(tag: string, files: readonly string[], changelog: string): string[] {
  const { version } = configuration;
  const missing = tarballs().filter((file) => !files.includes(file));
  return [
    tag === `v${version}` ? [] : `the tag is "${tag}", but the version in deno.json is "${version}"`,
    new RegExp(`^## \\[?${RegExp.escape(version)}\\b`, "m").test(changelog)
      ? []
      : `CHANGELOG.md has no heading "## ${version}"`,
    missing.map((file) => `${file} is not in target/npm/; \`deno task package\` makes it, on its platform`),
  ].flat();
}

/** The names of the tarballs, in the order in which they are published. */
function tarballs(): string[] {
  const base = `${configuration.name.replace("@", "").replace("/", "-")}`;
  const platforms = Object.values(PLATFORMS).map((platform) => `${base}-${platform}-${configuration.version}.tgz`);
  return [...platforms, `${base}-${configuration.version}.tgz`];
}

/** What is published, in order. */
export function steps(isDry: boolean): Step[] {
  const { name, version } = configuration;
  const names = [...Object.values(PLATFORMS).map((platform) => `${name}-${platform}`), name];
  // What a package was made of, and where, is attested by the machine that publishes it.
  const flags = isDry ? ["--dry-run"] : ["--provenance"];
  const npm = tarballs().map((file, i): Step => ({
    name: `npm:${names[i]}`,
    command: ["npm", "publish", "--access", "public", ...flags, file],
    cwd: PACKAGES.pathname,
    probe: ["npm", "view", `${names[i]}@${version}`, "version", "--json"],
  }));
  const deno = [Deno.execPath(), "publish", ...isDry ? ["--dry-run"] : []];
  return [...npm, { name: `jsr:${name}`, command: deno, cwd: JSR_PACKAGE.pathname }];
}

async function run([command, ...args]: readonly string[], cwd: string): Promise<boolean> {
  return (await new Deno.Command(command, { args, cwd }).spawn().status).success;
}

/** Whether the registry has the package: it is asked for what it cannot say of one that it has not. */
async function isThere([command, ...args]: readonly string[]): Promise<boolean> {
  const { success, stdout } = await new Deno.Command(command, { args, stderr: "null" }).output();
  return success && stdout.length > 0;
}

/**
 * What the command line says. A flag that nobody knows may be one that was to keep this from publishing.
 *
 * @throws {SyntaxError}
 */
export function parse(args: readonly string[]): { readonly tag: string; readonly isDry: boolean } {
  const words = args.filter((arg) => arg !== "--" && arg !== "--dry-run");
  if (words.length !== 1 || words[0].startsWith("-")) {
    throw new SyntaxError(`Cannot release "${words.join(" ")}": wanted one tag, such as v1.2.3, and perhaps --dry-run`);
  }
  return { tag: words[0], isDry: args.includes("--dry-run") };
}

async function main(args: readonly string[]): Promise<boolean> {
  const { tag, isDry } = parse(args);
  Deno.mkdirSync(PACKAGES, { recursive: true });
  const files = [...Deno.readDirSync(PACKAGES)].map(({ name }) => name);
  const found = obstacles(tag, files, Deno.readTextFileSync(new URL("CHANGELOG.md", ROOT)));
  for (const obstacle of found) console.error(`Cannot release: ${obstacle}`);
  if (found.length > 0) return false;
  makeJsrPackage();
  for (const { name, command, cwd, probe } of steps(isDry)) {
    if (!isDry && probe !== undefined && await isThere(probe)) {
      console.log(`${name} is published already`);
    } else if (!await run(command, cwd)) {
      console.error(`Cannot release: ${name} could not be published; what stands before it was`);
      return false;
    }
  }
  return true;
}

if (import.meta.main) Deno.exit(await main(Deno.args) ? 0 : 1);
