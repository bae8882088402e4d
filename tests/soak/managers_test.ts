// The soak of a manager, with 20 clients; `tests/soak/managers.ts` has as many as is wanted.

import { assertEquals } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { soak } from "./managers.ts";

Deno.test("a manager has no more than before when 2 000 objects have come and gone, and 20 clients were killed", async () => {
  const { violations } = await within(soak(20), "the soak", 5 * PATIENCE);
  assertEquals(violations, []);
});
