// The two sides of the addon declare the same interface, and its name is that of what they declare.

import { assertEquals, assertNotEquals } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { INTERFACE, VERSION } from "../../src/addon/interface.ts";
import { namesOfNumbers } from "../../src/addon/numbers.ts";
import {
  addonSources,
  engineInterfaceName,
  functionsIn,
  functionsOf,
  interfaceName,
  numbersOf,
  quickFunctions,
  quickFunctionsIn,
} from "../../tools/interface.ts";
import { ENGINE_INTERFACE } from "../../src/engine/interface.ts";

const BINDING = Deno.readTextFileSync(new URL("../../src/addon/binding.ts", import.meta.url));
const QUICK = Deno.readTextFileSync(new URL("../../src/addon/quick.ts", import.meta.url));
const NUMBERS = Deno.readTextFileSync(new URL("../../src/addon/numbers.ts", import.meta.url));

Deno.test("binding.ts has the functions of native/addon, with as many parameters", () => {
  const arities = (declared: ReturnType<typeof functionsOf>) =>
    declared.map(({ name, parameters }) => `${name}/${parameters.length}`);
  assertEquals(arities(functionsIn(BINDING)), arities(functionsOf(addonSources())));
});

Deno.test("interface.ts of the engine has the name of the interface of its addon", async () => {
  assertEquals(ENGINE_INTERFACE, await engineInterfaceName(), "run `deno run -A tools/interface.ts`");
});

Deno.test("quick.ts opens the functions of quick.rs, with their types", () => {
  const functions = quickFunctions(addonSources());
  assertEquals(quickFunctionsIn(QUICK), functions);
  assertEquals(functions.get("multiprocessing_queue_get"), "(u32) => f64");
});

Deno.test("binding.ts lists each function below the name of the file that has it", () => {
  const sources = addonSources();
  const numeric = sources.get("abi/numeric.rs")!;
  /** Whether a file defines the function, or has the work of one of the numeric ones. */
  const isIn = (file: string, name: string) => {
    const module = file.replace(/\.rs$/, "");
    const defined = [...sources].filter(([path]) => path === file || path.startsWith(`${file}/`)).map(([, text]) =>
      text
    );
    const snake = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return defined.some((text) => new RegExp(`pub fn ${snake}\\b`).test(text)) ||
      new RegExp(`"${name}", \\|[^|]*\\|\\s*\\{\\s*${module}::`).test(numeric);
  };
  let file = "";
  const wrong: string[] = [];
  for (const line of BINDING.slice(BINDING.indexOf("export interface Native {")).split("\n")) {
    file = line.match(/^ {2}\/\/ (\S+)$/)?.[1] ?? file;
    const name = line.match(/^ {2}(\w+)\(/)?.[1];
    if (name !== undefined && !isIn(file, name)) wrong.push(`${name} is not in "${file}"`);
  }
  assertEquals(wrong, []);
  assertEquals([isIn("tree.rs", "noteBegun"), isIn("children.rs", "noteBegun")], [true, false]);
});

Deno.test("numbers.ts has the names of the numbers in native/addon", () => {
  assertEquals(namesOfNumbers(), numbersOf(addonSources()));
});

Deno.test("the interface has the name of what both sides declare", async () => {
  assertEquals(INTERFACE, await interfaceName(), "run `deno run -A tools/interface.ts`, then `deno task build`");
});

Deno.test("the version that both sides have is that of deno.json", () => {
  assertEquals(VERSION, configuration.version, "run `deno run -A tools/interface.ts`, then `deno task build`");
  const { version } = Deno.readTextFileSync(new URL("../../Cargo.toml", import.meta.url))
    .match(/^version = "(?<version>[^"]*)"$/m)!.groups!;
  assertEquals(version, configuration.version);
});

Deno.test("the name changes with a signature, a parameter's type, an object's field and a number's name", async () => {
  const sources = addonSources();
  const name = await interfaceName();
  const changed = (path: string, from: string, to: string) => {
    const text = sources.get(path)!;
    assertNotEquals(text, text.replace(from, to), `${path} has no ${from}`);
    return interfaceName(new Map(sources).set(path, text.replace(from, to)));
  };
  assertNotEquals(await changed("queues.rs", "pub fn queue_shut_down(id: u32", "pub fn queue_shut_down(id: f64"), name);
  assertNotEquals(await changed("tree.rs", "pub parent_pid: u32", "pub pid: u32"), name);
  assertNotEquals(await changed("abi/numeric.rs", '("queueSize", |&[id, ..]|', '("queueSize", |&[id, all, ..]|'), name);
  assertNotEquals(
    await changed("abi/quick.rs", "multiprocessing_queue_get(id: u32)", "multiprocessing_queue_get()"),
    name,
  );
  assertNotEquals(await changed("abi/numbers.rs", "        SHUT_DOWN = 2;", "        ENDED = 2;"), name);
  const binding = BINDING.replace("queueSize(queue: number): number", "queueSize(queue: number): bigint");
  assertNotEquals(await interfaceName(sources, binding), name);
  assertNotEquals(await interfaceName(sources, BINDING, NUMBERS.replace('"shutDown"', '"ended"')), name);
});

Deno.test("the name does not change with comments", async () => {
  const sources = new Map([...addonSources()].map(([path, text]) => [path, `// A comment.\n${text}`]));
  assertEquals(await interfaceName(sources, `// A comment.\n${BINDING}`), await interfaceName());
});
