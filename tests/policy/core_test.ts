// What the core in Rust must not know: the language and the runtime of its host; and where system calls are made.

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

/** Where the core may name the host, and why. */
const MAY_NAME_THE_HOST: Record<string, string> = {
  "native/core/src/cage/": "a process's permissions are the runtime's own flags, and the entry module's argument",
  "native/core/src/sync/": "the heads say which steps the host does itself, by the names of its atomic operations",
};

/** Where the operating system may be called, and why. */
const MAY_CALL_THE_SYSTEM: Record<string, string> = {
  "native/core/src/sys/": "one wrapper for each system call",
  "native/core/src/error.rs": "an error carries the kernel's number for it; sys, which has errors, is above",
  "native/core/tests/": "tests look at what the wrappers have done",
};

const HOST =
  /javascript|typescript|ecmascript|deno(?!t)|napi|node[-_.]?(?:api|js)|\bnpm|v8\b|\bAtomics\.\w|ArrayBuffer|Uint8Array/i;
const SYSTEM = /\b(?:rustix|libc)\b/;

/** The Rust files below a folder, as paths from the root. */
function rustFiles(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    if (isDirectory) return rustFiles(`${folder}${name}/`);
    return name.endsWith(".rs") ? [`${folder}${name}`] : [];
  });
}

/** The lines, by their places, that match the pattern, in files that are below none of the folders. */
function linesWith(pattern: RegExp, files: string[], allowed: Record<string, string>, ofTests = true): string[] {
  const isAllowed = (path: string) => Object.keys(allowed).some((folder) => path.startsWith(folder));
  return files.filter((path) => !isAllowed(path)).flatMap((path) => {
    const text = Deno.readTextFileSync(new URL(path, ROOT));
    const code = ofTests ? text : text.split("\n#[cfg(test)]\nmod tests {")[0];
    return code.split("\n").flatMap((line, at) => pattern.test(line) ? [`${path}:${at + 1}: ${line.trim()}`] : []);
  });
}

Deno.test("the names of the host are known, and not taken for other words", () => {
  const named = [
    "JavaScript",
    "deno run",
    "Node-API",
    "napi_value",
    "node.js",
    "V8's heap",
    "Atomics.load(word)",
    "a Uint8Array",
  ];
  assertEquals(named.filter((text) => !HOST.test(text)), []);
  assertEquals(["denoted", "a node of the list", "by atomics."].filter((text) => HOST.test(text)), []);
});

Deno.test("the core names neither the language nor the runtime of its host, but where it must", () => {
  const files = rustFiles("native/core/");
  assertEquals(linesWith(HOST, files, MAY_NAME_THE_HOST), []);
  const named = linesWith(HOST, files, {});
  assertEquals(Object.keys(MAY_NAME_THE_HOST).filter((it) => !named.some((line) => line.startsWith(it))), []);
  assertEquals(HOST.test(Deno.readTextFileSync(new URL("native/core/Cargo.toml", ROOT))), false);
  assertEquals(files.length > 50, true);
});

Deno.test("system calls that std does not offer are made in the core's sys only, by what is made of it", () => {
  const files = ["native/core/", "native/addon/src/", "native/c/src/"].flatMap(rustFiles);
  const outside = files.filter((path) => !path.endsWith("/tests.rs"));
  assertEquals(linesWith(SYSTEM, outside, MAY_CALL_THE_SYSTEM, false), []);
  for (const crate of ["addon", "c"]) {
    const manifest = Deno.readTextFileSync(new URL(`native/${crate}/Cargo.toml`, ROOT));
    assertEquals(SYSTEM.test(manifest), false, `native/${crate} depends on no crate for system calls`);
  }
});
