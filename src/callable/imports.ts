// Imports of what is named only while the program runs: by its URL, or by its text.
//
// `deno publish` reads every `import()` of a package, since names of an import map would have to be written anew. It warns
// of each that it cannot read, and nobody can tell it that a whole URL is meant; a warning that is always there hides the
// one that matters. Two facts keep it silent: it knows how a `data:` URL begins, and it reads no module in one.

import { ENTRY_PREFIX } from "../runtime/own_modules.ts";
import type { ModuleNamespace } from "./types.ts";

/** What the URLs of modules that are made from a text begin with. */
const SCHEME = "data:text/";

/** The URL of a module of this package with that text; `kind` tells it from those of another use. */
export function dataUrl(kind: string, text: string): string {
  return `${ENTRY_PREFIX}-${kind},${encodeURIComponent(text)}`;
}

/** Imports what {@linkcode dataUrl} names. */
export function importData(url: string): Promise<ModuleNamespace> {
  return import(`data:text/${url.slice(SCHEME.length)}`);
}

/**
 * The URL that an `import()` in this package would have for that specifier.
 *
 * @throws {TypeError} If there is none.
 */
export const resolveHere: (specifier: string) => string = import.meta.resolve;

let importer: Promise<ModuleNamespace> | undefined;

/** Makes ready what {@linkcode importUrl} needs, which is some 0.2 ms of its first use. */
export function prepareImports(): Promise<ModuleNamespace> {
  return importer ??= importData(dataUrl("import", "export default (url) => import(url)"));
}

/** As {@linkcode importUrl}, in a box: what exports a function `then` is taken for a promise by an `import()`. */
export async function importBoxed(url: string): Promise<{ readonly namespace: ModuleNamespace }> {
  const text = `import * as namespace from ${JSON.stringify(url)}; export { namespace };`;
  return await importData(dataUrl("box", text)) as { namespace: ModuleNamespace };
}

/** Imports the module of that URL, as an `import()` in this package would: with the same permissions, and once. */
export async function importUrl(url: string): Promise<ModuleNamespace> {
  const { default: load } = await prepareImports() as { default: (url: string) => Promise<ModuleNamespace> };
  return await load(url);
}
