// What keeps a child from its work: the parent is told, or who reads standard error, and the process ends.

import type { Joined } from "../addon/binding.ts";
import { native } from "../addon/load.ts";
import { current } from "../runtime/current.ts";
import { inspected } from "../runtime/harmless.ts";
import { isError, partsOf, usersFrames } from "../runtime/stack.ts";
import { fail } from "../runtime/uncaught.ts";

/** Ends this process because of an error, which the parent is told if it keeps it from its work. */
export function tellOrFail(error: unknown): never {
  if (current.isPreloading) report(error);
  fail(error);
}

/** Tells the parent why this process cannot begin its work. */
export function report(error: unknown, { withPlace = false } = {}): void {
  native().reportFailure(reasonOf(error, { withPlace }));
}

/** An error in words for the parent, and where it was thrown. */
function reasonOf(error: unknown, { withPlace }: { withPlace: boolean }): string {
  try {
    return isError(error) ? reasonOfError(error, { withPlace }) : String(error);
  } catch {
    return inspected(error, { depth: 0 }); // it has no text, or its getters throw
  }
}

function reasonOfError(error: Error, { withPlace }: { withPlace: boolean }): string {
  // Deno colours what it says of modules.
  // deno-lint-ignore no-control-regex -- these are what is looked for
  const message = `${error.message}`.replace(/\x1b\[[\d;]*m/g, "");
  const reason = `${error.name}: ${message}`;
  if (!withPlace || /\n {4}at /.test(message)) return reason;
  const [place] = usersFrames(partsOf(`${error.stack}`, error.message).frames);
  return place === undefined ? reason : `${reason}\n${place}`;
}

/**
 * What `join` returns. If the parent has ended before there was work, so does this process, without a word: it was killed,
 * and nobody is there to be told. If it throws otherwise, this process ends as well: it has no name yet.
 */
export function unlessOrphaned(join: () => Joined): Joined {
  try {
    return join();
  } catch (error) {
    if ((error as { code?: unknown }).code === "ORPHANED") Deno.exit();
    refuse(error);
  }
}

function refuse(error: unknown): never {
  print(`Cannot begin: ${(error as Error).message}`);
  Deno.exit(1);
}

/** As it was before any module of the user's could replace it: what keeps this process from its work must be seen. */
const print = console.error;
