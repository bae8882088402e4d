// How the results read: units, ratios, verdicts, columns.

import type { Case } from "./cases.ts";

/** Median nanoseconds per side; a side that did not run is absent. */
export type Medians = Partial<Record<"ours" | "CPython" | "C", number>>;

export interface Row {
  readonly work: Case;
  readonly medians: Medians;
}

const HEAD = [
  "work",
  "ours",
  "CPython",
  "C",
  "ours/CPython",
  "to reach",
  "reached?",
];

/** The middle of the values (of an even number, the mean of the middle two). */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return (lower + upper) / 2;
}

/** The table of the medians. */
export function table(rows: readonly Row[]): string {
  return aligned([HEAD, ...rows.map(cellsOf)]);
}

/** A Markdown table, aligned for the terminal; the first row is its head. */
export function aligned(cells: readonly (readonly string[])[]): string {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const rule = widths.map((width) => "-".repeat(width));
  return [cells[0], rule, ...cells.slice(1)]
    .map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join(" | "))
    .map((line) => `| ${line} |`)
    .join("\n");
}

function cellsOf({ work, medians }: Row): string[] {
  const { ours, CPython, C } = medians;
  return [
    work.work,
    amount(ours, work.bytes),
    amount(CPython, work.bytes),
    amount(C, work.bytes),
    ours && CPython ? (ours / CPython).toFixed(3) : "-",
    `<= ${work.reach.ratio} x ${work.reach.to}`,
    verdict({ work, medians }),
  ];
}

function verdict({ work, medians }: Row): string {
  const yardstick = medians[work.reach.to];
  if (medians.ours === undefined || yardstick === undefined) return "-";
  const ratio = medians.ours / yardstick;
  const inWords = work.reach.to === "C" ? ` (${ratio.toFixed(3)} x C)` : "";
  return (ratio <= work.reach.ratio ? "yes" : "NO") + inWords;
}

/** A time, or a throughput where an operation has bytes. */
export function amount(ns: number | undefined, bytes?: number): string {
  if (ns === undefined) return "-";
  if (bytes !== undefined) {
    return `${(bytes / 2 ** 20 / (ns / 1e9)).toFixed(0)} MiB/s`;
  }
  if (ns < 1e3) return `${ns.toFixed(1)} ns`;
  if (ns < 1e6) return `${(ns / 1e3).toFixed(2)} us`;
  return `${(ns / 1e6).toFixed(2)} ms`;
}
