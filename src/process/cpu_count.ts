// `cpuCount`: how many CPUs this process may use.

import { native } from "../addon/load.ts";

/**
 * How many CPUs this process may use.
 *
 * @example One process each
 * ```ts
 * import { cpuCount } from "@parallel/multiprocessing";
 * import { assert } from "@std/assert";
 *
 * assert(cpuCount() >= 1);
 * ```
 */
export function cpuCount(): number {
  return native().availableCpus();
}
