// `currentProcess`: the object of the process that runs. The object of a child has been made by child/main.ts.

import { native } from "../addon/load.ts";
import { isWorker } from "../runtime/current.ts";
import type { ProcessOptions } from "./options.ts";
import { Process } from "./process.ts";
import { becomeSelf, knownSelf, Self } from "./self.ts";

/**
 * The process that runs this, as an object. In a child it is of the class that its parent started, if that overrides
 * `run`. In a Worker it is the same process: of the same name and id, daemon or not, with the same authkey and parent;
 * but an object of the Worker's own, of the class `Process`, which knows what was set before it was first asked for.
 *
 * @throws {Deno.errors.NotCapable} In a Worker that may not load the native addon.
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
  if (isWorker()) native(); // knows who it is
  return knownSelf() ?? becomeSelf(new Process(new Self(null) as ProcessOptions<[]>));
}
