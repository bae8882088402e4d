// Reads from the text of a module where a function is imported from, and whether it is certainly
// private. The text is not parsed: every rule here knows a few plain shapes and stays silent about the rest, so
// that a function which is exported in some roundabout way is never refused.

import { pathOfUrl } from "../runtime/file_urls.ts";
import { isIdentifier } from "../runtime/identifiers.ts";
import { resolveHere } from "./imports.ts";
import { resolvedFrom } from "./namespaces.ts";
import { type Callable, nameOf } from "./types.ts";

const texts = new Map<string, string | null>();
const sources = new Map<string, string | null>();
/** The texts as they are in the files, by those without comments. */
const rawSources = new Map<string, string>();

/** The text of a local module without its comments, or `null` where it cannot be read without asking anybody. */
export function readSource(url: string): string | null {
  let source = sources.get(url);
  if (source === undefined) {
    source = readUncached(url);
    sources.set(url, source);
  }
  return source;
}

function readUncached(url: string): string | null {
  const raw = readText(url);
  if (raw === null) return null;
  const source = withoutComments(raw);
  rawSources.set(source, raw);
  return source;
}

/** As {@linkcode readSource}, as it is in the file. */
export function readText(url: string): string | null {
  let text = texts.get(url);
  if (text === undefined) {
    text = readTextUncached(url);
    texts.set(url, text);
  }
  return text;
}

function readTextUncached(url: string): string | null {
  if (!url.startsWith("file:")) return null;
  try {
    const path = pathOfUrl(url);
    // Asked first: an attempt without the permission would stop at a prompt.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return null;
    return Deno.readTextFileSync(path);
  } catch {
    return null; // `deno eval`, standard input, a module that was removed since
  }
}

/** Blanks comments, leaving strings alone. */
export function withoutComments(source: string): string {
  return source.replace(
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|\/\*[^]*?\*\/|\/\/.*/g,
    (found) => found.startsWith("/") ? " " : found,
  );
}

