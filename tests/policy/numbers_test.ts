// A number that both languages know is Rust's, and TypeScript has it by its name in src/addon/numbers.ts: nobody copies it.

import { assertEquals } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import type { Numbers } from "../../src/addon/numbers.ts";
import { readFiles } from "../../tools/graph/rust.ts";
import { readModules } from "../../tools/graph/typescript.ts";

const ROOT = new URL("../../", import.meta.url);

/** Constants of src with the name of one of Rust's, as `file: name`, and why they are there all the same. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  "src/runtime/file_urls.ts: FIRST": "the path of the addon itself is written with it, before the addon is loaded",
  "src/runtime/signals.ts: SIGINT": "a signal of the system; Rust's is a bit in a set of signals",
};

const COMMENT = /\/\*[^]*?\*\/|(?<=^|[;{}\s])\/\/.*$/gm;
const LITERAL = String.raw`-?\(?\d[\w.]*(?: (?:\*\*?|<<|[+-]) \d[\w.]*)*\)?`;

/** The numeric constants of Rust that are written as a number, or as a time, by their names. Times are in milliseconds. */
function constantsOf(sources: Iterable<string>): Map<string, Set<number>> {
  const found = new Map<string, Set<number>>();
  const declared = new RegExp(`\\bconst (\\w+): [\\w:]+ = (${LITERAL});`, "g");
  for (const text of sources) {
    const add = (name: string, value: number) => found.set(name, (found.get(name) ?? new Set()).add(value));
    for (const [, name, value] of text.matchAll(declared)) add(name, valueOf(value));
    for (const [, name, unit, value] of text.matchAll(DURATION)) add(name, valueOf(value) * MILLISECONDS[unit]);
  }
  return found;
}

const DURATION = new RegExp(`\\bconst (\\w+): Duration = Duration::from_(\\w+)\\((${LITERAL})\\);`, "g");
const MILLISECONDS: Readonly<Record<string, number>> = { secs: 1000, millis: 1, micros: 1e-3, nanos: 1e-6 };

/** The number that a literal of either language is: a sum of products of powers. */
function valueOf(literal: string): number {
  const [, sign, sum] = literal.match(/^(-?)\(?(.*?)\)?$/)!;
  const number = (text: string) =>
    Number(text.replaceAll("_", "").replace(/(?<!^0x.*)(?:[ui](?:8|16|32|64|size)|n)$/, ""));
  const power = (text: string) => {
    const [left, operator, right] = text.split(/ (\*\*|<<) /);
    if (right === undefined) return number(left);
    return operator === "**" ? number(left) ** number(right) : number(left) * 2 ** number(right);
  };
  const product = (text: string) => text.split(" * ").map(power).reduce((a, b) => a * b);
  const terms = sum.split(/ (?=[+-] )/).map((term) => {
    const [, minus, rest] = term.match(/^(?:(-)|\+)? ?(.*)$/)!;
    return minus === undefined ? product(rest) : -product(rest);
  });
  const value = terms.reduce((a, b) => a + b);
  return sign === "-" ? -value : value;
}

/** What a module of TypeScript copies: constants, objects of codes, and comparisons of a function's answer. */
function copiesIn(text: string, constants: ReadonlyMap<string, ReadonlySet<number>>, numbers: Numbers): string[] {
  const code = text.replaceAll(COMMENT, "");
  const told = Map.groupBy(
    Object.values(numbers).flatMap((group) => Object.entries(group)),
    ([name]) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase(),
  );
  const found: string[] = [];
  // A name of several words of a number that the addon tells; or the name and the value of any of Rust's.
  for (
    const [, name, value] of code.matchAll(
      new RegExp(`\\b(?:const|let|readonly) #?(\\w+)(?:: number)? = (${LITERAL});`, "g"),
    )
  ) {
    const isTold = told.get(name)?.some(([, it]) => name.includes("_") || it === valueOf(value));
    if (isTold || constants.get(name)?.has(valueOf(value))) found.push(name);
  }
  // `{ done: 0, full: 1 }`, `enum Status { Done, Full }`: names and values of one group.
  for (const [object, , members] of code.matchAll(/(\benum \w+ )?\{([^{}]*)\}/g)) {
    const entries = object.startsWith("enum") ? membersOf(members) : Array.from(
      object.matchAll(new RegExp(`(\\w+)"?: (${LITERAL})(?=[,\\s}])`, "g")),
      ([, key, value]) => [camelCase(key), valueOf(value)] as const,
    );
    const isOf = (group: Numbers[string]) => entries.filter(([key, value]) => group[key] === value).length > 1;
    if (Object.values(numbers).some(isOf)) found.push(`{ ${entries.map(([key]) => key).join(", ")} }`);
  }
  // A constant whose own comment says that it is from Rust.
  const documented = new RegExp(
    String.raw`/\*\*(?:[^*]|\*(?!/))*native/(?:[^*]|\*(?!/))*\*/\s*(?:export )?const (\w+)(?:: number)? = ${LITERAL};`,
    "g",
  );
  for (const [, name] of text.matchAll(documented)) if (!found.includes(name)) found.push(name);
  // `native().queueCompany(block) === 0`: the answer has a name.
  const calls = `\\b(${CODED.join("|")})\\((?:[^;{}]|\\{[^{}]*\\})*?\\) (?:===|!==|<=?|>=?) ${LITERAL}(?![\\w.])`;
  for (const [, name] of code.matchAll(new RegExp(calls, "g"))) found.push(`${name}()`);
  // `native().queueAwait(block, 0, …)`: so has the argument.
  for (const [, name] of code.matchAll(/\b(queueAwait|connectionReceive)\([^;]*?, \d\b[^;]*\)/g)) {
    found.push(`${name}()`);
  }
  return found;
}

