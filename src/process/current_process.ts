// The process that runs, for those who ask for it. A child has had its object made by child_main.ts.

import type { ProcessOptions } from "./options.ts";
import { Process } from "./process.ts";
import { becomeSelf, knownSelf, Self } from "./self.ts";

/**
 * The process that runs this, as an object. In a child it is of the class that its parent started, if that overrides
 * `run`.
 *
 * @example In the main program
 * ```ts
 * import { currentProcess } from "@parallel/multiprocessing";
 * import { assertEquals } from "@std/assert";
 *
 * const { name, pid, daemon, exitcode } = currentProcess();
 * assertEquals({ name, pid, daemon, exitcode }, { name: "MainProcess", pid: Deno.pid, daemon: false, exitcode: null });
 * ```
 */
export function currentProcess(): Process {
  return knownSelf() ?? becomeSelf(new Process(new Self(null) as ProcessOptions));
}
