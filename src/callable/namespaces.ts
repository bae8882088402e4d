// The exports of modules that are loaded, asked for by URL. A comparison with them proves that an export is this very
// function.
//
// | way | answers | for |
// | --- | --- | --- |
// | `namespaceAtOnce` | at the call | modules without a top-level `await` in their graph, evaluated or half-way |
// | `namespaceLater` | after some turns of the event loop | every module, also a main module that awaits at its top level |
// | `namespaceAtAnyPrice` | at the call, in 80 ms and more | the same; needs `--allow-sys` |
//
// None of them evaluates a module twice, loads one that is not loaded, or needs a permission that is not named here.
// Each has V8 link a module of a line to the one that is asked about; docs/decisions/19-exports-by-comparison.md has the rest.

import { LINKING_NAME } from "../runtime/own_modules.ts";
import { dataUrl, importData } from "./imports.ts";
import { type ModuleNamespace, nameOf } from "./types.ts";

import { objectsOf } from "./inspector.ts";
import { nodeProcess } from "../runtime/node.ts";
import { hasBytes, pathOfUrl } from "../runtime/file_urls.ts";

/** The parts of `node:module` that are used here. */
interface NodeModule {
  readonly Module: new (path: string) => {
    exports: Record<string, unknown>;
    /** The last parameter is Deno's own: that `text` is to be taken instead of the file. */
    _compile(text: string, path: string, format: "module", isText: true): void;
  };
  readonly _cache: Readonly<Record<string, { exports: unknown } | undefined>>;
  registerHooks(hooks: { resolve: ResolveHook }): { deregister(): void };
}

type ResolveHook = (
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => unknown,
) => unknown;

let nodeModule: NodeModule | null = null;

/** `node:module`: the first call in a process costs 15 to 30 ms, in which Deno sets up Node. */
function node(): NodeModule {
  return nodeModule ??= nodeProcess().getBuiltinModule("node:module") as unknown as NodeModule;
}

/** Whether a module can be asked for without Node being set up first. */
export function isReady(): boolean {
  return nodeModule !== null;
}

/** Findings that hold for as long as this process lives. */
const known = new Map<string, ModuleNamespace>();
/** The modules that only {@linkcode namespaceLater} can answer for. */
const waiting = new Set<string>();
/** For each of these that was linked to: the name of the generator function that gives its exports. */
const givers = new Map<string, string>();
const asked = new Map<string, Promise<ModuleNamespace | null>>();
let count = 0;

/** Keeps the exports of a module that was imported here, as they can be awaited. */
export function rememberNamespace(url: string, namespace: ModuleNamespace): ModuleNamespace {
  const kept = awaitable(namespace);
  known.set(url, kept);
  return kept;
}

/**
 * The exports of a module, but for one of the name `then`: whoever awaits what has one takes it for a promise, and calls that
 * instead.
 */
function awaitable(namespace: ModuleNamespace): ModuleNamespace {
  if (!("then" in namespace)) return namespace;
  const exports: ModuleNamespace = Object.create(null);
  for (const name of Reflect.ownKeys(namespace)) {
    if (typeof name !== "string" || name === "then") continue;
    Object.defineProperty(exports, name, { get: () => namespace[name], enumerable: true });
  }
  return exports;
}

/** The exports of a module if they are known already, with no question asked. */
export function knownNamespace(url: string): ModuleNamespace | null {
  return known.get(url) ?? null;
}

/** All of these, with their URLs. */
export function knownNamespaces(): Iterable<[string, ModuleNamespace]> {
  return known;
}

/** The exports of a loaded module; `"later"` if {@linkcode namespaceLater} may have them; `null` if it is not loaded. */
export function namespaceAtOnce(url: string): ModuleNamespace | "later" | null {
  const found = known.get(url);
  if (found !== undefined) return found;
  if (waiting.has(url)) return "later";
  if (!isSyncPossible()) return "later";
  const giver = `give${++count}$multiprocessing`;
  try {
    const { namespace } = evaluated(
      `import * as namespace from ${JSON.stringify(url)};` +
        `export { namespace }; export function* ${giver}() { yield namespace; }`,
      url,
    );
    return rememberNamespace(url, namespace as ModuleNamespace);
  } catch (error) {
    if ((error as { code?: unknown } | null | undefined)?.code !== "ERR_REQUIRE_ASYNC_MODULE") return null; // or it has failed
    waiting.add(url);
    givers.set(url, giver);
    return "later";
  }
}

