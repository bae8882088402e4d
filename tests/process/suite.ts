// What the tests of processes share. Each runs once for each start method: spawn_test.ts and forkserver_test.ts hand
// the method to `processSuite`.

import { getContext, type Process, type StartMethod } from "@parallel/multiprocessing";
import { assert, assertEquals } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as helpers from "../support/helpers.ts";
import { crashesOfProcesses } from "./crashes.ts";
import { endsOfProcesses } from "./ends.ts";
import { livesOfProcesses } from "./life.ts";
import { livesTogether } from "./lives.ts";
import { outputsOfProcesses } from "./output.ts";
import { programsWithProcesses } from "./programs.ts";
import { selvesOfProcesses } from "./self.ts";
import { systemOfProcesses } from "./system.ts";
import { targetsOfProcesses } from "./targets.ts";

export const ROOT: URL = new URL("../../", import.meta.url);
export const MOD: string = new URL("mod.ts", ROOT).href;

/** What a part of the suite runs its tests with. */
export interface Suite {
  method: StartMethod;
  /** The class of processes that are started so. */
  Process: typeof Process;
  /** The helpers of that name; in these programs the method is the default. */
  programs: Pick<typeof helpers, "startProgram" | "runProgram" | "outputOf">;
}

/** Registers all tests of processes that are started by `method`. */
export function processSuite(method: StartMethod): void {
  const flags = [`--preload=${new URL(`../fixtures/process/use_${method}.ts`, import.meta.url)}`];
  const withMethod = (options: helpers.ProgramOptions = {}) => ({
    ...options,
    flags: [...options.flags ?? ["-A"], ...flags],
  });
  const suite: Suite = {
    method,
    Process: getContext(method).Process,
    programs: {
      startProgram: (script, options) => helpers.startProgram(script, withMethod(options)),
      runProgram: (script, options) => helpers.runProgram(script, withMethod(options)),
      outputOf: (script, options) => helpers.outputOf(script, withMethod(options)),
    },
  };
  // From the first process on, the threads that wait are there, and what the start method keeps: also where a test is run
  // alone.
  let atFirst: number[] = [];
  Deno.test.beforeAll(async () => {
    atFirst = native().warmProcesses();
    assertEquals(await ended(new suite.Process()), 0);
  });
  const parts = [
    livesOfProcesses,
    selvesOfProcesses,
    outputsOfProcesses,
    livesTogether,
    crashesOfProcesses,
    targetsOfProcesses,
    endsOfProcesses,
    systemOfProcesses,
    programsWithProcesses,
  ];
  if (method === "forkserver") {
    Deno.test("from the first process on, others wait", () => {
      assertEquals([atFirst, native().warmProcesses().length], [[], 2]);
    });
  }
  for (const part of parts) part(suite);
}

/** Starts a process and waits for its end. */
export async function ended(process: Process): Promise<number | null> {
  process.start();
  assert(await process.join({ timeout: helpers.PATIENCE }), `${process} has not ended`);
  return process.exitcode;
}

/** A folder that is removed when it is disposed. */
export interface Folder extends Disposable {
  path: string;
}

/** A temporary folder with the files. */
export function folderWith(files: Record<string, string>, prefix = "mp_"): Folder {
  const path = Deno.makeTempDirSync({ prefix });
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${path}/${name}`, text);
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}
