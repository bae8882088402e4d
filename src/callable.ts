// Functions by reference, the parent's half: a function becomes its name, a hash of its source and the modules
// that may export it. What certainly cannot be found again is refused here, at the call; the rest of the
// mistakes are found by the child (callable_resolve.ts), because nothing in Deno tells synchronously what a
// module exports while it is still being evaluated, as the main module usually is.

import { definesPrivately, importersOf, mentions, readSource } from "./callable_source.ts";
import { type Callable, type FunctionReference, isOwnModule, type ModuleExport, sourceHash } from "./callable_types.ts";

export type { Callable, FunctionReference, ModuleExport } from "./callable_types.ts";

/** Options of {@linkcode reference}. */
export interface ReferenceOptions {
  /** What is wanted. Default: `"function"`. */
  kind?: "function" | "class";
  /** URLs of the modules that gave the function, innermost first. Default: {@linkcode callingModules}. */
  callers?: readonly string[];
}

/**
 * Makes the reference by which another process finds `target`.
 *
 * @throws {TypeError} If `target` is not a function, or one that no other process can find: bound, inline, or
 * not exported by the module that declares it.
 */
export function reference(target: Callable | ModuleExport, options: ReferenceOptions = {}): FunctionReference {
  const { kind = "function" } = options;
  if (typeof target !== "function") return explicitReference(target, options.callers ?? callingModules());
  refuse(target, kind);
  const known = references.get(target);
  if (known !== undefined) return known;
  const callers = options.callers ?? callingModules();
  const main: string | undefined = Deno.mainModule; // undefined in a Worker
  const modules = [...new Set(main === undefined ? callers : [main, ...callers])];
  for (const url of modules) {
    const source = readSource(url);
    if (source !== null) modules.push(...importersOf(target.name, source, url).filter((it) => !modules.includes(it)));
  }
  refusePrivate(target, modules);
  const made = { name: target.name, hash: sourceHash(target), modules };
  references.set(target, made);
  return made;
}

/** References already made: a pool asks for the same function again and again. */
const references = new WeakMap<Callable, FunctionReference>();

/** URLs of the user's modules on the stack, innermost first. */
export function callingModules(): string[] {
  const { prepareStackTrace, stackTraceLimit } = Error;
  try {
    Error.stackTraceLimit = 50;
    Error.prepareStackTrace = (_error, sites) => sites;
    const sites = new Error().stack as unknown as CallSite[];
    const urls = sites.map((site) => site.getScriptNameOrSourceURL() ?? "");
    return [...new Set(urls)].filter((url) => /^(file|https?|data|blob):/.test(url) && !isOwnModule(url));
  } finally {
    Object.assign(Error, { prepareStackTrace, stackTraceLimit });
  }
}

/** The part of V8's stack trace API that is used here: `getFileName` would give a path, not a URL. */
interface CallSite {
  getScriptNameOrSourceURL(): string | null;
}

function explicitReference(target: ModuleExport, callers: readonly string[]): FunctionReference {
  const { module, name } = (target ?? {}) as Partial<ModuleExport>;
  if (typeof name !== "string" || !(typeof module === "string" || module instanceof URL)) {
    throw new TypeError(
      `Cannot run ${Deno.inspect(target, { depth: 0 })} in another process: ` +
        `wanted a function exported by a module, or { module: string | URL, name: string }`,
    );
  }
  return { name, hash: null, modules: [moduleUrl(module, callers[0] ?? Deno.mainModule)] };
}

/**
 * The URL of a module that is named as `base` would name it in an `import`.
 *
 * @throws {TypeError} If there is none.
 */
export function moduleUrl(module: string | URL, base: string): string {
  if (module instanceof URL) return module.href;
  try {
    return /^(\.{0,2}\/)/.test(module) ? new URL(module, base).href : import.meta.resolve(module);
  } catch (cause) {
    throw new TypeError(
      `Cannot find the module ${
        Deno.inspect(module)
      } from "${base}": wanted a URL, a path that begins with "/", "./" ` +
        'or "../", or a name that is in the import map',
      { cause },
    );
  }
}

function refuse(target: Callable, kind: "function" | "class"): void {
  const text = Function.prototype.toString.call(target);
  const isClass = /^class\b/.test(text);
  if (isClass && kind === "function") {
    throw new TypeError(`Cannot run "${target.name}" in another process: it is a class, wanted a function`);
  }
  if (!isClass && kind === "class") {
    throw new TypeError(`Cannot construct "${target.name}" in another process: it is a function, wanted a class`);
  }
  if (target instanceof GeneratorFunction || target instanceof AsyncGeneratorFunction) {
    throw new TypeError(
      `Cannot run "${target.name}" in another process: it is a generator function, which does nothing when called; ` +
        "wrap it in a function that uses what it yields",
    );
  }
  if (kind === "function" && target.name === "") {
    throw new TypeError(
      "Cannot run a function without a name in another process: it may be a closure, whose variables would not travel; " +
        "export it under a name of its own, or give { module, name }",
    );
  }
  if (target.name.startsWith("bound ") && text.includes("[native code]")) {
    throw new TypeError(
      `Cannot run "${target.name}" in another process: it is a bound function, wanted a function exported by a ` +
        `module; pass "${target.name.replace(/^(bound )+/, "")}" itself and give what it is bound to as an argument`,
    );
  }
}

const GeneratorFunction = (function* () {}).constructor;
const AsyncGeneratorFunction = (async function* () {}).constructor;

/** Refuses a function that one of the modules certainly keeps to itself, if no other so much as names it. */
function refusePrivate(target: Callable, modules: readonly string[]): void {
  const sources = modules.map(readSource);
  const naming = modules.filter((_, i) => mentions(target.name, sources[i]));
  if (naming.length !== 1) return;
  const [url] = naming;
  const source = readSource(url);
  switch (source === null ? null : definesPrivately(target, source)) {
    case "declared":
      throw new TypeError(
        `Cannot run "${target.name}" in another process: "${url}" does not export it; ` +
          `write "export" before its declaration, at the top level of the module`,
      );
    case "inline":
      throw new TypeError(
        `Cannot run an inline function in another process: "${url}" defines it in the call itself; ` +
          `move it to the top level of a module and write "export" before it`,
      );
  }
}