/** As {@linkcode namespaceAtOnce}, for those that it cannot answer for. `null` if it is not loaded. */
export function namespaceLater(url: string): Promise<ModuleNamespace | null> {
  const found = known.get(url);
  if (found !== undefined) return Promise.resolve(found);
  let promise = asked.get(url);
  if (promise === undefined) {
    promise = linkedTo(url).finally(() => asked.delete(url));
    asked.set(url, promise);
  }
  return promise;
}

/**
 * Of two modules in a cycle the one that was imported, S, is evaluated last; but its functions are there before, so the
 * other, T, can have the exports from it. T then throws, which ends both without anything being left.
 */
async function linkedTo(url: string): Promise<ModuleNamespace | null> {
  const name = `multiprocessing:${++count}`;
  const symbol = Symbol.for(name);
  const place = globalThis as { [symbol]?: (namespace: ModuleNamespace) => void };
  let namespace: ModuleNamespace | null = null;
  place[symbol] = (given) => namespace = given;
  const texts = new Map([
    [
      `${name}/S`,
      `import "${name}/T"; import * as given from ${JSON.stringify(url)}; export function get() { return given }`,
    ],
    [`${name}/T`, `import { get } from "${name}/S"; globalThis[Symbol.for("${name}")](get()); throw 0`],
  ]);
  const hooks = node().registerHooks({
    resolve(specifier, context, next) {
      const text = texts.get(specifier);
      return text === undefined ? next(specifier, context) : { url: dataUrl("link", text), shortCircuit: true };
    },
  });
  try {
    await importData(dataUrl("link", texts.get(`${name}/S`)!));
  } catch {
    // That is how it ends.
  } finally {
    hooks.deregister();
    delete place[symbol];
  }
  if (namespace === null) return null;
  return rememberNamespace(url, namespace);
}

/** As {@linkcode namespaceLater}, at the call: what was linked by `namespaceAtOnce` is looked for in V8's heap. */
export function namespaceAtAnyPrice(url: string): ModuleNamespace | null {
  const found = known.get(url);
  if (found !== undefined) return found;
  const name = givers.get(url);
  if (name === undefined) return null;
  const functions = objectsOf("Object.getPrototypeOf(function* () {})") ?? [];
  const giver = functions.find((it) => typeof it === "function" && nameOf(it) === name) as GiverFunction | undefined;
  const namespace = giver?.().next().value;
  return namespace === undefined ? null : rememberNamespace(url, namespace);
}

type GiverFunction = () => Generator<ModuleNamespace, void>;

/** The URL that a `specifier` that is no path means in the module `base`, which is in a file; `null` if it means none. */
export function resolvedFrom(specifier: string, base: string): string | null {
  if (!isSyncPossible()) return null;
  try {
    return evaluated(`export const url = import.meta.resolve(${JSON.stringify(specifier)});`, base).url as string;
  } catch {
    return null;
  }
}

/** The exports of the modules that `require()` has loaded, by URL. */
export function requiredModules(): [string, unknown][] {
  return Object.entries(node()._cache ?? {})
    .map(([path, module]) => [`file://${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}`, module?.exports]);
}

/**
 * Evaluates a text as a module beside `base`, so that names mean there what they mean in that; its exports. Where no path
 * can name that folder, it is the root. The name of the file, which does not exist, ends as that of a test: `--coverage`
 * says nothing about such.
 */
function evaluated(text: string, base: string): Record<string, unknown> {
  const path = `${folderOf(base) ?? "/"}${LINKING_NAME}${++count}_test.mjs`;
  const module = new (node().Module)(path);
  module._compile(text, path, "module", true);
  return module.exports;
}

/** The path of the folder that a module is in; `null` if that is no text, or the module is in no file. */
function folderOf(url: string): string | null {
  const path = url.startsWith("file:") ? pathOfUrl(new URL("./", url)) : null;
  return path === null || hasBytes(path) ? null : path;
}

let isPossible: boolean | null = null;

/** Whether this Deno evaluates a text as a module at the call, which its documentation does not promise. */
function isSyncPossible(): boolean {
  if (isPossible === null) {
    try {
      const text = `import * as namespace from ${JSON.stringify(import.meta.url)}; export { namespace };`;
      const { namespace } = evaluated(text, import.meta.url) as { namespace?: Record<string, unknown> };
      isPossible = typeof namespace === "object" && Object.keys(namespace).length > 0;
    } catch {
      isPossible = false;
    }
  }
  return isPossible;
}
