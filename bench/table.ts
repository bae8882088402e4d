// How the results read: units, ratios, verdicts, columns.

import {
  type CaseResult,
  type Curve,
  type Distribution,
  isReached,
  median,
  ratiosTo,
  type Target,
  type Unit,
} from "./results.ts";

const HEAD = ["work", "ours", "CPython", "floor", "ours/CPython", "worst", "to reach", "reached?"];

/** The table of the medians. */
export function table(rows: readonly CaseResult[]): string {
  return aligned([HEAD, ...rows.map(cellsOf)]);
}

/** The sides that the columns of a table of cases are for. */
const MAIN_SIDES = ["ours", "CPython", "floor"];

/** The table of what cases are compared with besides: a row for each pair; empty if there is none. */
export function othersTable(rows: readonly CaseResult[]): string {
  const pairs = rows.flatMap((row) =>
    Object.keys(row.runs).filter((side) => !MAIN_SIDES.includes(side) && ratiosTo(side, row).length > 0)
      .map((side) => [row, side] as const)
  );
  if (pairs.length === 0) return "";
  const cells = pairs.map(([row, side]) => {
    const { work, bytes, unit, runs } = row;
    const ratios = ratiosTo(side, row);
    const middle = (side: string) => amount(median(runs[side]), bytes, unit);
    return [work, side, middle("ours"), middle(side), median(ratios).toFixed(3), Math.max(...ratios).toFixed(3)];
  });
  return aligned([["case", "beside", "ours", "theirs", "ours / theirs", "worst run"], ...cells]);
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

function cellsOf(row: CaseResult): string[] {
  const { work, bytes, unit, runs, target } = row;
  const middle = (side: string) => runs[side]?.length ? amount(median(runs[side]), bytes, unit) : "-";
  const ratios = ratiosTo("CPython", row);
  return [
    work,
    ...MAIN_SIDES.map(middle),
    ratios.length > 0 ? median(ratios).toFixed(3) : "-",
    ratios.length > 0 ? Math.max(...ratios).toFixed(3) : "-",
    targetText(target, unit),
    verdict(row),
  ];
}

/** Whether the target was reached, in a word. */
export function verdict(row: CaseResult): string {
  const is = isReached(row);
  if (is === null) return "-";
  const { target } = row;
  const ofFloor = target !== null && "ratio" in target && target.to === "floor";
  return (is ? "yes" : "NO") + (ofFloor ? ` (${median(ratiosTo("floor", row)).toFixed(2)} x floor)` : "");
}

/** What is wanted, in short. */
export function targetText(target: Target | null, unit: Unit): string {
  if (target === null) return "-";
  if ("most" in target) return `<= ${amount(target.most, undefined, unit)}`;
  if ("over" in target) return `<= ${target.to} + ${amount(target.over, undefined, unit)}`;
  const ratio = Number(target.ratio.toFixed(3));
  return `<= ${ratio} x ${target.to}${target.worst === undefined ? "" : `, worst ${target.worst}`}`;
}

/** A time, or a throughput where an operation has bytes, or a size. */
export function amount(value: number | undefined, bytes?: number, unit: Unit = "ns"): string {
  if (value === undefined) return "-";
  if (unit === "bytes") return size(value);
  if (bytes !== undefined) return `${(bytes / 2 ** 20 / (value / 1e9)).toFixed(0)} MiB/s`;
  if (value < 1e3) return `${value.toFixed(1)} ns`;
  if (value < 1e6) return `${(value / 1e3).toFixed(2)} us`;
  return `${(value / 1e6).toFixed(2)} ms`;
}

/** A number of bytes. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${Number(bytes.toFixed(bytes < 10 ? 2 : 0))} B`;
  if (bytes < 2 ** 20) return `${Number((bytes / 1024).toFixed(1))} KiB`;
  if (bytes < 2 ** 30) return `${Number((bytes / 2 ** 20).toFixed(1))} MiB`;
  return `${Number((bytes / 2 ** 30).toFixed(1))} GiB`;
}

/** A rate of a curve. */
export function rate(value: number, y: Curve["y"]): string {
  if (y === "bytes/s") return `${size(value)}/s`;
  return y === "times" ? `${value.toFixed(2)} x` : `${compact(value)}/s`;
}

/** A number in three digits and a letter. */
export function compact(value: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(value);
}

/** The medians of a curve: a row for each point, a column for each side. */
export function curveTable({ x, y, lines }: Curve): string {
  const points = lines[0]?.points ?? [];
  const rows = points.map(({ x, label }) => [
    label ?? x.toLocaleString("en"),
    ...lines.map((line) => {
      const runs = line.points.find((point) => point.x === x)?.runs;
      return runs === undefined ? "-" : rate(median(runs), y);
    }),
  ]);
  return aligned([[x, ...lines.map(({ side }) => side)], ...rows]);
}

/** The percentiles of a distribution, a row for each side. */
export function distributionTable({ lines }: Distribution): string {
  const rows = lines.map(({ side, count, p50, p90, p99, most }) => [
    side,
    `${count}`,
    ...[p50, p90, p99, most].map((ns) => amount(ns)),
  ]);
  return aligned([["", "operations", "p50", "p90", "p99", "most"], ...rows]);
}
