// The soak of the primitives, five seconds of it; `tests/soak/synchronize.ts` runs as long as is wanted.

import { assertEquals } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { soak } from "./synchronize.ts";

Deno.test("eight processes hammer one of each primitive while they are killed one after the other", async () => {
  const { violations } = await within(soak(5), "the soak", 2 * PATIENCE);
  assertEquals(violations, []);
});
