// The documents keep to the sources: every file that they name exists, every invariant of the architecture
// names a test that is there, and the decisions are numbered, complete and listed.

import { assert, assertEquals } from "@std/assert";
import { BEGINNINGS, CORE_FLOORS, CORE_SHARED, SRC_FLOORS } from "../../tools/floors.ts";
import { type Graph, unitsBelow, without } from "../../tools/graph/arrows.ts";
import * as rust from "../../tools/graph/rust.ts";
import * as typescript from "../../tools/graph/typescript.ts";

const ROOT = new URL("../../", import.meta.url);
const ARCHITECTURE = "docs/architecture.md";
const CONTRIBUTING = "CONTRIBUTING.md";
const DECISIONS = "docs/decisions/";
/** The sections of a decision's page, in their order; those that may be missing are marked. */
const SECTIONS = [
  { heading: "Context" },
  { heading: "Decision" },
  { heading: "Rejected", isOptional: true },
  { heading: "Figures", isOptional: true },
  { heading: "Where" },
];

function textOf(path: string): string {
  return Deno.readTextFileSync(new URL(path, ROOT));
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(new URL(path, ROOT));
    return true;
  } catch {
    return false;
  }
}

function decisionPages(): string[] {
  return [...Deno.readDirSync(new URL(DECISIONS, ROOT))].map(({ name }) => name)
    .filter((name) => name !== "README.md").sort();
}

/** The documents, all of them. */
function documents(): string[] {
  const pages = (folder: string) =>
    [...Deno.readDirSync(new URL(folder || ".", ROOT))].map(({ name }) => folder + name)
      .filter((path) => path.endsWith(".md")).sort();
  return [...pages(""), ...pages("docs/"), ...pages(DECISIONS)];
}

/** What stands in back-ticks. */
function inTicks(text: string): string[] {
  return [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);
}

function isPath(code: string): boolean {
  return /^(?:\.ci|bench|docs|examples|native|python|src|tests|tools)\/[\w./-]*$/.test(code);
}

/** Paths of this repository that stand in back-ticks. */
function namedFiles(text: string): string[] {
  return inTicks(text).filter(isPath);
}

/** The section of a document under a heading of the second level. */
function section(document: string, heading: string): string {
  const [, text] = textOf(document).split(`\n## ${heading}\n`);
  assert(text !== undefined, `${document} has no section "${heading}"`);
  return text.split("\n## ")[0];
}

/** The rows of the tables in a text, without their heads: a list of cells each. */
function rowsOf(text: string): string[][] {
  const tables = text.split(/\n(?!\|)/).map((part) => part.split("\n").filter((line) => line.startsWith("|")));
  return tables.flatMap((lines) => lines.slice(2)).map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim())
  );
}

/** All files of the native part, below the folder. */
function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? filesBelow(`${folder}${name}/`) : [folder + name]
  );
}

/** The files beside a file of Rust that it uses: `super::name`, `folder::name`, or in a list behind either. */
function siblingsUsed(path: string, text: string): string[] {
  const [, folder, parent] = path.match(/^(.*?([^/]+)\/)[^/]+$/)!;
  const use = new RegExp(`\\b(?:super|${parent})::(?:(\\w+)|\\{([^;]*?)\\};)`, "g");
  const names = [...text.replaceAll(/\/\/.*$/gm, "").matchAll(use)]
    .flatMap(([, name, list]) => name ?? list.match(/\w+/g) ?? []);
  return [...new Set(names)].map((name) => `${folder}${name}.rs`).filter((file) => file !== path && isThere(file));
}

/** Which of these texts stand in none of the files. */
function absent(texts: string[], files: string[]): string[] {
  const sources = files.filter((path) => !path.endsWith("/")).map(textOf);
  return texts.filter((text) => !sources.some((source) => source.includes(text)));
}

/** The targets of links to files, relative to the document. */
function linkedFiles(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)].map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

Deno.test("every file that a document names or links to exists", () => {
  const missing = documents().flatMap((document) => {
    const text = textOf(document);
    const here = new URL(document, ROOT);
    return [
      ...namedFiles(text).filter((path) => !isThere(path)),
      ...linkedFiles(text).filter((path) => !isThere(new URL(path, here).href)),
    ].map((path) => `${document}: ${path}`);
  });
  assertEquals(missing, []);
});

