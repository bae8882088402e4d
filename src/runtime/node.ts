// Node's part of Deno, reached without an `import`: importing any of its modules makes Deno set up all of Node first,
// which takes 12 to 16 ms of every process. So nothing here may be called before it is needed.

import type process from "node:process";

/** Node's `process`. */
export function nodeProcess(): typeof process {
  return (globalThis as unknown as { process: typeof process }).process;
}

/**
 * Whether there is Node's part. There is none where the path of Deno itself is no text: it fails to begin, and that ends
 * the program even if the error is caught. So it is not tried.
 */
export function hasNode(): boolean {
  try {
    return Deno.execPath() !== "";
  } catch {
    return false;
  }
}
