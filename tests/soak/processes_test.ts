// The soak of starting, a few children of it; `tests/soak/processes.ts` starts a thousand by each method.

import { assertEquals } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { soak } from "./processes.ts";

Deno.test("20 children in a row and 10 at a time, by either start method, leave nothing", async () => {
  const violations = await within(soak({ row: 20, crowd: 10 }), "the soak", 4 * PATIENCE);
  assertEquals(violations, []);
});
