// How processes are started: which methods there are, which one this process uses, with which executable, and what is
// imported ahead. Users set it by a context (context/local.ts).

import { InvalidStateError } from "../errors.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";

/** How a process is started. */
export type StartMethod = "spawn" | "forkserver";

/** All methods; the default is the first. */
export const START_METHODS: readonly StartMethod[] = ["spawn", "forkserver"];

/** The name of the main module in the preload list, as in Python. */
export const MAIN = "__main__";

/** What is set for all processes that are started from now on. */
class StartSettings {
  #executable: string | null = null;
  #python: string | null = null;
  #preload: readonly string[] = [MAIN];

  /** The method that was chosen or used; `null` if none was. */
  method: StartMethod | null = null;

  /** The method to be used; from now on it is chosen. */
  useMethod(): StartMethod {
    return this.method ??= START_METHODS[0];
  }

  /**
   * Chooses a method as `setStartMethod` does.
   *
   * @throws {RangeError} If there is no such method.
   * @throws {InvalidStateError} If one is chosen already, and `force` is not set.
   */
  chooseMethod(method: string | null, force: boolean): void {
    if (this.method !== null && !force) {
      throw new InvalidStateError(
        `Cannot set the start method to ${Deno.inspect(method)}: context has already been set, to "${this.method}"; ` +
          "set it before it is used, or with { force: true }",
      );
    }
    if (method !== null) this.method = startMethodNamed(method);
    else if (force) this.method = null;
    else this.useMethod();
  }

  /** What is to be started instead of the running Deno, and takes its command line; `null` if nothing was set. */
  get executable(): string | null {
    return this.#executable;
  }

  /** @throws {TypeError} If it is neither a path nor a `file:` URL. */
  set executable(path: string | URL) {
    this.#executable = executableOf(path);
  }

  /** The Python that runs functions of Python's which name none; `null` if nothing was set. */
  get python(): string | null {
    return this.#python;
  }

  /** @throws {TypeError} If it is neither a path nor a `file:` URL. */
  set python(path: string | URL) {
    this.#python = executableOf(path);
  }

  /** The modules that warm processes import ahead: URLs, or {@linkcode MAIN}. */
  get preload(): readonly string[] {
    return this.#preload;
  }

  set preload(urls: readonly string[]) {
    this.#preload = [...urls];
  }
}

function executableOf(path: string | URL): string {
  if (typeof path === "string" && path !== "") return path;
  if (path instanceof URL && path.protocol === "file:") return pathOfUrl(path);
  throw new TypeError(`Cannot set the executable to ${Deno.inspect(path)}: wanted a path or a file: URL`);
}

/** The settings of this process. */
export const startSettings: StartSettings = new StartSettings();

/** The methods of classes whose processes are always started by the same one. */
const bound = new WeakMap<object, StartMethod>();

/** Says that processes of `Class` and of what extends it are started by `method`. */
export function bindMethod(Class: object, method: StartMethod): void {
  bound.set(Class, method);
}

/** The method for processes of `Class`. If no one is bound to it, that of this process, which is chosen by that. */
export function methodFor(Class: unknown): StartMethod {
  for (let it = Class; typeof it === "function"; it = Object.getPrototypeOf(it)) {
    const method = bound.get(it);
    if (method !== undefined) return method;
  }
  return startSettings.useMethod();
}

/**
 * The method of that name.
 *
 * @throws {RangeError} If there is none.
 */
export function startMethodNamed(name: string): StartMethod {
  const method = START_METHODS.find((it) => it === name);
  if (method !== undefined) return method;
  const wanted = START_METHODS.map((it) => `"${it}"`).join(" or ");
  const why = name === "fork" ? ": Deno's engine does not survive fork(2)" : "";
  throw new RangeError(`Cannot find context for ${Deno.inspect(name)}${why}; wanted ${wanted}`);
}
