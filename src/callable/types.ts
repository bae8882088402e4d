// The types that both halves of a function reference share (reference.ts, resolve.ts).

/** A function or class as the export of a module that it is: what is named in a message to another process. */
export interface FunctionReference {
  /** Its name in error messages: its own name, or that of the export. */
  label: string;
  /** URL of the module. */
  module: string;
  /** Name of the export. */
  name: string;
  /** The name of the function in the table, class or CommonJS module that the export is; else `null`. */
  member: string | null;
  /**
   * {@linkcode sourceHash} of the function, by which another process notices that the module was edited meanwhile;
   * `null` when the module and the export were given explicitly.
   */
  hash: string | null;
}

/** A function given by the module that exports it, where it cannot be found by itself. */
export interface ModuleExport {
  /** URL or specifier of the module; a relative one is relative to the module that gives it. */
  module: string | URL;
  /** Name of the export. */
  name: string;
}

/** Any function or class. */
// deno-lint-ignore ban-types -- what is common to functions and classes of every signature
export type Callable = Function;

/** Imports the module it stands for. */
export type ModuleLoader = () => Promise<ModuleNamespace>;

/** The exports of a module. */
export type ModuleNamespace = Readonly<Record<string, unknown>>;

/** What a function is called; nothing where its `name` has been made something else than a text. */
export function nameOf(fn: Callable): string {
  try {
    const { name } = fn as { readonly name: unknown };
    return typeof name === "string" ? name : "";
  } catch {
    return ""; // a getter's own idea
  }
}

/**
 * Length and 32-bit FNV-1a hash of a function's source text. Parent and child run the same emitted text, so the
 * same function has the same hash in both. That is no proof of anything, since other functions may have the same text.
 */
export function sourceHash(fn: Callable): string {
  const text = Function.prototype.toString.call(fn);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return `${text.length}:${(hash >>> 0).toString(16)}`;
}
