// The package has the clocks and timers that it took at its import (runtime/timing.ts): tests of users replace the global ones.

import { assertEquals } from "@std/assert";

const NAMES = [
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "clearImmediate"],
  ...["queueMicrotask", "performance", "Date", "Temporal"],
];

/** The paths of all modules below a folder. */
function modulesIn(folder: URL): URL[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return modulesIn(new URL(`${name}/`, folder));
    return name.endsWith(".ts") ? [new URL(name, folder)] : [];
  });
}

/** The names of time that a module uses as globals. */
function globalsOfTime(text: string): string[] {
  const code = text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, "");
  const taken = [...code.matchAll(/import (?:type )?\{([^}]*)\} from "[./]+(?:\w+\/)*timing\.ts";/g)]
    .flatMap(([, names]) => names.split(",").map((name) => name.trim()));
  const uses = (name: string) => new RegExp(`(?<![\\w.$#"'])${name}\\b(?!["']|\\??:)`).test(code);
  const members = ["AbortSignal.timeout", "Deno.unrefTimer", "Deno.refTimer"].filter((it) => code.includes(it));
  const ownGlobal = [...code.matchAll(/globalThis\.(\w+)/g)].map(([, name]) => name).filter((it) => NAMES.includes(it));
  return [...NAMES.filter((name) => uses(name) && !taken.includes(name)), ...members, ...ownGlobal];
}

Deno.test("the modules of src use no clock or timer but those that timing.ts took at import", () => {
  assertEquals(globalsOfTime("const x = setTimeout(() => performance.now()); // Date"), ["setTimeout", "performance"]);
  assertEquals(globalsOfTime('import { setTimeout } from "../timing.ts";\nsetTimeout(f); it.Date; "Date";'), []);
  assertEquals(globalsOfTime("AbortSignal.timeout(5); globalThis.Date"), ["AbortSignal.timeout", "Date"]);
  const src = new URL("../../src/", import.meta.url);
  const found = modulesIn(src).filter((url) => !url.href.endsWith("/timing.ts"))
    .map((url) => [url.href.slice(src.href.length), ...globalsOfTime(Deno.readTextFileSync(url))]);
  assertEquals(found.filter((it) => it.length > 1), []);
  assertEquals(found.length > 50, true);
});
