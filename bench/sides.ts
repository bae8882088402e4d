// The sides of a measurement: ours (Deno), CPython, the floor that no library can be quicker than (C, or bare Deno), and
// others. A side turns a case into a command, or says why it cannot.

import type { Case } from "./cases.ts";

/** A command that prints one JSON line with `ns` or `bytes`, or the reason there is none. */
export type Plan = { readonly command: readonly string[] } | {
  readonly skip: string;
};

export interface Side {
  readonly name: string;
  readonly version: string;
  /** More runs than these are not made of it. Absent: as many as of the others. */
  readonly repeats?: number;
  plan(work: Case): Plan;
}

/** One run that hangs ends after this, with every process it started. */
const LIMIT_SECONDS = 60;

/** Runs of the sides that no target is relative to. */
const OTHERS_REPEATS = 3;

const here = (path: string) => `${import.meta.dirname}/${path}`;

/** Runs the command and returns what it wrote; throws if it fails. */
async function output(command: readonly string[]): Promise<string> {
  const [program, ...args] = command;
  const child = new Deno.Command(program, { args, stdin: "null" });
  const { success, code, stdout, stderr } = await child.output();
  if (success) return new TextDecoder().decode(stdout);
  const said = new TextDecoder().decode(stderr).trim();
  throw new Error(
    code === 137
      ? `Cannot measure: still running after ${LIMIT_SECONDS} s ${said}`.trim()
      : `Cannot run "${command.join(" ")}": exit code ${code}\n${said}`,
  );
}

/** What the last line of the command's output tells, in JSON. */
export async function toldBy(
  command: readonly string[],
  limitSeconds = LIMIT_SECONDS,
): Promise<Record<string, unknown>> {
  // timeout(1) kills the whole process group, workers included.
  return toldIn(await output(["timeout", "--signal=KILL", `${limitSeconds}`, ...command]));
}

function toldIn(printed: string): Record<string, unknown> {
  return JSON.parse(printed.trim().split("\n").at(-1)!);
}

/** Nanoseconds, or bytes, per operation that the command reports. */
export async function measure(command: readonly string[]): Promise<number> {
  return figureOf(await toldBy(command));
}

/** The same of what a command has printed. */
export function figureIn(printed: string): number {
  return figureOf(toldIn(printed));
}

function figureOf(line: Record<string, unknown>): number {
  const value = line.ns ?? line.bytes;
  if (typeof value !== "number" || !(value > 0)) {
    throw new Error(`Cannot read a time in ${JSON.stringify(line)}`);
  }
  return value;
}

/** The command of our side of a case, with the package of the checkout `folder`. */
export function commandOf(folder: string, work: Case): string[] {
  return placed(work, [...denoRun(folder), here(`deno/${work.script}.ts`), ...argumentsOf(work)]);
}

/** The command on the processors that the case is to have. */
function placed({ onOneCpu }: Case, command: readonly string[]): string[] {
  return onOneCpu ? ["taskset", "--cpu-list", "0", ...command] : [...command];
}

/** The command that runs a script with the package of the checkout `folder`, but for the script. */
export function denoRun(folder = here("..")): string[] {
  return [Deno.execPath(), "run", "-A", `--config=${folder}/deno.json`, ...asPrograms(folder)];
}

/** Flags with which the package is imported as programs do, from `dist/`; none if that could not be made. */
function asPrograms(folder: string): string[] {
  const map = `${folder}/dist/import_map.json`;
  try {
    return Deno.statSync(map).isFile ? [`--import-map=${map}`] : [];
  } catch {
    return [];
  }
}

/** Our side; skips the cases whose exports mod.ts does not have. */
export async function ours(): Promise<Side> {
  let version = `Deno ${Deno.version.deno} (V8 ${Deno.version.v8})`;
  let exports: string[] = [];
  let broken = "";
  try {
    exports = Object.keys(await import("@parallel/multiprocessing"));
  } catch (error) {
    broken = (error as Error).message.split("\n")[0];
    version += `: the package does not load, nothing is measured: ${broken}`;
  }
  return {
    name: "ours",
    version,
    plan(work) {
      if (broken) return { skip: "the package does not load" };
      const missing = work.needs.filter((name) => !exports.includes(name));
      if (missing.length > 0) {
        return { skip: `mod.ts does not export ${missing.join(", ")}` };
      }
      return { command: commandOf(here(".."), work) };
    },
  };
}

/** CPython 3.12 or newer: the newest of pyenv's, else the `python3` on PATH. */
export async function cpython(): Promise<Side> {
  const found = await newestPython();
  return {
    name: "CPython",
    version: found === null ? "none (no CPython >= 3.12)" : `${found.version} (${found.path})`,
    plan(work) {
      if (found === null) return { skip: "no CPython >= 3.12 found" };
      const script = here(`python/${work.script}.py`);
      return { command: placed(work, [found.path, "-B", script, ...argumentsOf(work)]) };
    },
  };
}

