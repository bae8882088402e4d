// The soak of connections, 400 of them; `tests/soak/connections.ts` makes as many as are wanted.

import { assertEquals } from "@std/assert";
import { PATIENCE, within } from "../support/helpers.ts";
import { soak } from "./connections.ts";

Deno.test("connecting, authenticating and closing leaves descriptors and threads as they were", async () => {
  const { violations } = await within(soak(400), "the soak", 3 * PATIENCE);
  assertEquals(violations, []);
});
