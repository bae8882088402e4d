// The functions that a pool has been given: each has one number for as long as the pool lives, however often it is
// named.

import { pythonOf } from "../callable/python_reference.ts";
import type { Callable, ModuleExport } from "../callable/types.ts";
import type { PoolFunction } from "./calls/call.ts";
import { givenTo, type Workers } from "./python.ts";

/** The functions of one pool. */
export class FunctionTable {
  readonly #functions = new WeakMap<object, PoolFunction>();
  /** Those that were named by their module. */
  readonly #exports = new Map<string, PoolFunction>();
  readonly #workers: Workers;
  #count = 0;

  /** Those that `workers` are to run. */
  constructor(workers: Workers) {
    this.#workers = workers;
  }

  /**
   * The function that workers are to run.
   *
   * @throws {TypeError} If it is one of the other language, or no other process can find it.
   */
  get(target: Callable | ModuleExport): PoolFunction {
    const known = typeof target === "function" ? this.#functions.get(target) : undefined;
    if (known !== undefined) return known;
    const given = givenTo(this.#workers, target);
    given.prove();
    // Those that are named are the same, whatever object names them.
    const key = typeof target !== "function" || pythonOf(target) !== null ? `${given.modules[0]} ${given.label}` : null;
    const same = key === null ? undefined : this.#exports.get(key);
    const made: PoolFunction = same ?? { id: ++this.#count, given, itemTime: null };
    if (key !== null) this.#exports.set(key, made);
    if (typeof target === "function") this.#functions.set(target, made);
    return made;
  }
}
