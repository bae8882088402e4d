// Names the interface between TypeScript and the addon by a hash of its declarations, and writes the name, and the version
// of deno.json, to `src/addon/interface.ts`; so an addon of another time is refused when it is loaded.
//
// usage: deno run -A tools/interface.ts

import configuration from "../deno.json" with { type: "json" };
import { readFiles } from "./graph/rust.ts";

const ROOT = new URL("../", import.meta.url);
const FILE = new URL("src/addon/interface.ts", ROOT);
const ENGINE_FILE = new URL("src/engine/interface.ts", ROOT);

/** A function of the addon: its name in JavaScript, and the names of its parameters. */
export interface Declared {
  readonly name: string;
  readonly parameters: readonly string[];
}

/** The groups of numbers and their names. */
export type NumberNames = Readonly<Record<string, readonly string[]>>;

const COMMENT = /\/\*[^]*?\*\/|(?<=^|[;{}\s])\/\/.*$/gm;

/** The sources of the addon by their paths. */
export function addonSources(): Map<string, string> {
  return readFiles(new URL("native/addon/src", ROOT).pathname);
}

/** `shut_down` and `SHUT_DOWN` as JavaScript writes names. */
function camel(name: string): string {
  return name.toLowerCase().replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** The functions that the addon exports, in alphabetical order. */
export function functionsOf(sources: ReadonlyMap<string, string>): Declared[] {
  const found: Declared[] = [];
  for (const text of sources.values()) {
    const code = text.replaceAll(COMMENT, "");
    for (const [, name, list] of code.matchAll(/#\[napi(?:\([^)]*\))?\]\s*pub fn (\w+)(?:<[^>]*>)?\(([^)]*)\)/g)) {
      if (/^\s*exports:/.test(list)) continue;
      const parameters = splitParameters(list).filter((it) => !/: &?(?:'\w+ )?Env$/.test(it));
      found.push({ name: camel(name), parameters: parameters.map((it) => camel(it.match(/(\w+):/)![1])) });
    }
    // The short way of numeric.rs: `("queueGet", |&[id, timeout, lonely, _]| …)`.
    for (const [, name, list] of code.matchAll(/\(\s*"(\w+)",\s*\|(_|&\[[^\]]*\])\|/g)) {
      found.push({ name, parameters: [...list.matchAll(/\b[a-z]\w*/g)].map(([parameter]) => camel(parameter)) });
    }
  }
  return found.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** The functions that are called by `Deno.dlopen` (quick.rs). */
const QUICK = /pub extern "C" fn (\w+)\(([^)]*)\)(?: -> (\w+))?/g;

/** Their types, as `Deno.dlopen` wants them, by their names. */
export function quickFunctions(sources: ReadonlyMap<string, string>): Map<string, string> {
  const code = sources.get("abi/quick.rs")!.replaceAll(COMMENT, "");
  return new Map(
    code.matchAll(QUICK).map(([, name, list, result]) => {
      const parameters = splitParameters(list).map((it) => it.match(/: (\w+)$/)![1]);
      return [name, `(${parameters.join(", ")}) => ${result ?? "void"}`];
    }),
  );
}

/** Those that TypeScript opens. */
export function quickFunctionsIn(quick: string): Map<string, string> {
  const found = quick.matchAll(/\{ name: "(\w+)", parameters: \[([^\]]*)\], result: "(\w+)" \}/g);
  return new Map(found.map(([, name, list, result]) => [name, `(${list.replaceAll('"', "")}) => ${result}`]));
}

/** Splits at the commas that are in no brackets. */
function splitParameters(list: string): string[] {
  let flat = list;
  while (/<[^<>]*>/.test(flat)) flat = flat.replaceAll(/<[^<>]*>/g, "");
  return flat.split(",").map((it) => it.trim()).filter((it) => it !== "");
}

/** The names of the numbers that the addon exports. */
export function numbersOf(sources: ReadonlyMap<string, string>): NumberNames {
  const text = sources.get("abi/numbers.rs")!.replaceAll(COMMENT, "");
  const groups = text.slice(text.indexOf("\ngroups! {")).matchAll(/^ {4}(\w+): \w+ \{\n([^]*?)^ {4}\}/gm);
  const members = (body: string) => Array.from(body.matchAll(/^ {8}(\w+) = /gm), ([, name]) => camel(name));
  return Object.fromEntries(Array.from(groups, ([, group, body]) => [camel(group), members(body)]));
}

/** The functions that TypeScript says the addon has. */
export function functionsIn(binding: string): Declared[] {
  const code = binding.replaceAll(COMMENT, "");
  const start = code.indexOf("export interface Native {");
  const body = code.slice(start, code.indexOf("\n}", start));
  const found = Array.from(body.matchAll(/^ {2}(\w+)\((.*)\): .*;$/gm), ([, name, list]) => {
    const flat = list.replaceAll(/\([^()]*\) => \w+/g, "function");
    const names = Array.from(flat.matchAll(/(\w+)\??: /g), ([, parameter]) => parameter);
    return { name, parameters: names };
  });
  return found.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** What the sources of an addon declare for JavaScript. */
function signaturesIn(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].sort(([a], [b]) => a < b ? -1 : 1).flatMap(([, text]) => {
    const code = text.replaceAll(COMMENT, "");
    const signatures = code.matchAll(/#\[napi[^\]]*\]\s*pub (?:fn [^{]*|struct \w+ \{[^}]*\})/g);
    const short = code.matchAll(/\(\s*"\w+",\s*\|(?:_|&\[[^\]]*\])\|/g);
    const shortest = code.matchAll(QUICK);
    return [...signatures, ...short, ...shortest].map(([item]) => item);
  });
}

/** Everything that the two sides must agree on, as text: signatures, what objects have in them, and names of numbers. */
function declarations(sources: ReadonlyMap<string, string>, binding: string, numbers: string): string {
  const items = signaturesIn(sources);
  const names = numbers.replaceAll(COMMENT, "").matchAll(/group\([^)]*\)/g);
  const parts = [...items, JSON.stringify(numbersOf(sources)), binding.replaceAll(COMMENT, ""), ...[...names].flat()];
  return parts.map((part) => part.replaceAll(/\s+/g, " ").trim()).join("\n");
}

/** The name of the interface as the sources declare it. */
export async function interfaceName(
  sources: ReadonlyMap<string, string> = addonSources(),
  binding: string = Deno.readTextFileSync(new URL("src/addon/binding.ts", ROOT)),
  numbers: string = Deno.readTextFileSync(new URL("src/addon/numbers.ts", ROOT)),
): Promise<string> {
  return await nameOf(declarations(sources, binding, numbers));
}

/** The name of the interface of the engine's addon. */
export async function engineInterfaceName(): Promise<string> {
  const sources = readFiles(new URL("native/engine-addon/src", ROOT).pathname);
  const binding = Deno.readTextFileSync(new URL("src/engine/native.ts", ROOT)).replaceAll(COMMENT, "");
  const text = [...signaturesIn(sources), binding].map((part) => part.replaceAll(/\s+/g, " ").trim()).join("\n");
  return await nameOf(text);
}

async function nameOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
}

/** Writes texts between the quotes of a file, in their order. */
function write(file: URL, values: string[]): void {
  const text = Deno.readTextFileSync(file).replaceAll(/"[^"]*"/g, () => `"${values.shift()}"`);
  Deno.writeTextFileSync(file, text);
}

if (import.meta.main) {
  const [name, engine] = [await interfaceName(), await engineInterfaceName()];
  write(FILE, [name, configuration.version]);
  write(ENGINE_FILE, [engine]);
  console.log(name, engine);
}
