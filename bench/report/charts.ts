// The charts: what kind of figure is drawn in which way.

import * as Plot from "@observablehq/plot";
import {
  BINS_PER_DECADE,
  type CaseResult,
  type Curve,
  type Distribution,
  median,
  ratiosTo,
  startOfBin,
  type Target,
  type Unit,
  wantedAt,
} from "../results.ts";
import { amount, rate, size } from "../table.ts";
import { colourOf, draw } from "./plot.ts";

/** Pixels that a row of a chart of cases takes; that their names take; that stands above and below the rows. */
const ROW = 32;
const NAMES = 330;
const TOP_AND_BOTTOM = 100;
const CPUS_COLOUR = "#6b7280";

type Span = readonly [least: number, most: number];

/** The sides in their order: ours, CPython, the floors, the others. */
function sidesOf(names: Iterable<string>): string[] {
  const rank = (side: string) => side === "ours" ? 0 : side === "CPython" ? 1 : side.startsWith("floor") ? 2 : 3;
  return [...new Set(names)].sort((a, b) => rank(a) - rank(b));
}

/** A time on an axis. */
function shortTime(ns: number): string {
  return amount(ns).replace(/\.0+ /, " ").replace(/(\.\d)0 /, "$1 ").replace("us", "µs");
}

/** Powers of `base` within the span. */
function powers(base: number, [from, to]: Span): number[] {
  const [first, last] = [from, to].map((it) => Math.log(it) / Math.log(base));
  const begin = Math.ceil(first - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(last + 1e-9) - begin + 1) }, (_, i) => base ** (begin + i));
}

/** Ticks of a logarithmic axis: powers of ten, and where these are few, three times them. */
function decades(span: Span): number[] {
  const few = powers(10, span);
  if (few.length > 3) return few;
  return powers(10, [span[0] / 10, span[1]]).flatMap((it) => [it, 3 * it]).filter((it) =>
    it >= span[0] && it <= span[1]
  );
}

function extent(values: readonly number[]): Span {
  return [Math.min(...values), Math.max(...values)];
}

function widened([least, most]: Span, by: number): Span {
  return [least / by, most * by];
}

/** The axis below, a label for each tick: on a logarithmic one Plot would leave some out. */
function below(ticks: readonly number[], text: (value: number) => string, label: string): Plot.Markish[] {
  return [Plot.gridX(ticks), Plot.axisX(ticks, { text, label, tickSize: 5 } as Plot.AxisXOptions)];
}

function aside(ticks: readonly number[], text: (value: number) => string): Plot.Markish[] {
  return [Plot.gridY(ticks), Plot.axisY(ticks, { text, label: null, tickSize: 5 } as Plot.AxisYOptions)];
}

/** What ours would have to be to reach the target, in the unit of the case. */
function wanted({ runs }: Pick<CaseResult, "runs">, target: Target | null): number | null {
  if (target === null) return null;
  if ("most" in target) return target.most;
  const theirs = runs[target.to];
  if (theirs === undefined || theirs.length === 0) return null;
  return "over" in target ? median(theirs) + target.over : median(theirs) * target.ratio;
}

/** A dot in the row of a case: the median, from the least to the most. */
interface Dot {
  readonly work: string;
  readonly side: string;
  readonly value: number;
  readonly least: number;
  readonly most: number;
}

function dotOf(work: string, side: string, values: readonly number[]): Dot {
  const [least, most] = extent(values);
  return { work, side, value: median(values), least, most };
}

/** Dots in rows, and a bar in each row that has a target. */
function rowsOf(
  dots: readonly Dot[],
  targets: readonly { readonly work: string; readonly value: number }[],
  sides: readonly string[],
): Plot.Markish[] {
  const fill = ({ side }: Dot) => colourOf(side, sides);
  const ends = { x1: "least", x2: "most", y1: "work", y2: "work" } as const;
  return [
    Plot.axisY({ tickSize: 0, lineWidth: 40, fontSize: 12.5, label: null }),
    Plot.ruleY(new Set(dots.map(({ work }) => work)), { stroke: "#eceff2" }),
    Plot.link(dots, { ...ends, stroke: fill, strokeWidth: 3, strokeOpacity: 0.4 }),
    Plot.dot(dots, { x: "value", y: "work", r: 5, fill, fillOpacity: 0.9 }),
    Plot.tickX(targets, { x: "value", y: "work", stroke: colourOf("ours", sides), strokeWidth: 2.5, inset: 4 }),
  ];
}

