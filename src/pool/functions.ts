// The functions that a pool has been given: each has one number for as long as the pool lives, however often it is
// named.

import { reference } from "../callable/reference.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import type { PoolFunction } from "./calls/call.ts";

/** The functions of one pool. */
export class FunctionTable {
  readonly #functions = new WeakMap<object, PoolFunction>();
  /** Those that were named by their module. */
  readonly #exports = new Map<string, PoolFunction>();
  #count = 0;

  /** The function that workers are to run. */
  get(target: Callable | ModuleExport): PoolFunction {
    const known = typeof target === "function" ? this.#functions.get(target) : undefined;
    if (known !== undefined) return known;
    const given = reference(target);
    given.prove();
    const made: PoolFunction = { id: this.#count + 1, given, itemTime: null };
    if (typeof target === "function") this.#functions.set(target, made);
    else {
      const key = `${given.modules[0]} ${given.label}`;
      const same = this.#exports.get(key);
      if (same !== undefined) return same;
      this.#exports.set(key, made);
    }
    this.#count++;
    return made;
  }
}
