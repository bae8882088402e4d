// The engineer's documents keep to the sources: every file that they name exists, every invariant of the architecture
// names a test that is there, and the decisions are numbered, complete and listed.

import { assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
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

/** The documents that this file looks at. */
function documents(): string[] {
  return [...decisionPages().map((name) => DECISIONS + name), `${DECISIONS}README.md`];
}

/** Paths of this repository that stand in back-ticks, without what follows a colon or a blank. */
function namedFiles(text: string): string[] {
  const inTicks = [...text.matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);
  return inTicks.filter((code) => /^(?:\.ci|bench|docs|examples|native|src|tests|tools)\/[\w./-]*$/.test(code));
}

/** The targets of links to files, relative to the document. */
function linkedFiles(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)\s]*)?\)/g)].map(([, target]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

Deno.test("every file that an engineer's document names or links to exists", () => {
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