Deno.test("decisions are numbered without gaps, and each has its sections in order", () => {
  const wrong = decisionPages().flatMap((name, index) => {
    const number = String(index + 1).padStart(2, "0");
    const text = textOf(DECISIONS + name);
    const headings = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
    const wanted = SECTIONS.filter(({ heading, isOptional }) => !isOptional || headings.includes(heading))
      .map(({ heading }) => heading);
    return [
      ...name.startsWith(`${number}-`) ? [] : [`${name}: wanted number ${number}`],
      ...text.startsWith(`# ${number}. `) ? [] : [`${name}: wanted a title that begins with "${number}. "`],
      ...headings.join() === wanted.join() ? [] : [`${name}: has the sections ${headings.join(", ")}`],
    ];
  });
  assertEquals(wrong, []);
});

Deno.test("the list of decisions has every page once, under its title", () => {
  const rows = [...textOf(`${DECISIONS}README.md`).matchAll(/^\| \[(\d+)\]\(([^)]+)\)\s*\| (.*?)\s*\|$/gm)];
  const listed = rows.map(([, number, file, title]) => `${file}: ${number}. ${title}`).sort();
  const pages = decisionPages().map((name) => `${name}: ${textOf(DECISIONS + name).match(/^# (.*)$/m)?.[1]}`);
  assertEquals(listed, pages);
});

/** The arrows of a picture, by the names of the nodes: what stands before a colon in their labels, or their ids. */
function pictured(picture: string): [from: string, to: string][] {
  const labels = new Map([...picture.matchAll(/(\w+)\["([^":]+)/g)].map(([, id, label]) => [id, label]));
  const name = (id: string) => labels.get(id) ?? id;
  return [...picture.matchAll(/^\s*(\w+)(?:\[.*?\])? --> (\w+)/gm)].map(([, from, to]) => [name(from), name(to)]);
}

Deno.test("the table of floors is that of tools/floors.ts", () => {
  const rows = rowsOf(section(ARCHITECTURE, "The house")).filter(([floor]) => /^\d+$/.test(floor));
  const floors = rows.toReversed().map(([, units]) => inTicks(units));
  assertEquals(floors, SRC_FLOORS.map((units) => [...units]));
  assertEquals(rows.toReversed().map(([floor]) => Number(floor)), SRC_FLOORS.map((_, index) => index + 1));
});

/** The arrows between units that no other path implies, in the graph without the units `hidden`. */
function notImplied(graph: Graph, hidden: readonly string[]): [from: string, to: string][] {
  const all = [...unitsBelow(graph)].filter(([unit]) => !hidden.includes(unit));
  const below = new Map(all.map(([unit, others]) => [unit, [...others].filter((it) => !hidden.includes(it))]));
  const leadsTo = (from: string, to: string): boolean => from === to || below.get(from)!.some((it) => leadsTo(it, to));
  return [...below].flatMap(([from, others]) =>
    others.filter((to) => !others.some((it) => it !== to && leadsTo(it, to))).map((to): [string, string] => [from, to])
  );
}

Deno.test("the pictures of the house show the imports that no others imply, and every unit", () => {
  const pictures = [...section(ARCHITECTURE, "The house").matchAll(/```mermaid\n([^]*?)```/g)].map(([, text]) => text);
  const graphs: Graph[] = [
    without(typescript.graphOf(typescript.readModules(new URL(".", ROOT).pathname)), BEGINNINGS),
    rust.graphOf("native/core", rust.readFiles(new URL("native/core/src", ROOT).pathname), CORE_SHARED),
  ];
  assertEquals(pictures.length, graphs.length);
  const shown = pictures.map(pictured);
  // Everything uses these, so that no picture has them.
  const hidden = ["error", "failpoint"];
  for (const [index, graph] of graphs.entries()) {
    assertEquals(shown[index].map(String).sort(), notImplied(graph, hidden).map(String).sort());
  }
  assertEquals([...new Set(shown[0].flat())].sort(), SRC_FLOORS.flat().sort());
  const core = CORE_FLOORS.flat().filter((unit) => ![...hidden, ...CORE_SHARED].includes(unit));
  assertEquals(core.filter((unit) => !shown[1].flat().includes(unit)), []);
});

Deno.test("siblingsUsed finds the files beside a file of Rust", () => {
  const path = "native/core/src/process/join.rs";
  assertEquals(siblingsUsed(path, "use super::child::Child;"), ["native/core/src/process/child.rs"]);
  assertEquals(siblingsUsed(path, "use crate::process::{child, greeting::Greeting};").length, 2);
  assertEquals(siblingsUsed(path, "use crate::tree::child; // super::child"), []);
});

