// `deno task bench --profile WORD`: where the time of a case goes. It runs the case on our side, once while its threads are
// sampled (profile/sampler.ts), and where perf(1) works, once more under that (profile/perf.ts).

import { Viewer } from "../src/live/viewer.ts";
import type { Case } from "./cases.ts";
import { type Hot, record, type Recorded } from "./profile/perf.ts";
import { Sampler, type Threads } from "./profile/sampler.ts";
import { commandOf, figureIn, measure } from "./sides.ts";
import { aligned, amount } from "./table.ts";

/** Milliseconds between two samples. */
const INTERVAL = 5;
/** What is measured is to take so long, so that the starts of its processes do not hide it. */
const SECONDS = 2;
/** Functions that are told. */
const MOST_HOT = 25;

/** Options of {@linkcode profile}. */
export interface ProfileOptions {
  /** What is measured is to take so many seconds. Default: 2. */
  readonly seconds?: number;
  /** The program that records where processors are. Default: "perf". */
  readonly perf?: string;
}

/** Where the time of a case went. */
export interface Profile {
  /** What the case measures by itself, and while its threads were sampled: in the case's unit, for each operation. */
  readonly alone: number;
  readonly sampled: number;
  /** Milliseconds from its beginning to its end. */
  readonly wall: number;
  readonly threads: readonly Threads[];
  readonly recorded: Recorded;
}

/** Records where the time of a case goes. */
export async function profile(work: Case, { seconds = SECONDS, perf }: ProfileOptions = {}): Promise<Profile> {
  const folder = `${import.meta.dirname}/..`;
  const alone = await measure(commandOf(folder, work));
  const command = commandOf(folder, longer(work, alone, seconds));
  const { said, wall, threads } = await sampled(command);
  return { alone, sampled: figureIn(said), wall, threads, recorded: await record(command, perf) };
}

/** The case with as many operations as take so long. */
function longer(work: Case, alone: number, seconds: number): Case {
  if (work.unit === "bytes") return work;
  const takes = alone * work.iterations / 1e9;
  return { ...work, iterations: work.iterations * Math.max(1, Math.round(seconds / takes)) };
}

/** Runs the command, and looks at its threads meanwhile. */
async function sampled(command: readonly string[]): Promise<Pick<Profile, "wall" | "threads"> & { said: string }> {
  const begin = performance.now();
  // The program is a child of timeout(1), which kills it with all its children if it hangs.
  const child = new Deno.Command("timeout", {
    args: ["--signal=KILL", "120", ...command],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const sampler = new Sampler(child.pid, new Viewer());
  const timer = setInterval(() => sampler.look(), INTERVAL);
  const { success, stdout } = await child.output();
  clearInterval(timer);
  if (!success) throw new Error(`Cannot profile "${command.join(" ")}": it failed`);
  return { said: new TextDecoder().decode(stdout), wall: performance.now() - begin, threads: sampler.threads };
}

/** Prints a profile. */
export function tellProfile(work: Case, { alone, sampled, wall, threads, recorded }: Profile): string {
  const one = (value: number) => amount(value, work.bytes, work.unit);
  const head = ["threads", "", "alive", "on a CPU", "waiting for a CPU", "asleep, and for what"];
  const parts = [
    `${work.work}: ${one(alone)} by itself, ${one(sampled)} while it was sampled; ${wall.toFixed(0)} ms in all`,
    aligned([head, ...threads.map(rowOf)]),
    "hot" in recorded ? hotTable(recorded.hot) : `no functions, since perf does not run here: ${recorded.missing}`,
  ];
  return parts.join("\n\n");
}

function rowOf({ of, name, count, alive, onCpu, waitingForCpu, sleeping }: Threads): string[] {
  const part = (ms: number) => `${(100 * ms / alive).toFixed(1)} %`;
  const sleeps = [...sleeping].sort(([, a], [, b]) => b - a).filter(([, ms]) => ms >= alive / 100);
  return [
    of,
    count === 1 ? name : `${name}, ${count} of them`,
    `${alive.toFixed(0)} ms`,
    part(onCpu),
    part(waitingForCpu),
    sleeps.map(([what, ms]) => `${what} ${part(ms)}`).join(", "),
  ];
}

function hotTable(hot: readonly Hot[]): string {
  const rows = hot.slice(0, MOST_HOT).map((
    { percent, where, function: name },
  ) => [`${percent.toFixed(1)} %`, where, name]);
  return aligned([["of the processors' time", "in", "function"], ...rows]);
}
