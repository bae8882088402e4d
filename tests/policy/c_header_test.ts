// The header of the C library is a manual of all that there is: it declares what native/c exports, with the same types, and
// the Python package calls nothing else.

import { assert, assertEquals } from "@std/assert";
import { readFiles } from "../../tools/graph/rust.ts";

const ROOT = new URL("../../", import.meta.url);
const HEADER = Deno.readTextFileSync(new URL("native/c/include/multiprocessing.h", ROOT));
const SOURCES = readFiles(new URL("native/c/src", ROOT).pathname);
const PYTHON = new URL("python/deno_multiprocessing/", ROOT);

/** What C calls the types of Rust that stand at the border. */
const TYPES: Readonly<Record<string, string>> = {
  i32: "int32_t",
  i64: "int64_t",
  u8: "uint8_t",
  u32: "uint32_t",
  u64: "uint64_t",
  f64: "double",
};

/** A type of Rust as C writes it. */
function inC(type: string): string {
  const [, pointer, pointee] = type.match(/^\*(const|mut) (.*)$/) ?? [];
  if (pointer !== undefined) return `${pointer === "const" ? "const " : ""}${inC(pointee)} *`;
  return TYPES[type] ?? type;
}

/** The functions that a text of Rust exports: names, and the types of what they take and give. */
function exported(text: string): [name: string, types: string][] {
  const found = text.matchAll(/#\[unsafe\(no_mangle\)\]\s*pub (?:unsafe )?extern "C" fn (\w+)\(([^)]*)\) -> (\w+)/g);
  return Array.from(found, ([, name, parameters, result]) => {
    const types = parameters.split(",").map((it) => it.trim()).filter((it) => it !== "").map((it) =>
      inC(it.split(/: */)[1])
    );
    return [name, `${inC(result)} (${types.join(", ")})`];
  });
}

/** The functions that a header declares, each with the comment before it. */
function declared(header: string): [name: string, types: string, comment: string][] {
  const found = header.matchAll(/((?:\/\*(?:[^*]|\*(?!\/))*\*\/\s*)?)^(int64_t) (\w+)\(([^)]*)\);/gm);
  return Array.from(found, ([, comment, result, name, parameters]) => {
    const types = parameters.split(",").map((it) => it.trim()).filter((it) => it !== "void").map((it) =>
      it.replace(/\w+$/, "").trim()
    );
    return [name, `${result} (${types.join(", ")})`, comment];
  });
}

/** The functions that a module of Python's binds, and how many parameters each is given. */
function bound(text: string): [name: string, parameters: number][] {
  const found = text.matchAll(/\b(?:quick|waiting)\(\s*"(mp_\w+)"((?:,\s*\w+(?:\(\w+\))?)*),?\s*\)/g);
  return Array.from(found, ([, name, parameters]) => [name, parameters.split(",").length - 1]);
}

const sorted = (list: readonly (readonly unknown[])[]) => list.map((it) => it.join(": ")).sort();
const EXPORTED = [...SOURCES.values()].flatMap(exported);

Deno.test("header: what is exported is read, and what is declared", () => {
  const rust = '#[unsafe(no_mangle)]\npub extern "C" fn mp_x(to: *mut u8, from: *const u32, much: u64) -> i64 {';
  const c = "/* Gives. */\nint64_t mp_x(uint8_t *to, const uint32_t *from, uint64_t much);\nint64_t mp_y(void);";
  assertEquals(exported(rust), [["mp_x", "int64_t (uint8_t *, const uint32_t *, uint64_t)"]]);
  assertEquals(declared(c).map(([name, types]) => [name, types]), [...exported(rust), ["mp_y", "int64_t ()"]]);
  assertEquals(declared(c).map(([, , comment]) => comment.trim()), ["/* Gives. */", ""]);
  assertEquals(bound('_x = waiting(\n    "mp_x", c_uint32, POINTER(c_int), c_double\n)\nquick("mp_y")'), [
    ["mp_x", 3],
    ["mp_y", 0],
  ]);
});

Deno.test("header: it declares exactly the functions that the library exports, with their types", () => {
  assertEquals(sorted(declared(HEADER).map(([name, types]) => [name, types])), sorted(EXPORTED));
  assert(EXPORTED.length > 20);
});

Deno.test("header: it says of each function what it does", () => {
  assertEquals(declared(HEADER).filter(([, , comment]) => comment.trim() === "").map(([name]) => name), []);
});

Deno.test("header: it has the numbers that Rust has", () => {
  const numbers = [...SOURCES.values()].flatMap((text) =>
    Array.from(text.matchAll(/\bpub const (\w+): i64 = (-?\d+);/g), ([, name, value]) => `MP_${name} ${value}`)
  );
  const defined = Array.from(
    HEADER.matchAll(/^#define (MP_\w+) \(?(-?\d+)\)?/gm),
    ([, name, value]) => `${name} ${value}`,
  );
  assertEquals(defined.sort(), numbers.sort());
});

Deno.test("header: the numbers that Python has by the same names are the same", () => {
  const numbers = new Map(
    Array.from(HEADER.matchAll(/^#define MP_(\w+) \(?(-?\d+)\)?/gm), ([, name, value]) => [name, value]),
  );
  const wrong = [...Deno.readDirSync(PYTHON)].filter(({ name }) => name.endsWith(".py")).flatMap(({ name: file }) => {
    const text = Deno.readTextFileSync(new URL(file, PYTHON));
    return Array.from(text.matchAll(/^_?([A-Z][A-Z_]+) = (-?\d+)$/gm), ([, name, value]) => [name, value])
      .filter(([name, value]) => numbers.has(name) && numbers.get(name) !== value).map(([name]) => `${file}: ${name}`);
  });
  assertEquals(wrong, []);
  assertEquals(numbers.get("FAILED"), "-1");
});

Deno.test("header: Python calls what there is, with as many parameters", () => {
  const known = new Map(
    EXPORTED.map(([name, types]) => [name, types.split(/[(,]/).filter((it) => it.trim() !== ")").length - 1]),
  );
  const wrong = [...Deno.readDirSync(PYTHON)].filter(({ name }) => name.endsWith(".py")).flatMap(({ name: file }) =>
    bound(Deno.readTextFileSync(new URL(file, PYTHON))).filter(([name, count]) => known.get(name) !== count)
      .map(([name, count]) => `${file}: ${name} with ${count} parameters`)
  );
  assertEquals(wrong, []);
  assertEquals([known.get("mp_error_kind"), known.get("mp_adopt")], [0, 2]);
});
