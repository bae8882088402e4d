// The package is loaded once in a program. A second copy, from another URL, would have books of its own beside the same
// native part: promises of the first would never settle, and neither would take the other's objects for its own.

import { InvalidStateError } from "../errors.ts";
import { leaveOutOwnFrames } from "./stack.ts";

/** Under this symbol each copy finds the URL of the first: a symbol of the registry is the same for all. */
const FIRST = Symbol.for("multiprocessing.url");

/** The URL that this copy is imported by: that of its sources, or of the modules that the build has put together. */
export const URL_OF_COPY: string = import.meta.url // no `URL` is made, which would take 0.3 ms of every process's start
  .replace(/src\/runtime\/copies\.ts$/, "mod.ts").replace(/[^/]*\.js$/, "mod.js");

/**
 * Says that another copy was first.
 *
 * @throws {InvalidStateError} If that has another URL than this.
 */
export function requireSameCopy(first: string): void {
  if (first === URL_OF_COPY) return;
  const error = new InvalidStateError(
    `Cannot load multiprocessing from "${URL_OF_COPY}": this program has loaded it from "${first}" already; let every ` +
      "import lead to one of them, by an import map with all entries for instance",
  );
  leaveOutOwnFrames(error);
  throw error;
}

const place = globalThis as { [FIRST]?: string };
if (place[FIRST] === undefined) Object.defineProperty(place, FIRST, { value: URL_OF_COPY });
else requireSameCopy(place[FIRST]);
