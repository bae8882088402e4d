// What the tests of unusual surroundings share: programs that are run in them, and whether this machine can make them.

import { FIXTURES, killTree, PATIENCE } from "./helpers.ts";

/** What a program finds: see fixtures/surroundings/surround.ts. */
export interface Surroundings {
  /** An error number, and the numbers of the system calls that fail with it. */
  denied?: [errno: number, calls: number[]];
  /** Limits of resources, hard and soft. */
  limits?: Partial<Record<"FSIZE" | "NPROC" | "NOFILE" | "MEMLOCK" | "AS", number>>;
  /** The numbers of the signals that are ignored. */
  ignored?: number[];
  /** Descriptors that are closed. */
  closed?: number[];
}

/** How a program ended, and what it said. */
export interface Ending {
  code: number;
  signal: Deno.Signal | null;
  stdout: string;
  stderr: string;
}

/** Options of {@linkcode run}. */
export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string | URL;
}

/** Runs any program to its end; one that takes too long is killed with all that it started. */
export async function run(command: string, args: string[], { env, cwd }: RunOptions = {}): Promise<Ending> {
  const child = new Deno.Command(command, {
    args,
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => killTree(child.pid), 2 * PATIENCE);
  const { code, signal, stdout, stderr } = await child.output();
  clearTimeout(timer);
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, signal, stdout: out, stderr: err };
}

/** The command line that runs a fixture. */
export function fixture(name: string, args: string[] = [], flags: string[] = []): string[] {
  return [Deno.execPath(), "run", "-A", "--quiet", ...flags, new URL(name, FIXTURES).href, ...args];
}

/** The command line that runs another in such surroundings. */
export function surrounded(surroundings: Surroundings, command: string[]): string[] {
  return fixture("surroundings/surround.ts", [JSON.stringify(surroundings), ...command]);
}

/** Runs a command line to its end. */
export function runWords([command, ...args]: string[], options?: RunOptions): Promise<Ending> {
  return run(command, args, options);
}

/** Why a command cannot be run on this machine, or `null` if it can. */
export async function obstacle(...words: string[]): Promise<string | null> {
  try {
    const { code, stderr } = await runWords(words);
    return code === 0 ? null : `"${words.join(" ")}" ends with ${code}: ${stderr.trim()}`;
  } catch (error) {
    return `"${words.join(" ")}": ${(error as Error).message}`;
  }
}

/** A test that is left out, and says why, where something stands in its way. */
export function testUnless(why: string | null, name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name: why === null ? name : `${name} (left out here: ${why})`, ignore: why !== null, fn });
}
