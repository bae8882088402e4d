// Time that stands still: programs whose tests replace timers and clocks. The package has its own from the import on.

import { assertEquals } from "@std/assert";
import { FIXTURES, outputOf } from "../support/helpers.ts";

/** What the fixture says where nothing depends on the global timers. */
const EXPECTED = [
  ...["lock null", "semaphore null", "event false", "barrier BrokenBarrierError", "condition false", "get Empty"],
  ...["put Full", "join false", "poll false", "wait []", "accept TimeoutError", "running child false"],
  "children [ 'forkserver', false, 1970-01-01T00:00:00.005Z ] [ 'spawn', false, 1970-01-01T00:00:00.005Z ] [ true, true ]",
  "pool [ 1, 4, 9 ] 16",
  "closed pool true",
];

for (const how of ["sinon", "by hand"]) {
  Deno.test(`timers that are faked (${how}): every wait, children of both methods, and a pool go on`, async () => {
    const output = await outputOf(new URL("surroundings/fake_timers.ts", FIXTURES), { args: [how] });
    assertEquals(output.replaceAll('"', "'").trim().split("\n"), EXPECTED);
  });
}