/** The members of an `enum` and their values; a value that is not written is one more than that before. */
function membersOf(body: string): (readonly [name: string, value: number])[] {
  let next = 0;
  return Array.from(body.matchAll(new RegExp(`(\\w+)(?: = (${LITERAL}))?\\s*(?:,|$)`, "g")), ([, key, written]) => {
    const value = written === undefined ? next : valueOf(written);
    next = value + 1;
    return [camelCase(key), value] as const;
  });
}

/** A name as the addon tells it, however it is written elsewhere. */
function camelCase(name: string): string {
  const words = /^[A-Z\d_]+$/.test(name) ? name.toLowerCase() : name;
  return words.replaceAll(/_(\w)/g, (_, letter) => letter.toUpperCase()).replace(/^./, (first) => first.toLowerCase());
}

/** Functions of the addon that answer with a number of a group. */
const CODED = [
  ...["queuePut", "queuePutBytes", "queuePutSplit", "queueJoin", "queueCompany", "fetchStep", "conditionNotify"],
  ...["connectionSend", "connectionSendBytes", "connectionFlush", "connectionReceive", "lockAcquire"],
  ...["conditionWait", "conditionAwait", "barrierWait"],
];

function rustSources(crate: string): Map<string, string> {
  return readFiles(new URL(`native/${crate}/src`, ROOT).pathname);
}

const constants = constantsOf([...rustSources("addon").values(), ...rustSources("core").values()]);

Deno.test("copies of numbers are found", () => {
  const numbers = native().numbers();
  const copies = (text: string) => copiesIn(text, constants, numbers);
  assertEquals(copies("const TIMED_OUT = 2;"), ["TIMED_OUT"]);
  assertEquals(copies("const SIZE = 64;\nconst COUNT = 5;"), ["SIZE"]);
  assertEquals(copies("const TIMED_OUT = -(2 ** 31);"), ["TIMED_OUT"]);
  assertEquals(copies("export const MAX_PARTIES: number = 2 ** 20;"), ["MAX_PARTIES"]);
  assertEquals(copies("const FIRST_SEGMENT = 65_536;"), ["FIRST_SEGMENT"]); // 64 * 1024
  assertEquals(copies("const Status = { done: 0, full: 1 } as const;"), ["{ done, full }"]);
  assertEquals(copies("const Status = {\n  done: 0,\n  /** So long. */\n  full: 1,\n};"), ["{ done, full }"]);
  assertEquals(copies("const Status = { DONE: 0, FULL: 1 } as const;"), ["{ done, full }"]);
  assertEquals(copies('const Status = { "done": 0, "full": 1 };'), ["{ done, full }"]);
  assertEquals(copies("enum Status { Done, Full }"), ["{ done, full }"]);
  assertEquals(copies("export const enum Status {\n  DONE = 0,\n  FULL = 1,\n}"), ["{ done, full }"]);
  assertEquals(copies("enum Status { Full, Done }"), []);
  assertEquals(copies("/** As `LIMIT` in native/core/src/queue/mod.rs. */\nconst MOST = 512;"), ["MOST"]);
  assertEquals(copies('if (native().queueCompany(this.#block("wait")) === 0) go();'), ["queueCompany()"]);
  assertEquals(copies("native().queueAwait(block, 0, Infinity, watch, false);"), ["queueAwait()"]);
  assertEquals(copies("const LARGEST_SEGMENT = 8 * 1024 * 1024;"), ["LARGEST_SEGMENT"]);
  assertEquals(copies("const LARGEST_SEGMENT = 2 ** 23;"), ["LARGEST_SEGMENT"]);
  assertEquals(copies("class Cell { static readonly SIZE = 64; }"), ["SIZE"]);
  assertEquals(copies("const VISITOR_PATIENCE = 2000;"), ["VISITOR_PATIENCE"]); // Duration::from_secs(2)
  const made = constantsOf(['pub const NEW_LIMIT: u32 = 7;\nconst TEXT: &str = "";']);
  assertEquals(copiesIn("const NEW_LIMIT = 7;", made, {}), ["NEW_LIMIT"]);
  assertEquals(copiesIn("const NEW_LIMIT = 8; const TEXT = 7;", made, {}), []);
  assertEquals(["-(2 ** 31)", "2 ** 31 - 1", "1 << 20", "0x10_ff00", "7u32"].map(valueOf), [
    ...[-2147483648, 2147483647, 1048576, 0x10ff00, 7],
  ]);
  assertEquals(
    copies("// const TIMED_OUT = 2;\nif (outcome === Outcome.timedOut) return { done: true, left: 3 };"),
    [],
  );
});

Deno.test("no module of src has a number of its own that Rust has, too", () => {
  const numbers = native().numbers();
  const found = [...readModules(ROOT.pathname)].flatMap(([path, text]) =>
    copiesIn(text, constants, numbers).map((copy) => `${path}: ${copy}`)
  );
  assertEquals(found.filter((it) => !(it in EXCEPTIONS)), []);
  assertEquals(Object.keys(EXCEPTIONS).filter((it) => !found.includes(it)), [], "these are no exceptions any more");
  assertEquals([constants.size > 100, Object.keys(numbers).length > 20], [true, true]);
});
