// Measures a setting of a user: our side, CPython's and the floor, in turn, and prints what each did.

import { builtFloors, denoRun, newestPython, toldBy } from "../sides.ts";
import { median } from "../results.ts";
import { aligned, amount, size as sizeText } from "../table.ts";
import { describe, parseSetting, type Setting } from "./options.ts";
import { SUBJECTS } from "./subjects.ts";

/** Seconds beyond those of its work that a run may take: its processes start, and what waits is taken. */
const GRACE_SECONDS = 60;
const BARE = `${import.meta.dirname}/../deno/bare.ts`;

/** The sides of a setting and their commands. */
export type Commands = ReadonlyMap<string, readonly string[]>;

/** The commands that measure a setting: ours, and those of the others that there are. */
export async function commandsOf(subject: string, setting: Setting): Promise<Commands> {
  const commands = new Map([["ours", [
    ...denoRun(),
    `${import.meta.dirname}/${subject}.ts`,
    JSON.stringify(setting),
  ]]]);
  const python = await newestPython();
  if (python !== null) {
    const script = `${import.meta.dirname}/../python/settings.py`;
    commands.set("CPython", [python.path, "-B", script, subject, JSON.stringify(setting)]);
  }
  const floor = SUBJECTS[subject].floor?.(setting) ?? null;
  const program = floor === null ? undefined : (await builtFloors()).get("settings");
  if (floor !== null && program !== undefined) {
    const command = subject === "process" ? [Deno.execPath(), "run", BARE] : [];
    commands.set("floor", [program, `${setting.seconds}`, ...floor, ...command]);
  }
  return commands;
}

/** Nanoseconds per operation in one run. */
export async function timeOf(command: readonly string[], { seconds }: Setting): Promise<number> {
  const line = await toldBy(command, Number(seconds) + GRACE_SECONDS);
  const [operations, taken] = [Number(line.operations), Number(line.seconds)];
  if (!(operations > 0 && taken > 0)) throw new Error(`Cannot read a rate in ${JSON.stringify(line)}`);
  return taken * 1e9 / operations;
}

/** Bytes that one operation carries. */
export function bytesOf(subject: string, { size, processes, way }: Setting): number {
  const bytes = Number(size ?? 0);
  if (subject === "shared") return bytes / Number(processes);
  return way === "ping-pong" ? 2 * bytes : bytes;
}

/** What every side does in a second, and how that compares. */
function report(subject: string, setting: Setting, runs: ReadonlyMap<string, number[]>): string {
  const bytes = bytesOf(subject, setting);
  const ours = runs.get("ours")!;
  const rows = [...runs].filter(([, times]) => times.length > 0).map(([side, times]) => {
    const rate = 1e9 / median(times);
    const ratios = times.flatMap((time, i) => i < ours.length ? [ours[i] / time] : []);
    const isCompared = side !== "ours" && ratios.length > 0;
    return [
      side,
      `${Math.round(rate).toLocaleString("en")}/s`,
      amount(median(times)),
      bytes > 0 ? `${sizeText(rate * bytes)}/s` : "-",
      isCompared ? median(ratios).toFixed(3) : "-",
      isCompared ? Math.max(...ratios).toFixed(3) : "-",
    ];
  });
  return aligned([["", "operations", "each", "bytes", "time of ours / this", "worst"], ...rows]);
}

/** The text that says what the options of a subject are; without a subject, of all of them. */
export function usage(subject?: string): string {
  const names = subject === undefined ? Object.keys(SUBJECTS) : [subject];
  return names.map((name) =>
    `deno task bench ${name} [option …]: ${SUBJECTS[name].says}\n${describe(SUBJECTS[name].options)}`
  ).join("\n\n");
}

/** Measures the setting that a command line says, and prints it; whether every side ran. */
export async function measureSetting(subject: string, args: readonly string[]): Promise<boolean> {
  const setting = parseSetting(SUBJECTS[subject].options, args);
  console.log(`${subject}: ${Object.entries(setting).map(([name, value]) => `${name} ${value}`).join(", ")}\n`);
  const commands = await commandsOf(subject, setting);
  const runs = new Map([...commands.keys()].map((side): [string, number[]] => [side, []]));
  let isGood = true;
  for (let i = 0; i < Number(setting.repeats); i++) {
    for (const [side, command] of commands) {
      try {
        runs.get(side)!.push(await timeOf(command, setting));
      } catch (error) {
        isGood = false;
        console.log(`failed: ${side}: ${(error as Error).message}`);
      }
    }
  }
  if (runs.values().some((times) => times.length > 0)) console.log(report(subject, setting, runs));
  return isGood;
}
