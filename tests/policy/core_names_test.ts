// native/core has the mechanisms, whichever language is above them: its code names nothing of JavaScript. Comments may,
// where the reason for something lies there.

import { assertEquals } from "@std/assert";
import { readFiles } from "../../tools/graph/rust.ts";

const CORE = new URL("../../native/core/", import.meta.url);
const COMMENT = /\/\*[^]*?\*\/|(?<=^|[;{}(),\s])\/\/.*$/gm;
const NAME = /javascript|typescript|node_api|napi|\bdeno(?!t)|deno\b|v8|\.ts\b|\.m?js\b/i;

/** Folders and files that may, and why. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "cage/": "a wall reads what it is to let through: the command lines and entry modules of Deno",
};

/** The lines of code that name something of JavaScript. */
function namesIn(text: string): string[] {
  const code = text.replaceAll(COMMENT, (comment) => comment.replaceAll(/[^\n]/g, ""));
  return code.split("\n").filter((line) => NAME.test(line)).map((line) => line.trim());
}

Deno.test("names of JavaScript are found in code, and not in comments", () => {
  assertEquals(namesIn('fn run_deno() {}\nlet x = "worker.ts"; // V8\n/// JavaScript\n'), [
    "fn run_deno() {}",
    'let x = "worker.ts"; // V8'.replace(" // V8", ""),
  ]);
  assertEquals(namesIn("use napi::Env;\nstruct V8Heap;\nfn main() {}"), ["use napi::Env;", "struct V8Heap;"]);
  assertEquals(namesIn("// deno\n//! napi\nlet denotes = ts;"), []);
});

Deno.test("the code of native/core names nothing of JavaScript", () => {
  const files = readFiles(new URL("src", CORE).pathname);
  const found = [...files].flatMap(([path, text]) => namesIn(text).map((line) => `${path}: ${line}`));
  const isExcepted = (it: string) => Object.keys(EXCEPTIONS).some((path) => it.startsWith(path));
  assertEquals(found.filter((it) => !isExcepted(it)), []);
  assertEquals(Object.keys(EXCEPTIONS).filter((path) => !found.some((it) => it.startsWith(path))), []);
  assertEquals(files.size > 50, true);
});

Deno.test("native/core depends on no crate of Node-API", () => {
  assertEquals(namesIn(Deno.readTextFileSync(new URL("Cargo.toml", CORE))), []);
});
