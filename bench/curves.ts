// Figures that depend on one number: throughput by message size, and what more processes bring.

import type { Curve, CurveTarget, Point } from "./results.ts";
import { bytesOf, commandsOf, timeOf } from "./settings/run.ts";
import { SUBJECTS } from "./settings/subjects.ts";
import { parseSetting } from "./settings/options.ts";
import { isSmoke } from "./smoke.ts";

/** One curve: the setting that it measures, and the values that it measures it with. */
export interface Plan {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  readonly subject: string;
  readonly x: string;
  readonly y: Curve["y"];
  readonly targets: readonly CurveTarget[];
  /** For each point its number, and the options that make it; the label, where a number says too little. */
  readonly points: readonly { readonly x: number; readonly label?: string; readonly options: readonly string[] }[];
}

const MIB = 2 ** 20;
const SIZES = [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];
const CPUS = navigator.hardwareConcurrency;
/** 1, 2, 4 and so on, up to twice the CPUs, and the CPUs themselves. */
const WORKERS = [...new Set([1, 2, 4, 8, 16, 32, 64, 128].filter((n) => n <= 2 * CPUS).concat(CPUS))]
  .sort((a, b) => a - b);
const SIDES = [[1, 1], [2, 1], [1, 2], [2, 2], [4, 1], [1, 4], [4, 4]];
/** Steps of a loop that are some milliseconds of work. */
const TASK = 1_000_000;

const bySize = (...options: string[]) => SIZES.map((size) => ({ x: size, options: [`--size=${size}`, ...options] }));

export const CURVES: readonly Plan[] = [
  {
    id: "queue-by-size",
    group: "queues",
    title: "Queue: bytes a second, by size of the message",
    subject: "queue",
    x: "bytes in a message",
    y: "bytes/s",
    targets: [{ x: 1024, times: 5, of: "CPython" }, { x: MIB, times: 6, of: "CPython" }],
    points: bySize(),
  },
  {
    id: "connection-by-size",
    group: "connections",
    title: "Connection: bytes a second, by size of the message",
    subject: "connection",
    x: "bytes in a message",
    y: "bytes/s",
    targets: [{ x: MIB, times: 2.5, of: "CPython" }],
    points: bySize("--way=one-way"),
  },
  {
    id: "queue-by-processes",
    group: "queues",
    title: "Queue: messages a second of 16 bytes, by producers and consumers",
    subject: "queue",
    x: "producers : consumers",
    y: "operations/s",
    targets: [0, 1, 2, 3, 4, 5, 6].map((x) => ({ x, times: 1, of: "CPython" })),
    points: SIDES.map(([producers, consumers], x) => ({
      x,
      label: `${producers} : ${consumers}`,
      options: ["--size=16", `--producers=${producers}`, `--consumers=${consumers}`],
    })),
  },
  {
    id: "lock-by-processes",
    group: "locks",
    title: "Lock: pairs of acquire and release a second, by processes that want it",
    subject: "lock",
    x: "processes",
    y: "operations/s",
    targets: [{ x: 2, times: 0.5, of: "floor" }],
    points: [1, 2, 4, 8].map((n) => ({ x: n, options: [`--processes=${n}`] })),
  },
  {
    id: "pool-by-workers",
    group: "pools",
    title: "Pool.map of a CPU-bound task: speed-up, by workers",
    subject: "pool",
    x: "workers",
    y: "times",
    targets: WORKERS.filter((n) => n > 1 && n <= CPUS).map((n) => ({ x: n, value: 0.9 * n })),
    points: WORKERS.map((n) => ({
      x: n,
      options: ["--call=map", `--workers=${n}`, `--work=${TASK}`, `--items=${32 * CPUS}`, "--chunksize=1"],
    })),
  },
];

/** CPython computes so many times slower: it gets as much less work, so that its runs do not take longer. */
const SLOWER = 40;

/** How a curve is measured. */
export interface Effort {
  readonly repeats: number;
  readonly seconds: number;
}

/** Measures one curve; `failed` is told what does not run. */
export async function measureCurve(plan: Plan, effort: Effort, failed: (what: string) => void): Promise<Curve> {
  const points = isSmoke ? plan.points.slice(0, 2).slice(-1) : plan.points;
  const lines = new Map<string, Map<number, Point & { runs: number[] }>>();
  for (let i = 0; i < effort.repeats; i++) {
    for (const point of points) {
      const setting = parseSetting(SUBJECTS[plan.subject].options, [`--seconds=${effort.seconds}`, ...point.options]);
      const theirs = { ...setting, ...typeof setting.work === "number" ? { work: setting.work / SLOWER } : {} };
      const commands = new Map(await commandsOf(plan.subject, setting));
      if (commands.has("CPython")) commands.set("CPython", (await commandsOf(plan.subject, theirs)).get("CPython")!);
      for (const [side, command] of commands) {
        try {
          const rate = 1e9 / await timeOf(command, setting);
          const { x, label } = point;
          const line = lines.get(side) ?? lines.set(side, new Map()).get(side)!;
          const { runs } = line.get(x) ?? line.set(x, { x, label, runs: [] }).get(x)!;
          runs.push(plan.y === "bytes/s" ? rate * bytesOf(plan.subject, setting) : rate);
        } catch (error) {
          failed(`${plan.title}, ${point.options.join(" ")}, ${side}: ${(error as Error).message}`);
        }
      }
    }
  }
  const { id, group, title, x, y, targets } = plan;
  return {
    id,
    group,
    title,
    x,
    y,
    targets,
    lines: [...lines].map(([side, line]) => relative(plan, side, [...line.values()], points[0].x)),
  };
}

/** A line of a curve; a speed-up is relative to the side's first point, run by run, and there is none without that. */
function relative({ y }: Plan, side: string, points: Point[], first: number): Curve["lines"][number] {
  if (y !== "times") return { side, points };
  if (points[0].x !== first) return { side, points: [] };
  const [{ runs: alone }] = points;
  return {
    side,
    points: points.map((point) => ({ ...point, runs: point.runs.map((rate, i) => rate / (alone[i] ?? alone[0])) })),
  };
}
