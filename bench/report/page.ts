// The report: one page that needs nothing else, no network and no script.

import { type CaseResult, type Curve, isReached, median, ratiosTo, type Results, type Unit } from "../results.ts";
import { inWords } from "../machine.ts";
import { amount, curveTable, distributionTable, size, targetText } from "../table.ts";
import { casesChart, curveChart, distributionChart, ratiosChart } from "./charts.ts";
import { escaped } from "./plot.ts";

/** The sections, in their order: the group of the cases, the heading, and which distributions belong to it. */
const SECTIONS: readonly {
  readonly group: string;
  readonly title: string;
  readonly distributions: readonly string[];
}[] = [
  { group: "queues", title: "Queues", distributions: ["queue", "queue-one-cpu", "queue-loaded"] },
  { group: "connections", title: "Connections", distributions: ["connection"] },
  {
    group: "locks",
    title: "Locks and other primitives",
    distributions: ["lock", "event", "event-one-cpu", "event-loaded"],
  },
  { group: "pools", title: "Pools", distributions: ["pool"] },
  { group: "python", title: "Python workers", distributions: [] },
  { group: "managers", title: "Managers", distributions: ["manager"] },
  { group: "processes", title: "Processes: start-up", distributions: [] },
  { group: "memory", title: "Memory", distributions: [] },
];

const STYLE = `
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; background: white; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.8rem; } h2 { margin-top: 3rem; border-bottom: 1px solid #d0d7de; } h3 { margin: 2rem 0 0.3rem; }
svg { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; font-size: 0.85rem; margin: 0.8rem 0; }
th, td { padding: 0.25rem 0.55rem; border-bottom: 1px solid #e3e6ea; text-align: right; vertical-align: top; }
th:first-child, td:first-child, .facts td { text-align: left; }
td:first-child { min-width: 13rem; } .facts td:first-child { min-width: 0; }
td { white-space: nowrap; } td:first-child, .cases td:nth-last-child(2) { white-space: normal; }
.cases td:nth-last-child(2) { min-width: 8rem; }
.yes { color: #1a7f37; font-weight: 600; } .no { color: #b42318; font-weight: 600; }
.note { color: #57606a; font-size: 0.9rem; } details { margin: 0.4rem 0; } nav a { margin-right: 1rem; }
`;

function htmlTable(head: readonly string[], rows: readonly (readonly string[])[], kind = "plain"): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  return `<table class="${kind}"><thead>${line(head, "th")}</thead><tbody>${
    rows.map((row) => line(row, "td")).join("\n")
  }</tbody></table>`;
}

/** A table in Markdown, as one of HTML. */
function asHtml(markdown: string): string {
  const [head, , ...rows] = markdown.split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => escaped(cell.trim()))
  );
  return htmlTable(head, rows);
}

/** Median, and from the least run to the most. */
function cell({ runs, bytes, unit }: CaseResult, side: string): string {
  const all = runs[side];
  if (all === undefined || all.length === 0) return "–";
  const show = (value: number) => amount(value, bytes, unit).replace(" us", " µs");
  const spread = all.length > 1
    ? `<br><span class="note">${show(Math.min(...all))} to ${show(Math.max(...all))}</span>`
    : "";
  return show(median(all)) + spread;
}

function caseTable(cases: readonly CaseResult[]): string {
  const others = [...new Set(cases.flatMap(({ runs }) => Object.keys(runs)))].filter((it) =>
    !["ours", "CPython", "floor"].includes(it)
  );
  const rows = cases.map((row) => {
    const ratios = ratiosTo("CPython", row);
    const is = isReached(row);
    const verdict = is === null ? "–" : is ? '<span class="yes">yes</span>' : '<span class="no">no</span>';
    return [
      escaped(row.work),
      ...["ours", "CPython", "floor", ...others].map((side) => cell(row, side)),
      ratios.length > 0 ? median(ratios).toFixed(3) : "–",
      ratios.length > 0 ? Math.max(...ratios).toFixed(3) : "–",
      escaped(targetText(row.target, row.unit)),
      verdict,
    ];
  });
  return htmlTable(
    [
      "",
      "ours",
      "CPython",
      "floor",
      ...others.map(escaped),
      "ours / CPython",
      "worst run",
      "target",
      "reached",
    ],
    rows,
    "cases",
  );
}

