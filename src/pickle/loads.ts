/**
 * Pickles to values.
 *
 * @module
 */
import { offerSerializer } from "../runtime/serializers.ts";
import { withUsersFramesLater } from "../runtime/stack.ts";
import { AGAIN, Plan } from "./dicts.ts";
import { dumps } from "./dumps.ts";
import { PickleError, unreadable } from "./error.ts";
import { Machine } from "./machine.ts";
import { bytesOf, type Loading, loading, type LoadsOptions } from "./options.ts";
import { REGISTERED } from "./registry.ts";
import { KNOWN } from "./restore/table.ts";
import type { Restorers } from "./restorer.ts";

/**
 * The value of a pickle, as Python's `pickle.dumps` makes it with protocol 2, 3, 4 or 5. Nothing that the bytes say is
 * executed, imported or looked up: a name in them is a text, and only objects of the classes that docs/python.md lists, and
 * of those that were registered, become values. The result has memory of its own.
 *
 * @throws {PickleError} If the bytes are no such pickle, or want more memory than their size allows, or are nested more
 * than 1000 levels deep, or have an object of another class in them.
 * @throws {TypeError} If an option is none, or not what it may be.
 *
 * @example Read what Python has written
 * ```ts
 * import { loads } from "@parallel/multiprocessing/pickle";
 * import { assertEquals } from "@std/assert";
 *
 * // pickle.dumps({"name": "Ada", "born": 1815})
 * const bytes = Uint8Array.fromHex(
 *   "8004951c000000000000007d94288c046e616d65948c03416461948c04626f726e944d1707752e",
 * );
 * assertEquals(loads(bytes), { name: "Ada", born: 1815 });
 * ```
 */
export function loads(bytes: Uint8Array | ArrayBuffer, options?: LoadsOptions): unknown {
  const settings = loading(options);
  return load(bytesOf(bytes), settings, TABLES);
}

// Connections and managers may have their values in this format, once this module is there.
offerSerializer("pickle", {
  dumps: (value) => dumps(value),
  loads: (bytes) => loads(bytes),
  managers: () => import("../python_managers/load.ts"),
});

const TABLES: readonly Restorers[] = [REGISTERED, KNOWN];

/** As {@linkcode loads}, with names that mean first what one of these tables says. */
export function loadWith(bytes: Uint8Array, options: LoadsOptions, tables: readonly Restorers[]): unknown {
  return load(bytes, loading(options), [...tables, ...TABLES]);
}

/** The value of a pickle, in which names mean what the first of these tables says that has them. */
export function load(bytes: Uint8Array, settings: Loading, tables: readonly Restorers[]): unknown {
  const plan = new Plan(settings.dicts);
  for (;;) {
    try {
      const value = new Machine(bytes, settings, tables, plan).run();
      if (!plan.isSurvey) return value;
    } catch (error) {
      if (error !== AGAIN) throw told(error);
    }
    plan.advance();
  }
}

/** The error with the user's frames alone. Of the language's own, what is too large for it is the pickle's fault. */
function told(error: unknown): unknown {
  if (error instanceof PickleError) return withUsersFramesLater(error);
  if (!(error instanceof RangeError)) return error;
  return withUsersFramesLater(unreadable(`it has something that is too large (${error.message})`, { cause: error }));
}
