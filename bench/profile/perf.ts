// What perf(1) records: which functions the processors were in, of the program, of its children and of the kernel.
//
// JavaScript has names for perf where V8 writes them down, which it does by a flag. What Deno keeps as compiled code is for the
// flags that V8 had: so it is kept in a folder of its own, and there before anything is recorded.

import { withoutPlaces } from "../machine.ts";

const FOLDER = new URL("../../target/bench/profile/", import.meta.url);

/** Samples a second: no divisor of what timers are set to. */
const FREQUENCY = 1997;

/** Has V8 write the names of functions for perf, and nothing else. */
const FLAGS = ["--perf-basic-prof-only-functions", "--no-logfile-per-isolate", "--logfile=/dev/null"];

/** V8 writes what it has compiled into files of these names. */
const MAPS = /^perf-(\d+)\.map$/;

/** A part of the processors' time. */
export interface Hot {
  /** Of all of it, in percent. */
  readonly percent: number;
  /** The file that the function is in, or "JavaScript". */
  readonly where: string;
  readonly function: string;
}

/** What perf has said, or why it has said nothing. */
export type Recorded = { readonly hot: readonly Hot[] } | { readonly missing: string };

/** Runs the command under perf. */
export async function record(command: readonly string[], perf = "perf"): Promise<Recorded> {
  Deno.mkdirSync(FOLDER, { recursive: true });
  const data = new URL("perf.data", FOLDER).pathname;
  const env = { DENO_DIR: new URL("cache/", FOLDER).pathname, DENO_V8_FLAGS: FLAGS.join() };
  const before = maps();
  try {
    await run([perf, "--version"], {});
    await run(command, env);
    const recording = [perf, "record", "--quiet", "-e", "cpu-clock", "-F", `${FREQUENCY}`, "-o", data, "--"];
    await run([...recording, ...command], env);
    const report = [
      perf,
      "report",
      "--stdio",
      "--quiet",
      "--no-inline",
      "-F",
      "overhead,dso,symbol",
      "-t",
      ";",
      "-i",
      data,
    ];
    return { hot: hotIn(await run(report, {})) };
  } catch (error) {
    return { missing: (error as Error).message };
  } finally {
    for (const path of maps().filter((it) => !before.includes(it))) Deno.removeSync(path);
  }
}

/** What a report says, the hottest first; functions without a name are one for each file. */
export function hotIn(report: string): Hot[] {
  const parts = new Map<string, { percent: number; where: string; function: string }>();
  for (const line of report.split("\n")) {
    const [, percent, file, symbol] = line.match(/^\s*([\d.]+)%\s*;\s*(.*?)\s*;\s*(.*?)\s*$/) ?? [];
    if (percent === undefined) continue;
    const isScript = MAPS.test(file) || file.startsWith("[JIT]");
    const where = isScript ? "JavaScript" : file.replace(/^\[kernel.*/, "kernel");
    const name = withoutPlaces(symbol.replace(/^\[.\] (?:JS:)?/, "").replace(" file://", " "));
    const shown = /^0x[0-9a-f]+$/.test(name) ? "(without names)" : name;
    const part = parts.get(`${where} ${shown}`) ?? { percent: 0, where, function: shown };
    part.percent += Number(percent);
    parts.set(`${where} ${shown}`, part);
  }
  return [...parts.values()].sort((a, b) => b.percent - a.percent);
}

async function run([program, ...args]: readonly string[], env: Record<string, string>): Promise<string> {
  const { success, code, stdout, stderr } = await new Deno.Command(program, { args, env, stdin: "null" }).output();
  if (success) return new TextDecoder().decode(stdout);
  const [line] = new TextDecoder().decode(stderr).trim().split("\n");
  throw new Error(`"${program}" ended with ${code}: ${line}`);
}

function maps(): string[] {
  return [...Deno.readDirSync("/tmp")].filter(({ name }) => MAPS.test(name)).map(({ name }) => `/tmp/${name}`);
}