/** Each case a row, each side a dot at its median, from its least run to its most; a bar where the target is. */
export function casesChart(cases: readonly CaseResult[], unit: Unit, description: string): string {
  const sides = sidesOf(cases.flatMap(({ runs }) => Object.keys(runs).filter((side) => runs[side].length > 0)));
  const dots = cases.flatMap(({ work, runs }) =>
    sides.filter((side) => runs[side]?.length).map((side) => dotOf(work, side, runs[side]))
  );
  const targets = cases.flatMap((row) => {
    const value = wanted(row, row.target);
    return value === null ? [] : [{ work: row.work, value }];
  });
  const all = extent([...dots.flatMap((dot) => [dot.least, dot.most]), ...targets.map(({ value }) => value)]);
  const domain = widened(all, 1.5);
  const ticks = unit === "ns" ? decades(domain) : powers(16, domain);
  const label = unit === "ns" ? "time of an operation →" : "bytes →";
  return draw({ sides, better: "less is better; | the target of ours", description }, {
    height: TOP_AND_BOTTOM + ROW * cases.length,
    marginLeft: NAMES,
    marginBottom: 44,
    x: { type: "log", domain },
    y: { type: "band", domain: cases.map(({ work }) => work) },
    marks: [...below(ticks, unit === "ns" ? shortTime : size, label), ...rowsOf(dots, targets, sides)],
  });
}

/** Each case a row: ours relative to CPython, run by run, and what it is to be. */
export function ratiosChart(cases: readonly CaseResult[], description: string): string {
  const compared = cases.filter((row) => ratiosTo("CPython", row).length > 0);
  const dots = compared.map((row) => dotOf(row.work, "ours", ratiosTo("CPython", row)));
  const targets = compared.flatMap(({ work, target }) =>
    target !== null && "ratio" in target && target.to === "CPython" ? [{ work, value: target.ratio }] : []
  );
  const all = extent([1, ...dots.flatMap((dot) => [dot.least, dot.most]), ...targets.map(({ value }) => value)]);
  const domain = widened(all, 1.3);
  const ticks = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30].filter((it) => it >= domain[0] && it <= domain[1]);
  return draw({ sides: ["ours"], better: "less is better; | the target", description }, {
    height: TOP_AND_BOTTOM + 26 * dots.length,
    marginLeft: NAMES,
    marginBottom: 44,
    x: { type: "log", domain },
    y: { type: "band", domain: dots.map(({ work }) => work) },
    marks: [
      ...below(ticks, String, "time of ours / time of CPython (1: as fast) →"),
      Plot.ruleX([1], { stroke: colourOf("CPython", []), strokeWidth: 1.5 }),
      ...rowsOf(dots, targets, ["ours"]),
    ],
  });
}

/** A point of a line of a curve. */
interface Place {
  readonly side: string;
  readonly x: number | string;
  readonly y: number;
  readonly least: number;
  readonly most: number;
}

/** A line for each side, through the medians; from the least run to the most at each point. */
export function curveChart(curve: Curve, cpus: number): string {
  const points = curve.lines.flatMap(({ side, points }) =>
    points.map(({ x, label, runs }): Place => {
      const [least, most] = extent(runs);
      return { side, x: label ?? x, y: median(runs), least, most };
    })
  );
  const sides = sidesOf(points.map(({ side }) => side));
  const stroke = ({ side }: Place) => colourOf(side, sides);
  const targets = curve.targets.flatMap((target) => {
    const y = wantedAt(curve, target);
    const x = curve.lines[0].points.find((point) => point.x === target.x);
    return y === null || x === undefined ? [] : [{ x: x.label ?? x.x, y }];
  });
  const span = extent([...points.flatMap(({ least, most }) => [least, most]), ...targets.map(({ y }) => y)]);
  const isTimes = curve.y === "times";
  return draw({
    sides,
    better: isTimes
      ? "more is better; – the target of ours; dashed: as many CPUs"
      : "more is better; – the target of ours",
    description: curve.title,
  }, {
    height: 380,
    marginLeft: 84,
    marginBottom: 46,
    x: typeof points[0].x === "string"
      ? { type: "point", domain: new Set(points.map(({ x }) => x)) }
      : { type: "log", base: 2 },
    y: isTimes ? { domain: [0, 1.1 * Math.max(span[1], cpus)] } : { type: "log", domain: widened(span, 1.3) },
    marks: [
      ...axesOf(curve, span, points),
      ...isTimes ? [idealLine(points, cpus)] : [],
      Plot.link(points, { x1: "x", x2: "x", y1: "least", y2: "most", stroke, strokeWidth: 3, strokeOpacity: 0.35 }),
      Plot.line(points, { x: "x", y: "y", z: "side", stroke, strokeWidth: 2 }),
      Plot.dot(points, { x: "x", y: "y", r: 4, fill: stroke }),
      Plot.text(targets, {
        x: "x",
        y: "y",
        text: () => "—",
        fontSize: 20,
        fontWeight: "bold",
        fill: colourOf("ours", sides),
      }),
    ],
  });
}

