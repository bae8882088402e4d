// The figures in the documents: tables between two marks, and pictures.

import { type CaseResult, isReached, median, ratiosTo, type Results } from "../results.ts";
import { aligned, amount, othersTable, targetText } from "../table.ts";
import { casesChart, curveChart, distributionChart, ratiosChart } from "./charts.ts";
import { reached } from "./page.ts";

/** The rows of README's table: what it calls a case, and the case. */
const README_ROWS: readonly (readonly [name: string, work: string])[] = [
  ["a free lock, taken and released", "Lock pair, uncontended"],
  ["a small number through a queue", "Queue one way, small int"],
  ["a small object through a queue", "Queue one way, small object"],
  ["1 KiB through a queue", "Queue one way, 1 KiB bytes"],
  ["a small object over a pipe and back", "Connection ping-pong, small object"],
  ["`pool.apply`", "Pool.apply, trivial function"],
  ["an item of `pool.map`", "Pool.map, trivial function, per item"],
  ["an item of `pool.imap`", "Pool.imap, chunksize 1, per item"],
  ["1 MiB to a pool's worker and back", "Pool.imap, 1 MiB bytes there and back"],
  ["a process (`spawn`), started and joined", "Process start + join, spawn"],
];

/** "five", "10". */
function counted(n: number): string {
  return ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"][n] ?? `${n}`;
}

/** The case's time relative to CPython's. */
function ratioOf({ cases }: Results, work: string): string {
  const row = cases.find((it) => it.work === work);
  const ratios = row === undefined ? [] : ratiosTo("CPython", row);
  return ratios.length === 0 ? "–" : median(ratios).toFixed(2);
}

/** Where and how it was measured, in a sentence. */
function conditions({ machine, versions, method, date }: Results): string {
  const cpu = machine.cpu.replace(/\(R\)|\(TM\)| Processor| CPU.*/g, "");
  const kernel = machine.kernel.match(/^\d+\.\d+/)?.[0] ?? machine.kernel;
  const deno = versions.ours.match(/[\d.]+/)?.[0];
  const cpus = `${machine.cpus} CPU${machine.cpus === 1 ? "" : "s"}`;
  const runs = method.repeats === 1 ? "one run" : `the median of ${counted(method.repeats)} interleaved runs`;
  return `${runs} on ${cpus} (${cpu}), with Linux ${kernel} and Deno ${deno}, on ${date.slice(0, 10)}`;
}

function python({ versions }: Results): string {
  return `CPython ${versions.CPython?.match(/[\d.]+/)?.[0] ?? ""}`.trim();
}

/** A paragraph in lines of 120 letters, as `deno fmt` breaks it. */
function wrapped(text: string): string {
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines.at(-1)!;
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= 120) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.join("\n");
}

/** README's sentence and table. */
export function readmeBlock(results: Results): string {
  const half = README_ROWS.length / 2;
  const rows = README_ROWS.slice(0, half).map(([name, work], i) => {
    const [other, otherWork] = README_ROWS[half + i];
    return [name, ratioOf(results, work), other, ratioOf(results, otherWork)];
  });
  const text = `Times relative to ${python(results)}: 0.10 is ten times as fast. Each is ${conditions(results)}.`;
  return `${wrapped(text)}

${aligned([["an operation", "time", "an operation", "time"], ...rows])}`;
}

function ratioTable(cases: readonly CaseResult[]): string {
  const rows = cases.map((row) => {
    const ratios = ratiosTo("CPython", row);
    const shown = ratios.length === 0 ? ["–", "–"] : [median(ratios), Math.max(...ratios)].map((it) => it.toFixed(3));
    const middle = (side: string) => row.runs[side]?.length ? amount(median(row.runs[side]), row.bytes, row.unit) : "–";
    const is = isReached(row);
    return [
      row.work,
      ...["ours", "CPython", "floor"].map((side) => middle(side).replace(" us", " µs")),
      ...shown,
      targetText(row.target, row.unit),
      is === null ? "–" : is ? "yes" : "no",
    ];
  });
  return aligned([["case", "ours", "CPython", "floor", "ours / CPython", "worst run", "target", "reached"], ...rows]);
}

/** The table of all cases but those of managers. */
export function performanceBlock(results: Results): string {
  const { yes, all } = reached(results.cases);
  const text = `Time, or size, per operation, and what it is relative to ${
    python(results)
  }: 0.10 is ten times as fast. Each is
    ${
    conditions(results)
  }. ${yes} of ${all} targets are reached, those of managers included. The load of the machine was
    ${results.machine.load[0].toFixed(2)} before.`;
  return `${wrapped(text)}

${ratioTable(results.cases.filter(({ group }) => group !== "managers"))}`;
}

/** The table of managers. */
export function managersBlock({ cases }: Results): string {
  return ratioTable(cases.filter(({ group }) => group === "managers"));
}

/** The table of what cases are compared with besides CPython and the floor. */
export function othersBlock({ cases }: Results): string {
  return othersTable(cases).replaceAll(" us ", " µs ");
}

/** The documents, and what stands between the marks of each name in them. */
const BLOCKS: Readonly<Record<string, Readonly<Record<string, (results: Results) => string>>>> = {
  "README.md": { figures: readmeBlock },
  "docs/performance.md": { figures: performanceBlock, others: othersBlock, managers: managersBlock },
};

/** The text of a document with its blocks as the results say. */
export function withBlocks(path: string, text: string, results: Results): string {
  for (const [name, block] of Object.entries(BLOCKS[path])) {
    const [begin, end] = [`<!-- ${name}: written by deno task bench -->`, `<!-- end of ${name} -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`Cannot write the figures into ${path}: wanted "${begin}" and "${end}"`);
    text = `${text.slice(0, from + begin.length)}\n\n${block(results)}\n\n${text.slice(to)}`;
  }
  return text;
}

/** The documents that have figures. */
export const DOCUMENTS: readonly string[] = Object.keys(BLOCKS);

/** The pictures of docs/pictures/, by their names. */
export function pictures(results: Results): Map<string, string> {
  const found = new Map<string, string>();
  const compared = results.cases.filter((row) => ratiosTo("CPython", row).length > 0);
  if (compared.length > 0) found.set("all.svg", ratiosChart(compared, "All cases, relative to CPython"));
  for (const [group, title] of [["processes", "Start-up"], ["memory", "Memory"]]) {
    const cases = results.cases.filter((row) => row.group === group && Object.keys(row.runs).length > 0);
    if (cases.length > 0) found.set(`${group}.svg`, casesChart(cases, cases[0].unit, title));
  }
  for (const curve of results.curves) {
    if (curve.lines.length > 0) found.set(`${curve.id}.svg`, curveChart(curve, results.machine.cpus));
  }
  for (const one of results.distributions) {
    if (one.lines.length > 0) found.set(`${one.id}-latency.svg`, distributionChart(one));
  }
  return found;
}