Deno.test("no half of a work imports the other half, but for the files that are said to be shared", () => {
  const rows = rowsOf(section(ARCHITECTURE, "The house")).map((cells) => cells.map(namedFiles))
    .filter((cells) => cells.length === 4);
  assert(rows.length >= 4);
  const files = rows.flat(2).filter((path) => path.endsWith(".rs"));
  const core = files.flatMap((from) => siblingsUsed(from, textOf(from)).map((to) => ({ from, to })));
  const arrows = [...typescript.graphOf(typescript.readModules(new URL(".", ROOT).pathname)).arrows, ...core];
  assert(arrows.length > 100 && core.length > 1);
  const isOf = (path: string, half: string[]) =>
    half.some((it) => it.endsWith("/") ? path.startsWith(it) : path === it);
  const wrong = rows.flatMap(([, one, other, shared]) => {
    const isBetween = ({ from, to }: { from: string; to: string }) =>
      isOf(from, one) && isOf(to, other) || isOf(from, other) && isOf(to, one);
    return arrows.filter((arrow) => isBetween(arrow) && !isOf(arrow.to, shared))
      .map(({ from, to }) => `${from} imports ${to}`);
  });
  assertEquals(wrong, []);
});

Deno.test("what an entry point begins at stands in its files, and each has a test", () => {
  const rows = rowsOf(section(ARCHITECTURE, "Entry points")).filter(([, open]) => open !== "");
  assert(rows.length >= 25, `${rows.length} entry points`);
  const wrong = rows.flatMap(([change, open, begin, test]) => {
    const files = namedFiles(`${open} ${begin}`);
    const names = inTicks(begin).filter((code) => !isPath(code));
    return [
      ...files.length > 0 && names.length > 0 && namedFiles(test).length > 0 ? [] : [`${change}: a cell is empty`],
      ...absent(names, files).map((name) => `${change}: "${name}" is not in ${files.join(", ")}`),
    ];
  });
  assertEquals(wrong, []);
});

Deno.test("the invariants are numbered, and each names a test", () => {
  const rows = rowsOf(section(ARCHITECTURE, "Invariants"));
  assert(rows.length >= 8);
  const numbers = rows.map(([number]) => Number(number.match(/^A(\d+)$/)?.[1]));
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  assertEquals(new Set(numbers).size, rows.length);
  const untested = rows.filter(([, , test]) => !namedFiles(test).some((path) => /^tests\/|\/tests\//.test(path)));
  assertEquals(untested, []);
});

Deno.test("the table of unsafe code lists exactly the files that opt in", () => {
  const listed = rowsOf(section(ARCHITECTURE, "Unsafe code")).flatMap(([file]) => inTicks(file)).sort();
  const found = filesBelow("native/").filter((path) =>
    path.endsWith(".rs") && /^#!?\[(?:allow|expect)\(\s*unsafe_code/m.test(textOf(path))
  ).sort();
  assertEquals(listed, found);
  assert(found.length > 5);
});

Deno.test("the glossary is in order, and has no word twice", () => {
  const words = rowsOf(section(ARCHITECTURE, "Glossary")).map(([word]) => word);
  assertEquals(words, words.toSorted((a, b) => a < b ? -1 : 1));
  assertEquals(words.length, new Set(words).size);
  assert(words.length >= 20);
});

Deno.test("what CONTRIBUTING quotes stands in the files that it names", () => {
  const rows = rowsOf(section(CONTRIBUTING, "How a function crosses from TypeScript to Rust"));
  assert(rows.length >= 4);
  const crossing = rows.flatMap(([where, what]) =>
    absent(inTicks(what).map((code) => code.replaceAll('"', "")), inTicks(where))
  );
  assertEquals(crossing, []);
  const quotes = [...textOf(CONTRIBUTING).matchAll(/`([^`\n]+)`(?:(?!\n\n\S)[^`])*\n+ *```rust\n([^`]*)```/g)];
  assert(quotes.length >= 2);
  const lines = quotes.flatMap(([, path, code]) => {
    const wanted = code.split("\n").map((line) => line.trim()).filter((line) => line !== "");
    return absent(wanted, [path]).map((line) => `${path}: ${line}`);
  });
  assertEquals(lines, []);
});