/** The floor: programs in C, built on demand into target/bench, and what Deno itself can do. */
export async function floors(): Promise<Side> {
  const compiler = await firstLine(["cc", "--version"]);
  const built = await builtFloors();
  return {
    name: "floor",
    version: compiler ?? "none (no cc on PATH)",
    plan(work) {
      if (work.floor === undefined) return { skip: "" };
      const [program, ...args] = work.floor;
      const script = `${import.meta.dirname}/deno/${program}`;
      if (program.endsWith(".ts")) {
        return { command: placed(work, [...denoRun(), script, `${work.iterations}`, ...args]) };
      }
      const binary = built.get(program);
      if (binary === undefined) return { skip: "no cc on PATH" };
      return { command: placed(work, [binary, `${work.iterations}`, ...args]) };
    },
  };
}

let built: Promise<Map<string, string>> | undefined;

/** Where the programs of the floor are; built once, and none where there is no compiler. */
export function builtFloors(): Promise<Map<string, string>> {
  return built ??= build();
}

async function build(): Promise<Map<string, string>> {
  const canBuild = await firstLine(["cc", "--version"]) !== null;
  if (canBuild) await Deno.mkdir(here("../target/bench"), { recursive: true });
  const built = new Map<string, string>();
  for await (const { name } of Deno.readDir(here("native"))) {
    if (!canBuild || !name.endsWith(".c")) continue;
    const program = name.slice(0, -".c".length);
    const binary = here(`../target/bench/${program}`);
    const source = here(`native/${name}`);
    await output(["cc", "-O2", "-Wall", "-pthread", source, "-o", binary]);
    built.set(program, binary);
  }
  return built;
}

/** What some cases are compared with besides: commands, but for the iterations and the variant. */
async function othersCommands(): Promise<Readonly<Record<string, readonly string[]>>> {
  const bare = [Deno.execPath(), "run", "-A", `--config=${here("../deno.json")}`];
  const npm = (name: string) => [...bare, here("pools/npm.ts"), name];
  const python = (await newestPython())?.path ?? "python3";
  return {
    piscina: npm("piscina"),
    tinypool: npm("tinypool"),
    poolifier: npm("poolifier"),
    ProcessPoolExecutor: [python, "-B", here("python/pool_executor.py")],
    JSON: [...denoRun(), here("deno/pickles.ts")],
    "JSON over stdio": [...denoRun(), here("bridges/json_lines.ts")],
    "pickles by a socket": [...denoRun(), here("bridges/pickles.ts")],
    "Deno Worker": [...bare, here("channels/deno_worker.ts")],
    "Deno Workers": [...bare, here("channels/pipeline.ts")],
    "one process": [...bare, here("channels/pipeline.ts")],
    "node worker_threads": ["node", here("channels/node_threads.mjs")],
  };
}

/** The other sides, those that some case names. */
export async function others(): Promise<Side[]> {
  return Object.entries(await othersCommands()).map(([name, command]) => ({
    name,
    version: "",
    repeats: OTHERS_REPEATS,
    plan(work) {
      const args = work.others?.[name];
      if (args === undefined) return { skip: "" };
      // They warm up with a tenth of it, and count to that.
      const iterations = Math.ceil(work.iterations / 10) * 10;
      return { command: [...command, `${iterations}`, ...args] };
    },
  }));
}

function argumentsOf(work: Case): string[] {
  const variant = work.variant === undefined ? [] : [work.variant];
  return [`${work.iterations}`, ...variant];
}

/** An interpreter. */
export interface Python {
  readonly path: string;
  readonly version: string;
}

/** The newest CPython here, if there is one from 3.12 on. */
export async function newestPython(): Promise<Python | null> {
  const candidates = await pyenvPythons();
  for (const path of [...candidates, "python3"]) {
    const version = await firstLine([path, "--version"]);
    const minor = version?.match(/^Python 3\.(\d+)/)?.[1];
    if (version && Number(minor) >= 12) return { path, version };
  }
  return null;
}

/** Interpreters of ~/.pyenv, newest first. */
async function pyenvPythons(): Promise<string[]> {
  const versions = `${Deno.env.get("HOME")}/.pyenv/versions`;
  try {
    const names = await Array.fromAsync(Deno.readDir(versions), (e) => e.name);
    const order = new Intl.Collator("en", { numeric: true });
    names.sort((a, b) => order.compare(b, a));
    return names.map((name) => `${versions}/${name}/bin/python3`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function firstLine(command: readonly string[]): Promise<string | null> {
  try {
    return (await output(command)).split("\n")[0];
  } catch {
    return null; // not installed, or does not run: the caller says so
  }
}
