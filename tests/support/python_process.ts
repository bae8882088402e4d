// Processes of Python's, for the tests of tests/python/.

import { Process, type ProcessOptions, python } from "@parallel/multiprocessing";
import { assert } from "@std/assert";
import { FIXTURES, PATIENCE, within } from "./helpers.ts";
import { type Python, pythons } from "./python.ts";

/** The oldest and the newest CPython of this machine: what is the same in all is tried in these. */
export const endpoints: readonly Python[] = [...new Set([pythons.at(0), pythons.at(-1)])].filter((it) =>
  it !== undefined
);

/** Why a test of Python processes is left out; `false` if it is not. */
export const whyNoPython: string | false = pythons.length === 0 && "there is no CPython from 3.9 on";

/** A test for each of these. */
export function pythonTest(name: string, body: (python: Python) => Promise<void>, versions = endpoints): void {
  if (whyNoPython) return Deno.test({ name: `${name} (left out: ${whyNoPython})`, ignore: true, fn: () => {} });
  for (const version of versions) Deno.test(`python ${version.version.join(".")}: ${name}`, () => body(version));
}

/** The path of a module of the fixtures. */
export function moduleAt(name: string): string {
  return new URL(`python/${name}`, FIXTURES).pathname;
}

/** A function of a module of the fixtures, to be run by that Python. */
export function targetIn({ path }: Python, module: string, name: string): () => unknown {
  return python<() => unknown>(moduleAt(module), name, { executable: path });
}

/** How a process ended, and what it has written. */
export interface PythonEnd {
  readonly exitcode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a process to its end; if it could not begin, that is thrown. */
export async function run(options: ProcessOptions<[]>): Promise<PythonEnd> {
  const child = new Process({ ...options, stdout: "piped", stderr: "piped" } as ProcessOptions<[]>);
  child.start();
  const [stdout, stderr] = await within(Promise.all([child.stdout, child.stderr].map((it) => new Response(it).text())));
  assert(await child.join({ timeout: PATIENCE }), `${child} has not ended`);
  return { exitcode: child.exitcode, stdout, stderr };
}