/** URLs of the modules from which `source`, the module `url`, imports something called `name`. */
export function importersOf(name: string, source: string, url: string): string[] {
  if (!isIdentifier(name)) return [];
  const word = wordPattern(name);
  const found: string[] = [];
  for (
    const [, clause, specifier] of source.matchAll(/\bimport\s+(?!type\b)([^;"'()]*?)\bfrom\s*["']([^"'\n]+)["']/g)
  ) {
    const namespace = /\*\s*as\s+([\w$]+)/.exec(clause)?.[1];
    const isNamed = new RegExp(String.raw`(?<!\btype\s+)${word}`).test(clause);
    const isMember = namespace !== undefined &&
      new RegExp(String.raw`${wordPattern(namespace)}\s*\.\s*${word}`).test(source);
    if (isNamed || isMember) found.push(...resolved(specifier, url));
  }
  return found;
}

/** URLs of the modules that `source`, the module `url`, imports or re-exports, by literal `import()`s as well. */
export function importsOf(source: string, url: string): string[] {
  const pattern = /\b(?:from|import)\s*\(?\s*["']([^"'\n]+)["']/g;
  return [...new Set(Array.from(source.matchAll(pattern), ([, specifier]) => specifier))]
    .flatMap((specifier) => resolved(specifier, url));
}

function resolved(specifier: string, base: string): string[] {
  const url = urlOf(specifier, base);
  return url === null ? [] : [url];
}

/** The URL that a module is imported by which `base` names by `specifier`; `null` if there is none. */
export function urlOf(specifier: string, base: string): string | null {
  if (/^\.{0,2}\//.test(specifier)) return URL.parse(specifier, base)?.href ?? null;
  const isUrl = URL.canParse(specifier);
  const found = isUrl || !base.startsWith("file:") ? null : resolvedFrom(specifier, base);
  if (found !== null) return found;
  try {
    return resolveHere(specifier);
  } catch {
    return null;
  }
}

/** True if the module names `name`, or if its text is not known. */
export function mentions(name: string, source: string | null): boolean {
  return source === null || (isIdentifier(name) && new RegExp(wordPattern(name)).test(source));
}

/**
 * Says whether `fn` is certainly defined by this module and certainly not exported: `"declared"` as a function
 * or constant that the module names nowhere but to call it or to give it to another process, or `"inline"` as a
 * `target`, `initializer` or `finalizer` written in the call.
 */
export function definesPrivately(fn: Callable, source: string): "declared" | "inline" | null {
  const name = nameOf(fn);
  if (!isIdentifier(name) || mayExport(name, source)) return null;
  const count = (pattern: string) => [...source.matchAll(new RegExp(pattern, "gm"))].length;
  const word = wordPattern(name);
  const all = count(word);

  const value = String.raw`(?:async\b\s*)?(?:function\b|\(|[\w$]+\s*=>)`;
  if (/^(?:target|initializer|finalizer)$/.test(name)) {
    const inline = String.raw`${word}\s*:\s*${value}`;
    const isOnlyKey = all === count(String.raw`(?<![.?]\s*)${word}\s*:`);
    const isOnlyValue = !/\bexport\s+(?:const|let|var)\s*[{[]/.test(source);
    return count(inline) > 0 && isOnlyKey && isOnlyValue && isWrittenAfter(inline, fn, source) ? "inline" : null;
  }

  // After `return` or `=` it would be an expression, whose value may be exported under another name.
  const declaration = String.raw`(?:^|[;{}])\s*(?:(?:async\s+)?function\s*\*?\s*${word}|` +
    String.raw`(?:const|let|var)\s+${word}\s*(?::[^=;]*)?=\s*${value})`;
  const called = String.raw`(?<![.\w$]\s*|\bfunction\s*\*?\s*)${word}\s*\(`;
  const given = String.raw`\b(?:target|initializer|finalizer|action)\s*:\s*${word}\s*[,})]|` +
    String.raw`\.(?:apply|map|starmap|imap)(?:Async|Unordered)?\(\s*${word}\s*[,)]`;
  const isPrivate = count(declaration) === 1 && count(given) > 0 && all === 1 + count(called) + count(given);
  return isPrivate && isWrittenAfter(declaration, fn, source) ? "declared" : null;
}

/** False if the module certainly exports no class of this name. */
export function exportsClass(name: string, source: string | null): boolean {
  if (source === null || /\bexport\s*\*/.test(source) || mayExport(name, source)) return true;
  return new RegExp(String.raw`\bexport\b[^;{}]*${wordPattern(name)}`).test(source);
}

/** The name of a member of a class's instances that only its constructor makes; `null` if there is none. */
export function privateMember(type: Callable): string | null {
  const source = withoutComments(Function.prototype.toString.call(type));
  for (const [, name] of source.matchAll(/\bthis\s*\??\.\s*#([\w$]+)/g)) {
    const isStatic = new RegExp(String.raw`\bstatic\s+(?:(?:async|get|set)\s+)?\*?\s*#${name.replaceAll("$", "\\$")}`);
    if (!isStatic.test(source)) return name;
  }
  return null;
}

/**
 * True if some export list names it, also where it seems to stand in a comment: a regular expression may look like the
 * beginning of one.
 */
function mayExport(name: string, source: string): boolean {
  const raw = rawSources.get(source) ?? source;
  const word = wordPattern(name);
  return new RegExp(String.raw`\bexport\s*\{[^}]*${word}|\bexport\s+default\s+${word}`).test(raw);
}

/**
 * True if the words of the function's text follow `pattern` in this order. Types, which Deno has removed from
 * the function's text, stand between them in the module's.
 */
function isWrittenAfter(pattern: string, fn: Callable, source: string): boolean {
  const words = Function.prototype.toString.call(fn).match(/[\w$]+/g) ?? [];
  return [...source.matchAll(new RegExp(pattern, "gm"))].some(({ index }) => {
    let next = 0;
    for (const [found] of source.slice(index).matchAll(/[\w$]+/g)) {
      if (found === words[next]) next++;
      if (next === words.length) return true;
    }
    return next === words.length;
  });
}

function wordPattern(name: string): string {
  return String.raw`(?<![\w$])${name.replaceAll("$", "\\$")}(?![\w$])`;
}
