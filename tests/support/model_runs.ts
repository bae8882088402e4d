// What the model tests of the engine's function library have in common: many runs of commands, each in a tree of its own,
// at whose end nothing of any object is left.

import fc from "fast-check";
import { assertEquals } from "@std/assert";
import { type Engine, engineTest } from "./engine.ts";
import { PATIENCE } from "./helpers.ts";
import type { BareTree } from "./library.ts";

/** One run: the commands in their order, each compared with the model, and the end of all members. */
export interface ModelRun<Command> extends AsyncDisposable {
  do(command: Command): Promise<void>;
  end(): Promise<void>;
}

/** All members of the tree have ended: nothing of any object is left. */
export async function assertNoObjectsLeft(tree: BareTree): Promise<void> {
  const left = (await tree.keys()).filter((key) => /^(o|refs|waits|holds|takes|has):/.test(key));
  assertEquals(left, []);
}

/** Runs that `begin` begins, each with commands of its own: `few` of them, unless MP_MODEL_RUNS says how many. */
export function modelTest<Command>(
  name: string,
  commands: fc.Arbitrary<Command[]>,
  begin: (engine: Engine) => Promise<ModelRun<Command>>,
  few = 20,
): void {
  const numRuns = Number(Deno.env.get("MP_MODEL_RUNS") ?? few);
  engineTest(name, async (engine) => {
    await fc.assert(
      fc.asyncProperty(commands, async (all) => {
        await using run = await begin(engine);
        for (const command of all) await run.do(command);
        await run.end();
      }),
      { numRuns },
    );
  }, { patience: 2 * PATIENCE + 2000 * numRuns });
}
