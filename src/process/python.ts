// `python`: names a function of a Python module, for a process that runs it.

import { pathOfUrl } from "../runtime/file_urls.ts";
import { absolutePath, withoutDots } from "../runtime/paths.ts";
import type { AnyFunction } from "../callable/arguments.ts";
import { standIn } from "../callable/python_reference.ts";
import { callingModules } from "../callable/reference.ts";
import { requireKnown } from "../waiting/options.ts";

/** Options of {@linkcode python}. */
export interface PythonOptions {
  /**
   * The Python to run it with: a path, a `file:` URL, or a name to be looked for in `PATH`. A path with `./` or `../` is
   * relative to the calling module. Default: that of `getContext("python").setExecutable`; else `bin/python` of the virtual
   * environment that `VIRTUAL_ENV` names, if this process may read that variable; else `.venv/bin/python` beside the Python
   * module, or beside the calling one; else `python3`.
   */
  executable?: string | URL;
}

/**
 * A function of a Python module, as the target of a {@linkcode Process}. That is a Python process then, with as many rights
 * as its user: it gets its arguments as Python has them, shared objects as those of CPython's `multiprocessing`, and arrays
 * of shared memory as numpy's, without a copy.
 *
 * Its types are what the caller says: `python<(batch: Float32Array) => Float32Array>(…)`. It is a function for the compiler
 * only, and refuses to be called here. Nothing is looked for before a process starts.
 *
 * @param module A path that begins with `./`, `../` or `/`, relative to the calling module; a `file:` URL; or a dotted name,
 * which Python looks for beside the calling module, and where it looks for every module.
 * @param name The name of the function in it; with dots, of a method.
 * @throws {TypeError} If the module or the name cannot be one, or an option is of the wrong type, or unknown.
 *
 * @example A function of `model.py`, which doubles what it gets
 * ```ts ignore
 * import { Process, python, Queue } from "@parallel/multiprocessing";
 *
 * const serve = python<(jobs: Queue<number>, results: Queue<number>) => void>("./model.py", "serve");
 * const jobs = new Queue<number>(), results = new Queue<number>();
 * new Process({ target: serve, args: [jobs, results], daemon: true }).start();
 * await jobs.put(21);
 * console.log(await results.get()); // 42
 * ```
 */
export function python<F extends AnyFunction = (...args: unknown[]) => unknown>(
  module: string | URL,
  name: string,
  options: PythonOptions = {},
): F {
  if (typeof name !== "string" || !isDotted(name)) {
    throw wrong(`the name is ${Deno.inspect(name)}, wanted that of a function`);
  }
  const folder = folderOf(callingModules()[0]);
  return standIn<F>({ module: moduleOf(module, folder), name, folder, executable: executableOf(options, folder) });
}

/** The folder of a module; `null` if it is in none. */
function folderOf(url: string | undefined): string | null {
  return url?.startsWith("file:") ? pathOfUrl(new URL(".", url)).replace(/(.)\/$/, "$1") : null;
}

function moduleOf(module: unknown, folder: string | null): string {
  if (module instanceof URL || typeof module === "string" && /^(file:|\.{0,2}\/)/.test(module)) {
    return pathOf(module, folder, "the module");
  }
  if (typeof module === "string" && isDotted(module) && !module.endsWith(".py")) return module;
  const hint = typeof module === "string" && module.endsWith(".py") ? `; write "./${module}" for a file` : "";
  throw wrong(
    `the module is ${
      Deno.inspect(module)
    }, wanted a path that begins with "./", "../" or "/", a file: URL, or a dotted name${hint}`,
  );
}

function executableOf(options: PythonOptions, folder: string | null): string | null {
  requireKnown("name a function of Python's", options, ["executable"]);
  const { executable } = options;
  if (executable === undefined) return null;
  if (executable instanceof URL || typeof executable === "string" && /^(file:|\.{0,2}\/)/.test(executable)) {
    return pathOf(executable, folder, "the executable");
  }
  if (typeof executable === "string" && /^[^\0/]+$/.test(executable)) return executable;
  throw wrong(`the executable is ${Deno.inspect(executable)}, wanted a path, a file: URL, or a name that is in PATH`);
}

function pathOf(place: string | URL, folder: string | null, what: string): string {
  if (`${place}`.includes("\0")) throw wrong(`${what} is ${Deno.inspect(place)}, which has a NUL`);
  if (typeof place === "string" && !place.startsWith("file:")) {
    if (folder === null && !place.startsWith("/")) {
      throw wrong(`${what} is "${place}", relative to a module that is in no folder; wanted an absolute path`);
    }
    return withoutDots(absolutePath(place, folder ?? "/"));
  }
  const url = URL.parse(place);
  if (url?.protocol !== "file:") throw wrong(`${what} is "${place}", wanted a path or a file: URL`);
  return pathOfUrl(url);
}

/** Whether it is a name of Python's, or several with dots between them. */
function isDotted(name: string): boolean {
  return /^[\p{ID_Start}_]\p{ID_Continue}*(\.[\p{ID_Start}_]\p{ID_Continue}*)*$/u.test(name);
}

function wrong(reason: string): TypeError {
  return new TypeError(`Cannot name a function of Python's: ${reason}`);
}
