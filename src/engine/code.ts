// How hosts get the modules of a program.
//
// | `code` | a module is | checked |
// | --- | --- | --- |
// | `"same"` | at the same path on each host | the SHA-256 of the main module and of the target's |
// | `"import"` | fetched by Deno: `https:`, `jsr:`, `npm:` | that none is in a file |
// | `"upload"` | sent over the engine: see upload.ts | the SHA-256 of each file |

import { hasBytes, pathOfUrl } from "../runtime/file_urls.ts";
import { isOwnModule } from "../runtime/own_modules.ts";
import { sha256 } from "./digests.ts";

/** What is said of the code of a process when it is launched. */
export interface Code {
  readonly way: "same" | "import" | "upload";
  /** With `"same"`: the SHA-256 of modules, by their URLs. */
  readonly hashes: Readonly<Record<string, string>>;
  /** With `"upload"`: the SHA-256 of the list of the files. */
  readonly list: string | null;
}

/** The digests of files, with what tells that they have changed. */
const digests = new Map<string, { readonly stamp: string; readonly digest: string }>();

/** The SHA-256 of a module in a file. */
export function digestOf(url: string): string {
  const path = pathOfUrl(url);
  const { size, mtime, ino } = Deno.statSync(path);
  const stamp = `${size} ${mtime?.getTime()} ${ino}`;
  const known = digests.get(url);
  if (known?.stamp === stamp) return known.digest;
  const digest = sha256(Deno.readFileSync(path));
  digests.set(url, { stamp, digest });
  return digest;
}

/** Modules at the same path: what they are here. */
export function sameCode(modules: readonly string[]): Code {
  const files = modules.filter((url) => url.startsWith("file:") && !isOwnModule(url));
  return { way: "same", hashes: Object.fromEntries(files.map((url) => [url, digestOf(url)])), list: null };
}

/**
 * Modules that Deno fetches.
 *
 * @throws {TypeError} If one of them, or what a flag names, is in a file.
 */
export function importedCode(name: string, modules: readonly string[], flags: readonly string[]): Code {
  const file = modules.find((url) => url.startsWith("file:") && !isOwnModule(url)) ??
    flags.find((flag) => /^--(config|import-map|lock|preload|import|require|cert)=\//.test(flag));
  if (file === undefined) return { way: "import", hashes: {}, list: null };
  throw new TypeError(
    `Cannot start "${name}" with code: "import": its "${file}" is in a file of this machine; publish it, or ` +
      'use code: "upload" or "same"',
  );
}

/**
 * Refuses code that is not what it was where the process was wanted.
 *
 * @throws {Deno.errors.NotFound} If a module is missing here.
 * @throws {TypeError} If it is another.
 */
export function requireSame(name: string, host: string, { hashes }: Code): void {
  for (const [url, wanted] of Object.entries(hashes)) {
    let digest: string;
    try {
      digest = digestOf(url);
    } catch (error) {
      const path = hasBytes(pathOfUrl(url)) ? url : pathOfUrl(url);
      throw new Deno.errors.NotFound(
        `Cannot start "${name}" on host "${host}": it has no "${path}" (${
          (error as Error).message
        }); put the program ` +
          'at the same path on every host, or use code: "upload"',
      );
    }
    if (digest === wanted) continue;
    throw new TypeError(
      `Cannot start "${name}" on host "${host}": its "${pathOfUrl(url)}" is another than here (SHA-256 ${digest}, ` +
        `wanted ${wanted}); put the same program on every host, or use code: "upload"`,
    );
  }
}
