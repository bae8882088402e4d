/**
 * All classes and functions that a pickle may name without anybody's having registered them.
 *
 * @module
 */
import type { Restorer, Restorers } from "../restorer.ts";
import { ARRAYS } from "./arrays.ts";
import { BUILTINS, LIBRARY } from "./builtins.ts";
import { EXCEPTIONS } from "./exceptions.ts";
import { TIMES } from "./times.ts";

/** By `module.name`. Nothing of what they make acts by itself. */
export const KNOWN: Restorers = new Map<string, Restorer>([
  ...BUILTINS,
  ...LIBRARY,
  ...EXCEPTIONS,
  ...TIMES,
  ...ARRAYS,
]);
