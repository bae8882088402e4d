// How long single operations take: all of their times, so that a second mode is seen where a mean would hide it.

import { builtFloors, denoRun, newestPython, toldBy } from "./sides.ts";
import { type Distribution, spreadOf, type Target } from "./results.ts";
import { many } from "./smoke.ts";

/** Where an operation is measured: on one CPU, or beside an endless loop that wants one. */
type Setting = "one CPU" | "loaded";

/** One operation: a variant of `deno/latency.ts` and `python/latency.py`. */
export interface Plan {
  readonly id: string;
  /** Absent: that of the id. */
  readonly variant?: string;
  /** Absent: on all CPUs, with nothing beside. */
  readonly setting?: Setting;
  readonly title: string;
  readonly count: number;
  readonly target: Target | null;
  /** Floors: a mode of `native/ping_pong.c` each. */
  readonly floors: Readonly<Record<string, string>>;
}

export const DISTRIBUTIONS: readonly Plan[] = [
  {
    id: "queue",
    title: "Queue: request and reply, a small int",
    count: 50_000,
    target: { ratio: 0.03, to: "CPython", worst: 0.1 },
    floors: { "floor, awake": "spin", "floor, asleep": "futex" },
  },
  {
    id: "queue-one-cpu",
    variant: "queue",
    setting: "one CPU",
    title: "Queue: request and reply, all on one CPU",
    count: 50_000,
    target: { ratio: 0.4, to: "CPython" },
    floors: { "floor, asleep": "futex" },
  },
  {
    id: "queue-loaded",
    variant: "queue",
    setting: "loaded",
    title: "Queue: request and reply, beside an endless loop",
    count: 50_000,
    target: null,
    floors: { "floor, asleep": "futex" },
  },
  {
    id: "event",
    title: "Event: set here wakes a wait there, and back",
    count: 50_000,
    target: { ratio: 1.5, to: "floor", worst: 1.5 },
    floors: { "floor": "futex" },
  },
  {
    id: "event-one-cpu",
    variant: "event",
    setting: "one CPU",
    title: "Event: set and wait, all on one CPU",
    count: 50_000,
    target: { ratio: 1.5, to: "floor" },
    floors: { "floor": "futex" },
  },
  {
    id: "event-loaded",
    variant: "event",
    setting: "loaded",
    title: "Event: set and wait, beside an endless loop",
    count: 50_000,
    target: null,
    floors: { "floor": "futex" },
  },
  {
    id: "connection",
    title: "Connection: 64 bytes there and back",
    count: 10_000,
    target: { ratio: 1.1, to: "floor" },
    floors: { "floor": "socketpair" },
  },
  {
    id: "pool",
    title: "Pool.apply of a trivial function",
    count: 3_000,
    target: { ratio: 0.3, to: "CPython" },
    floors: {},
  },
  {
    id: "manager",
    title: "Manager: get of a dict, sync",
    count: 5_000,
    target: { ratio: 0.15, to: "CPython" },
    floors: {},
  },
  {
    id: "lock",
    title: "Lock: from a release to the acquire of another process that waits",
    count: 4_000,
    target: null,
    floors: {},
  },
];

/** The commands that print times of an operation, by side. */
async function commandsOf({ id, variant = id, setting, count, floors }: Plan): Promise<Map<string, string[]>> {
  const n = `${many(count, 20)}`;
  const commands = new Map([["ours", [...denoRun(), `${import.meta.dirname}/deno/latency.ts`, n, variant]]]);
  const python = await newestPython();
  if (python !== null) {
    commands.set("CPython", [python.path, "-B", `${import.meta.dirname}/python/latency.py`, n, variant]);
  }
  const program = (await builtFloors()).get("ping_pong");
  for (const [side, mode] of Object.entries(floors)) {
    // A floor that only spins would take a second for each turn that the two spend on one CPU.
    if (program !== undefined) commands.set(side, [program, mode === "spin" ? `${many(2_000, 5)}` : n, mode, "times"]);
  }
  if (setting === "one CPU") {
    for (const [side, command] of commands) {
      commands.set(side, [...ON_ONE_CPU, ...command]);
    }
  }
  return commands;
}

const ON_ONE_CPU: readonly string[] = ["taskset", "-c", "0"];

/** A process that never waits, until it is disposed of; nothing, if the setting wants none. */
function load(setting: Setting | undefined): AsyncDisposable {
  if (setting !== "loaded") return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const loop = new Deno.Command("sh", { args: ["-c", "while :; do :; done"], stdin: "null" }).spawn();
  return {
    async [Symbol.asyncDispose]() {
      loop.kill("SIGKILL");
      await loop.status;
    },
  };
}

/** Measures one operation; `failed` is told what does not run. */
export async function measureDistribution(
  plan: Plan,
  repeats: number,
  failed: (what: string) => void,
): Promise<Distribution> {
  const { id, title, target } = plan;
  const times = new Map<string, number[]>();
  const commands = await commandsOf(plan);
  for (let i = 0; i < repeats; i++) {
    for (const [side, command] of commands) {
      try {
        await using _ = load(plan.setting);
        times.set(side, [...times.get(side) ?? [], ...(await toldBy(command)).times as number[]]);
      } catch (error) {
        failed(`${title}, ${side}: ${(error as Error).message}`);
      }
    }
  }
  return { id, title, target, lines: [...times].map(([side, all]) => spreadOf(side, all)) };
}
