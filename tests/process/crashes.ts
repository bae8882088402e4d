// The crash matrix: processes that end in every way at every moment. Whoever joins one gets the right exit code and the
// right error, and nothing is left.

import { type Process as BaseProcess, ProcessError, Queue } from "@parallel/multiprocessing";
import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import { native } from "../../src/addon/load.ts";
import * as targets from "../fixtures/process/crash_targets.ts";
import { assertNoMoreBlocks, assertNothingLeft, belongings, FIXTURES, PATIENCE, within } from "../support/helpers.ts";
import { ended, type Suite } from "./suite.ts";

const EXIT_CODES: Record<targets.How, number> = { throws: 1, exits: 7, segfaults: -11, killed: -9 };

/** What `join` says of one that ended like that before it began. */
const REASONS: Record<targets.How, string> = {
  throws: "RangeError: boom",
  exits: "it ended with exit code 7 before it began",
  segfaults: "it was ended by SIGSEGV before it began",
  killed: "it was ended by SIGKILL before it began",
};

/** The tests of crashes, for one start method. */
export function crashesOfProcesses({ Process }: Suite): void {
  const moments: Record<string, (how: targets.How, results: Queue) => BaseProcess> = {
    "while it imports its module": (how) =>
      new Process({
        target: { module: new URL(`process/crash_at_boot.ts?${how}`, FIXTURES), name: "nothing" },
        stderr: "null",
      }),
    "while it decodes its arguments": (how, results) =>
      new Process({ target: targets.nothing, args: [new targets.DecodingBomb(how), results], stderr: "null" }),
    "while it runs": (how, results) => new Process({ target: targets.run, args: [how, results], stderr: "null" }),
    "while it encodes a result": (how, results) =>
      new Process({ target: targets.putBomb, args: [how, results], stderr: "null" }),
  };
  for (const [moment, make] of Object.entries(moments)) {
    for (const [how, exitcode] of Object.entries(EXIT_CODES) as [targets.How, number][]) {
      Deno.test(`a process that ${how.replace(/^killed/, "is killed")} ${moment} has exit code ${exitcode}, and leaves nothing`, async () => {
        await ended(new Process()); // starts the threads of the package, and what the start method keeps
        const before = belongings();
        const { blocks } = native().memoryUsage();
        {
          using results = new Queue();
          const process = make(how, results);
          process.start();
          const error = await within(process.join()).then(() => null, (error) => error);
          assertEquals([process.exitcode, process.isAlive()], [exitcode, false]);
          if (/imports|decodes/.test(moment)) {
            assertInstanceOf(error, ProcessError);
            assertStringIncludes(error.message, `Cannot run "${process.name}": ${REASONS[how]}`);
          } else {
            assertEquals(error, null);
          }
          // The queue is as it was, and as good as new.
          if (/encodes/.test(moment)) assertEquals(await results.get({ timeout: PATIENCE }), "before");
          assert(results.empty());
          results.putSync("after");
          assertEquals(results.getSync({ timeout: PATIENCE }), "after");
        }
        await assertNothingLeft(before);
        await assertNoMoreBlocks({ blocks });
      });
    }
  }
}
