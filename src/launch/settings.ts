// How processes are started: which methods there are, which one this process uses, and with which executable. The
// settings that users make in context.ts are kept here, where process.ts sees them.

import { InvalidStateError } from "../errors.ts";
import { pathOfUrl } from "../runtime/file_urls.ts";

/** How a process is started. */
export type StartMethod = "spawn" | "forkserver";

/** All methods; the default is the first. */
export const START_METHODS: readonly StartMethod[] = ["spawn", "forkserver"];

/** The names of the default preload list, as in Python: the main module. */
export const MAIN = "__main__";

let chosen: StartMethod | null = null;
let executable: string | null = null;
let preload: readonly string[] = [MAIN];

/** The method that was chosen or used; `null` if none was. */
export function chosenMethod(): StartMethod | null {
  return chosen;
}

/** The method to be used; from now on it is chosen. */
export function methodInUse(): StartMethod {
  return chosen ??= START_METHODS[0];
}

/** Chooses a method, or with `null` none. */
export function chooseMethod(method: StartMethod | null): void {
  chosen = method;
}

/** The methods of classes whose processes are always started by the same one. */
const bound = new Map<unknown, StartMethod>();

/** Says that processes of `Class` and of what extends it are started by `method`. */
export function bindMethod(Class: unknown, method: StartMethod): void {
  bound.set(Class, method);
}

/** The method for processes of `Class`. If no one is bound to it, that of this process, which is chosen by that. */
export function methodFor(Class: unknown): StartMethod {
  for (let it = Class; typeof it === "function"; it = Object.getPrototypeOf(it)) {
    const method = bound.get(it);
    if (method !== undefined) return method;
  }
  return methodInUse();
}

/** What is to be started instead of the running Deno; `null` if nothing was set. */
export function chosenExecutable(): string | null {
  return executable;
}

/**
 * Sets the program that children are. It must take Deno's command line.
 *
 * @throws {TypeError} If it is neither a path nor a `file:` URL.
 */
export function chooseExecutable(path: string | URL): void {
  if (typeof path === "string" && path !== "") executable = path;
  else if (path instanceof URL && path.protocol === "file:") executable = pathOfUrl(path);
  else throw new TypeError(`Cannot set the executable to ${Deno.inspect(path)}: wanted a path or a file: URL`);
}

/** The modules that warm processes import ahead: URLs, or {@linkcode MAIN}. */
export function preloadedModules(): readonly string[] {
  return preload;
}

/** Replaces the list of {@linkcode preloadedModules}. */
export function preloadModules(urls: readonly string[]): void {
  preload = [...urls];
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

/**
 * Chooses a method as `setStartMethod` does.
 *
 * @throws {InvalidStateError} If one is chosen already, and `force` is not set.
 */
export function setMethod(method: string | null, force: boolean): void {
  if (chosen !== null && !force) {
    throw new InvalidStateError(
      `Cannot set the start method to ${Deno.inspect(method)}: context has already been set, to "${chosen}"; ` +
        "set it before it is used, or with { force: true }",
    );
  }
  if (method !== null) chooseMethod(startMethodNamed(method));
  else if (force) chooseMethod(null);
  else methodInUse();
}
