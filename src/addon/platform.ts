// Where the addon is: for which platforms there is one, the npm package of each, and where a clone builds it.

import { pathOfUrl } from "../runtime/file_urls.ts";
import { PACKAGE_FOLDER } from "../runtime/own_modules.ts";
import { VERSION } from "./interface.ts";

/** The platforms that there is an addon for: what Deno calls them, and how the names of their packages end. */
export const PLATFORMS: Readonly<Record<string, string>> = {
  "x86_64-unknown-linux-gnu": "linux-x64-gnu",
  "aarch64-unknown-linux-gnu": "linux-arm64-gnu",
};

/** The oldest C library that the addons of the npm packages can be loaded with (tools/package/glibc.ts makes sure). */
export const MINIMUM_GLIBC = "2.34";

/** The name of the npm package, without that of its platform. */
const PACKAGE = "@parallel/multiprocessing";

/**
 * The URLs of the addons in the npm packages, by what Deno calls the platform. None in a clone: tools/package.ts writes
 * them here, in the form of the package that goes to npm. The names are literal there, so that Deno knows the packages.
 */
const PACKAGED: Readonly<Record<string, () => string>> = {};

/** Whether the package is in a folder; else it was imported from a host, which gives Deno modules and nothing else. */
const IS_ON_DISK = PACKAGE_FOLDER.startsWith("file:");

/**
 * Refuses platforms that there is no addon for.
 *
 * @throws {Deno.errors.NotSupported}
 */
export function requirePlatform(target: string = Deno.build.target): void {
  if (Object.hasOwn(PLATFORMS, target)) return;
  throw new Deno.errors.NotSupported(
    `Cannot use multiprocessing on "${target}": it supports Linux on x86-64 and AArch64, ` +
      `with glibc ${MINIMUM_GLIBC} or later`,
  );
}

/** Whether the addon is in a package of its platform, which has everything else that is no module, too. */
export function isPackaged(): boolean {
  return Deno.build.target in PACKAGED;
}

/** The files that may be the addon: that of the platform's package, or what a checkout builds and what it brings. */
export function addonPaths(): string[] {
  const { target } = Deno.build;
  const packaged = PACKAGED[target];
  if (packaged === undefined) {
    if (!IS_ON_DISK) {
      throw new Deno.errors.NotFound(
        `Cannot load the native addon: it does not come with "${PACKAGE_FOLDER}"; ${advice()}`,
      );
    }
    const folder = pathOfUrl(PACKAGE_FOLDER);
    // To try one that is not there takes 0.4 ms of every start.
    return [`${folder}target/release/libmultiprocessing.so`, `${folder}native/prebuilt/${target}.node`];
  }
  let url: string;
  try {
    url = packaged();
  } catch (error) {
    throw missing(target, error);
  }
  if (!url.startsWith("file:")) throw missing(target);
  return [pathOfUrl(url)];
}

/** Says that the package of this platform was not installed: `npm` and Deno leave out optional ones that they cannot get. */
function missing(target: string, cause?: unknown): Error {
  const name = `${PACKAGE}-${PLATFORMS[target]}`;
  return new Deno.errors.NotFound(
    `Cannot load the native addon: the package "${name}", an optional dependency of "${PACKAGE}", is missing; ` +
      `run \`deno add npm:${name}@${VERSION}\``,
    { cause },
  );
}

/** Why what is at these paths could not be loaded, each with the reason, as one error. */
export function notLoaded(tried: readonly (readonly [path: string, reason: string])[]): Error {
  const { target } = Deno.build;
  const reasons = tried.map(([, reason]) => reason).join();
  // Of a library that the addon needs, the linker would say the name first.
  if (target in PACKAGED && tried.every(([, reason]) => /^cannot open .*No such file/.test(reason))) {
    return missing(target);
  }
  const what = `Cannot load the native addon: tried ${
    tried.map(([path, reason]) => `"${path}" (${reason})`).join(", ")
  }`;
  if (/GLIBC_/.test(reasons)) return new Deno.errors.NotSupported(`${what}; it needs glibc ${MINIMUM_GLIBC} or later`);
  return new Deno.errors.NotFound(`${what}; ${advice()}`);
}

/** What to do about an addon that is none, or another one. */
export function advice(): string {
  const { target } = Deno.build;
  if (target in PACKAGED) return `run \`deno add npm:${PACKAGE}-${PLATFORMS[target]}@${VERSION}\``;
  return IS_ON_DISK
    ? `run \`deno task build\` in "${pathOfUrl(PACKAGE_FOLDER)}"`
    : `import the package from npm: \`deno add npm:${PACKAGE}@${VERSION}\``;
}