function casesOf(cases: readonly CaseResult[], title: string): string {
  if (cases.length === 0) return "";
  const chart = (unit: Unit) => {
    const some = cases.filter((row) => row.unit === unit && Object.values(row.runs).some((all) => all.length > 0));
    return some.length === 0 ? "" : casesChart(some, unit, title);
  };
  return chart("ns") + chart("bytes") + caseTable(cases);
}

/** What a curve is to reach, in words. */
function curveTargets({ targets, lines }: Curve): string {
  const words = targets.map((target) => {
    const at = lines[0].points.find(({ x }) => x === target.x)?.label ?? target.x.toLocaleString("en");
    return `${"value" in target ? target.value.toFixed(2) : `${target.times} x ${target.of}`} at ${at}`;
  });
  const [one] = targets;
  if (targets.length === lines[0].points.length && "times" in one) {
    return `at least ${one.times} x ${one.of} everywhere`;
  }
  return words.length === 0 ? "none" : `at least ${words.join(", ")}`;
}

function sectionOf(results: Results, { group, title, distributions }: typeof SECTIONS[number]): string {
  const cases = results.cases.filter((row) => row.group === group);
  const parts = [`<h2 id="${group}">${title}</h2>`, casesOf(cases, title)];
  for (const curve of results.curves.filter((it) => it.group === group && it.lines.length > 0)) {
    parts.push(
      `<h3>${escaped(curve.title)}</h3>`,
      curveChart(curve, results.machine.cpus),
      `<p class="note">Target: ${escaped(curveTargets(curve))}.</p>`,
      `<details><summary>The numbers</summary>${asHtml(curveTable(curve))}</details>`,
    );
  }
  for (const one of results.distributions.filter(({ id, lines }) => distributions.includes(id) && lines.length > 0)) {
    parts.push(
      `<h3>${escaped(one.title)}</h3>`,
      distributionChart(one),
      `<p class="note">Share of the operations, by time. Target of the median: ${
        escaped(targetText(one.target, "ns"))
      }.</p>`,
      asHtml(distributionTable(one)).replaceAll(" us<", " µs<"),
    );
  }
  return parts.join("\n");
}

/** How many targets are reached, of those that there are. */
export function reached(cases: readonly CaseResult[]): { readonly yes: number; readonly all: number } {
  const verdicts = cases.map(isReached).filter((it) => it !== null);
  return { yes: verdicts.filter(Boolean).length, all: verdicts.length };
}

function heading({ date, commit, machine, versions, method, seconds, cases }: Results): string {
  const { yes, all } = reached(cases);
  const facts = [
    ["measured", `${date.slice(0, 16).replace("T", " ")} UTC, in ${seconds} s; ${method.kind} run`],
    ["commit", commit],
    ["machine", `${inWords(machine)}, ${size(machine.memory)}`],
    ["load of the machine", `${machine.load[0].toFixed(2)} before, ${machine.load[1].toFixed(2)} after`],
    ...Object.entries(versions),
  ];
  return `<h1>multiprocessing for Deno: figures</h1>
${htmlTable([], facts.map((row) => row.map(escaped)), "facts")}
<p>All sides of a figure run in turn, in one run, each in processes of its own. A dot is the median of the runs (${method.repeats}; in
curves ${method.curveRepeats}), a pale line goes from the least of them to the most. A ratio is that of two runs beside each
other. The floor is what C, or Deno alone, takes for the same. ${yes} of ${all} targets are reached.</p>
<nav>${SECTIONS.map(({ group, title }) => `<a href="#${group}">${title}</a>`).join("\n")}</nav>`;
}

function missingOf({ missing }: Results): string {
  if (missing.length === 0) return "";
  return `<h2>Not measured</h2><ul>${missing.map((it) => `<li>${escaped(it)}</li>`).join("\n")}</ul>`;
}

/** The page. */
export function page(results: Results): string {
  const compared = results.cases.filter((row) => ratiosTo("CPython", row).length > 0);
  const overview = compared.length === 0
    ? ""
    : `<h2>All cases, relative to CPython</h2>${ratiosChart(compared, "All cases, relative to CPython")}`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>multiprocessing for Deno: figures</title>
<style>${STYLE}</style></head>
<body>
${heading(results)}
${overview}
${SECTIONS.map((section) => sectionOf(results, section)).join("\n")}
${missingOf(results)}
</body>
</html>
`;
}
