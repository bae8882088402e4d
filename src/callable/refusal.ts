// The reasons why a function cannot run in another process, in words.

import { definesPrivately, mentions, readSource } from "./source.ts";
import { type Callable, nameOf } from "./types.ts";
import { isFrozen } from "../runtime/freeze.ts";
import { mayAsk } from "./inspector.ts";
import { hasNode } from "../runtime/node.ts";

/** Refuses what its form alone tells cannot be run. */
export function refuse(target: Callable, kind: "function" | "class" | "maker"): void {
  const text = Function.prototype.toString.call(target);
  const isClass = /^class\b/.test(text);
  const name = nameOf(target);
  if (isClass && kind === "function") {
    throw new TypeError(`Cannot run "${name}" in another process: it is a class, wanted a function`);
  }
  if (!isClass && kind === "class") {
    throw new TypeError(`Cannot construct "${name}" in another process: it is a function, wanted a class`);
  }
  if (kind !== "maker" && (target instanceof GeneratorFunction || target instanceof AsyncGeneratorFunction)) {
    throw new TypeError(
      `Cannot run "${name}" in another process: it is a generator function, which does nothing when called; ` +
        "wrap it in a function that uses what it yields",
    );
  }
  if (name.startsWith("bound ") && text.includes("[native code]")) {
    throw new TypeError(
      `Cannot run "${name}" in another process: it is a bound function, wanted a function exported by a ` +
        `module; pass "${name.replace(/^(bound )+/, "")}" itself and give what it is bound to as an argument`,
    );
  }
}

const GeneratorFunction = (function* () {}).constructor;
const AsyncGeneratorFunction = (async function* () {}).constructor;

/** Refuses a function that one of the modules certainly keeps to itself, if no other so much as names it. */
export function refusePrivate(target: Callable, modules: readonly string[]): void {
  const name = nameOf(target);
  const sources = modules.map(readSource);
  const naming = modules.filter((_, i) => mentions(name, sources[i]));
  if (naming.length !== 1) return;
  const [url] = naming;
  const source = readSource(url);
  switch (source === null ? null : definesPrivately(target, source)) {
    case "declared":
      throw new TypeError(
        `Cannot run "${name}" in another process: "${url}" does not export it; ` +
          `write "export" before its declaration, at the top level of the module`,
      );
    case "inline":
      throw new TypeError(
        `Cannot run an inline function in another process: "${url}" defines it in the call itself; ` +
          `move it to the top level of a module and write "export" before it`,
      );
  }
}

/** Why a function cannot be imported by another process from this module; `null` if it can. */
export function unreachable(label: string, module: string): TypeError | null {
  if (isText(module)) return new TypeError(`Cannot run "${label}": ${GIVEN_AS_TEXT}`);
  if (!isFrozen() || module !== Deno.mainModule) return null;
  return new TypeError(
    `Cannot run "${label}" in a process of a compiled program: the main module is still being evaluated there; ` +
      "export it from another module",
  );
}

/** Why a program cannot be imported that is in no file. */
export const GIVEN_AS_TEXT =
  "the program was given to Deno as text, which no other process can import; put the function into a file";

/** Whether a module is such a program. */
export function isText(url: string | undefined): boolean {
  return url !== undefined && /\/\$deno\$(eval|stdin|repl)/.test(url);
}

/** Whether a function is a global one, or a method of a global object or of its instances: `fetch`, `Math.sqrt`. */
function isOfRuntime(target: Callable, name: string): boolean {
  const valueOf = (owner: unknown, key: string): unknown => {
    const isOwner = (typeof owner === "object" && owner !== null) || typeof owner === "function";
    return isOwner ? Object.getOwnPropertyDescriptor(owner, key)?.value : undefined;
  };
  if (RUNTIME.includes(name) && valueOf(globalThis, name) === target) return true;
  return RUNTIME.some((key) => {
    const owner = valueOf(globalThis, key);
    return valueOf(owner, name) === target || valueOf(valueOf(owner, "prototype"), name) === target;
  });
}

/** The global names that there were when this module was loaded: a user's module may have come before. */
const RUNTIME: readonly string[] = Object.getOwnPropertyNames(globalThis);

/** That no module exports a function. */
export function notFound(target: Callable, modules: readonly string[]): TypeError {
  const kind = /^class\b/.test(Function.prototype.toString.call(target)) ? "class" : "function";
  const name = nameOf(target);
  const wanted = name === "" ? `a ${kind} without a name` : `"${name}"`;
  if (isOfRuntime(target, name)) {
    return new TypeError(
      `Cannot run ${wanted} in another process: it is the runtime's own, and no module exports it; call it in a function ` +
        "of yours, and export that at the top level of a module",
    );
  }
  if (!hasNode()) {
    return new TypeError(
      `Cannot run ${wanted}: Deno cannot be asked which module exports it, because the path of Deno itself is no text ` +
        "(UTF-8); give { module, name }, or start Deno from another path",
    );
  }
  if (isText(Deno.mainModule)) {
    return new TypeError(
      `Cannot run ${wanted}: no module is seen to export it. If the program itself has it, ${GIVEN_AS_TEXT}; if a ` +
        "module in a file has it, give { module, name }",
    );
  }
  const isSearched = mayAsk();
  const places = isSearched ? "no module" : `none of ${modules.map((url) => `"${url}"`).join(", ")}`;
  const otherwise = isSearched ? "" : ", or start with --allow-sys so that every loaded module is searched";
  return new TypeError(
    `Cannot run ${wanted}: ${places} exports it; write "export" before its declaration at the top level of a ` +
      `module (a closure or an inline function cannot be run in another process), or give { module, name }${otherwise}`,
  );
}
