// Pool of a manager of Python's, whose functions are Python's: `{ module: "math", name: "sqrt" }` names one.

import { PythonName } from "../../../pickle/python_object.ts";
import { ask, type Asking, silent, splitArguments, type Translation, type Translations } from "../ask.ts";

/** The name of a function of Python's that somebody has given. */
export function functionNamed(given: unknown): PythonName {
  if (given instanceof PythonName) return given;
  const { module, name } = (typeof given === "object" && given !== null ? given : {}) as Record<string, unknown>;
  if (typeof module === "string" && typeof name === "string") return new PythonName(module, name);
  throw new TypeError(
    'Cannot call a pool of Python\'s: wanted a function of Python\'s, such as { module: "math", name: "sqrt" }',
  );
}

function applying(method: string, isSlow: boolean): Translation {
  return ([fn, given = []]) => {
    const { args, kwargs = {} } = splitArguments(given as readonly unknown[]);
    return ask(method, [functionNamed(fn), [...args], kwargs], { isSlow });
  };
}

function mapping(method: string, isSlow: boolean): Translation {
  return ([fn, items, options]) => {
    const { chunksize } = (options ?? {}) as { chunksize?: number };
    const rest = chunksize === undefined ? [] : [chunksize];
    return ask(method, [functionNamed(fn), items, ...rest], { isSlow });
  };
}

/** By the names of ours. */
export const POOL: Translations = {
  apply: applying("apply", true),
  applyAsync: applying("apply_async", false),
  map: mapping("map", true),
  mapAsync: mapping("map_async", false),
  starmap: mapping("starmap", true),
  starmapAsync: mapping("starmap_async", false),
  imap: mapping("imap", false),
  imapUnordered: mapping("imap_unordered", false),
  close: silent("close"),
  terminate: (args): Asking => ask("terminate", args, { isSlow: true }),
  *join([options]) {
    const { timeout } = (options ?? {}) as { timeout?: number | null };
    const wait = { timeout: timeout ?? Infinity, args: () => [], isLate: null, late: false };
    return (yield { method: "join", args: [], wait }) !== false;
  },
};