function axesOf({ x: label, y }: Curve, span: Span, points: readonly Place[]): Plot.Markish[] {
  const named = typeof points[0].x === "string";
  const xs = [...new Set(points.map(({ x }) => x))] as number[];
  const across = named
    ? [Plot.axisX({ label: `${label} →`, labelAnchor: "right", tickSize: 5 })]
    : below(xs, label.startsWith("bytes") ? size : String, `${label} →`);
  const domain = widened(span, 1.3);
  const ticks = y === "bytes/s" ? powers(4, domain) : y === "times" ? steps(span[1]) : decades(domain);
  return [...across, ...aside(ticks, (value) => y === "times" ? `${value} x` : rate(value, y))];
}

/** 0, 1, 2 and so on, not too many. */
function steps(most: number): number[] {
  const step = Math.max(0.5, 2 ** Math.floor(Math.log2(most / 4)));
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step);
}

/** As many times as fast as there are workers, up to the CPUs. */
function idealLine(points: readonly Place[], cpus: number): Plot.Markish {
  const some = points.filter(({ side }) => side === "ours");
  return Plot.line(some, {
    x: "x",
    y: ({ x }: Place) => Math.min(Number(x), cpus),
    stroke: CPUS_COLOUR,
    strokeDasharray: "5 4",
  });
}

/** Pixels of the histogram of one side, and what is below the last one. */
const FACET = 112;
const BELOW_FACETS = 60;

/** A histogram for each side, one above the other, on one axis of times; a line at the median and the 99th percentile. */
export function distributionChart({ title, lines, target }: Distribution): string {
  const sides = sidesOf(lines.map(({ side }) => side));
  const most = 3 * Math.max(...lines.map(({ p99 }) => p99));
  const bars = lines.flatMap(({ side, bins, count }) =>
    bins.map(([bin, n]) => ({ side, from: startOfBin(bin), to: startOfBin(bin + 1), share: 100 * n / count }))
  ).filter(({ to }) => to <= most);
  const marks = lines.flatMap(({ side, p50, p99 }) => [{ side, at: p50, what: "p50" }, { side, at: p99, what: "p99" }]);
  const wantedTime = wanted({ runs: Object.fromEntries(lines.map(({ side, p50 }) => [side, [p50]])) }, target);
  const aim = wantedTime === null ? [] : [{ side: "ours", at: wantedTime, what: "target of p50" }];
  const fill = ({ side }: { side: string }) => colourOf(side, sides);
  const [least] = extent([...bars.map(({ from }) => from), ...aim.map(({ at }) => at / 1.2)]);
  const domain: Span = [least, Math.max(most, least * 10 ** (2 / BINS_PER_DECADE))];
  const said = {
    fy: "side",
    x: "at",
    frameAnchor: "top",
    textAnchor: "start",
    dx: 4,
    fontSize: 11.5,
    fill: "#222",
    stroke: "white",
  } as const;
  const text = ({ what, at }: typeof marks[number]) => `${what} ${shortTime(Number(at.toPrecision(2)))}`;
  const of = (wanted: string) => marks.filter(({ what }) => what === wanted);
  return draw({ sides: [], better: "", description: title }, {
    height: BELOW_FACETS + FACET * sides.length,
    marginLeft: 60,
    marginRight: 120,
    marginBottom: 46,
    x: { type: "log", domain },
    y: { insetTop: 30 },
    fy: { domain: sides, padding: 0.12, axis: null },
    marks: [
      ...below(decades(domain), shortTime, "time of one operation →"),
      Plot.axisY({ ticks: 3, tickFormat: (share: number) => `${share}%`, label: null }),
      Plot.axisFy({ anchor: "right", fontSize: 13, label: null, fill: (side: string) => colourOf(side, sides) }),
      Plot.rect(bars, { x1: "from", x2: "to", y1: 0, y2: "share", fy: "side", fill, fillOpacity: 0.8, insetLeft: 0.5 }),
      Plot.ruleX(marks, { x: "at", fy: "side", stroke: "#222", strokeDasharray: "3 3" }),
      Plot.ruleX(aim, { x: "at", fy: "side", stroke: colourOf("ours", sides), strokeWidth: 2.5 }),
      Plot.text(aim, { ...said, text, dy: 29, textAnchor: "end", dx: -5, fill: colourOf("ours", sides) }),
      Plot.text(of("p50"), { ...said, text, dy: 1 }),
      Plot.text(of("p99"), { ...said, text, dy: 15 }),
      Plot.ruleY([0]),
    ],
  });
}
