// The command line that this process was started with.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import { InvalidStateError } from "../errors.ts";

/**
 * The command line as this module found it. Whoever sets `process.title` overwrites it, and may do so before the addon
 * is loaded, which reads it then. Only with all permissions may a program read it without the addon.
 */
const found = read();
let known: readonly string[] | undefined;

/**
 * The command line of this process.
 *
 * @throws {InvalidStateError} If it has been overwritten before it could be read.
 */
export function commandLine(): readonly string[] {
  known ??= [translated(() => native().processArguments()), found ?? []].find(isWhole);
  if (known !== undefined) return known;
  throw new InvalidStateError(
    'Cannot start a process: the command line of this one was overwritten, as `process.title = "…"` does, before ' +
      "multiprocessing was first used; set the title later, or run Deno with -A",
  );
}

function read(): readonly string[] | undefined {
  const names = ["read", "write", "net", "env", "sys", "run", "ffi"] as const;
  if (Deno.build.os !== "linux" || names.some((name) => Deno.permissions.querySync({ name }).state !== "granted")) {
    return;
  }
  try {
    return Deno.readTextFileSync("/proc/self/cmdline").split("\0").slice(0, -1);
  } catch {
    return; // denied in part
  }
}

/** A title is followed by NULs up to the end of what it overwrites; or it fills that, and is a single word. */
function isWhole(words: readonly string[]): boolean {
  const own = Deno.args; // a Worker has them, too
  return words.length > own.length && own.every((word, k) => words[words.length - own.length + k] === word) &&
    words.slice(0, words.length - own.length).every((word) => word !== "") &&
    (words.length > 1 || Deno.build.standalone || words[0].endsWith("deno"));
}
