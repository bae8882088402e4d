// Arguments by name: for methods of Python's.

import { register } from "../reduction/registry.ts";
import { inOneLine } from "../runtime/harmless.ts";
import { isOptions } from "../waiting/options.ts";

/** Arguments that a method of Python's gets by their names: see {@linkcode kwargs}. */
export class KeywordArguments<T extends object = Record<string, unknown>> {
  static {
    register(KeywordArguments, {
      refuse: "arguments by name are for methods of a server of Python's, as the last argument of a call",
    });
  }

  /** The arguments by their names. */
  readonly named: Readonly<T>;

  /** @ignore Made by {@linkcode kwargs}. */
  constructor(named: T) {
    this.named = { ...named };
  }
}

/**
 * Arguments that a method of Python's gets by their names, as the last argument of a call.
 *
 * @throws {TypeError} If they are no object.
 *
 * @example `maths.scale(2, times=3)`
 * ```ts ignore
 * import { BaseManager, kwargs, type KeywordArguments } from "@parallel/multiprocessing/managers";
 * import "@parallel/multiprocessing/pickle";
 *
 * interface Maths {
 *   scale(x: number, options?: KeywordArguments<{ times: number }>): number;
 * }
 * const manager = new BaseManager({ address: ["127.0.0.1", 5000], authkey, serializer: "pickle" });
 * await manager.connect();
 * const maths = await manager.create<Maths>("Maths");
 * console.log(await maths.scale(2, kwargs({ times: 3 }))); // 6
 * ```
 */
export function kwargs<T extends object>(named: T): KeywordArguments<T> {
  if (isOptions(named)) return new KeywordArguments(named);
  throw new TypeError(`Cannot name arguments: ${inOneLine(named)} was given, wanted an object of names and values`);
}
