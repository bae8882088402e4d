/**
 * The sender's half of error classes that the user's modules export: they are named as functions are
 * (callable/reference.ts). The receiver's half is error_lookup.ts.
 *
 * @module
 */
import { isIdentifier } from "../runtime/identifiers.ts";
import { isOwnModule } from "../runtime/own_modules.ts";
import { knownNamespace } from "../callable/namespaces.ts";
import { searchAtAnyPrice, searchIn, searchLater } from "../callable/proof.ts";
import { exportsClass, importersOf, mentions, privateMember, readSource } from "../callable/source.ts";
import { type FunctionReference, sourceHash } from "../callable/types.ts";
import type { NamedClass } from "./error_classes.ts";

/** References made, by class; `null` for those that no module exports. */
const references = new WeakMap<object, FunctionReference | null>();
/** How much of a stack is read, and how long a line of it may be: its text may be anybody's. */
const LONGEST_STACK = 64 * 1024;
const LONGEST_LINE = 4096;

/**
 * How the class of an error is named to others; `null` if no module is seen to export it.
 *
 * @param stack That of the error.
 */
export function classReference({ Class, prototype, name }: NamedClass, stack: unknown): FunctionReference | null {
  if (typeof Class !== "function" || Class.prototype !== prototype || !isIdentifier(name)) return null;
  const known = references.get(Class);
  if (known !== undefined) return known;
  for (let it = Class; it !== Function.prototype && it !== null; it = Object.getPrototypeOf(it)) {
    if (privateMember(it) !== null) return null; // only the constructor makes them, and it does not run again
  }
  const { place: found, later } = searchIn(Class, () => exportersOf(name, modulesOn(stack)));
  const place = found ?? searchAtAnyPrice(Class, later);
  if (place === null && later.some((url) => knownNamespace(url) === null)) {
    // This error goes as one of the nearest known class; the next is told of in time.
    void searchLater(Class, later).catch(() => null);
    return null;
  }
  const made = place && { label: name, ...place, hash: sourceHash(Class) };
  references.set(Class, made);
  return made;
}

/** URLs of the user's modules that a stack tells of, innermost first. */
function modulesOn(stack: unknown): string[] {
  if (typeof stack !== "string") return [];
  const lines = stack.slice(0, LONGEST_STACK).split("\n").filter((line) => line.length <= LONGEST_LINE);
  const urls = lines.flatMap((line) => line.match(/^ +at .*?((?:file|https?|data|blob):.*):\d+:\d+\)?$/)?.[1] ?? []);
  return [...new Set(urls)].filter((url) => !isOwnModule(url));
}

/** Of the modules, and those that they import something of this name from, the ones that may export a class. */
function exportersOf(name: string, throwing: readonly string[]): string[] {
  const main: string | undefined = Deno.mainModule; // undefined in a Worker
  const modules = new Set(main === undefined ? throwing : [...throwing, main]);
  for (const url of modules) {
    const source = readSource(url);
    // What is added is visited, too.
    if (source !== null && mentions(name, source)) importersOf(name, source, url).forEach((it) => modules.add(it));
  }
  return [...modules].filter((url) => exportsClass(name, readSource(url)) || exportsValues(readSource(url)));
}

/** Whether it exports what some expression makes: a class of any name. */
function exportsValues(source: string | null): boolean {
  return source !== null && /\bexport\s+(?:const|let|var|default)\b/.test(source);
}
