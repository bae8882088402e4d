// The table of conformance: what is shown, what is adapted, what is not offered; and what is wrong with it.

import type { Behaviour } from "./behaviours.ts";
import type { Test } from "./tests.ts";

/** A behaviour, and the tests that show it. */
export interface Judged extends Behaviour {
  readonly tests: readonly Test[];
  readonly verdict: "shown" | "adapted" | "not offered";
}

/** So many tests of a file are named. */
const NAMED = 2;

/** The behaviours with their tests. */
export function judged(behaviours: readonly Behaviour[], tests: readonly Test[]): Judged[] {
  return behaviours.map((behaviour) => {
    const { name, shownBy, adapted, notOffered } = behaviour;
    const verdict = notOffered !== undefined ? "not offered" : adapted !== undefined ? "adapted" : "shown";
    return {
      ...behaviour,
      tests: tests.filter(({ cites, title }) => cites.includes(name) || shownBy.includes(title)),
      verdict,
    };
  });
}

/** What makes the table untrue: each a sentence. */
export function problems(behaviours: readonly Behaviour[], tests: readonly Test[]): string[] {
  const names = new Set(behaviours.map(({ name }) => name));
  const titles = new Set(tests.map(({ title }) => title));
  const seen = new Set<string>();
  const ofBehaviours = judged(behaviours, tests).flatMap(({ name, shownBy, adapted, notOffered, tests }) => [
    seen.has(name) ? `${name} is there twice` : (seen.add(name), []),
    tests.length === 0 && notOffered === undefined ? `${name} is shown by no test` : [],
    tests.length > 0 && notOffered !== undefined ? `${name} is not offered, but "${tests[0].title}" shows it` : [],
    adapted !== undefined && notOffered !== undefined ? `${name} is adapted, and not offered` : [],
    shownBy.filter((title) => !titles.has(title)).map((title) => `${name} is shown by "${title}", which is no test`),
  ]);
  const ofTests = tests.flatMap(({ title, cites }) =>
    cites.filter((name) => !names.has(name)).map((name) =>
      `"${title}" cites ${name}, which is not in tests/conformance`
    )
  );
  return [...new Set([ofBehaviours.flat(), ofTests].flat())];
}

/** The document. */
export function render(behaviours: readonly Judged[]): string {
  const count = (verdict: Judged["verdict"]) => behaviours.filter((it) => it.verdict === verdict).length;
  const groups = Map.groupBy(behaviours, ({ group }) => group);
  const head = `# Conformance

<!-- Made by \`deno task conformance\` of tests/conformance/ and the tests; change those. -->

What CPython's own test suite (\`Lib/test/_test_multiprocessing.py\`) asserts of \`multiprocessing\`, and the tests that show
it of this package. Of ${behaviours.length} behaviours **${count("shown")} are shown** as they are, **${
    count("adapted")
  } are shown in an
adapted form**, which is then said, and **${count("not offered")} are not offered**.

Names are this package's, times are in milliseconds, and errors have the classes of [from Python](from-python.md), which
has also the differences that no test of CPython is about. A tick says that tests show the behaviour: of processes that
\`spawn\` starts, of those of \`forkserver\`; or that they name no method, since they start no process, or start it by the
default, \`spawn\`.
`;
  return `${[head, ...[...groups].map(([group, members]) => section(group, members))].join("\n").trim()}\n`;
}

function section(group: string, behaviours: readonly Judged[]): string {
  const rows = behaviours.map(({ name, what, adapted, notOffered, tests }) => {
    const ticked = (method: Test["method"]) => tests.some((test) => test.method === method) ? "✓" : "–";
    const note = adapted !== undefined ? ` *Adapted:* ${adapted}` : "";
    const reason = notOffered !== undefined ? `*Not offered:* ${notOffered}` : shownBy(tests);
    return `| \`${name}\` | ${what}${note} | ${ticked("spawn")} | ${ticked("forkserver")} | ${
      ticked(null)
    } | ${reason} |`;
  });
  const head = [
    "| CPython | behaviour | `spawn` | `forkserver` | either | shown by |",
    "| --- | --- | --- | --- | --- | --- |",
  ];
  return `## ${group}\n\n${[...head, ...rows].join("\n")}\n`;
}

/** Links to the files, with the names of some tests of each. */
function shownBy(tests: readonly Test[]): string {
  const files = Map.groupBy(tests, ({ file }) => file);
  return [...files].sort(([a], [b]) => a < b ? -1 : 1).map(([file, members]) => {
    const titles = [...new Set(members.map(({ title }) => withoutCitation(title)))].sort();
    const named = titles.slice(0, NAMED).map((title) => `“${escaped(title)}”`).join(", ");
    const more = titles.length > NAMED ? " and others" : "";
    return `[${file.slice(file.indexOf("/") + 1)}](../${file}): ${named}${more}`;
  }).join("; ");
}

/** The name of a test without the tests that it cites, unless it has nothing else. */
function withoutCitation(title: string): string {
  const cited = /(?:[A-Z]\w+\.)?test_\w+/.source;
  const rest = title.replace(new RegExp(`^${cited}(?:, ${cited})*(?:: |$)`), "").replace(
    new RegExp(` \\(${cited}[^)]*\\)`),
    "",
  );
  return rest === "" ? title : rest;
}

function escaped(text: string): string {
  return text.replaceAll(/[|*<[\]]/g, "\\$&");
}
