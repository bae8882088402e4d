// What the soak prints: a line each minute, and the table at the end.

import { ROWS } from "./desk.ts";
import { NAMES } from "./hammers.ts";
import { addTo, type Sum, type Sums, total } from "./stage.ts";

/** The sums of several trees together. */
export function together(all: Iterable<Sums>): Sums {
  const sums: Sums = {};
  for (const each of all) for (const [row, sum] of Object.entries(each)) addTo(sums, row, sum);
  return sums;
}

function toldIn({ told }: Sum): string {
  return Object.entries(told).sort(([a], [b]) => a < b ? -1 : 1).map(([error, count]) => `${count} ${error}`).join(
    ", ",
  );
}

/** The order of the rows, what they say behind a comma apart; others come behind. */
const ORDER = [...NAMES, "Queue", "SimpleQueue", "JoinableQueue", "Pool", ...ROWS, "Pipe", "Client", "Process"];

/** A row for each primitive, and one for all. */
export function table(sums: Sums): string[] {
  const place = (row: string) => {
    const among = ORDER.indexOf(row.split(",")[0] as never);
    return among < 0 ? ORDER.length : among;
  };
  const rows = Object.entries(sums).sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1));
  const cells = [...rows, ["all", total(sums)] as const].map(([row, sum]) => [
    row,
    `${sum.operations}`,
    `${sum.kills}`,
    `${sum.stops}`,
    toldIn(sum),
  ]);
  return aligned([["part", "operations", "kills", "stops", "what others were told"], ...cells], 3);
}

/** Text to the left, numbers to the right: these are in so many columns behind the first. */
export function aligned(rows: readonly string[][], numbers: number): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isNumber = (column: number) => column >= 1 && column <= numbers;
  return rows.map((row) =>
    row.map((cell, column) => isNumber(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))
      .join("  ").trimEnd()
  );
}

/** How it stands, in one line. */
export function line(seconds: number, sums: Sums, more: string, violations: number): string {
  const { operations, kills, stops, told } = total(sums);
  const all = Object.values(told).reduce((sum, count) => sum + count, 0);
  const wrong = violations === 0 ? "no violation" : `${violations} violations`;
  return `${(seconds / 60).toFixed(1).padStart(5)} min: ${operations} operations, ${kills} kills, ${stops} stops, ` +
    `${all} told; ${more}; ${wrong}`;
}
