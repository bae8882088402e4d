// What `bench/results.json` holds, and what its numbers say: medians, ratios, verdicts.

/** What a number counts. Of all of them less is better. */
export type Unit = "ns" | "bytes";

/** A figure to reach; `null` where none is asked. */
export type Target =
  /** Ours is at most `ratio` times the other, by the median of the runs; by the worst of them at most `worst` times. */
  | {
    readonly ratio: number;
    readonly to: "CPython" | "floor" | "Deno Workers" | "node worker_threads";
    readonly worst?: number;
  }
  /** Ours is at most `over` more than the other. */
  | { readonly over: number; readonly to: "CPython" | "floor" }
  /** Ours is at most so much. */
  | { readonly most: number };

/** All runs of each side, in the order in which they ran: the n-th of one side ran beside the n-th of another. */
export type Runs = Readonly<Record<string, readonly number[]>>;

/** One row of a table. */
export interface CaseResult {
  readonly work: string;
  readonly group: string;
  readonly unit: Unit;
  /** Bytes per operation, where the row is a throughput. */
  readonly bytes?: number;
  readonly target: Target | null;
  readonly runs: Runs;
}

/** How a figure depends on one number. */
export interface Curve {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  /** What the number is. */
  readonly x: string;
  /** "operations/s", "bytes/s" or "times"; of all of them more is better. */
  readonly y: "operations/s" | "bytes/s" | "times";
  readonly targets: readonly CurveTarget[];
  readonly lines: readonly { readonly side: string; readonly points: readonly Point[] }[];
}

/** What ours is to reach at one point: so many times what another side does there, or a value. */
export type CurveTarget =
  | { readonly x: number; readonly times: number; readonly of: "CPython" | "floor" }
  | { readonly x: number; readonly value: number };

export interface Point {
  readonly x: number;
  /** Where the points have names instead of a number. */
  readonly label?: string;
  readonly runs: readonly number[];
}

/** How long each of many operations took. */
export interface Distribution {
  readonly id: string;
  readonly title: string;
  readonly target: Target | null;
  readonly lines: readonly Spread[];
}

/** The times of one side, of all runs together. */
export interface Spread {
  readonly side: string;
  readonly count: number;
  /** Nanoseconds. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly most: number;
  /** By bin: its number, and how many are in it. */
  readonly bins: readonly (readonly [bin: number, count: number])[];
}

export interface Machine {
  readonly cpu: string;
  readonly cpus: number;
  readonly memory: number;
  readonly kernel: string;
  /** The load of the last minute, before and after. */
  readonly load: readonly [before: number, after: number];
}

export interface Results {
  readonly format: 1;
  readonly date: string;
  /** The commit that was measured; with a "+" where files differed from it. */
  readonly commit: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly method: {
    readonly kind: "full" | "quick" | "smoke";
    readonly repeats: number;
    readonly curveRepeats: number;
  };
  readonly seconds: number;
  readonly cases: readonly CaseResult[];
  readonly curves: readonly Curve[];
  readonly distributions: readonly Distribution[];
  /** What could not be measured, and why. */
  readonly missing: readonly string[];
}

/** So many bins of a distribution are between a time and ten times it. */
export const BINS_PER_DECADE = 20;

/** The least time of a bin, in nanoseconds. */
export function startOfBin(bin: number): number {
  return 10 ** (bin / BINS_PER_DECADE);
}

/** The middle of the values (of an even number, the mean of the middle two). */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  return (lower + upper) / 2;
}

/** The times of one side, in nanoseconds, put into bins. */
export function spreadOf(side: string, times: readonly number[]): Spread {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor((sorted.length - 1) * part)]);
  const bins = new Map<number, number>();
  for (const time of sorted) {
    const bin = Math.floor(Math.log10(Math.max(1, time)) * BINS_PER_DECADE);
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  return { side, count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), most: at(1), bins: [...bins] };
}

/** Ours relative to another side, run by run. */
export function ratiosTo(side: string, { runs }: Pick<CaseResult, "runs">): number[] {
  const [ours, theirs] = [runs.ours ?? [], runs[side] ?? []];
  return ours.slice(0, theirs.length).map((our, i) => our / theirs[i]);
}

/** Whether the target was reached; `null` where there is none, or not both sides. */
export function isReached(row: Pick<CaseResult, "runs" | "target">): boolean | null {
  const { target, runs } = row;
  if (target === null || !runs.ours?.length) return null;
  if ("most" in target) return median(runs.ours) <= target.most;
  if (!runs[target.to]?.length) return null;
  if ("over" in target) return median(runs.ours) - median(runs[target.to]) <= target.over;
  const ratios = ratiosTo(target.to, row);
  return median(ratios) <= target.ratio && Math.max(...ratios) <= (target.worst ?? Infinity);
}

/** What ours is to reach at a point of a curve; `null` where the other side has no such point. */
export function wantedAt({ lines }: Curve, target: CurveTarget): number | null {
  if ("value" in target) return target.value;
  const theirs = lines.find(({ side }) => side === target.of)?.points.find(({ x }) => x === target.x)?.runs;
  return theirs === undefined ? null : target.times * median(theirs);
}

/** The text of a file of results: lists of numbers in one line each. */
export function textOf(results: Results): string {
  const rounded = (_: string, value: unknown) =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  const text = JSON.stringify(results, rounded, 1);
  const flat = text.replace(/\[\s*([-\d.e+,\s]*?)\s*\]/g, (_, list) => `[${list.replace(/\s+/g, " ")}]`);
  return `${flat.replace(/\],\n\s+\[(?=-?\d)/g, "], [")}\n`;
}

/** The results in a file. */
export function readResults(path: string | URL): Results {
  const results = JSON.parse(Deno.readTextFileSync(path)) as Results;
  if (results.format !== 1) throw new Error(`Cannot read ${path}: its format is ${results.format}, wanted 1`);
  return results;
}
